-- What people and programs think of calls, traces, sessions and versions of prompts. A score's name, number and label are in
-- the clear, so that they can be counted; traces and sessions are keyed digests, and the rest is sealed.
CREATE TABLE scores (
    org_id            UUID   NOT NULL,
    project_id        UUID   NOT NULL,
    score_id          UUID   NOT NULL,
    name              TEXT   NOT NULL,
    data_type         TEXT   NOT NULL,
    number            DOUBLE PRECISION,
    label             TEXT,
    source            TEXT   NOT NULL,
    author            TEXT,
    call_id           UUID,
    prompt_version_id UUID,
    trace             BYTEA,
    session           BYTEA,
    sealed            BYTEA  NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    PRIMARY KEY (score_id, project_id)
);

CREATE INDEX scores_by_time ON scores (project_id, created_at, score_id);
CREATE INDEX scores_by_call ON scores (call_id, project_id) WHERE call_id IS NOT NULL;
CREATE INDEX scores_by_trace ON scores (trace, project_id) WHERE trace IS NOT NULL;
CREATE INDEX scores_by_session ON scores (session, project_id) WHERE session IS NOT NULL;
CREATE INDEX scores_by_prompt_version ON scores (prompt_version_id, project_id)
    WHERE prompt_version_id IS NOT NULL;
