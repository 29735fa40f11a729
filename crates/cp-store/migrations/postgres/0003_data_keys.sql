-- A project has one key that hashes, for good, and one that seals until the next takes its place. A value names the key
-- that sealed it; of a key that was destroyed the row stays, without the key.
CREATE TABLE project_keys (
    org_id        UUID    NOT NULL REFERENCES orgs,
    project_id    UUID    NOT NULL REFERENCES projects,
    data_key_id   UUID    NOT NULL PRIMARY KEY,
    purpose       TEXT    NOT NULL CHECK (purpose IN ('hashing', 'sealing')),
    generation    BIGINT NOT NULL,
    key_id        BYTEA,
    master_key_id BYTEA    NOT NULL,
    wrapped       BYTEA,
    created_at    BIGINT NOT NULL,
    retired_at    BIGINT,
    destroyed_at  BIGINT
);

INSERT INTO project_keys (org_id, project_id, data_key_id, purpose, generation, master_key_id, wrapped, created_at)
SELECT org_id, project_id, data_key_id, 'sealing', 1, master_key_id, wrapped, created_at FROM data_keys;

DROP TABLE data_keys;
ALTER TABLE project_keys RENAME TO data_keys;
CREATE UNIQUE INDEX data_keys_by_generation ON data_keys (project_id, purpose, generation);

-- How far the values of a project are sealed anew: behind which one it goes on.
CREATE TABLE key_rotations (
    org_id     UUID    NOT NULL REFERENCES orgs,
    project_id UUID    NOT NULL PRIMARY KEY REFERENCES projects,
    generation BIGINT NOT NULL,
    place      BYTEA,
    resealed   BIGINT NOT NULL,
    begun_at   BIGINT NOT NULL
);

-- Keys of the whole installation: client fingerprints, signatures, and what the capture log was sealed with under earlier
-- master keys.
CREATE TABLE installation_keys (
    name          TEXT    NOT NULL,
    key_id        BYTEA    NOT NULL,
    master_key_id BYTEA    NOT NULL,
    wrapped       BYTEA    NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (name, key_id)
);
