-- Whose secret it takes to open a value; none for calls that name nobody.
ALTER TABLE call_contents ADD COLUMN subject_key_id BLOB;
ALTER TABLE bodies ADD COLUMN subject_key_id BLOB;
CREATE INDEX call_contents_by_subject ON call_contents (subject_key_id) WHERE subject_key_id IS NOT NULL;
CREATE INDEX bodies_by_subject ON bodies (subject_key_id) WHERE subject_key_id IS NOT NULL;

-- The exchanges that carried a call's request and answer among those of others.
ALTER TABLE call_contents ADD COLUMN sent_by BLOB;
ALTER TABLE call_contents ADD COLUMN fetched_by BLOB;

CREATE INDEX call_handles_by_call ON call_handles (call_id, project_id);

-- What a write rests on: whoever planned it under another epoch, or seals with another key, plans it again.
CREATE TABLE project_states (
    project_id BLOB NOT NULL PRIMARY KEY,
    key_id     BLOB,
    epoch      INTEGER NOT NULL
) STRICT;

-- Bodies that a deleted call referred to. What no other call refers to is collected.
CREATE TABLE body_garbage (
    project_id BLOB NOT NULL,
    hash       BLOB NOT NULL,
    PRIMARY KEY (hash, project_id)
) STRICT;

-- Calls that were erased without naming anybody: a log that is read again does not bring them back.
CREATE TABLE erased_calls (
    project_id BLOB NOT NULL,
    call_id    BLOB NOT NULL,
    erased_at  INTEGER NOT NULL,
    PRIMARY KEY (call_id, project_id)
) STRICT;

-- Calls whose raw bodies were erased, since they carried those of a person among those of others.
CREATE TABLE stripped_calls (
    project_id BLOB NOT NULL,
    call_id    BLOB NOT NULL,
    erased_at  INTEGER NOT NULL,
    PRIMARY KEY (call_id, project_id)
) STRICT;
