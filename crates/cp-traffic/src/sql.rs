//! The traffic store's statements.

pub(crate) mod scores;
pub(crate) mod told;

/// The columns of a `CallSummary`.
macro_rules! summary {
    () => {
        "call_id, node_id, started_at, provider_name, operation_name, method, path, client_fingerprint,
         outcome, status, error_code, duration_us, time_to_first_chunk_us, overhead_us, request_model,
         response_model, stream, finish_reasons, input_tokens, output_tokens, cache_read_input_tokens,
         cache_creation_input_tokens, cache_creation_1h_input_tokens, reasoning_output_tokens,
         usage_source, cost_usd_nanos, price_list, conversation_id, request_bytes, response_bytes,
         service_tier, billing_units, unpriced, cost_cache_read_usd_nanos, cost_cache_write_usd_nanos,
         cost_cache_write_1h_usd_nanos, cost_output_usd_nanos, cost_reasoning_usd_nanos, cost_fees_usd_nanos,
         gateway_key_id, source, prompt_version_id"
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
                      $39, $40, $41, $42, $43, $44, $45, $46)]
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
         gateway_key_id = excluded.gateway_key_id, source = excluded.source,
         prompt_version_id = excluded.prompt_version_id,
         chain_tip = excluded.chain_tip, parent_call_id = excluded.parent_call_id
          WHERE calls.outcome IS NULL OR calls.outcome = 'lost'"
    );

    /// A process began anew: what its node had not ended is lost. Uses calls_running.
    MARK_LOST = "UPDATE calls SET outcome = 'lost' WHERE node_id = $1 AND outcome IS NULL";

    /// Other calls go on from these.
    MARK_CONTINUED = "UPDATE calls SET continued = TRUE WHERE project_id = $1 AND call_id IN ([$2])";

    /// Stores what belongs to a call.
    STORE_CONTENTS = "INSERT INTO call_contents
                             (org_id, project_id, call_id, document, refs, subject_key_id, sent_by, fetched_by)
                      VALUES [($1, $2, $3, $4, $5, $6, $7, $8)] ON CONFLICT (call_id, project_id) DO NOTHING";

    /// Stores bodies.
    STORE_BODIES = "INSERT INTO bodies (org_id, project_id, hash, sealed, subject_key_id)
                    VALUES [($1, $2, $3, $4, $5)]
                    ON CONFLICT (hash, project_id) DO NOTHING";

    /// Which bodies are there.
    LIST_STORED_HASHES = "SELECT hash FROM bodies WHERE project_id = $1 AND hash IN ([$2])";

    /// Bodies.
    LIST_BODIES = "SELECT hash, sealed, subject_key_id FROM bodies WHERE project_id = $1 AND hash IN ([$2])";

    /// What belongs to calls.
    LIST_CONTENTS = "SELECT call_id, document, refs, subject_key_id, sent_by, fetched_by FROM call_contents
                      WHERE project_id = $1 AND call_id IN ([$2])";

    /// Which bodies belong to calls.
    LIST_REFS = "SELECT call_id, refs FROM call_contents WHERE project_id = $1 AND call_id IN ([$2])";

    /// For each tip the best call that ends with it and began before another one: not continued yet, then the latest.
    /// Names no project, so that calls_by_chain_tip is the only way: a tip is made with the project's key and is found
    /// in no other one, and `FIND_PARENT` asks for the project. The first row, of a null, gives the column its type, in
    /// PostgreSQL's word, which SQLite takes; a subquery for it is planned as a read of the whole table under row security.
    FIND_CHAIN_PARENTS = "WITH tips (tip) AS (VALUES (CAST(NULL AS BYTEA)), [($2)])
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
             AND (cost_usd_nanos IS NOT NULL OR unpriced NOT IN ('opaque', 'failed'))
             AND (price_list IS NULL OR price_list <> 'client'){and}
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

    /// What this node's calls of each gateway key used since a time. Uses calls_by_gateway_key.
    SUM_KEY_SPENDS_HERE = "
        SELECT gateway_key_id, CAST(COUNT(*) AS BIGINT) AS requests,
               CAST(COALESCE(SUM(COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0)), 0) AS BIGINT) AS tokens,
               CAST(COALESCE(SUM(cost_usd_nanos), 0) AS BIGINT) AS usd_nanos
          FROM calls WHERE gateway_key_id IS NOT NULL AND started_at >= $1 AND node_id = $2
         GROUP BY gateway_key_id";

    /// The same of other nodes' calls.
    SUM_KEY_SPENDS_ELSEWHERE = "
        SELECT gateway_key_id, CAST(COUNT(*) AS BIGINT) AS requests,
               CAST(COALESCE(SUM(COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0)), 0) AS BIGINT) AS tokens,
               CAST(COALESCE(SUM(cost_usd_nanos), 0) AS BIGINT) AS usd_nanos
          FROM calls WHERE gateway_key_id IS NOT NULL AND started_at >= $1 AND node_id <> $2
         GROUP BY gateway_key_id";

    /// The project in numbers.
    GET_STATUS = "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM calls WHERE project_id = $1) AS calls,
                         (SELECT CAST(COUNT(*) AS BIGINT) FROM calls
                           WHERE project_id = $1 AND outcome IS NULL) AS running,
                         (SELECT MAX(started_at) FROM calls WHERE project_id = $1) AS latest_started_at";

    /// Where a consumer goes on.
    FIND_CURSOR = "SELECT position FROM log_cursors WHERE node_id = $1 AND consumer = $2";

    /// Whose logs were ever read.
    LIST_NODES = "SELECT DISTINCT node_id FROM log_cursors";

    /// Begins a consumer's cursor.
    CREATE_CURSOR = "INSERT INTO log_cursors (node_id, consumer, position) VALUES ($1, $2, $3)
                     ON CONFLICT (node_id, consumer) DO NOTHING";

    /// Moves a consumer's cursor from where it was left.
    MOVE_CURSOR = "UPDATE log_cursors SET position = $3 WHERE node_id = $1 AND consumer = $2 AND position = $4";

    /// What a write rests on.
    FIND_STATE = "SELECT epoch, key_id, CAST(CASE WHEN EXISTS (SELECT 1 FROM body_garbage WHERE project_id = $1)
                                                  THEN 1 ELSE 0 END AS BIGINT) AS garbage
                    FROM project_states WHERE project_id = $1";

    /// What was planned before no longer stands.
    ENTER_EPOCH = "INSERT INTO project_states (project_id, epoch) VALUES ($1, 1)
                   ON CONFLICT (project_id) DO UPDATE SET epoch = project_states.epoch + 1";

    /// The same, and this key is the one that seals.
    REQUIRE_KEY = "INSERT INTO project_states (project_id, key_id, epoch) VALUES ($1, $2, 1)
                   ON CONFLICT (project_id) DO UPDATE SET epoch = project_states.epoch + 1, key_id = excluded.key_id";

    /// People's secrets; of people who have one in use, that one stays.
    CREATE_SUBJECT_KEYS = "INSERT INTO subject_keys (project_id, subject_key_id, user_digest, other_digest, wrapped,
                                  created_at, destroyed_at)
                           VALUES [($1, $2, $3, $4, $5, $6, $7)]
                           ON CONFLICT (user_digest, other_digest, project_id) WHERE destroyed_at IS NULL DO NOTHING";

    /// Secrets by name.
    LIST_SUBJECT_KEYS = "SELECT subject_key_id, wrapped FROM subject_keys
                          WHERE project_id = $1 AND subject_key_id IN ([$2])";

    /// Secrets of people, and of two of whom one is among them. Uses subject_keys_by_user.
    LIST_SUBJECT_KEYS_BY_USER = "SELECT subject_key_id, user_digest, other_digest, wrapped, destroyed_at FROM subject_keys
                                  WHERE project_id = $1 AND user_digest IN ([$2])";

    /// The other of the two. Uses subject_keys_by_other.
    LIST_SUBJECT_KEYS_BY_OTHER = "SELECT subject_key_id, user_digest, other_digest, wrapped, destroyed_at FROM subject_keys
                                   WHERE project_id = $1 AND other_digest IN ([$2])";

    /// Nothing opens with a person's secrets any more.
    DESTROY_SUBJECT_KEYS = "UPDATE subject_keys SET wrapped = NULL, destroyed_at = $3
                             WHERE project_id = $1 AND (user_digest = $2 OR other_digest = $2)
                               AND destroyed_at IS NULL AND created_at <= $3";

    /// Which calls were erased by themselves.
    LIST_ERASED_CALLS = "SELECT call_id FROM erased_calls WHERE project_id = $1 AND call_id IN ([$2])";

    /// Which calls lost their raw bodies.
    LIST_STRIPPED_CALLS = "SELECT call_id FROM stripped_calls WHERE project_id = $1 AND call_id IN ([$2])";

    /// Calls go.
    DELETE_CALLS = "DELETE FROM calls WHERE project_id = $1 AND call_id IN ([$2])";

    /// What belongs to calls goes.
    DELETE_CONTENTS = "DELETE FROM call_contents WHERE project_id = $1 AND call_id IN ([$2])";

    /// By what calls were found goes. Uses call_handles_by_call.
    DELETE_HANDLES = "DELETE FROM call_handles WHERE project_id = $1 AND call_id IN ([$2])";

    /// What was filed of the calls' costs goes.
    DELETE_COST_CHANGES = "DELETE FROM cost_changes WHERE project_id = $1 AND call_id IN ([$2])";

    /// The bodies of calls that go, for the collector.
    MARK_GARBAGE = "INSERT INTO body_garbage (project_id, hash) VALUES [($1, $2)]
                    ON CONFLICT (hash, project_id) DO NOTHING";

    /// What the collector looks at.
    LIST_GARBAGE = "SELECT hash FROM body_garbage WHERE project_id = $1 ORDER BY hash LIMIT $2";

    /// Those of these that nobody came to need meanwhile.
    LIST_STILL_GARBAGE = "SELECT b.hash AS hash, CAST(LENGTH(b.sealed) AS BIGINT) AS bytes
                            FROM bodies AS b JOIN body_garbage AS g ON g.hash = b.hash AND g.project_id = b.project_id
                           WHERE b.project_id = $1 AND b.hash IN ([$2])";

    /// Bodies go.
    DELETE_BODIES = "DELETE FROM bodies WHERE project_id = $1 AND hash IN ([$2])";

    /// Which bodies calls refer to, in the order of the calls.
    PAGE_REFS = "SELECT call_id, refs FROM call_contents WHERE call_id > $2 AND project_id = $1
                  ORDER BY call_id LIMIT $3";

    /// Calls that bear a name and began until then.
    LIST_CALLS_NAMED = "SELECT calls.call_id AS call_id, calls.conversation_id AS conversation_id
                          FROM call_handles JOIN calls ON calls.call_id = call_handles.call_id
                                                      AND calls.project_id = call_handles.project_id
                         WHERE call_handles.handle = $2 AND call_handles.project_id = $1 AND calls.started_at <= $3
                         ORDER BY call_handles.call_id LIMIT $4";

    /// Calls of conversations that belong to nobody. Uses calls_by_conversation.
    LIST_UNNAMED_MATES = "SELECT c.call_id AS call_id, x.document AS document
                            FROM calls AS c JOIN call_contents AS x ON x.call_id = c.call_id
                                                                   AND x.project_id = c.project_id
                           WHERE c.project_id = $1 AND x.subject_key_id IS NULL AND c.conversation_id IN ([$2])";

    /// A call is not stored again.
    MARK_ERASED = "INSERT INTO erased_calls (project_id, erased_at, call_id) VALUES [($1, $2, $3)]
                   ON CONFLICT (call_id, project_id) DO NOTHING";

    /// A call's raw bodies are not stored again.
    MARK_STRIPPED = "INSERT INTO stripped_calls (project_id, erased_at, call_id) VALUES [($1, $2, $3)]
                     ON CONFLICT (call_id, project_id) DO NOTHING";

    /// Another list of bodies.
    SET_REFS = "UPDATE call_contents SET refs = $3 WHERE call_id = $2 AND project_id = $1";

    /// What is left of a person's bodies. Uses bodies_by_subject.
    LIST_BODIES_OF = "SELECT hash, CAST(LENGTH(sealed) AS BIGINT) AS bytes FROM bodies
                       WHERE subject_key_id = $2 AND project_id = $1 ORDER BY hash LIMIT $3";

    /// A person in numbers.
    COUNT_PERSON = "SELECT CAST(COUNT(*) AS BIGINT) AS calls,
                           CAST(COUNT(x.call_id) AS BIGINT) AS documents,
                           CAST(COUNT(x.subject_key_id) AS BIGINT) AS sealed_apart,
                           CAST(COUNT(x.fetched_by) AS BIGINT) AS carried,
                           MIN(c.started_at) AS first_at, MAX(c.started_at) AS last_at
                      FROM call_handles AS h JOIN calls AS c ON c.call_id = h.call_id AND c.project_id = h.project_id
                      LEFT JOIN call_contents AS x ON x.call_id = c.call_id AND x.project_id = c.project_id
                     WHERE h.handle = $2 AND h.project_id = $1";

    /// Calls that began before then, the earliest first. Uses calls_by_start.
    LIST_EXPIRED = "SELECT call_id, started_at FROM calls
                     WHERE project_id = $1 AND started_at < $2 AND outcome IS NOT NULL{and}
                     ORDER BY started_at, call_id LIMIT $3";

    /// Which of these calls bear a name.
    LIST_HELD_CALLS = "SELECT call_id FROM call_handles WHERE project_id = $1 AND handle = $2 AND call_id IN ([$3])";

    /// Bodies that another key than this one sealed.
    PAGE_OLD_BODIES = "SELECT hash, CAST(LENGTH(sealed) AS BIGINT) AS bytes FROM bodies
                        WHERE hash > $2 AND project_id = $1 AND substr(sealed, 2, 8) <> $3 ORDER BY hash LIMIT $4";

    /// Documents that another key than this one sealed.
    PAGE_OLD_DOCUMENTS = "SELECT call_id, CAST(LENGTH(document) AS BIGINT) AS bytes FROM call_contents
                           WHERE call_id > $2 AND project_id = $1 AND substr(document, 2, 8) <> $3
                           ORDER BY call_id LIMIT $4";

    /// The same body under another key.
    RESEAL_BODY = "UPDATE bodies SET sealed = $3 WHERE hash = $2 AND project_id = $1";

    /// The same document under another key.
    RESEAL_DOCUMENT = "UPDATE call_contents SET document = $3 WHERE call_id = $2 AND project_id = $1";

    /// How much there may be to seal anew.
    COUNT_SEALED = "SELECT (SELECT CAST(COUNT(*) AS BIGINT) FROM bodies WHERE project_id = $1)
                         + (SELECT CAST(COUNT(*) AS BIGINT) FROM call_contents WHERE project_id = $1)
                         + (SELECT CAST(COUNT(*) AS BIGINT) FROM scores WHERE project_id = $1) AS sealed";

    /// Somebody refers to these bodies again.
    UNMARK_GARBAGE = "DELETE FROM body_garbage WHERE project_id = $1 AND hash IN ([$2])";

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

    fn all() -> Vec<cp_db::Statement> {
        [crate::sql::ALL, crate::sql::scores::ALL, crate::sql::told::ALL].concat()
    }

    #[test]
    fn a_statement_that_forgets_its_scope_finds_nothing_of_others() {
        let matter = cp_testkit::unscoped_statements_that_matter(&[crate::MIGRATIONS], &all());
        assert!(matter.len() >= 30, "the test has lost its point: {matter:?}");
    }

    db_test! {
        async fn every_statement_prepares(test: TestDb) {
            test.db.migrate(&[crate::MIGRATIONS], Timestamp(0)).await.unwrap();
            for statement in &all() {
                test.db.prepare(*statement).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name()));
            }
        }
    }
}
