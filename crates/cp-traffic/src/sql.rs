//! The traffic store's statements.

/// The columns of a `CallSummary`.
macro_rules! summary {
    () => {
        "call_id, node_id, started_at, provider_name, operation_name, method, path, client_fingerprint,
         outcome, status, error_code, duration_us, time_to_first_chunk_us, overhead_us, request_model,
         response_model, stream, finish_reasons, input_tokens, output_tokens, cache_read_input_tokens,
         cache_creation_input_tokens, cache_creation_1h_input_tokens, reasoning_output_tokens,
         usage_source, cost_usd_nanos, price_list, conversation_id, request_bytes, response_bytes,
         service_tier, billing_units, unpriced, cost_cache_read_usd_nanos, cost_cache_write_usd_nanos,
         cost_cache_write_1h_usd_nanos, cost_output_usd_nanos, cost_reasoning_usd_nanos, cost_fees_usd_nanos"
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
                      $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38,
                      $39, $40, $41, $42, $43)]
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
         service_tier = excluded.service_tier, billing_units = excluded.billing_units,
         unpriced = excluded.unpriced,
         cost_cache_read_usd_nanos = excluded.cost_cache_read_usd_nanos,
         cost_cache_write_usd_nanos = excluded.cost_cache_write_usd_nanos,
         cost_cache_write_1h_usd_nanos = excluded.cost_cache_write_1h_usd_nanos,
         cost_output_usd_nanos = excluded.cost_output_usd_nanos,
         cost_reasoning_usd_nanos = excluded.cost_reasoning_usd_nanos,
         cost_fees_usd_nanos = excluded.cost_fees_usd_nanos,
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

    /// For each tip the best call that ends with it and began before another one: not continued yet, then the latest.
    /// Names no project, so that calls_by_chain_tip is the only way: a tip is made with the project's key and is found
    /// in no other one, and `FIND_PARENT` asks for the project. The first row, of a null, gives the column its type.
    FIND_CHAIN_PARENTS = "WITH tips (tip) AS (VALUES ((SELECT chain_tip FROM calls WHERE FALSE)), [($2)])
        SELECT tip, (SELECT call_id FROM calls WHERE chain_tip = tips.tip AND call_id < $1
                      ORDER BY continued, started_at DESC LIMIT 1) AS call_id
          FROM tips";

    /// Stores by what calls may be named.
    STORE_HANDLES = "INSERT INTO call_handles (org_id, project_id, handle, call_id) VALUES [($1, $2, $3, $4)]
                     ON CONFLICT (handle, call_id, project_id) DO NOTHING";

    /// The latest call of that name before another one. Providers repeat their ids.
    FIND_NAMED = "SELECT calls.call_id AS call_id, calls.conversation_id AS conversation_id,
                         calls.continued AS continued
                    FROM call_handles JOIN calls ON calls.call_id = call_handles.call_id
                                                AND calls.project_id = call_handles.project_id
                   WHERE call_handles.handle = $2 AND call_handles.project_id = $1 AND call_handles.call_id < $3
                   ORDER BY call_handles.call_id DESC LIMIT 1";

    /// A call as one to be continued.
    FIND_PARENT = "SELECT call_id, conversation_id, continued FROM calls WHERE project_id = $1 AND call_id = $2";

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

    /// Calls in groups. What they are not to be told apart by is null in all of them. Uses calls_by_start.
    SUM_COSTS = "
        SELECT CASE WHEN $2 THEN started_at / 86400000000 END AS day,
               CASE WHEN $3 THEN provider_name END AS provider_name,
               CASE WHEN $4 THEN COALESCE(response_model, request_model) END AS model,
               CASE WHEN $5 THEN client_fingerprint END AS client_fingerprint,
               CASE WHEN $6 THEN service_tier END AS service_tier,
               CASE WHEN $7 THEN price_list END AS price_list,
               CAST(CASE WHEN usage_source = 'estimated' THEN 1 ELSE 0 END AS BIGINT) AS estimated,
               CASE WHEN cost_usd_nanos IS NOT NULL THEN NULL
                    ELSE COALESCE(unpriced, CASE WHEN outcome IS NULL THEN 'running'
                                                 WHEN outcome = 'lost' THEN 'lost' ELSE 'unknown' END)
               END AS unpriced,
               CAST(COUNT(*) AS BIGINT) AS calls,
               MIN(started_at) AS first_at,
               MAX(started_at) AS last_at,
               CAST(COALESCE(SUM(CASE WHEN input_tokens > COALESCE(cache_read_input_tokens, 0)
                                             + COALESCE(cache_creation_input_tokens, 0)
                        THEN input_tokens - COALESCE(cache_read_input_tokens, 0)
                                          - COALESCE(cache_creation_input_tokens, 0) END), 0) AS BIGINT)
                   AS tokens_input,
               CAST(COALESCE(SUM(cache_read_input_tokens), 0) AS BIGINT) AS tokens_cache_read,
               CAST(COALESCE(SUM(CASE WHEN cache_creation_input_tokens > COALESCE(cache_creation_1h_input_tokens, 0)
                        THEN cache_creation_input_tokens - COALESCE(cache_creation_1h_input_tokens, 0) END), 0)
                    AS BIGINT) AS tokens_cache_write,
               CAST(COALESCE(SUM(cache_creation_1h_input_tokens), 0) AS BIGINT) AS tokens_cache_write_1h,
               CAST(COALESCE(SUM(output_tokens), 0) AS BIGINT) AS tokens_output,
               CAST(COALESCE(SUM(reasoning_output_tokens), 0) AS BIGINT) AS tokens_reasoning,
               CAST(COALESCE(SUM(cost_usd_nanos), 0) AS BIGINT) AS cost,
               CAST(COALESCE(SUM(cost_cache_read_usd_nanos), 0) AS BIGINT) AS cost_cache_read,
               CAST(COALESCE(SUM(cost_cache_write_usd_nanos), 0) AS BIGINT) AS cost_cache_write,
               CAST(COALESCE(SUM(cost_cache_write_1h_usd_nanos), 0) AS BIGINT) AS cost_cache_write_1h,
               CAST(COALESCE(SUM(cost_output_usd_nanos), 0) AS BIGINT) AS cost_output,
               CAST(COALESCE(SUM(cost_reasoning_usd_nanos), 0) AS BIGINT) AS cost_reasoning,
               CAST(COALESCE(SUM(cost_fees_usd_nanos), 0) AS BIGINT) AS cost_fees
          FROM calls WHERE project_id = $1{and}
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
         ORDER BY 1, 2, 3, 4, 5, 6, 7, 8 LIMIT $8";

    /// A page of calls whose cost can be computed again, the earliest first. Uses calls_by_start.
    LIST_REPRICEABLE = concat!(
        "SELECT ",
        summary!(),
        " FROM calls WHERE project_id = $1 AND outcome IS NOT NULL
             AND (cost_usd_nanos IS NOT NULL OR unpriced NOT IN ('opaque', 'failed')){and}
           ORDER BY started_at, call_id LIMIT $2"
    );

    /// Gives a call a new price, unless it has another one by now than the one that was read.
    SET_PRICE = "UPDATE calls
            SET cost_usd_nanos = $5, price_list = $6, unpriced = $7, cost_cache_read_usd_nanos = $8,
                cost_cache_write_usd_nanos = $9, cost_cache_write_1h_usd_nanos = $10,
                cost_output_usd_nanos = $11, cost_reasoning_usd_nanos = $12, cost_fees_usd_nanos = $13
          WHERE project_id = $1 AND call_id = $2
            AND cost_usd_nanos IS NOT DISTINCT FROM $3 AND price_list IS NOT DISTINCT FROM $4";

    /// Files a run that prices calls again.
    STORE_REPRICING = "INSERT INTO repricings (org_id, project_id, repricing_id, begun_at, actor, filter)
                       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (repricing_id, project_id) DO NOTHING";

    /// Files what became of a call's cost. A step that is run again after the lists changed has the last word on the new
    /// cost, and the first on the old.
    STORE_COST_CHANGE = "INSERT INTO cost_changes (org_id, project_id, repricing_id, call_id, changed_at,
            old_cost_usd_nanos, new_cost_usd_nanos, old_price_list, new_price_list, old_unpriced, new_unpriced)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (repricing_id, call_id, project_id) DO UPDATE
           SET changed_at = excluded.changed_at, new_cost_usd_nanos = excluded.new_cost_usd_nanos,
               new_price_list = excluded.new_price_list, new_unpriced = excluded.new_unpriced";

    /// A page of the audit, the latest first. Uses cost_changes_by_time, or cost_changes_by_call.
    LIST_COST_CHANGES = "
        SELECT c.repricing_id, c.call_id, c.changed_at, c.old_cost_usd_nanos, c.new_cost_usd_nanos,
               c.old_price_list, c.new_price_list, c.old_unpriced, c.new_unpriced,
               r.begun_at, r.actor, r.filter
          FROM cost_changes AS c
          JOIN repricings AS r ON r.repricing_id = c.repricing_id AND r.project_id = c.project_id
         WHERE c.project_id = $1{and}
         ORDER BY c.changed_at DESC, c.call_id DESC LIMIT $2";

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
