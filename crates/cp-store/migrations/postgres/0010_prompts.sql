-- Counts every change of the library, so that whoever keeps it in memory asks for what is new. One row.
CREATE TABLE library_revision (
    singleton   BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    revision    BIGINT NOT NULL
);

-- Prompts. What people say of one is sealed; by its name and tags it is found.
CREATE TABLE prompts (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    prompt_id   UUID NOT NULL PRIMARY KEY,
    name        TEXT COLLATE "C" NOT NULL,
    kind        TEXT NOT NULL,
    status      TEXT NOT NULL,
    team_id     UUID REFERENCES teams,
    sealed      BYTEA NOT NULL,
    sealed_with BYTEA NOT NULL,
    latest      BIGINT NOT NULL,
    forked_from UUID,
    revision    BIGINT NOT NULL,
    changed     BIGINT NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    archived_at BIGINT,
    UNIQUE (project_id, name)
);
CREATE INDEX prompts_changed ON prompts (changed);
CREATE INDEX prompts_sealed_with ON prompts (project_id, sealed_with);
CREATE INDEX prompts_team ON prompts (team_id);

CREATE TABLE prompt_tags (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    prompt_id   UUID NOT NULL REFERENCES prompts,
    tag         TEXT NOT NULL,
    PRIMARY KEY (prompt_id, tag)
);
CREATE INDEX prompt_tags_tag ON prompt_tags (project_id, tag, prompt_id);

-- Versions. A row never changes but for the key that it is sealed with. The digest is keyed.
CREATE TABLE prompt_versions (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    prompt_id   UUID NOT NULL REFERENCES prompts,
    version_id  UUID NOT NULL PRIMARY KEY,
    number      BIGINT NOT NULL,
    digest      BYTEA NOT NULL,
    sealed      BYTEA NOT NULL,
    sealed_with BYTEA NOT NULL,
    parent_id   UUID,
    merged_id   UUID,
    created_by  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (prompt_id, number),
    UNIQUE (prompt_id, digest)
);
CREATE INDEX prompt_versions_sealed_with ON prompt_versions (project_id, sealed_with);
CREATE INDEX prompt_versions_parent ON prompt_versions (parent_id);

-- What versions include, by name: the name may not be there, or not yet.
CREATE TABLE prompt_includes (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    version_id  UUID NOT NULL REFERENCES prompt_versions,
    name        TEXT COLLATE "C" NOT NULL,
    selector    TEXT NOT NULL,
    PRIMARY KEY (version_id, name, selector)
);
CREATE INDEX prompt_includes_name ON prompt_includes (project_id, name);

-- Where labels are.
CREATE TABLE prompt_labels (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    prompt_id   UUID NOT NULL REFERENCES prompts,
    label       TEXT NOT NULL,
    number      BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    moved_by    TEXT NOT NULL,
    moved_at    BIGINT NOT NULL,
    PRIMARY KEY (prompt_id, label)
);
CREATE INDEX prompt_labels_label ON prompt_labels (project_id, label);

-- Where they have been. A label that is taken away is moved to nowhere.
CREATE TABLE prompt_label_moves (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    prompt_id   UUID NOT NULL REFERENCES prompts,
    label       TEXT NOT NULL,
    revision    BIGINT NOT NULL,
    from_number BIGINT,
    to_number   BIGINT,
    sealed      BYTEA NOT NULL,
    sealed_with BYTEA NOT NULL,
    moved_by    TEXT NOT NULL,
    moved_at    BIGINT NOT NULL,
    PRIMARY KEY (prompt_id, label, revision)
);
CREATE INDEX prompt_label_moves_sealed_with ON prompt_label_moves (project_id, sealed_with);

-- Labels that only some may move.
CREATE TABLE protected_labels (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    label       TEXT NOT NULL,
    roles       TEXT NOT NULL,
    PRIMARY KEY (project_id, label)
);

-- How often a version was served, by day.
CREATE TABLE prompt_serves (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    version_id  UUID NOT NULL REFERENCES prompt_versions,
    day         BIGINT NOT NULL,
    served      BIGINT NOT NULL,
    PRIMARY KEY (version_id, day)
);
