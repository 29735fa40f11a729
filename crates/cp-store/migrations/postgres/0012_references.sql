-- What prompts have to do with each other. What is said of it is sealed, as is what it names that is no prompt. Of what
-- says the same of both, `from_prompt` is the lesser id, so that it is there once.
CREATE TABLE prompt_references (
    org_id       UUID NOT NULL REFERENCES orgs,
    project_id   UUID NOT NULL REFERENCES projects,
    reference_id UUID NOT NULL PRIMARY KEY,
    relation     TEXT NOT NULL,
    from_prompt  UUID NOT NULL REFERENCES prompts,
    to_prompt    UUID REFERENCES prompts,
    sealed       BYTEA NOT NULL,
    sealed_with  BYTEA NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    UNIQUE (from_prompt, relation, to_prompt)
);
CREATE INDEX prompt_references_to ON prompt_references (to_prompt);
CREATE INDEX prompt_references_sealed_with ON prompt_references (project_id, sealed_with);
