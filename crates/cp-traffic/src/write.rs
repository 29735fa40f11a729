//! Writing a batch of the log.
//!
//! Everything that costs processor time, and looking up which bodies are stored already, comes before the transaction,
//! which then consists of a handful of bulk statements. Rows are written in the order of their keys, so that two nodes
//! that store the same messages do not deadlock.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use cp_base::{CallId, Digest, InstallationScope, NodeId, ProjectId, ProjectScope, SubjectKeyId};
use cp_db::{Args, Tx, args};

use crate::content::{Bodies, Contents, Sealer, Vault};
use crate::ground::{Ground, Grounds};
use crate::store::StoreError;
use crate::told::give_place;
use crate::{Batch, CallSummary, FinishedCall, LogCursor, Told, TrafficStore, Write, columns, sql};

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

/// The bodies of one project, those that belong to nobody and each person's.
type BodiesOfProject = BTreeMap<Option<SubjectKeyId>, (Vault, Bodies)>;

/// A batch, ready to be written.
#[derive(Default)]
struct Plan {
    /// Never empty; only the last has no restart after it.
    runs: Vec<Run>,
    contents: BTreeMap<CallKey, Args>,
    handles: BTreeMap<(Digest, CallKey), Args>,
    bodies: BTreeMap<ProjectId, BodiesOfProject>,
    continued: BTreeMap<ProjectId, BTreeMap<CallId, Args>>,
    /// Calls that take the place of what is stored of them, and what that is.
    told: BTreeMap<ProjectId, BTreeMap<CallId, Told>>,
    /// Calls whose people were erased before they ended.
    dropped: BTreeMap<ProjectId, BTreeMap<CallId, Args>>,
}

impl Plan {
    fn hashes(&self, project: ProjectId) -> Vec<Args> {
        let bodies = self.bodies.get(&project).into_iter().flat_map(BTreeMap::values);
        let hashes: BTreeSet<Digest> = bodies.flat_map(|(_, bodies)| bodies.keys().copied()).collect();
        hashes.into_iter().map(|hash| args![hash]).collect()
    }
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
        let grounds = self.grounds(&batch.writes).await?;
        let plan = self.plan(batch.writes, &grounds)?;
        let bodies = self.seal_new_bodies(&plan, &grounds).await?;
        let mut tx = self.db.begin_write(InstallationScope::grant()).await?;
        for (project, ground) in &grounds {
            let told = plan.told.get(project);
            let has_garbage = match told {
                Some(told) => ground.stand_alone(&mut tx).await? | give_place(&mut tx, ground, told).await?,
                None => ground.stand(&mut tx).await?,
            };
            if has_garbage {
                tx.execute_many(sql::UNMARK_GARBAGE, args![*project], plan.hashes(*project)).await?;
            }
        }
        tx.execute_many(sql::STORE_BODIES, args![], bodies).await?;
        tx.execute_many(sql::STORE_CONTENTS, args![], plan.contents.into_values().collect()).await?;
        tx.execute_many(sql::STORE_HANDLES, args![], plan.handles.into_values().collect()).await?;
        for run in plan.runs {
            store_run(&mut tx, run).await?;
        }
        for (project, calls) in plan.dropped {
            tx.execute_many(sql::DELETE_CALLS, args![project], calls.into_values().collect()).await?;
        }
        for (project, parents) in plan.continued {
            tx.execute_many(sql::MARK_CONTINUED, args![project], parents.into_values().collect()).await?;
        }
        if let Some(cursor) = batch.cursor {
            move_cursor(&mut tx, cursor).await?;
        }
        Ok(tx.commit().await?)
    }

    fn plan(&self, writes: Vec<Write>, grounds: &Grounds) -> Result<Plan, StoreError> {
        let mut sealer = Sealer::new(&self.random)?;
        let mut plan = Plan::default();
        let mut run = Run::default();
        let count = writes.len();
        for write in writes {
            give_way(count);
            match write {
                Write::Opened(scope, call) => {
                    if grounds.get(&scope.project()).is_none_or(|ground| !ground.was_erased(&call)) {
                        run.open(scope, &call);
                    }
                }
                Write::Finished(call) => {
                    let project = call.scope.project();
                    let ground = grounds.get(&project).ok_or(StoreError::NoDataKey(project))?;
                    plan_finished(&mut plan, &mut run, ground, &mut sealer, *call)?;
                }
                Write::Told(call, told) => {
                    let project = call.scope.project();
                    let ground = grounds.get(&project).ok_or(StoreError::NoDataKey(project))?;
                    plan.told.entry(project).or_default().insert(call.summary.call, told);
                    plan_finished(&mut plan, &mut run, ground, &mut sealer, *call)?;
                }
                Write::Restarted(node) => {
                    run.restarted = Some(node);
                    plan.runs.push(std::mem::take(&mut run));
                }
            }
        }
        plan.runs.push(run);
        Ok(plan)
    }

    /// Seals what is not stored yet. What another node stores meanwhile is sealed in vain, and the first stays.
    async fn seal_new_bodies(&self, plan: &Plan, grounds: &Grounds) -> Result<Vec<Args>, StoreError> {
        let mut rows = BTreeMap::new();
        for (project, ground) in grounds {
            let mut stored = HashSet::new();
            let mut tx = self.db.begin_read_to_write(ground.vault.scope).await?;
            let hashes = plan.hashes(*project);
            for row in tx.fetch_many(sql::LIST_STORED_HASHES, args![*project], hashes).await? {
                stored.insert(row.get::<Digest>("hash")?);
            }
            drop(tx);
            let mut sealer = Sealer::new(&self.random)?;
            let org = ground.vault.scope.org();
            for (subject, (vault, bodies)) in plan.bodies.get(project).into_iter().flatten() {
                for (hash, plain) in bodies.iter().filter(|(hash, _)| !stored.contains(*hash)) {
                    let sealed = vault.seal_body(&mut sealer, hash, plain)?;
                    rows.insert((*hash, *project), args![org, *project, *hash, sealed, *subject]);
                }
            }
        }
        Ok(rows.into_values().collect())
    }
}

fn plan_finished(
    plan: &mut Plan,
    run: &mut Run,
    ground: &Ground,
    sealer: &mut Sealer<'_>,
    mut call: FinishedCall,
) -> Result<(), StoreError> {
    let (scope, id) = (call.scope, call.summary.call);
    let key = (scope.project(), id);
    if plan.contents.contains_key(&key) {
        return Ok(());
    }
    run.opened.remove(&key);
    if ground.is_erased(&call) {
        plan.dropped.entry(scope.project()).or_default().insert(id, args![id]);
        return Ok(());
    }
    if ground.is_stripped(id) {
        call.raw = None;
    }
    let vault = ground.vault_of(&call);
    let tip = call.chain_tip.map(|tip| vault.chain_tip(call.summary.client_fingerprint, &tip));
    run.finished.insert(key, columns::to_args(scope, &call.summary, tip, call.parent));
    if let Some(parent) = call.parent {
        plan.continued.entry(scope.project()).or_default().insert(parent, args![parent]);
    }
    for handle in &call.handles {
        plan.handles.insert((*handle, key), args![scope.org(), scope, *handle, id]);
    }
    let (sent_by, fetched_by) = carriers(&call);
    let subject = vault.subject_id();
    let bodies = plan.bodies.entry(scope.project()).or_default();
    let (_, bodies) = bodies.entry(subject).or_insert_with(|| (vault.clone(), Bodies::new()));
    let Contents { document, refs } = vault.take_apart(sealer, call, bodies)?;
    let contents = args![scope.org(), scope, id, document, refs, subject, sent_by, fetched_by];
    plan.contents.insert(key, contents);
    Ok(())
}

/// The exchanges that carried the call's request and answer among those of others.
fn carriers(call: &FinishedCall) -> (Option<CallId>, Option<CallId>) {
    match &call.document.batch {
        Some(batch) => (batch.sent_by, Some(batch.fetched_by)),
        None => (None, None),
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
