-- What belongs to one person of the keys that seal their calls; of a call that names two people, to both. A row outlives its
-- secret: calls of these people that began before it was destroyed are not stored any more.
CREATE TABLE subject_keys (
    project_id     BLOB NOT NULL,
    subject_key_id BLOB NOT NULL PRIMARY KEY,
    user_digest    BLOB NOT NULL,
    other_digest   BLOB NOT NULL,
    wrapped        BLOB,
    created_at     INTEGER NOT NULL,
    destroyed_at   INTEGER
) STRICT;

CREATE UNIQUE INDEX subject_keys_in_use ON subject_keys (user_digest, other_digest, project_id)
    WHERE destroyed_at IS NULL;
CREATE INDEX subject_keys_by_user ON subject_keys (user_digest);
CREATE INDEX subject_keys_by_other ON subject_keys (other_digest);
