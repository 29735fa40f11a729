//! Statements of retention, holds and erasures.

cp_db::statements! {
    /// A project's policy.
    FIND_POLICY = "SELECT bodies_days, metadata_days, scores_days FROM retention_policies WHERE project_id = $1";

    /// Another policy.
    SET_POLICY = "INSERT INTO retention_policies (org_id, project_id, bodies_days, metadata_days, scores_days, updated_at)
                  VALUES ($1, $2, $3, $4, $5, $6)
                  ON CONFLICT (project_id) DO UPDATE SET bodies_days = excluded.bodies_days,
                     metadata_days = excluded.metadata_days, scores_days = excluded.scores_days,
                     updated_at = excluded.updated_at";

    /// Every policy, for the one who keeps house.
    LIST_POLICIES = "SELECT org_id, project_id, bodies_days, metadata_days, scores_days FROM retention_policies
                      WHERE bodies_days IS NOT NULL OR metadata_days IS NOT NULL OR scores_days IS NOT NULL";

    /// A new hold.
    CREATE_HOLD = "INSERT INTO legal_holds (org_id, project_id, hold_id, person, call_id, reason, placed_by, placed_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

    /// The holds that are in force, the latest first. Uses legal_holds_by_project.
    LIST_HOLDS = "SELECT hold_id, person, call_id, reason, placed_by, placed_at FROM legal_holds
                   WHERE project_id = $1 AND released_at IS NULL ORDER BY hold_id DESC";

    /// A hold ends.
    RELEASE_HOLD = "UPDATE legal_holds SET released_at = $3
                     WHERE project_id = $1 AND hold_id = $2 AND released_at IS NULL";

    /// An erasure begins.
    CREATE_ERASURE = "INSERT INTO erasures (org_id, project_id, erasure_id, person, requested_at, state, found, erased, secrets)
                      VALUES ($1, $2, $3, $4, $5, 'erasing', $6, '', '')";

    /// One erasure.
    FIND_ERASURE = "SELECT org_id, project_id, erasure_id, person, requested_at, state, found, erased, secrets, certificate
                      FROM erasures WHERE project_id = $1 AND erasure_id = $2";

    /// The erasure of a person that is under way.
    FIND_ERASURE_OF = "SELECT org_id, project_id, erasure_id, person, requested_at, state, found, erased, secrets, certificate
                         FROM erasures WHERE project_id = $1 AND person = $2 AND state <> 'done'";

    /// What is under way, the earliest first. Uses erasures_under_way.
    LIST_ERASURES = "SELECT org_id, project_id, erasure_id, person, requested_at, state, found, erased, secrets, certificate
                       FROM erasures WHERE state <> 'done' ORDER BY erasure_id";

    /// How far it is.
    SET_ERASURE = "UPDATE erasures SET state = $2, erased = $3, secrets = $4 WHERE erasure_id = $1";

    /// It has ended.
    FINISH_ERASURE = "UPDATE erasures SET state = 'done', certificate = $2 WHERE erasure_id = $1 AND state = 'log'";

    /// Logs that it waits for.
    AWAIT_LOGS = "INSERT INTO erasure_logs (erasure_id, node_id) VALUES [($1, $2)]
                  ON CONFLICT (erasure_id, node_id) DO NOTHING";

    /// The logs of an erasure.
    LIST_LOGS = "SELECT node_id, log_position, gone_at FROM erasure_logs WHERE erasure_id = $1 ORDER BY node_id";

    /// Up to where a log must be gone; the first word stays.
    SET_LOG_POSITION = "UPDATE erasure_logs SET log_position = $3
                         WHERE erasure_id = $1 AND node_id = $2 AND log_position IS NULL";

    /// It is gone.
    SET_LOG_GONE = "UPDATE erasure_logs SET gone_at = $3 WHERE erasure_id = $1 AND node_id = $2 AND gone_at IS NULL";
}
