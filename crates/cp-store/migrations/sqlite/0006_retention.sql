-- How long a project keeps what, in days. What has no number is kept for ever.
CREATE TABLE retention_policies (
    org_id        BLOB    NOT NULL REFERENCES orgs,
    project_id    BLOB    NOT NULL PRIMARY KEY REFERENCES projects,
    bodies_days   INTEGER,
    metadata_days INTEGER,
    updated_at    INTEGER NOT NULL
) STRICT;

-- Orders to keep: all of a project, what names a person (by the digest of their label), or a call.
CREATE TABLE legal_holds (
    org_id      BLOB    NOT NULL REFERENCES orgs,
    project_id  BLOB    NOT NULL REFERENCES projects,
    hold_id     BLOB    NOT NULL PRIMARY KEY,
    person      BLOB,
    call_id     BLOB,
    reason      TEXT    NOT NULL,
    placed_by   TEXT    NOT NULL,
    placed_at   INTEGER NOT NULL,
    released_at INTEGER
) STRICT;

CREATE INDEX legal_holds_by_project ON legal_holds (project_id) WHERE released_at IS NULL;

-- Erasures of people, each until its certificate is there, and then for evidence.
CREATE TABLE erasures (
    org_id       BLOB    NOT NULL REFERENCES orgs,
    project_id   BLOB    NOT NULL REFERENCES projects,
    erasure_id   BLOB    NOT NULL PRIMARY KEY,
    person       BLOB    NOT NULL,
    requested_at INTEGER NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('erasing', 'log', 'done')),
    found        TEXT    NOT NULL,
    erased       TEXT    NOT NULL,
    secrets      TEXT    NOT NULL,
    certificate  TEXT
) STRICT;

CREATE INDEX erasures_under_way ON erasures (state) WHERE state <> 'done';

-- The capture logs that an erasure waits for: up to where each must be gone, and since when it is.
CREATE TABLE erasure_logs (
    erasure_id   BLOB    NOT NULL REFERENCES erasures,
    node_id      BLOB    NOT NULL,
    log_position INTEGER,
    gone_at      INTEGER,
    PRIMARY KEY (erasure_id, node_id)
) STRICT;
