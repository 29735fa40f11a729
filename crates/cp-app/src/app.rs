//! The use cases.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use cp_base::{
    CallId, Clock, ConversationId, IdGenerator, KeyRing, MasterKey, ProjectId, ProjectScope, Random,
    SealingKey, SigningKey,
};
use cp_db::Db;
use cp_genai::PriceBook;
use cp_redact::CapturePolicy;
use cp_traffic::{
    CallCursor, CallDetail, CallFilter, CallPage, DetailPage, LiveCalls, StoreError, TrafficStatus,
    TrafficStore,
};
use tokio::sync::{Notify, watch};

use crate::access::Action;
use crate::act::Event;
use crate::entrance::Entrance;
use crate::gateway::GatewayLink;
use crate::ingest::ToldLog;
use crate::node::{NodeStatus, NotReady};
use crate::prompts::Measure;
use crate::shelf::Shelf;
use crate::{AppError, Ctx, Tail, chain};

/// How long the store may take to answer before the node counts as not ready.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Calls are counted up to here: a progress bar does not need more.
const MAX_COUNTED: u64 = 1_000_000;

/// What the use cases stand on.
pub struct Parts {
    /// The registry's database.
    pub db: Db,
    /// Wraps data keys.
    pub master: MasterKey,
    /// Signs in the name of the installation.
    pub signing: SigningKey,
    /// Seals what belongs to the installation and to no project.
    pub installation: SealingKey,
    /// Where projects' keys are known.
    pub ring: KeyRing,
    /// Wakes the one who keeps house.
    pub nudge: Arc<Notify>,
    /// Makes keys.
    pub random: Arc<Random>,
    /// Whether nobody but this machine reaches the API. Where others do, behind a proxy here perhaps, nobody acts without
    /// having signed up.
    pub is_private: bool,
    /// The project that is meant where none is named.
    pub scope: ProjectScope,
    /// Calls stored.
    pub traffic: TrafficStore,
    /// Calls as they come.
    pub live: LiveCalls,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: IdGenerator,
    /// What calls cost.
    pub prices: PriceBook,
    /// Which provider's prices apply to which provider; its own to one that is not here.
    pub price_lists: BTreeMap<String, String>,
    /// The gateway, which goes by what is changed here.
    pub gateway: GatewayLink,
    /// The key of fingerprints of clients' credentials.
    pub fingerprint_key: SealingKey,
    /// What only the program knows.
    pub node: Arc<dyn Fn() -> NodeStatus + Send + Sync>,
    /// Providers that people sign in with.
    pub providers: cp_oidc::Providers,
    /// Where calls go that clients tell of.
    pub told: ToldLog,
    /// Hands a project's new capture policy to those who act on it.
    pub set_policy: Arc<dyn Fn(ProjectId, CapturePolicy) + Send + Sync>,
    /// Measures versions of prompts.
    pub measure: Measure,
}

/// The use cases of one node. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) parts: Arc<Parts>,
    pub(crate) stopped: watch::Sender<bool>,
    /// Whether anybody has signed up, once somebody has.
    pub(crate) claimed: Arc<AtomicBool>,
    pub(crate) entrance: Arc<Entrance>,
    pub(crate) shelf: Arc<Shelf>,
}

/// The state of the node and its store.
#[derive(Clone, Debug)]
pub struct Status {
    /// The node.
    pub node: NodeStatus,
    /// The project in numbers, or why the store does not tell.
    pub traffic: Result<TrafficStatus, String>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("scope", &self.parts.scope).finish_non_exhaustive()
    }
}

impl App {
    /// The use cases over `parts`.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            stopped: watch::Sender::new(false),
            claimed: Arc::default(),
            entrance: Arc::default(),
            shelf: Arc::default(),
        }
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.parts.clock
    }

    /// Ends every live tail, so that the listener can drain.
    pub fn stop_tails(&self) {
        self.stopped.send_replace(true);
    }

    /// A page of calls, newest first.
    pub async fn list_calls(
        &self,
        ctx: &Ctx,
        filter: &CallFilter,
        after: Option<CallCursor>,
        limit: usize,
    ) -> Result<CallPage, AppError> {
        require_for(ctx, filter)?;
        Ok(self.parts.traffic.list_calls(ctx.scope, filter, after, limit).await?)
    }

    /// One call, whole.
    pub async fn get_call(&self, ctx: &Ctx, call: CallId) -> Result<CallDetail, AppError> {
        ctx.require(Action::ReadBodies)?;
        let found = self.parts.traffic.find_call(ctx.scope, call).await?;
        let found = found.ok_or_else(|| AppError::not_found(format_args!("call {call}")))?;
        self.note(ctx, Event::new("call.read", call)).await?;
        Ok(found)
    }

    /// A page of a conversation's calls, oldest first.
    pub async fn list_conversation(
        &self,
        ctx: &Ctx,
        conversation: ConversationId,
        after: Option<CallCursor>,
        limit: usize,
    ) -> Result<CallPage, AppError> {
        ctx.require(Action::ReadCalls)?;
        let page = self.parts.traffic.list_conversation(ctx.scope, conversation, after, limit).await?;
        if page.calls.is_empty() && after.is_none() {
            return Err(AppError::not_found(format_args!("conversation {conversation}")));
        }
        Ok(page)
    }

    /// The calls that pass `filter` from now on, but for its `text`.
    pub fn tail(&self, ctx: &Ctx, filter: CallFilter) -> Result<Tail, AppError> {
        ctx.require(Action::ReadCalls)?;
        Ok(Tail { calls: self.parts.live.subscribe(ctx.scope), filter, stopped: self.stopped.subscribe() })
    }

    /// How many calls pass `filter`, its `text` aside: an estimate, for progress bars.
    pub async fn estimate_calls(&self, ctx: &Ctx, filter: &CallFilter) -> Result<u64, AppError> {
        ctx.require(Action::ReadCalls)?;
        Ok(self.parts.traffic.count_calls(ctx.scope, filter, MAX_COUNTED).await?)
    }

    /// Begins an export of whole calls: it goes on record once, and not with each page.
    pub async fn begin_export(&self, ctx: &Ctx, described: &str) -> Result<(), AppError> {
        ctx.require(Action::ReadBodies)?;
        self.note(ctx, Event::new("calls.export", ctx.scope.project()).detail(described)).await
    }

    /// A page of whole calls, newest first.
    pub async fn export_page(
        &self,
        ctx: &Ctx,
        filter: &CallFilter,
        after: Option<CallCursor>,
        limit: usize,
    ) -> Result<DetailPage, AppError> {
        ctx.require(Action::ReadBodies)?;
        Ok(self.parts.traffic.list_details(ctx.scope, filter, after, limit).await?)
    }

    /// The state of the node and its store. It is asked for most when something is down: the store's own state may be
    /// missing from it.
    pub async fn status(&self, ctx: &Ctx) -> Result<Status, AppError> {
        ctx.require(Action::ReadOperations)?;
        let traffic = in_time(self.parts.traffic.status(ctx.scope)).await;
        Ok(Status { node: (self.parts.node)(), traffic })
    }

    /// The state of the node alone, while the store does not answer and so nobody can be known.
    pub async fn status_of_node(&self) -> Status {
        let reason = match in_time(self.parts.traffic.probe()).await {
            Ok(()) => "it did not answer, and does again".to_owned(),
            Err(reason) => reason,
        };
        Status { node: (self.parts.node)(), traffic: Err(reason) }
    }

    /// Whether the node can really write and read: the store is written and read, the log and the pipeline are asked.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let store = in_time(self.parts.traffic.probe()).await;
        let node = (self.parts.node)();
        let parts = [
            ("store", store.err()),
            ("pipeline", node.pipeline.last_error),
            ("capture_log", node.log.last_error),
        ];
        let failing: Vec<_> = parts.into_iter().filter_map(|(part, error)| Some((part, error?))).collect();
        if failing.is_empty() { Ok(()) } else { Err(NotReady { failing }) }
    }
}

/// What the store answers, or why it does not.
async fn in_time<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, String> {
    match tokio::time::timeout(PROBE_TIMEOUT, answer).await {
        Ok(answer) => answer.map_err(|error| chain(&error)),
        Err(_) => Err(format!("no answer within {} s", PROBE_TIMEOUT.as_secs())),
    }
}

/// Looking for a text tells what is in bodies.
fn require_for(ctx: &Ctx, filter: &CallFilter) -> Result<(), AppError> {
    ctx.require(if filter.text.is_some() { Action::ReadBodies } else { Action::ReadCalls })
}
