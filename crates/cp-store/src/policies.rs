//! Policies of projects, as they are stored: JSON documents, which whoever uses them reads.

use cp_base::{ProjectId, ProjectScope, Timestamp};
use cp_db::{DbError, Row, Tx, args};

use crate::sql::policies as sql;

/// A project's capture policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPolicy {
    /// The project.
    pub project: ProjectId,
    /// Counts up with each change, from 1.
    pub version: u64,
    /// The policy, as JSON.
    pub document: String,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

fn policy(row: &Row) -> Result<StoredPolicy, DbError> {
    Ok(StoredPolicy {
        project: row.get("project_id")?,
        version: row.get("version")?,
        document: row.get("document")?,
        changed_at: row.get("changed_at")?,
    })
}

/// The project's capture policy; nothing where none was ever set.
pub async fn find_capture_policy(tx: &mut Tx, scope: ProjectScope) -> Result<Option<StoredPolicy>, DbError> {
    let row = tx.fetch_optional(sql::FIND_CAPTURE_POLICY, args![scope.org_scope(), scope]).await?;
    row.as_ref().map(policy).transpose()
}

/// Every project's capture policy: for the installation itself, which captures for all of them.
pub async fn list_capture_policies(tx: &mut Tx) -> Result<Vec<StoredPolicy>, DbError> {
    tx.fetch_all(sql::LIST_CAPTURE_POLICIES, args![]).await?.iter().map(policy).collect()
}

/// Replaces the project's capture policy of version `seen`, which is 0 for a project that has none. Whether it did: another
/// one may be there by now.
pub async fn set_capture_policy(
    tx: &mut Tx,
    scope: ProjectScope,
    seen: u64,
    document: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = if seen == 0 {
        tx.execute(sql::CREATE_CAPTURE_POLICY, args![scope.org_scope(), scope, document, now]).await?
    } else {
        let row = args![scope.org_scope(), scope, document, now, seen];
        tx.execute(sql::REPLACE_CAPTURE_POLICY, row).await?
    };
    Ok(changed > 0)
}
