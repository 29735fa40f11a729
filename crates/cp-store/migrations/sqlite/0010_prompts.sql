-- Counts every change of the library, so that whoever keeps it in memory asks for what is new. One row.
CREATE TABLE library_revision (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    revision  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Prompts. What people say of one is sealed; by its name and tags it is found.
CREATE TABLE prompts (
    org_id      BLOB NOT NULL REFERENCES orgs,
    project_id  BLOB NOT NULL REFERENCES projects,
    prompt_id   BLOB NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    status      TEXT NOT NULL,
    team_id     BLOB REFERENCES teams,
    sealed      BLOB NOT NULL,
    sealed_with BLOB NOT NULL,
    latest      INTEGER NOT NULL,
    forked_from BLOB,
    revision    INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    archived_at INTEGER,
    UNIQUE (project_id, name)
) STRICT;
CREATE INDEX prompts_changed ON prompts (changed);
CREATE INDEX prompts_sealed_with ON prompts (project_id, sealed_with);
CREATE INDEX prompts_team ON prompts (team_id);

CREATE TABLE prompt_tags (
    org_id     BLOB NOT NULL REFERENCES orgs,
    project_id BLOB NOT NULL REFERENCES projects,
    prompt_id  BLOB NOT NULL REFERENCES prompts,
    tag        TEXT NOT NULL,
    PRIMARY KEY (prompt_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX prompt_tags_tag ON prompt_tags (project_id, tag, prompt_id);

-- Versions. A row never changes but for the key that it is sealed with. The digest is keyed.
CREATE TABLE prompt_versions (
    org_id      BLOB NOT NULL REFERENCES orgs,
    project_id  BLOB NOT NULL REFERENCES projects,
    prompt_id   BLOB NOT NULL REFERENCES prompts,
    version_id  BLOB NOT NULL PRIMARY KEY,
    number      INTEGER NOT NULL,
    digest      BLOB NOT NULL,
    sealed      BLOB NOT NULL,
    sealed_with BLOB NOT NULL,
    parent_id   BLOB,
    merged_id   BLOB,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    UNIQUE (prompt_id, number),
    UNIQUE (prompt_id, digest)
) STRICT;
CREATE INDEX prompt_versions_sealed_with ON prompt_versions (project_id, sealed_with);
CREATE INDEX prompt_versions_parent ON prompt_versions (parent_id);

-- What versions include, by name: the name may not be there, or not yet.
CREATE TABLE prompt_includes (
    org_id     BLOB NOT NULL REFERENCES orgs,
    project_id BLOB NOT NULL REFERENCES projects,
    version_id BLOB NOT NULL REFERENCES prompt_versions,
    name       TEXT NOT NULL,
    selector   TEXT NOT NULL,
    PRIMARY KEY (version_id, name, selector)
) STRICT, WITHOUT ROWID;
CREATE INDEX prompt_includes_name ON prompt_includes (project_id, name);

-- Where labels are.
CREATE TABLE prompt_labels (
    org_id     BLOB NOT NULL REFERENCES orgs,
    project_id BLOB NOT NULL REFERENCES projects,
    prompt_id  BLOB NOT NULL REFERENCES prompts,
    label      TEXT NOT NULL,
    number     INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    moved_by   TEXT NOT NULL,
    moved_at   INTEGER NOT NULL,
    PRIMARY KEY (prompt_id, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX prompt_labels_label ON prompt_labels (project_id, label);

-- Where they have been. A label that is taken away is moved to nowhere.
CREATE TABLE prompt_label_moves (
    org_id      BLOB NOT NULL REFERENCES orgs,
    project_id  BLOB NOT NULL REFERENCES projects,
    prompt_id   BLOB NOT NULL REFERENCES prompts,
    label       TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    from_number INTEGER,
    to_number   INTEGER,
    sealed      BLOB NOT NULL,
    sealed_with BLOB NOT NULL,
    moved_by    TEXT NOT NULL,
    moved_at    INTEGER NOT NULL,
    PRIMARY KEY (prompt_id, label, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX prompt_label_moves_sealed_with ON prompt_label_moves (project_id, sealed_with);

-- Labels that only some may move.
CREATE TABLE protected_labels (
    org_id     BLOB NOT NULL REFERENCES orgs,
    project_id BLOB NOT NULL REFERENCES projects,
    label      TEXT NOT NULL,
    roles      TEXT NOT NULL,
    PRIMARY KEY (project_id, label)
) STRICT, WITHOUT ROWID;

-- How often a version was served, by day.
CREATE TABLE prompt_serves (
    org_id     BLOB NOT NULL REFERENCES orgs,
    project_id BLOB NOT NULL REFERENCES projects,
    version_id BLOB NOT NULL REFERENCES prompt_versions,
    day        INTEGER NOT NULL,
    served     INTEGER NOT NULL,
    PRIMARY KEY (version_id, day)
) STRICT, WITHOUT ROWID;
