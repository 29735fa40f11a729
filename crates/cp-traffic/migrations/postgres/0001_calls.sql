-- Keys begin with what is rare, not with the project: PostgreSQL takes a project that its statistics have not seen for
-- one of a single row, and would then look for a call by reading all of the project's.

-- What lists show and filters test. Nothing here was written by a person or a model.
CREATE TABLE calls (
    org_id                         UUID    NOT NULL,
    project_id                     UUID    NOT NULL,
    call_id                        UUID    NOT NULL,
    node_id                        UUID    NOT NULL,
    started_at                     BIGINT  NOT NULL,
    provider_name                  TEXT    NOT NULL,
    operation_name                 TEXT,
    method                         TEXT    NOT NULL,
    path                           TEXT    NOT NULL,
    client_fingerprint             BYTEA,
    outcome                        TEXT,
    status                         BIGINT,
    error_code                     TEXT,
    duration_us                    BIGINT,
    time_to_first_chunk_us         BIGINT,
    overhead_us                    BIGINT,
    request_model                  TEXT,
    response_model                 TEXT,
    stream                         BOOLEAN NOT NULL,
    finish_reasons                 TEXT    NOT NULL,
    input_tokens                   BIGINT,
    output_tokens                  BIGINT,
    cache_read_input_tokens        BIGINT,
    cache_creation_input_tokens    BIGINT,
    cache_creation_1h_input_tokens BIGINT,
    reasoning_output_tokens        BIGINT,
    usage_source                   TEXT,
    cost_usd_nanos                 BIGINT,
    price_list                     TEXT,
    conversation_id                UUID,
    request_bytes                  BIGINT  NOT NULL,
    response_bytes                 BIGINT  NOT NULL,
    chain_tip                      BYTEA,
    parent_call_id                 UUID,
    continued                      BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (call_id, project_id)
);

CREATE INDEX calls_by_start ON calls (project_id, started_at, call_id);
CREATE INDEX calls_by_conversation ON calls (conversation_id, project_id, started_at, call_id)
    WHERE conversation_id IS NOT NULL;
CREATE INDEX calls_by_chain_tip ON calls (chain_tip, continued, started_at DESC)
    WHERE chain_tip IS NOT NULL;
CREATE INDEX calls_running ON calls (node_id) WHERE outcome IS NULL;

-- What is shown of one call only: a sealed document, and the bodies that it refers to.
CREATE TABLE call_contents (
    org_id     UUID    NOT NULL,
    project_id UUID    NOT NULL,
    call_id    UUID    NOT NULL,
    document   BYTEA  NOT NULL,
    refs       BYTEA  NOT NULL,
    PRIMARY KEY (call_id, project_id)
);

-- Messages and other bodies, sealed, each once for a project, under a keyed hash of what it says.
CREATE TABLE bodies (
    org_id     UUID    NOT NULL,
    project_id UUID    NOT NULL,
    hash       BYTEA  NOT NULL,
    sealed     BYTEA  NOT NULL,
    PRIMARY KEY (hash, project_id)
);

-- How far each consumer has read each node's capture log. Saved with the rows derived from it.
CREATE TABLE log_cursors (
    node_id  UUID    NOT NULL,
    consumer TEXT    NOT NULL,
    position BIGINT  NOT NULL,
    PRIMARY KEY (node_id, consumer)
);

-- One row, which the readiness check counts up.
CREATE TABLE store_probe (
    singleton BIGINT  NOT NULL PRIMARY KEY CHECK (singleton = 1),
    beats     BIGINT  NOT NULL
);
