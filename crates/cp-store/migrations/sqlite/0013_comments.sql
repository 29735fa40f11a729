-- What people say of a version. What it says is sealed.
CREATE TABLE prompt_comments (
    org_id      BLOB NOT NULL REFERENCES orgs,
    project_id  BLOB NOT NULL REFERENCES projects,
    prompt_id   BLOB NOT NULL REFERENCES prompts,
    number      INTEGER NOT NULL,
    comment_id  BLOB NOT NULL PRIMARY KEY,
    reply_to    BLOB REFERENCES prompt_comments,
    state       TEXT NOT NULL,
    sealed      BLOB NOT NULL,
    sealed_with BLOB NOT NULL,
    author      TEXT NOT NULL,
    author_id   TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    edited_at   INTEGER
) STRICT;
CREATE INDEX prompt_comments_prompt ON prompt_comments (prompt_id, comment_id);
CREATE INDEX prompt_comments_project ON prompt_comments (project_id, comment_id);
CREATE INDEX prompt_comments_sealed_with ON prompt_comments (project_id, sealed_with);

-- Whom a comment mentions.
CREATE TABLE comment_mentions (
    org_id      BLOB NOT NULL REFERENCES orgs,
    project_id  BLOB NOT NULL REFERENCES projects,
    comment_id  BLOB NOT NULL REFERENCES prompt_comments,
    person_id   BLOB NOT NULL REFERENCES people,
    PRIMARY KEY (comment_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX comment_mentions_person ON comment_mentions (project_id, person_id, comment_id);

-- How good somebody finds a version: one word each.
CREATE TABLE prompt_ratings (
    org_id      BLOB NOT NULL REFERENCES orgs,
    project_id  BLOB NOT NULL REFERENCES projects,
    prompt_id   BLOB NOT NULL REFERENCES prompts,
    number      INTEGER NOT NULL,
    author_id   TEXT NOT NULL,
    author      TEXT NOT NULL,
    stars       INTEGER NOT NULL,
    rated_at    INTEGER NOT NULL,
    PRIMARY KEY (prompt_id, number, author_id)
) STRICT, WITHOUT ROWID;
