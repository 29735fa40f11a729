//! The one who keeps house: learns of new keys, carries out erasures, and deletes what is older than a project's policy.
//!
//! All of it is done in steps that may be done again, by this node or another one. What is to be done stands in the registry;
//! here is remembered only how far retention has looked.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cp_base::{
    Clock, InstallationScope, KeyRing, MasterKey, ProjectId, ProjectScope, SigningKey, Tick, Timestamp,
};
use cp_capture::{Log, Position};
use cp_db::Db;
use cp_store::{Erased, Erasure, ErasureCertificate, ErasureState, Held, LegalHold, RetentionPolicy};
use cp_traffic::{CallCursor, Expired, Holds, StoreError, TrafficStore};
use metrics::{counter, describe_counter};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often somebody looks whether there is something to do.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often, while an erasure waits for a log.
const AWAIT_EVERY: Duration = Duration::from_millis(200);
/// How often retention is looked after.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the keeper is made of.
#[derive(Debug)]
pub struct KeeperParts {
    /// The registry.
    pub db: Db,
    /// The calls.
    pub traffic: TrafficStore,
    /// This node's log.
    pub log: Log,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Unwraps keys.
    pub master: MasterKey,
    /// Where keys are known.
    pub ring: KeyRing,
    /// Signs certificates.
    pub signing: SigningKey,
    /// Wakes the keeper.
    pub nudge: Arc<Notify>,
}

/// Keeps house.
#[derive(Debug)]
pub struct Keeper {
    parts: KeeperParts,
    expired_at: Option<Tick>,
    progress: HashMap<(ProjectId, Kind), Progress>,
}

/// What goes by its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Bodies,
    Calls,
}

/// Everything before this was looked at, under these holds.
#[derive(Debug, Default)]
struct Progress {
    after: Option<CallCursor>,
    holds: Holds,
}

impl Keeper {
    /// A keeper.
    #[must_use]
    pub fn new(parts: KeeperParts) -> Self {
        describe_counter!(
            "codepromptu_calls_expired_total",
            "Calls that lost what was said in them, or went, and scores that went"
        );
        describe_counter!("codepromptu_bodies_collected_total", "Bodies that no call referred to any more");
        Self { parts, expired_at: None, progress: HashMap::new() }
    }

    /// Runs on a thread of its own, named `keeper`, until `stop` is cancelled.
    ///
    /// # Errors
    /// When the system gives no thread.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn start(self, stop: CancellationToken) -> io::Result<JoinHandle<()>> {
        let runtime = Handle::current();
        std::thread::Builder::new().name("keeper".to_owned()).spawn(move || runtime.block_on(self.run(stop)))
    }

    async fn run(mut self, stop: CancellationToken) {
        loop {
            let working = stop.run_until_cancelled(self.keep()).await;
            let pause = match working {
                None => return,
                Some(Ok(true)) => AWAIT_EVERY,
                Some(Ok(false)) => LOOK_EVERY,
                Some(Err(error)) => {
                    tracing::error!(%error, "what is to be deleted is still there; it is tried again");
                    LOOK_EVERY
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.parts.nudge.notified() => {}
            }
        }
    }

    /// Does what there is to do. True where an erasure waits for a log.
    ///
    /// # Errors
    /// When the store fails: everything that was not done is done by the next try.
    pub async fn keep(&mut self) -> Result<bool, Box<dyn Error + Send + Sync>> {
        let KeeperParts { db, master, ring, .. } = &self.parts;
        cp_store::refresh_keys(db, master, ring).await?;
        let mut tx = db.begin_read(InstallationScope::grant()).await?;
        let erasures = cp_store::list_erasures(&mut tx).await?;
        drop(tx);
        let mut is_waiting = false;
        for erasure in erasures {
            is_waiting |= !self.erase(erasure).await?;
        }
        let now = self.parts.clock.ticks();
        if self.expired_at.is_none_or(|last| now.since(last) >= EXPIRE_EVERY) {
            self.expire().await?;
            self.expired_at = Some(now);
        }
        Ok(is_waiting)
    }

    /// Carries an erasure on. True at its end.
    async fn erase(&self, mut erasure: Erasure) -> Result<bool, Box<dyn Error + Send + Sync>> {
        if erasure.state == ErasureState::Erasing && !self.erase_from_store(&mut erasure).await? {
            return Ok(false);
        }
        self.erase_from_log(&erasure).await
    }

    /// False where the store's own files hold something still, since somebody reads an earlier state of it.
    async fn erase_from_store(&self, erasure: &mut Erasure) -> Result<bool, Box<dyn Error + Send + Sync>> {
        let KeeperParts { db, traffic, log, .. } = &self.parts;
        let Erasure { scope, person, requested_at: until, .. } = *erasure;
        let secrets = traffic.shred_person(scope, person, until).await?;
        erasure.secrets = secrets.iter().map(ToString::to_string).collect();
        loop {
            let step = traffic.erase_step(scope, person, until, &secrets).await?;
            if step.is_nothing() {
                break;
            }
            add(&mut erasure.erased, step);
            let mut tx = db.begin_write(scope).await?;
            cp_store::save_erasure(&mut tx, erasure).await?;
            tx.commit().await?;
        }
        self.collect(scope).await?;
        // Before the log may go: what it holds of others must be in the store for good.
        if !traffic.release_space().await? {
            return Ok(false);
        }
        let mut nodes = traffic.list_nodes().await?;
        nodes.push(log.node());
        erasure.state = ErasureState::Log;
        let mut tx = db.begin_write(scope).await?;
        cp_store::await_logs(&mut tx, erasure.id, &nodes).await?;
        cp_store::save_erasure(&mut tx, erasure).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Has this node's log forget, and ends the erasure once all have.
    async fn erase_from_log(&self, erasure: &Erasure) -> Result<bool, Box<dyn Error + Send + Sync>> {
        let KeeperParts { db, log, clock, signing, .. } = &self.parts;
        let mut tx = db.begin_write(erasure.scope).await?;
        let end = i64::try_from(log.written().borrow().0)?;
        cp_store::set_log_position(&mut tx, erasure.id, log.node(), end).await?;
        let logs = cp_store::list_erasure_logs(&mut tx, erasure.id).await?;
        let ours = logs.iter().find(|known| known.node == log.node() && known.gone_at.is_none());
        if let Some(position) = ours.and_then(|ours| ours.position) {
            let upto = Position(u64::try_from(position)?);
            log.forget(upto);
            if log.has_forgotten(upto) {
                cp_store::set_log_gone(&mut tx, erasure.id, log.node(), clock.now()).await?;
            }
        }
        let logs = cp_store::list_erasure_logs(&mut tx, erasure.id).await?;
        let is_gone = logs.iter().all(|log| log.gone_at.is_some());
        if is_gone {
            let statement = erasure.statement(&logs, clock.now());
            let certificate = ErasureCertificate::sign(statement, signing).to_json();
            cp_store::finish_erasure(&mut tx, erasure.id, &certificate).await?;
        }
        tx.commit().await?;
        Ok(is_gone)
    }

    /// Deletes what is older than the projects' policies.
    async fn expire(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        let mut projects = Vec::new();
        for (scope, policy) in cp_store::list_retention(&mut tx).await? {
            projects.push((scope, policy, holds(cp_store::list_holds(&mut tx, scope).await?)));
        }
        drop(tx);
        let mut expired = 0;
        for (scope, policy, holds) in projects {
            let now = self.parts.clock.now();
            let RetentionPolicy { bodies_days, metadata_days, scores_days } = policy;
            for (kind, days) in [(Kind::Calls, metadata_days), (Kind::Bodies, bodies_days)] {
                if let Some(before) = days.and_then(|days| age(now, days)) {
                    expired += self.expire_kind(scope, (kind, before), &holds).await?;
                }
            }
            if let Some(before) = scores_days.and_then(|days| age(now, days)) {
                expired += self.expire_scores(scope, before, &holds).await?;
            }
            self.collect(scope).await?;
        }
        if expired > 0 {
            counter!("codepromptu_calls_expired_total").increment(expired);
            self.parts.traffic.release_space().await?;
        }
        Ok(())
    }

    async fn expire_kind(
        &mut self,
        scope: ProjectScope,
        (kind, before): (Kind, Timestamp),
        holds: &Holds,
    ) -> Result<u64, StoreError> {
        let progress = self.progress.entry((scope.project(), kind)).or_default();
        if progress.holds != *holds {
            // What was held may be free now.
            *progress = Progress { after: None, holds: holds.clone() };
        }
        let traffic = &self.parts.traffic;
        let mut expired = 0;
        loop {
            let Expired { calls, next } = match kind {
                Kind::Bodies => traffic.expire_bodies(scope, before, holds, progress.after).await?,
                Kind::Calls => traffic.expire_calls(scope, before, holds, progress.after).await?,
            };
            expired += calls;
            if next.is_none() {
                return Ok(expired);
            }
            progress.after = next;
        }
    }

    async fn expire_scores(
        &self,
        scope: ProjectScope,
        before: Timestamp,
        holds: &Holds,
    ) -> Result<u64, StoreError> {
        let mut expired = 0;
        loop {
            match self.parts.traffic.expire_scores(scope, before, holds).await? {
                0 => return Ok(expired),
                step => expired += step,
            }
        }
    }

    async fn collect(&self, scope: ProjectScope) -> Result<(), StoreError> {
        loop {
            let collected = self.parts.traffic.collect_garbage(scope).await?;
            if collected.looked_into == 0 {
                return Ok(());
            }
            counter!("codepromptu_bodies_collected_total").increment(collected.bodies);
        }
    }
}

/// What the holds come to.
fn holds(placed: Vec<LegalHold>) -> Holds {
    let mut holds = Holds::default();
    for hold in placed {
        match hold.held {
            Held::Project => holds.project = true,
            Held::Person(person) => holds.people.push(person),
            Held::Call(call) => holds.calls.push(call),
        }
    }
    holds
}

/// So many days ago; none where that is before all time.
fn age(now: Timestamp, days: u64) -> Option<Timestamp> {
    let days = u32::try_from(days).ok()?;
    Some(now.before(DAY.checked_mul(days)?))
}

fn add(erased: &mut Erased, step: cp_traffic::Erased) {
    erased.calls += step.calls;
    erased.unnamed_calls += step.unnamed;
    erased.labels += step.handles;
    erased.cost_changes += step.cost_changes;
    erased.bodies += step.bodies;
    erased.stripped_exchanges += step.stripped;
    erased.scores += step.scores;
}
