-- How long a project keeps what, in days. What has no number is kept for ever.
CREATE TABLE retention_policies (
    org_id        UUID    NOT NULL REFERENCES orgs,
    project_id    UUID    NOT NULL PRIMARY KEY REFERENCES projects,
    bodies_days   BIGINT,
    metadata_days BIGINT,
    updated_at    BIGINT NOT NULL
);

-- Orders to keep: all of a project, what names a person (by the digest of their label), or a call.
CREATE TABLE legal_holds (
    org_id      UUID    NOT NULL REFERENCES orgs,
    project_id  UUID    NOT NULL REFERENCES projects,
    hold_id     UUID    NOT NULL PRIMARY KEY,
    person      BYTEA,
    call_id     UUID,
    reason      TEXT    NOT NULL,
    placed_by   TEXT    NOT NULL,
    placed_at   BIGINT NOT NULL,
    released_at BIGINT
);

CREATE INDEX legal_holds_by_project ON legal_holds (project_id) WHERE released_at IS NULL;

-- Erasures of people, each until its certificate is there, and then for evidence.
CREATE TABLE erasures (
    org_id       UUID    NOT NULL REFERENCES orgs,
    project_id   UUID    NOT NULL REFERENCES projects,
    erasure_id   UUID    NOT NULL PRIMARY KEY,
    person       BYTEA    NOT NULL,
    requested_at BIGINT NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('erasing', 'log', 'done')),
    found        TEXT    NOT NULL,
    erased       TEXT    NOT NULL,
    secrets      TEXT    NOT NULL,
    certificate  TEXT
);

CREATE INDEX erasures_under_way ON erasures (state) WHERE state <> 'done';

-- The capture logs that an erasure waits for: up to where each must be gone, and since when it is.
CREATE TABLE erasure_logs (
    erasure_id   UUID    NOT NULL REFERENCES erasures,
    node_id      UUID    NOT NULL,
    log_position BIGINT,
    gone_at      BIGINT,
    PRIMARY KEY (erasure_id, node_id)
);
