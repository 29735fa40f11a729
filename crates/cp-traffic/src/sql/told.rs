//! The statements of calls that clients tell of.

cp_db::statements! {
    /// Those of these calls that clients told of, and may tell of again.
    LIST_TOLD = "SELECT call_id FROM calls WHERE project_id = $1 AND source = 'ingestion' AND call_id IN ([$2])";

    /// By what a call may be named. Uses call_handles_by_call.
    LIST_HANDLES = "SELECT handle FROM call_handles WHERE project_id = $1 AND call_id = $2";

    /// Whose a secret is.
    FIND_SUBJECT_USERS = "SELECT user_digest, other_digest FROM subject_keys
                           WHERE project_id = $1 AND subject_key_id = $2";
}
