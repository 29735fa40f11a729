//! Collecting bodies that no call refers to any more.
//!
//! A deleted call marks its bodies. The collector reads what all calls refer to, in pages and outside of any transaction, unmarks
//! what it finds, and deletes the rest. A call that is stored meanwhile unmarks what it refers to, and one that was planned
//! before the bodies went is planned again.

use std::collections::BTreeSet;

use cp_base::{CallId, Digest, ProjectScope};
use cp_db::{Args, Tx, args};

use crate::content::{Ref, refs_from_bytes};
use crate::ground::enter_epoch;
use crate::store::StoreError;
use crate::{TrafficStore, sql};

/// Marks that are looked into at once: each takes a look at all of the project's calls.
const MARKS: u64 = 20_000;
/// Calls whose references are in memory at once.
const PAGE: u64 = 1_000;
/// Bodies that go in one transaction.
const STEP: usize = 500;

/// What was collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Marks that were looked into.
    pub looked_into: u64,
    /// Bodies that are gone.
    pub bodies: u64,
    /// Their bytes, as sealed.
    pub bytes: u64,
}

impl TrafficStore {
    /// Collects what can be. Nothing was looked into when nothing is left to do.
    pub async fn collect_garbage(&self, scope: ProjectScope) -> Result<Collected, StoreError> {
        let mut tx = self.db.begin_read(scope).await?;
        let rows = tx.fetch_all(sql::LIST_GARBAGE, args![scope, MARKS]).await?;
        drop(tx);
        let marked = rows.iter().map(|row| row.get("hash")).collect::<Result<BTreeSet<Digest>, _>>()?;
        let mut collected = Collected { looked_into: marked.len() as u64, ..Collected::default() };
        let unneeded = self.unneeded(scope, marked.clone()).await?;
        let needed: Vec<_> = marked.difference(&unneeded).map(|hash| args![*hash]).collect();
        if !needed.is_empty() {
            let mut tx = self.db.begin_write(scope).await?;
            tx.execute_many(sql::UNMARK_GARBAGE, args![scope], needed).await?;
            tx.commit().await?;
        }
        let unneeded: Vec<_> = unneeded.into_iter().map(|hash| args![hash]).collect();
        for step in unneeded.chunks(STEP) {
            let mut tx = self.db.begin_write(scope).await?;
            enter_epoch(&mut tx, scope).await?;
            let (bodies, bytes) = delete_marked(&mut tx, scope, step.to_vec()).await?;
            tx.commit().await?;
            collected.bodies += bodies;
            collected.bytes += bytes;
        }
        Ok(collected)
    }

    /// Those of `wanted` that no call refers to.
    async fn unneeded(
        &self,
        scope: ProjectScope,
        mut wanted: BTreeSet<Digest>,
    ) -> Result<BTreeSet<Digest>, StoreError> {
        let mut after = Some(CallId::from_uuid(Default::default()));
        while let Some(last) = after.filter(|_| !wanted.is_empty()) {
            let mut tx = self.db.begin_read(scope).await?;
            let rows = tx.fetch_all(sql::PAGE_REFS, args![scope, last, PAGE]).await?;
            drop(tx);
            after = None;
            for row in rows {
                for entry in refs_of(&row.get::<Vec<u8>>("refs")?)? {
                    wanted.remove(&entry.hash);
                }
                after = Some(row.get("call_id")?);
            }
        }
        Ok(wanted)
    }
}

/// Deletes those of the bodies that are marked still.
async fn delete_marked(
    tx: &mut Tx,
    scope: ProjectScope,
    hashes: Vec<Args>,
) -> Result<(u64, u64), StoreError> {
    let (mut still, mut bytes) = (Vec::new(), 0);
    for row in tx.fetch_many(sql::LIST_STILL_GARBAGE, args![scope], hashes.clone()).await? {
        still.push(args![row.get::<Digest>("hash")?]);
        bytes += row.get::<u64>("bytes")?;
    }
    let bodies = tx.execute_many(sql::DELETE_BODIES, args![scope], still).await?;
    // A mark without a body, too, has been looked into.
    tx.execute_many(sql::UNMARK_GARBAGE, args![scope], hashes).await?;
    Ok((bodies, bytes))
}

pub(crate) fn refs_of(bytes: &[u8]) -> Result<Vec<Ref>, StoreError> {
    refs_from_bytes(bytes).ok_or(StoreError::Damaged("list of bodies"))
}

/// Marks bodies for the collector, in the transaction in which the calls go that referred to them. It holds the project alone,
/// so that each write either is there for the collector to see, or sees the mark.
pub(crate) async fn mark(
    tx: &mut Tx,
    scope: ProjectScope,
    hashes: impl IntoIterator<Item = Digest>,
) -> Result<(), StoreError> {
    let hashes: BTreeSet<Digest> = hashes.into_iter().collect();
    let rows = hashes.into_iter().map(|hash| args![scope, hash]).collect();
    tx.execute_many(sql::MARK_GARBAGE, args![], rows).await?;
    Ok(())
}
