//! The statements of scores.

macro_rules! score {
    () => {
        "score_id, name, data_type, number, label, source, author, call_id, prompt_version_id, trace, session,
         sealed, created_at, updated_at"
    };
}

cp_db::statements! {
    /// Stores scores. One that is there already is replaced, but for when it was made.
    STORE_SCORES = concat!(
        "INSERT INTO scores (org_id, project_id, ",
        score!(),
        ") VALUES [($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)]
         ON CONFLICT (score_id, project_id) DO UPDATE SET
            name = excluded.name, data_type = excluded.data_type, number = excluded.number,
            label = excluded.label, source = excluded.source, author = excluded.author,
            call_id = excluded.call_id, prompt_version_id = excluded.prompt_version_id, trace = excluded.trace,
            session = excluded.session, sealed = excluded.sealed, updated_at = excluded.updated_at"
    );

    /// One score.
    FIND_SCORE = concat!("SELECT ", score!(), " FROM scores WHERE project_id = $1 AND score_id = $2");

    /// A page of scores, the latest first. Uses scores_by_time, or the index of what is asked for.
    LIST_SCORES = concat!(
        "SELECT ",
        score!(),
        " FROM scores WHERE project_id = $1{and} ORDER BY created_at DESC, score_id DESC LIMIT $2 OFFSET $3"
    );

    /// How many scores pass a filter, counted up to a bound.
    COUNT_SCORES = "SELECT CAST(COUNT(*) AS BIGINT) AS scores
                      FROM (SELECT score_id FROM scores WHERE project_id = $1{and} LIMIT $2) AS bounded";

    /// Scores go.
    DELETE_SCORES = "DELETE FROM scores WHERE project_id = $1 AND score_id IN ([$2])";

    /// The scores of calls go. Uses scores_by_call.
    DELETE_SCORES_OF_CALLS = "DELETE FROM scores WHERE project_id = $1 AND call_id IN ([$2])";

    /// The scores of traces that calls belong to go. Uses scores_by_trace.
    DELETE_SCORES_OF_TRACES = "DELETE FROM scores WHERE project_id = $1 AND trace IN
        (SELECT handle FROM call_handles WHERE project_id = $1 AND call_id IN ([$2]))";

    /// The scores of sessions that calls belong to go. Uses scores_by_session.
    DELETE_SCORES_OF_SESSIONS = "DELETE FROM scores WHERE project_id = $1 AND session IN
        (SELECT handle FROM call_handles WHERE project_id = $1 AND call_id IN ([$2]))";

    /// Scores that were made before then, the earliest first. Uses scores_by_time.
    LIST_EXPIRED_SCORES = "SELECT score_id FROM scores WHERE project_id = $1 AND created_at < $2{and}
                            ORDER BY created_at, score_id LIMIT $3";

    /// Scores that another key than this one sealed.
    PAGE_OLD_SCORES = "SELECT score_id, sealed, CAST(LENGTH(sealed) AS BIGINT) AS bytes FROM scores
                        WHERE score_id > $2 AND project_id = $1 AND substr(sealed, 2, 8) <> $3
                        ORDER BY score_id LIMIT $4";

    /// The same under another key, unless it is another one by now.
    RESEAL_SCORE = "UPDATE scores SET sealed = $4 WHERE score_id = $2 AND project_id = $1 AND sealed = $3";
}
