//! How long things are kept, and what must be kept longer.

use cp_base::{CallId, Digest, LegalHoldId, ProjectScope, Timestamp};
use cp_db::{DbError, Row, Tx, args};

use crate::bootstrap::scope_of;
use crate::sql::retention as sql;

/// How long a project keeps what, in days; for ever where there is no number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// What was said in calls.
    pub bodies_days: Option<u64>,
    /// Calls at all.
    pub metadata_days: Option<u64>,
    /// Scores.
    pub scores_days: Option<u64>,
}

/// An order to keep what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegalHold {
    /// The hold.
    pub id: LegalHoldId,
    /// What it holds.
    pub held: Held,
    /// Why.
    pub reason: String,
    /// Who placed it.
    pub placed_by: String,
    /// When.
    pub placed_at: Timestamp,
}

/// What a hold holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// All of the project.
    Project,
    /// What names a person, by the digest of their label.
    Person(Digest),
    /// A call.
    Call(CallId),
}

fn policy(row: &Row) -> Result<RetentionPolicy, DbError> {
    Ok(RetentionPolicy {
        bodies_days: row.get_optional("bodies_days")?,
        metadata_days: row.get_optional("metadata_days")?,
        scores_days: row.get_optional("scores_days")?,
    })
}

/// The project's policy.
pub async fn find_retention(tx: &mut Tx, scope: ProjectScope) -> Result<RetentionPolicy, DbError> {
    let row = tx.fetch_optional(sql::FIND_POLICY, args![scope]).await?;
    row.as_ref().map_or(Ok(RetentionPolicy::default()), policy)
}

/// Gives the project another policy.
pub async fn set_retention(
    tx: &mut Tx,
    scope: ProjectScope,
    policy: RetentionPolicy,
    now: Timestamp,
) -> Result<(), DbError> {
    let RetentionPolicy { bodies_days, metadata_days, scores_days } = policy;
    let args = args![scope.org(), scope, bodies_days, metadata_days, scores_days, now];
    tx.execute(sql::SET_POLICY, args).await?;
    Ok(())
}

/// Every project with a policy: for the one who keeps house.
pub async fn list_retention(tx: &mut Tx) -> Result<Vec<(ProjectScope, RetentionPolicy)>, DbError> {
    let rows = tx.fetch_all(sql::LIST_POLICIES, args![]).await?;
    rows.iter().map(|row| Ok((scope_of(row)?, policy(row)?))).collect()
}

/// Places a hold.
pub async fn create_hold(tx: &mut Tx, scope: ProjectScope, hold: &LegalHold) -> Result<(), DbError> {
    let (person, call) = match hold.held {
        Held::Project => (None, None),
        Held::Person(person) => (Some(person), None),
        Held::Call(call) => (None, Some(call)),
    };
    let (reason, placed_by) = (hold.reason.as_str(), hold.placed_by.as_str());
    let args = args![scope.org(), scope, hold.id, person, call, reason, placed_by, hold.placed_at];
    tx.execute(sql::CREATE_HOLD, args).await?;
    Ok(())
}

/// The holds that are in force, latest first.
pub async fn list_holds(tx: &mut Tx, scope: ProjectScope) -> Result<Vec<LegalHold>, DbError> {
    let hold = |row: &Row| {
        let held = match (row.get_optional("person")?, row.get_optional("call_id")?) {
            (Some(person), _) => Held::Person(person),
            (None, Some(call)) => Held::Call(call),
            (None, None) => Held::Project,
        };
        Ok(LegalHold {
            id: row.get("hold_id")?,
            held,
            reason: row.get("reason")?,
            placed_by: row.get("placed_by")?,
            placed_at: row.get("placed_at")?,
        })
    };
    tx.fetch_all(sql::LIST_HOLDS, args![scope]).await?.iter().map(hold).collect()
}

/// Releases a hold. Whether it was in force.
pub async fn release_hold(
    tx: &mut Tx,
    scope: ProjectScope,
    hold: LegalHoldId,
    now: Timestamp,
) -> Result<bool, DbError> {
    Ok(tx.execute(sql::RELEASE_HOLD, args![scope, hold, now]).await? > 0)
}
