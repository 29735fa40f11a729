CREATE TABLE orgs (
    org_id     BLOB    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
    org_id     BLOB    NOT NULL REFERENCES orgs,
    project_id BLOB    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- One key for each project, wrapped by the master key that master_key_id names.
CREATE TABLE data_keys (
    org_id        BLOB    NOT NULL REFERENCES orgs,
    project_id    BLOB    NOT NULL PRIMARY KEY REFERENCES projects,
    data_key_id   BLOB    NOT NULL UNIQUE,
    master_key_id BLOB    NOT NULL,
    wrapped       BLOB    NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

-- One row. Whoever inserts it makes what it names, so that of two nodes that start at once only one does.
CREATE TABLE installation (
    singleton          INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    default_project_id BLOB    NOT NULL REFERENCES projects DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
