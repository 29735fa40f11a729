//! The traffic store's statements.

/// The columns of a `CallSummary`.
macro_rules! summary {
    () => {
        "call_id, node_id, started_at, provider_name, operation_name, method, path, client_fingerprint,
         outcome, status, error_code, duration_us, time_to_first_chunk_us, overhead_us, request_model,
         response_model, stream, finish_reasons, input_tokens, output_tokens, cache_read_input_tokens,
         cache_creation_input_tokens, cache_creation_1h_input_tokens, reasoning_output_tokens,
         usage_source, cost_usd_nanos, price_list, conversation_id, request_bytes, response_bytes"
    };
}

/// Stores calls; what happens to a call that is there already follows.
macro_rules! store_calls {
    () => {
        concat!(
            "INSERT INTO calls (org_id, project_id, ",
            summary!(),
            ", chain_tip, parent_call_id)
             VALUES [($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                      $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)]
             ON CONFLICT (call_id, project_id) DO UPDATE SET "
        )
    };
}

cp_db::statements! {
    /// Stores running calls. One that is there already is newer, or the log is read again from before the start of
    /// the process that lost it: then it runs again, until the log says once more that it was lost.
    STORE_OPENED = concat!(store_calls!(), "outcome = NULL WHERE calls.outcome = 'lost'");

    /// Stores ended calls. The first ending stays.
    STORE_FINISHED = concat!(
        store_calls!(),
        "provider_name = excluded.provider_name, operation_name = excluded.operation_name,
         method = excluded.method, path = excluded.path,
         client_fingerprint = excluded.client_fingerprint, outcome = excluded.outcome,
         status = excluded.status, error_code = excluded.error_code,
         duration_us = excluded.duration_us,
         time_to_first_chunk_us = excluded.time_to_first_chunk_us,
         overhead_us = excluded.overhead_us, request_model = excluded.request_model,
         response_model = excluded.response_model, stream = excluded.stream,
         finish_reasons = excluded.finish_reasons, input_tokens = excluded.input_tokens,
         output_tokens = excluded.output_tokens,
         cache_read_input_tokens = excluded.cache_read_input_tokens,
         cache_creation_input_tokens = excluded.cache_creation_input_tokens,
         cache_creation_1h_input_tokens = excluded.cache_creation_1h_input_tokens,
         reasoning_output_tokens = excluded.reasoning_output_tokens,
         usage_source = excluded.usage_source, cost_usd_nanos = excluded.cost_usd_nanos,
         price_list = excluded.price_list, conversation_id = excluded.conversation_id,
         request_bytes = excluded.request_bytes, response_bytes = excluded.response_bytes,
         chain_tip = excluded.chain_tip, parent_call_id = excluded.parent_call_id
          WHERE calls.outcome IS NULL OR calls.outcome = 'lost'"
    );

    /// A process began anew: what its node had not ended is lost. Uses calls_running.
    MARK_LOST = "UPDATE calls SET outcome = 'lost' WHERE node_id = $1 AND outcome IS NULL";

    /// Other calls go on from these.
    MARK_CONTINUED = "UPDATE calls SET continued = TRUE WHERE project_id = $1 AND call_id IN ([$2])";

    /// Stores what belongs to a call.
    STORE_CONTENTS = "INSERT INTO call_contents (org_id, project_id, call_id, document, refs)
                      VALUES [($1, $2, $3, $4, $5)] ON CONFLICT (call_id, project_id) DO NOTHING";

    /// Stores bodies.
    STORE_BODIES = "INSERT INTO bodies (org_id, project_id, hash, sealed) VALUES [($1, $2, $3, $4)]
                    ON CONFLICT (hash, project_id) DO NOTHING";

    /// Which bodies are there.
    LIST_STORED_HASHES = "SELECT hash FROM bodies WHERE project_id = $1 AND hash IN ([$2])";

    /// Bodies.
    LIST_BODIES = "SELECT hash, sealed FROM bodies WHERE project_id = $1 AND hash IN ([$2])";

    /// What belongs to calls.
    LIST_CONTENTS = "SELECT call_id, document, refs FROM call_contents
                      WHERE project_id = $1 AND call_id IN ([$2])";

    /// Which bodies belong to calls.
    LIST_REFS = "SELECT call_id, refs FROM call_contents WHERE project_id = $1 AND call_id IN ([$2])";

    /// For each tip the best call that ends with it: not continued yet, then the latest. Names no project, so that
    /// calls_by_chain_tip is the only way: a tip is made with the project's key and is found in no other one, and
    /// `FIND_CONVERSATION` asks for the project. The first row, of a null, gives the column its type.
    FIND_CHAIN_PARENTS = "WITH tips (tip) AS (VALUES ((SELECT chain_tip FROM calls WHERE FALSE)), [($1)])
        SELECT tip, (SELECT call_id FROM calls WHERE chain_tip = tips.tip
                      ORDER BY continued, started_at DESC LIMIT 1) AS call_id
          FROM tips";

    /// The conversation of a call.
    FIND_CONVERSATION = "SELECT conversation_id FROM calls WHERE project_id = $1 AND call_id = $2";

    /// One call.
    FIND_CALL = concat!("SELECT ", summary!(), " FROM calls WHERE project_id = $1 AND call_id = $2");

    /// A page of calls, the latest first. Uses calls_by_start, or calls_by_conversation.
    LIST_CALLS = concat!(
        "SELECT ",
        summary!(),
        " FROM calls WHERE project_id = $1{and} ORDER BY started_at DESC, call_id DESC LIMIT $2"
    );

    /// A page of a conversation, the earliest first. Uses calls_by_conversation.
    LIST_CONVERSATION = concat!(
        "SELECT ",
        summary!(),
        " FROM calls WHERE project_id = $1 AND conversation_id = $2{and} ORDER BY started_at, call_id LIMIT $3"
    );

    /// How many calls pass a filter, counted up to a bound.
    COUNT_CALLS = "SELECT CAST(COUNT(*) AS BIGINT) AS calls
                     FROM (SELECT call_id FROM calls WHERE project_id = $1{and} LIMIT $2) AS bounded";

    /// The project in numbers.
    GET_STATUS = "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM calls WHERE project_id = $1) AS calls,
                         (SELECT CAST(COUNT(*) AS BIGINT) FROM calls
                           WHERE project_id = $1 AND outcome IS NULL) AS running,
                         (SELECT MAX(started_at) FROM calls WHERE project_id = $1) AS latest_started_at";

    /// Where a consumer goes on.
    FIND_CURSOR = "SELECT position FROM log_cursors WHERE node_id = $1 AND consumer = $2";

    /// Begins a consumer's cursor.
    CREATE_CURSOR = "INSERT INTO log_cursors (node_id, consumer, position) VALUES ($1, $2, $3)
                     ON CONFLICT (node_id, consumer) DO NOTHING";

    /// Moves a consumer's cursor from where it was left.
    MOVE_CURSOR = "UPDATE log_cursors SET position = $3 WHERE node_id = $1 AND consumer = $2 AND position = $4";

    /// A write for the readiness check.
    BEAT = "INSERT INTO store_probe (singleton, beats) VALUES (1, 1)
            ON CONFLICT (singleton) DO UPDATE SET beats = store_probe.beats + 1 RETURNING beats";

    /// A read for the readiness check.
    FIND_BEAT = "SELECT beats FROM store_probe";
}

#[cfg(test)]
mod tests {
    use cp_base::Timestamp;
    use cp_testkit::db_test;

    db_test! {
        async fn every_statement_prepares(test: TestDb) {
            test.db.migrate(&[crate::MIGRATIONS], Timestamp(0)).await.unwrap();
            for statement in crate::sql::ALL {
                test.db.prepare(*statement).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name()));
            }
        }
    }
}
