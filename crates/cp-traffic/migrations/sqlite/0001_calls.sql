-- Keys begin with what is rare, not with the project: PostgreSQL takes a project that its statistics have not seen for
-- one of a single row, and would then look for a call by reading all of the project's.

-- What lists show and filters test. Nothing here was written by a person or a model.
CREATE TABLE calls (
    org_id                         BLOB    NOT NULL,
    project_id                     BLOB    NOT NULL,
    call_id                        BLOB    NOT NULL,
    node_id                        BLOB    NOT NULL,
    started_at                     INTEGER NOT NULL,
    provider_name                  TEXT    NOT NULL,
    operation_name                 TEXT,
    method                         TEXT    NOT NULL,
    path                           TEXT    NOT NULL,
    client_fingerprint             BLOB,
    outcome                        TEXT,
    status                         INTEGER,
    error_code                     TEXT,
    duration_us                    INTEGER,
    time_to_first_chunk_us         INTEGER,
    overhead_us                    INTEGER,
    request_model                  TEXT,
    response_model                 TEXT,
    stream                         INTEGER NOT NULL,
    finish_reasons                 TEXT    NOT NULL,
    input_tokens                   INTEGER,
    output_tokens                  INTEGER,
    cache_read_input_tokens        INTEGER,
    cache_creation_input_tokens    INTEGER,
    cache_creation_1h_input_tokens INTEGER,
    reasoning_output_tokens        INTEGER,
    usage_source                   TEXT,
    cost_usd_nanos                 INTEGER,
    price_list                     TEXT,
    conversation_id                BLOB,
    request_bytes                  INTEGER NOT NULL,
    response_bytes                 INTEGER NOT NULL,
    chain_tip                      BLOB,
    parent_call_id                 BLOB,
    continued                      INTEGER NOT NULL DEFAULT FALSE,
    PRIMARY KEY (call_id, project_id)
) STRICT;

CREATE INDEX calls_by_start ON calls (project_id, started_at, call_id);
CREATE INDEX calls_by_conversation ON calls (conversation_id, project_id, started_at, call_id)
    WHERE conversation_id IS NOT NULL;
CREATE INDEX calls_by_chain_tip ON calls (chain_tip, continued, started_at DESC)
    WHERE chain_tip IS NOT NULL;
CREATE INDEX calls_running ON calls (node_id) WHERE outcome IS NULL;

-- What is shown of one call only: a sealed document, and the bodies that it refers to.
CREATE TABLE call_contents (
    org_id     BLOB NOT NULL,
    project_id BLOB NOT NULL,
    call_id    BLOB NOT NULL,
    document   BLOB NOT NULL,
    refs       BLOB NOT NULL,
    PRIMARY KEY (call_id, project_id)
) STRICT;

-- Messages and other bodies, sealed, each once for a project, under a keyed hash of what it says.
CREATE TABLE bodies (
    org_id     BLOB NOT NULL,
    project_id BLOB NOT NULL,
    hash       BLOB NOT NULL,
    sealed     BLOB NOT NULL,
    PRIMARY KEY (hash, project_id)
) STRICT;

-- How far each consumer has read each node's capture log. Saved with the rows derived from it.
CREATE TABLE log_cursors (
    node_id  BLOB    NOT NULL,
    consumer TEXT    NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (node_id, consumer)
) STRICT, WITHOUT ROWID;

-- One row, which the readiness check counts up.
CREATE TABLE store_probe (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    beats     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
