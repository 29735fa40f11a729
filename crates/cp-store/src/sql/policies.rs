//! Statements about policies.

cp_db::statements! {
    /// A project's capture policy.
    FIND_CAPTURE_POLICY = "SELECT project_id, version, document, changed_at FROM capture_policies
                            WHERE org_id = $1 AND project_id = $2";

    /// Every project's capture policy.
    LIST_CAPTURE_POLICIES = "SELECT project_id, version, document, changed_at FROM capture_policies";

    /// A project's first capture policy. Changes nothing where there is one.
    CREATE_CAPTURE_POLICY = "INSERT INTO capture_policies (org_id, project_id, version, document, changed_at)
                             VALUES ($1, $2, 1, $3, $4)
                             ON CONFLICT (project_id) DO NOTHING";

    /// Replaces a project's capture policy, if it is still the one that was seen.
    REPLACE_CAPTURE_POLICY = "UPDATE capture_policies SET version = version + 1, document = $3, changed_at = $4
                               WHERE org_id = $1 AND project_id = $2 AND version = $5";
}
