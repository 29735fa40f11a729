//! The consumer that stores calls: reads a stretch of the log, derives, and writes it with the cursor behind it.

use std::collections::HashSet;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cp_base::{CallId, Clock, ConversationId, Digest, ProjectScope, Timestamp};
use cp_capture::{Closing, Log, Position, Reader, Record};
use cp_db::DbError;
use cp_genai::PriceBook;
use cp_redact::CapturePolicies;
use cp_traffic::{
    Batch, ChainParent, FinishedCall, LiveCalls, LogCursor, StoreError, TrafficStore, Write, give_way,
};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::derive::{Derived, Deriver, PriceLists, scope};
use crate::mates::Mates;
use crate::privacy::Privacy;
use crate::settle::{Settlements, news, settled};
use crate::thread::Chain;

/// The name under which this consumer keeps its place in the log.
pub const CONSUMER: &str = "store-calls";

/// Log read at a time; bounds the memory of a batch.
const BATCH_BYTES: usize = 1024 * 1024;
/// What is waited for more records to come before few are stored: fewer transactions, and still live.
const LINGER: Duration = Duration::from_millis(50);
/// How often a stretch is written anew at once when what it rests on has changed: a key, or somebody's erasure.
const MAX_REPLANNED: usize = 5;
/// Waits between tries while the log or the store is down.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the consumer is made of.
#[derive(Debug)]
pub struct StoreCallsParts {
    /// What it reads.
    pub log: Log,
    /// Where it writes.
    pub traffic: TrafficStore,
    /// Who hears of stored calls.
    pub live: LiveCalls,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What tokens cost.
    pub prices: PriceBook,
    /// Which list applies to which provider.
    pub price_lists: PriceLists,
    /// What projects want redacted.
    pub policies: watch::Receiver<Arc<CapturePolicies>>,
    /// Who hears what the calls of gateway keys used.
    pub settlements: Settlements,
    /// How long storing a stretch of the log may take. A server that is gone without a word would be waited for until
    /// somebody cut its connection.
    pub patience: Duration,
}

/// How the consumer is doing.
#[derive(Clone, Debug, Default)]
pub struct PipelineStatus {
    /// When it last stored something.
    pub last_stored_at: Option<Timestamp>,
    /// Why it cannot go on now; absent when it can.
    pub last_error: Option<String>,
}

/// Stores calls from the log. It reads files and decodes between awaits, and so has a thread of its own: neither waits
/// for the gateway, nor the gateway for it.
#[derive(Debug)]
pub struct StoreCalls {
    log: Log,
    pub(crate) traffic: TrafficStore,
    live: LiveCalls,
    clock: Arc<dyn Clock>,
    pub(crate) deriver: Deriver,
    pub(crate) privacy: Privacy,
    settlements: Settlements,
    patience: Duration,
    status: watch::Sender<PipelineStatus>,
}

/// What a look at the log came to.
enum Step {
    /// A stretch of it is stored, up to this position.
    Stored(i64),
    /// There is nothing more yet.
    AtEnd,
}

impl StoreCalls {
    /// A consumer, and its state for others to watch.
    #[must_use]
    pub fn new(parts: StoreCallsParts) -> (Self, watch::Receiver<PipelineStatus>) {
        describe_counter!("codepromptu_pipeline_calls_stored_total", "Ended calls that were stored");
        describe_counter!("codepromptu_pipeline_calls_failed_total", "Records passed over as not storable");
        describe_counter!("codepromptu_pipeline_errors_total", "Failed tries to read or store, tried again");
        describe_histogram!(
            "codepromptu_pipeline_batch_seconds",
            "Deriving and storing a stretch of the log"
        );
        describe_gauge!("codepromptu_pipeline_position", "Position in the log up to which calls are stored");
        let (status, watched) = watch::channel(PipelineStatus::default());
        let deriver = Deriver { prices: parts.prices, price_lists: parts.price_lists };
        let privacy = Privacy::new(parts.policies, parts.traffic.clone());
        let StoreCallsParts { log, traffic, live, clock, settlements, patience, .. } = parts;
        (Self { log, traffic, live, clock, deriver, privacy, settlements, patience, status }, watched)
    }

    /// Runs on a thread of its own, named `pipeline`, until `stop` is cancelled and the log is stored to its end.
    ///
    /// # Errors
    /// When the system gives no thread.
    ///
    /// # Panics
    /// Outside of a Tokio runtime. Timers and sockets stay with the caller's: a connection belongs to the runtime that
    /// opened it, and the pool's are everybody's.
    pub fn start(self, stop: CancellationToken) -> io::Result<JoinHandle<()>> {
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("pipeline".to_owned())
            .spawn(move || runtime.block_on(self.run(stop)))
    }

    /// Runs until `stop` is cancelled and the log is stored to its end, or the store is down then: what is not stored
    /// stays in the log for the next start.
    async fn run(self, stop: CancellationToken) {
        let Some(mut saved) = self.saved(&stop).await else { return };
        let mut reader = self.reader(saved);
        let mut written = self.log.written();
        let (mut pause, mut stretch_bytes) = (FIRST_PAUSE, BATCH_BYTES);
        loop {
            written.borrow_and_update();
            let step = self.step(&mut reader, saved, stretch_bytes);
            let step = tokio::time::timeout(self.patience, step).await.unwrap_or_else(|_| {
                // Silent, or slower than this much takes.
                stretch_bytes = (stretch_bytes / 2).max(1);
                Err("the store fell silent".into())
            });
            match step {
                Ok(Step::Stored(position)) => {
                    stretch_bytes = stretch_bytes.saturating_mul(2).min(BATCH_BYTES);
                    (saved, pause) = (Some(position), FIRST_PAUSE);
                }
                Ok(Step::AtEnd) if stop.is_cancelled() => return,
                Ok(Step::AtEnd) => wait_for_more(&mut written, &stop).await,
                Err(error) => {
                    self.report(&*error);
                    if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                        return;
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    // A store that comes back may have lost its last commits: what it says now is where to go on.
                    let Some(now) = self.saved(&stop).await else { return };
                    (saved, reader) = (now, self.reader(now));
                }
            }
        }
    }

    /// Reads and stores one stretch of the log.
    async fn step(
        &self,
        reader: &mut Reader,
        saved: Option<i64>,
        stretch_bytes: usize,
    ) -> Result<Step, Box<dyn Error>> {
        let batch = reader.read(stretch_bytes)?;
        let step = if batch.records.is_empty() {
            Step::AtEnd
        } else {
            let position = i64::try_from(batch.end.0)?;
            let (node, consumer) = (self.log.node(), CONSUMER.to_owned());
            self.store(&batch.records, LogCursor { node, consumer, from: saved, position }).await?;
            Step::Stored(position)
        };
        self.status.send_if_modified(|status| status.last_error.take().is_some());
        // At the end too: a gap in a damaged log counts as read.
        self.log.release(CONSUMER, batch.end);
        Ok(step)
    }

    /// Where the store says that it stands; asked until it answers, or `stop` comes.
    async fn saved(&self, stop: &CancellationToken) -> Option<Option<i64>> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.traffic.cursor(self.log.node(), CONSUMER).await {
                Ok(saved) => return Some(saved),
                Err(error) => self.report(&error),
            }
            stop.run_until_cancelled(tokio::time::sleep(pause)).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn reader(&self, saved: Option<i64>) -> Reader {
        let position = saved.and_then(|position| u64::try_from(position).ok());
        self.log.reader(position.map_or(self.log.first_position(), Position))
    }

    fn report(&self, error: &(dyn Error + 'static)) {
        counter!("codepromptu_pipeline_errors_total").increment(1);
        let chain = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (**error).source());
        let text = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        tracing::error!(error = text, "calls cannot be stored now; they stay in the log and are tried again");
        self.status.send_modify(|status| status.last_error = Some(text));
    }

    /// Stores a stretch of the log; record by record where one of them cannot be stored, so that it stops only itself.
    async fn store(&self, records: &[Record], cursor: LogCursor) -> Result<(), StoreError> {
        let begun = self.clock.ticks();
        let position = cursor.position;
        let mut again = 0..MAX_REPLANNED;
        let stored = loop {
            match self.store_together(records, cursor.clone()).await {
                Err(StoreError::Stale) if again.next().is_some() => {}
                stored => break stored,
            }
        };
        match stored {
            Err(error) if is_of_the_record(&error) => self.store_apart(records, cursor).await?,
            result => result?,
        }
        histogram!("codepromptu_pipeline_batch_seconds")
            .record(self.clock.ticks().since(begun).as_secs_f64());
        gauge!("codepromptu_pipeline_position").set(position as f64);
        let now = self.clock.now();
        self.status.send_modify(|status| status.last_stored_at = Some(now));
        Ok(())
    }

    async fn store_together(&self, records: &[Record], cursor: LogCursor) -> Result<(), StoreError> {
        let writes = self.writes(records).await?;
        let (news, settled) = (news(&self.live, &writes), settled(records, &writes));
        let finished =
            writes.iter().filter(|write| matches!(write, Write::Finished(_) | Write::Told(..))).count();
        self.traffic.write_batch(Batch { writes, cursor: Some(cursor) }).await?;
        counter!("codepromptu_pipeline_calls_stored_total").increment(finished as u64);
        self.settlements.tell(&settled);
        for (scope, call) in news {
            self.live.publish(scope, call);
        }
        Ok(())
    }

    async fn store_apart(&self, records: &[Record], cursor: LogCursor) -> Result<(), StoreError> {
        for record in records {
            let record = std::slice::from_ref(record);
            let stored = match self.writes(record).await {
                Ok(writes) => {
                    let settled = settled(record, &writes);
                    self.traffic.write_batch(Batch { writes, cursor: None }).await.map(|()| settled)
                }
                Err(error) => Err(error),
            };
            match stored {
                Err(error) if is_of_the_record(&error) => {
                    counter!("codepromptu_pipeline_calls_failed_total").increment(1);
                    tracing::error!(%error, "a record cannot be stored and is passed over");
                }
                result => self.settlements.tell(&result?),
            }
        }
        self.store_together(&[], cursor).await
    }

    /// What the records come to, in their order. A call that ends within the stretch is not stored as running first.
    async fn writes(&self, records: &[Record]) -> Result<Vec<Write>, StoreError> {
        let ended: HashSet<CallId> = records
            .iter()
            .filter_map(|record| match record {
                Record::Closing(closing) => Some(closing.opening.call),
                _ => None,
            })
            .collect();
        let mut mates = Mates::default();
        let mut writes = Vec::with_capacity(records.len());
        for record in records {
            give_way(records.len());
            match record {
                Record::Started(started) => writes.push(Write::Restarted(started.node)),
                Record::Opening(opening) if ended.contains(&opening.call) => {}
                Record::Opening(opening) => writes.push(self.privacy.opened(opening)?),
                Record::Closing(closing) if !closing.opening.source.is_gateway() => {
                    let told = self.told(closing, &mut writes).await?;
                    writes.push(told);
                }
                Record::Closing(closing) => {
                    let call = self.finished(closing, &mut mates).await?;
                    let mut told = self.batched(&closing.opening, &call, &mut mates, &writes).await?;
                    told.extend(self.fetched_response(closing, &mut mates, &writes).await?);
                    for call in std::iter::once(call).chain(told) {
                        writes.push(self.privacy.finished(&closing.opening, call)?);
                    }
                }
            }
        }
        Ok(writes)
    }

    /// The call, in its conversation: the one that it continues, or one that begins with it and bears its id.
    async fn finished(&self, closing: &Closing, mates: &mut Mates) -> Result<FinishedCall, StoreError> {
        let scope = scope(&closing.opening);
        let key = self.traffic.hashing_key(scope)?;
        self.threaded(self.deriver.finished(scope, &key, closing), mates).await
    }

    /// A derived call, in its conversation.
    pub(crate) async fn threaded(
        &self,
        derived: Derived,
        mates: &mut Mates,
    ) -> Result<FinishedCall, StoreError> {
        let Derived { mut call, chain, continues, parent } = derived;
        let (scope, id, client) = (call.scope, call.summary.call, call.summary.client_fingerprint);
        let named = match (parent, continues) {
            (Some(parent), _) => Some(parent),
            (None, Some(handle)) => self.named(scope, handle, id, mates).await?,
            (None, None) => None,
        };
        let chained = match named {
            Some(parent) => Some(parent),
            None => self.chained(scope, client, &chain, id, mates).await?,
        };
        let parent = match (chained, chain.chosen()) {
            (None, Some(choice)) => self.named(scope, choice, id, mates).await?,
            (chained, _) => chained,
        };
        if !call.messages.input.is_empty() {
            let begun = ConversationId::from_uuid(id.uuid());
            let conversation = parent.and_then(|parent| parent.conversation).unwrap_or(begun);
            call.summary.conversation = Some(conversation);
            call.parent = parent.map(|parent| parent.call);
            if let Some(parent) = call.parent {
                mates.mark_continued(parent);
            }
        }
        let itself = ChainParent { call: id, conversation: call.summary.conversation, continued: false };
        let tip = chain.tip().filter(|_| itself.conversation.is_some()).map(|tip| (client, tip));
        for (client, digest) in tip.into_iter().chain(call.handles.iter().map(|handle| (None, *handle))) {
            mates.insert((scope.project(), client, digest), itself);
        }
        Ok(call)
    }

    /// The latest call before `before` that bears the name of the one to be continued.
    pub(crate) async fn named(
        &self,
        scope: ProjectScope,
        handle: Digest,
        before: CallId,
        mates: &Mates,
    ) -> Result<Option<ChainParent>, StoreError> {
        let stored = self.traffic.find_named(scope, handle, before).await?;
        let mates = mates.before((scope.project(), None, handle), before);
        Ok(mates.chain(stored).max_by_key(|call| call.call))
    }

    /// The call before `before` whose messages and answer were sent again.
    async fn chained(
        &self,
        scope: ProjectScope,
        client: Option<[u8; 16]>,
        chain: &Chain,
        before: CallId,
        mates: &Mates,
    ) -> Result<Option<ChainParent>, StoreError> {
        let alike = |tip: &Digest| mates.before((scope.project(), client, *tip), before);
        let answered = chain.answered();
        let here = answered.iter().position(|tip| alike(tip).next().is_some());
        let (longer, rest) = answered.split_at(here.unwrap_or(answered.len()));
        let stored = self.traffic.find_chain_parent(scope, client, longer, before).await?;
        let ([tip, ..], None) = (rest, stored) else { return Ok(stored) };
        let stored = self.traffic.find_chain_parent(scope, client, &[*tip], before).await?;
        Ok(mates.choose(alike(tip).chain(stored)))
    }
}

/// Waits until the log grows, and a little longer for what comes with it; or until `stop`.
async fn wait_for_more(written: &mut watch::Receiver<Position>, stop: &CancellationToken) {
    let waiting = async {
        // Fails when the log is gone: then nothing more comes, and `stop` follows.
        if written.changed().await.is_err() {
            stop.cancelled().await;
        }
        tokio::time::sleep(LINGER).await;
    };
    stop.run_until_cancelled(waiting).await;
}

/// Whether what is wrong is the record and not the store: no waiting helps. Everything else is waited for.
fn is_of_the_record(error: &StoreError) -> bool {
    match error {
        StoreError::Encode(_) | StoreError::Compress(_) | StoreError::Db(DbError::Constraint(_)) => true,
        StoreError::Db(_)
        | StoreError::CursorMoved
        | StoreError::Stale
        | StoreError::NoDataKey(_)
        | StoreError::Unseal(_)
        | StoreError::Damaged(_)
        | StoreError::NewerDocument(_) => false,
    }
}
