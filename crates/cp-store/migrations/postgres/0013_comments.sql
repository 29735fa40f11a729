-- What people say of a version. What it says is sealed.
CREATE TABLE prompt_comments (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    prompt_id   UUID NOT NULL REFERENCES prompts,
    number      BIGINT NOT NULL,
    comment_id  UUID NOT NULL PRIMARY KEY,
    reply_to    UUID REFERENCES prompt_comments,
    state       TEXT NOT NULL,
    sealed      BYTEA NOT NULL,
    sealed_with BYTEA NOT NULL,
    author      TEXT NOT NULL,
    author_id   TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    edited_at   BIGINT
);
CREATE INDEX prompt_comments_prompt ON prompt_comments (prompt_id, comment_id);
CREATE INDEX prompt_comments_project ON prompt_comments (project_id, comment_id);
CREATE INDEX prompt_comments_sealed_with ON prompt_comments (project_id, sealed_with);

-- Whom a comment mentions.
CREATE TABLE comment_mentions (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    comment_id  UUID NOT NULL REFERENCES prompt_comments,
    person_id   UUID NOT NULL REFERENCES people,
    PRIMARY KEY (comment_id, person_id)
);
CREATE INDEX comment_mentions_person ON comment_mentions (project_id, person_id, comment_id);

-- How good somebody finds a version: one word each.
CREATE TABLE prompt_ratings (
    org_id      UUID NOT NULL REFERENCES orgs,
    project_id  UUID NOT NULL REFERENCES projects,
    prompt_id   UUID NOT NULL REFERENCES prompts,
    number      BIGINT NOT NULL,
    author_id   TEXT NOT NULL,
    author      TEXT NOT NULL,
    stars       BIGINT NOT NULL,
    rated_at    BIGINT NOT NULL,
    PRIMARY KEY (prompt_id, number, author_id)
);
