-- Counts what changes of all that the gateway keeps in memory, so that whoever keeps it sees that it did. One row.
CREATE TABLE gateway_revision (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    revision  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who may put calls into a project, where that is not everybody.
CREATE TABLE gateway_projects (
    org_id     BLOB NOT NULL REFERENCES orgs,
    project_id BLOB NOT NULL PRIMARY KEY REFERENCES projects,
    access     TEXT NOT NULL
) STRICT;

-- The vault: keys of providers, sealed under the project's data key. One of each provider is in use.
CREATE TABLE provider_keys (
    org_id          BLOB NOT NULL REFERENCES orgs,
    project_id      BLOB NOT NULL REFERENCES projects,
    provider_key_id BLOB NOT NULL PRIMARY KEY,
    provider_name   TEXT NOT NULL,
    label           TEXT NOT NULL,
    fingerprint     BLOB NOT NULL,
    sealed          BLOB NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    UNIQUE (project_id, provider_name)
) STRICT;

-- Keys that programs use in place of a provider's. The key itself is not kept.
CREATE TABLE gateway_keys (
    org_id         BLOB NOT NULL REFERENCES orgs,
    project_id     BLOB NOT NULL REFERENCES projects,
    gateway_key_id BLOB NOT NULL PRIMARY KEY,
    name           TEXT NOT NULL,
    shown          TEXT NOT NULL,
    digest         BLOB NOT NULL UNIQUE,
    providers      TEXT NOT NULL,
    created_by     TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    last_used_at   INTEGER,
    revoked_at     INTEGER
) STRICT;
CREATE INDEX gateway_keys_project ON gateway_keys (project_id, created_at);

CREATE TABLE gateway_key_limits (
    gateway_key_id BLOB NOT NULL REFERENCES gateway_keys,
    measure        TEXT NOT NULL,
    time_window    TEXT NOT NULL,
    amount         INTEGER NOT NULL,
    PRIMARY KEY (gateway_key_id, measure, time_window)
) STRICT, WITHOUT ROWID;

-- Whose calls come with a provider's key.
CREATE TABLE fingerprint_claims (
    org_id      BLOB NOT NULL REFERENCES orgs,
    project_id  BLOB NOT NULL REFERENCES projects,
    fingerprint BLOB NOT NULL PRIMARY KEY,
    claimed_by  TEXT NOT NULL,
    claimed_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX fingerprint_claims_project ON fingerprint_claims (project_id);

-- Provider's keys that came and are not claimed, and the project that took their calls, if one did.
CREATE TABLE fingerprint_sightings (
    fingerprint   BLOB NOT NULL,
    provider_name TEXT NOT NULL,
    org_id        BLOB,
    project_id    BLOB,
    first_at      INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    calls         INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, provider_name)
) STRICT, WITHOUT ROWID;
CREATE INDEX fingerprint_sightings_last ON fingerprint_sightings (last_at);
