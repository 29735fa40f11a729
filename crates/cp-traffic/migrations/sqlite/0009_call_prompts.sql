-- The version of a prompt that a call was made from.
ALTER TABLE calls ADD COLUMN prompt_version_id BLOB;
CREATE INDEX calls_by_prompt_version ON calls (prompt_version_id, project_id, started_at)
    WHERE prompt_version_id IS NOT NULL;
