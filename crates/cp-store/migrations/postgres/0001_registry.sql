CREATE TABLE orgs (
    org_id     UUID   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE projects (
    org_id     UUID   NOT NULL REFERENCES orgs,
    project_id UUID   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- One key for each project, wrapped by the master key that master_key_id names.
CREATE TABLE data_keys (
    org_id        UUID   NOT NULL REFERENCES orgs,
    project_id    UUID   NOT NULL PRIMARY KEY REFERENCES projects,
    data_key_id   UUID   NOT NULL UNIQUE,
    master_key_id BYTEA  NOT NULL,
    wrapped       BYTEA  NOT NULL,
    created_at    BIGINT NOT NULL
);

-- One row. Whoever inserts it makes what it names, so that of two nodes that start at once only one does.
CREATE TABLE installation (
    singleton          BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    default_project_id UUID   NOT NULL REFERENCES projects DEFERRABLE INITIALLY DEFERRED
);
