-- Counts what changes of all that the gateway keeps in memory, so that whoever keeps it sees that it did. One row.
CREATE TABLE gateway_revision (
    singleton BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    revision  BIGINT NOT NULL
);

-- Who may put calls into a project, where that is not everybody.
CREATE TABLE gateway_projects (
    org_id     UUID NOT NULL REFERENCES orgs,
    project_id UUID NOT NULL PRIMARY KEY REFERENCES projects,
    access     TEXT NOT NULL
);

-- The vault: keys of providers, sealed under the project's data key. One of each provider is in use.
CREATE TABLE provider_keys (
    org_id          UUID NOT NULL REFERENCES orgs,
    project_id      UUID NOT NULL REFERENCES projects,
    provider_key_id UUID NOT NULL PRIMARY KEY,
    provider_name   TEXT NOT NULL,
    label           TEXT NOT NULL,
    fingerprint     BYTEA NOT NULL,
    sealed          BYTEA NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    UNIQUE (project_id, provider_name)
);

-- Keys that programs use in place of a provider's. The key itself is not kept.
CREATE TABLE gateway_keys (
    org_id         UUID NOT NULL REFERENCES orgs,
    project_id     UUID NOT NULL REFERENCES projects,
    gateway_key_id UUID NOT NULL PRIMARY KEY,
    name           TEXT NOT NULL,
    shown          TEXT NOT NULL,
    digest         BYTEA NOT NULL UNIQUE,
    providers      TEXT NOT NULL,
    created_by     TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT,
    last_used_at   BIGINT,
    revoked_at     BIGINT
);
CREATE INDEX gateway_keys_project ON gateway_keys (project_id, created_at);

CREATE TABLE gateway_key_limits (
    gateway_key_id UUID NOT NULL REFERENCES gateway_keys,
    measure        TEXT NOT NULL,
    time_window    TEXT NOT NULL,
    amount         BIGINT NOT NULL,
    PRIMARY KEY (gateway_key_id, measure, time_window)
);

-- Whose calls come with a provider's key.
CREATE TABLE fingerprint_claims (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    fingerprint BYTEA NOT NULL PRIMARY KEY,
    claimed_by  TEXT NOT NULL,
    claimed_at  BIGINT NOT NULL
);
CREATE INDEX fingerprint_claims_project ON fingerprint_claims (project_id);

-- Provider's keys that came and are not claimed, and the project that took their calls, if one did.
CREATE TABLE fingerprint_sightings (
    fingerprint   BYTEA NOT NULL,
    provider_name TEXT NOT NULL,
    org_id        UUID,
    project_id    UUID,
    first_at      BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    calls         BIGINT NOT NULL,
    PRIMARY KEY (fingerprint, provider_name)
);
CREATE INDEX fingerprint_sightings_last ON fingerprint_sightings (last_at);
