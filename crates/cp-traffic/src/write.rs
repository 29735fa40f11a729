//! Writing a batch of the log.
//!
//! Everything that costs processor time, and looking up which bodies are stored already, comes before the transaction,
//! which then consists of a handful of bulk statements. Rows are written in the order of their keys, so that two nodes
//! that store the same messages do not deadlock.

use std::collections::BTreeMap;

use cp_base::{CallId, Digest, NodeId, ProjectId, ProjectScope};
use cp_db::{Args, Tx, args};

use crate::content::{Bodies, Sealer};
use crate::store::StoreError;
use crate::{Batch, CallSummary, FinishedCall, LogCursor, TrafficStore, Write, columns, sql};

/// Pieces of a batch that is no backlog.
const SMALL_BATCH: usize = 128;

type CallKey = (ProjectId, CallId);

/// The writes between two restarts of the node, one row for each call.
#[derive(Default)]
struct Run {
    opened: BTreeMap<CallKey, Args>,
    finished: BTreeMap<CallKey, Args>,
    restarted: Option<NodeId>,
}

impl Run {
    fn open(&mut self, scope: ProjectScope, call: &CallSummary) {
        let key = (scope.project(), call.call);
        if !self.finished.contains_key(&key) {
            self.opened.entry(key).or_insert_with(|| columns::to_args(scope, call, None, None));
        }
    }
}

/// A batch, ready to be written.
#[derive(Default)]
struct Plan {
    /// Never empty; only the last has no restart after it.
    runs: Vec<Run>,
    contents: BTreeMap<CallKey, Args>,
    handles: BTreeMap<(Digest, CallKey), Args>,
    bodies: BTreeMap<ProjectId, (ProjectScope, Bodies)>,
    continued: BTreeMap<ProjectId, BTreeMap<CallId, Args>>,
}

/// Lets whoever waits for this processor go first, where there is little to do: between two pieces of a batch of `count`.
/// Storing comes in bursts, and a call should not wait for the whole of one. A large batch has a backlog to work off, and
/// on a busy machine whoever gives way waits long.
pub fn give_way(count: usize) {
    if count <= SMALL_BATCH {
        std::thread::yield_now();
    }
}

impl TrafficStore {
    /// Stores a batch and moves the consumer's cursor, all or nothing. Storing it again, or a part of it, changes
    /// nothing: the first opening and the first ending of a call stay, and an ending outweighs `lost`.
    ///
    /// On a retryable error nothing is stored; the same stretch of the log can be read and stored again.
    pub async fn write_batch(&self, batch: Batch) -> Result<(), StoreError> {
        let plan = self.plan(batch.writes)?;
        let bodies = self.seal_new_bodies(plan.bodies).await?;
        let mut tx = self.db.begin_write().await?;
        tx.execute_many(sql::STORE_BODIES, args![], bodies).await?;
        tx.execute_many(sql::STORE_CONTENTS, args![], plan.contents.into_values().collect()).await?;
        tx.execute_many(sql::STORE_HANDLES, args![], plan.handles.into_values().collect()).await?;
        for run in plan.runs {
            store_run(&mut tx, run).await?;
        }
        for (project, parents) in plan.continued {
            tx.execute_many(sql::MARK_CONTINUED, args![project], parents.into_values().collect()).await?;
        }
        if let Some(cursor) = batch.cursor {
            move_cursor(&mut tx, cursor).await?;
        }
        Ok(tx.commit().await?)
    }

    fn plan(&self, writes: Vec<Write>) -> Result<Plan, StoreError> {
        let mut sealer = Sealer::new(&self.random)?;
        let mut plan = Plan::default();
        let mut run = Run::default();
        let count = writes.len();
        for write in writes {
            give_way(count);
            match write {
                Write::Opened(scope, call) => run.open(scope, &call),
                Write::Finished(call) => self.plan_finished(&mut plan, &mut run, &mut sealer, *call)?,
                Write::Restarted(node) => {
                    run.restarted = Some(node);
                    plan.runs.push(std::mem::take(&mut run));
                }
            }
        }
        plan.runs.push(run);
        Ok(plan)
    }

    fn plan_finished(
        &self,
        plan: &mut Plan,
        run: &mut Run,
        sealer: &mut Sealer<'_>,
        call: FinishedCall,
    ) -> Result<(), StoreError> {
        let (scope, id) = (call.scope, call.summary.call);
        let key = (scope.project(), id);
        if plan.contents.contains_key(&key) {
            return Ok(());
        }
        let vault = self.vault(scope)?;
        let tip = call.chain_tip.map(|tip| vault.chain_tip(call.summary.client_fingerprint, &tip));
        run.opened.remove(&key);
        run.finished.insert(key, columns::to_args(scope, &call.summary, tip, call.parent));
        if let Some(parent) = call.parent {
            plan.continued.entry(scope.project()).or_default().insert(parent, args![parent]);
        }
        for handle in &call.handles {
            plan.handles.insert((*handle, key), args![scope.org(), scope, *handle, id]);
        }
        let (_, bodies) = plan.bodies.entry(scope.project()).or_insert_with(|| (scope, Bodies::new()));
        let contents = vault.take_apart(sealer, call, bodies)?;
        plan.contents.insert(key, args![scope.org(), scope, id, contents.document, contents.refs]);
        Ok(())
    }

    /// Seals what is not stored yet. What another node stores meanwhile is sealed in vain, and the first stays.
    async fn seal_new_bodies(
        &self,
        projects: BTreeMap<ProjectId, (ProjectScope, Bodies)>,
    ) -> Result<Vec<Args>, StoreError> {
        let mut rows = Vec::new();
        for (scope, mut bodies) in projects.into_values() {
            let hashes = bodies.keys().map(|hash| args![*hash]).collect();
            let mut tx = self.db.begin_read_to_write().await?;
            for row in tx.fetch_many(sql::LIST_STORED_HASHES, args![scope], hashes).await? {
                bodies.remove(&row.get::<Digest>("hash")?);
            }
            drop(tx);
            let vault = self.vault(scope)?;
            let mut sealer = Sealer::new(&self.random)?;
            for (hash, plain) in bodies.into_iter().collect::<BTreeMap<_, _>>() {
                let sealed = vault.seal_body(&mut sealer, &hash, &plain)?;
                rows.push(args![scope.org(), scope, hash, sealed]);
            }
        }
        Ok(rows)
    }
}

async fn store_run(tx: &mut Tx, run: Run) -> Result<(), StoreError> {
    tx.execute_many(sql::STORE_OPENED, args![], run.opened.into_values().collect()).await?;
    tx.execute_many(sql::STORE_FINISHED, args![], run.finished.into_values().collect()).await?;
    if let Some(node) = run.restarted {
        tx.execute(sql::MARK_LOST, args![node]).await?;
    }
    Ok(())
}

async fn move_cursor(tx: &mut Tx, cursor: LogCursor) -> Result<(), StoreError> {
    let LogCursor { node, consumer, from, position } = cursor;
    let moved = match from {
        None => tx.execute(sql::CREATE_CURSOR, args![node, consumer, position]).await?,
        Some(from) => tx.execute(sql::MOVE_CURSOR, args![node, consumer, position, from]).await?,
    };
    if moved == 0 { Err(StoreError::CursorMoved) } else { Ok(()) }
}
