-- What prompts have to do with each other. What is said of it is sealed, as is what it names that is no prompt. Of what
-- says the same of both, `from_prompt` is the lesser id, so that it is there once.
CREATE TABLE prompt_references (
    org_id       BLOB NOT NULL REFERENCES orgs,
    project_id   BLOB NOT NULL REFERENCES projects,
    reference_id BLOB NOT NULL PRIMARY KEY,
    relation     TEXT NOT NULL,
    from_prompt  BLOB NOT NULL REFERENCES prompts,
    to_prompt    BLOB REFERENCES prompts,
    sealed       BLOB NOT NULL,
    sealed_with  BLOB NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    UNIQUE (from_prompt, relation, to_prompt)
) STRICT;
CREATE INDEX prompt_references_to ON prompt_references (to_prompt);
CREATE INDEX prompt_references_sealed_with ON prompt_references (project_id, sealed_with);
