//! Retention: what is older than a project's policy goes, in steps between which others write. What is held stays.

use cp_base::{CallId, Digest, ProjectScope, Timestamp};
use cp_db::{Filter, Tx, args};

use crate::collect::{mark, refs_of};
use crate::store::StoreError;
use crate::{CallCursor, TrafficStore, sql};

/// Calls that are looked at in one step.
const STEP: usize = 200;

/// What must stay, whatever the policy says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// Everything.
    pub project: bool,
    /// What names these people.
    pub people: Vec<Digest>,
    /// These calls.
    pub calls: Vec<CallId>,
}

/// What became of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Calls that lost their contents, or went.
    pub calls: u64,
    /// Where the next step begins; absent at the end.
    pub next: Option<CallCursor>,
}

impl TrafficStore {
    /// Deletes what was said in calls that began before `before`; their columns stay.
    pub async fn expire_bodies(
        &self,
        scope: ProjectScope,
        before: Timestamp,
        holds: &Holds,
        after: Option<CallCursor>,
    ) -> Result<Expired, StoreError> {
        let mut tx = self.db.begin_write(scope).await?;
        tx.hold_alone(scope.project()).await?;
        let (calls, next) = expired(&mut tx, scope, before, (holds, after)).await?;
        let calls = delete_contents(&mut tx, scope, &calls).await?;
        tx.commit().await?;
        Ok(Expired { calls, next })
    }

    /// Deletes calls that began before `before`, whole.
    pub async fn expire_calls(
        &self,
        scope: ProjectScope,
        before: Timestamp,
        holds: &Holds,
        after: Option<CallCursor>,
    ) -> Result<Expired, StoreError> {
        let mut tx = self.db.begin_write(scope).await?;
        tx.hold_alone(scope.project()).await?;
        let (calls, next) = expired(&mut tx, scope, before, (holds, after)).await?;
        delete_contents(&mut tx, scope, &calls).await?;
        let rows: Vec<_> = calls.iter().map(|call| args![*call]).collect();
        tx.execute_many(sql::DELETE_HANDLES, args![scope], rows.clone()).await?;
        tx.execute_many(sql::DELETE_COST_CHANGES, args![scope], rows.clone()).await?;
        let calls = tx.execute_many(sql::DELETE_CALLS, args![scope], rows).await?;
        tx.commit().await?;
        Ok(Expired { calls, next })
    }

    /// Whether calls that name the person are held, and so keep them from being erased.
    pub async fn holds_call_of(
        &self,
        scope: ProjectScope,
        person: Digest,
        calls: &[CallId],
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin_read(scope).await?;
        let rows = calls.iter().map(|call| args![*call]).collect();
        Ok(!tx.fetch_many(sql::LIST_HELD_CALLS, args![scope, person], rows).await?.is_empty())
    }
}

/// The next calls that began before `before` and are not held.
async fn expired(
    tx: &mut Tx,
    scope: ProjectScope,
    before: Timestamp,
    (holds, after): (&Holds, Option<CallCursor>),
) -> Result<(Vec<CallId>, Option<CallCursor>), StoreError> {
    if holds.project {
        return Ok((Vec::new(), None));
    }
    let mut filter = Filter::default();
    if let Some(after) = after {
        filter.and("(started_at, call_id) > ($1, $2)", args![after.started_at, after.call]);
    }
    for person in &holds.people {
        filter.and(
            "NOT EXISTS (SELECT 1 FROM call_handles AS h WHERE h.call_id = calls.call_id
                            AND h.project_id = calls.project_id AND h.handle = $1)",
            args![*person],
        );
    }
    for call in &holds.calls {
        filter.and("call_id <> $1", args![*call]);
    }
    let rows = tx.fetch_filtered(sql::LIST_EXPIRED, args![scope, before, STEP as u64], filter).await?;
    let (mut calls, mut next) = (Vec::new(), None);
    for row in &rows {
        let call = row.get("call_id")?;
        next = Some(CallCursor { started_at: row.get("started_at")?, call });
        calls.push(call);
    }
    Ok((calls, next.filter(|_| rows.len() == STEP)))
}

async fn delete_contents(tx: &mut Tx, scope: ProjectScope, calls: &[CallId]) -> Result<u64, StoreError> {
    let rows: Vec<_> = calls.iter().map(|call| args![*call]).collect();
    let mut hashes = Vec::new();
    for row in tx.fetch_many(sql::LIST_REFS, args![scope], rows.clone()).await? {
        hashes.extend(refs_of(&row.get::<Vec<u8>>("refs")?)?.iter().map(|entry| entry.hash));
    }
    mark(tx, scope, hashes).await?;
    Ok(tx.execute_many(sql::DELETE_CONTENTS, args![scope], rows).await?)
}
