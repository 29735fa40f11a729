//! The log as its users see it.

use std::path::PathBuf;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use cp_base::{Clock, IdGenerator, KeyId, NodeId, Random, SealingKey};
use tokio::sync::watch;

use crate::budget::Pledge;
use crate::disk::Disk;
use crate::error::{AppendError, OpenError, Refused};
use crate::open;
use crate::queue::Ack;
use crate::reader::{Reader, Source};
use crate::rewrite::Rewrite;
use crate::shared::Shared;
use crate::{Closing, Opening, Position, Record, lock, meters};

const MIB: u64 = 1 << 20;

/// When a closing counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it is written: survives the death of the process.
    #[default]
    Process,
    /// When it is synced: survives a power cut.
    Strict,
}

/// How a log is kept.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The log's directory, used by one process at a time.
    pub dir: PathBuf,
    /// When a closing counts as done.
    pub durability: Durability,
    /// The size of a segment. Raised where less would not hold `memory_bytes` and 2 KiB for each open call: what has
    /// been promised must fit into one segment. Two are preallocated: the current one and a spare.
    pub segment_bytes: u64,
    /// The size of all segments.
    pub max_bytes: u64,
    /// How long a segment is kept after its last write, even if all consumers have passed it; less where the log is at
    /// `max_bytes` or the disk is full.
    pub min_retention: Duration,
    /// Memory for captured bodies, from their arrival until they are written.
    pub memory_bytes: u64,
    /// Calls that may be open at once.
    pub max_open_calls: usize,
    /// What is done to records before they are written.
    pub rewrite: Option<Rewrite>,
}

impl LogConfig {
    /// The defaults: 64 MiB of bodies, 16,384 open calls, 8 GiB on disk, kept for an hour.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            durability: Durability::Process,
            segment_bytes: 96 * MIB,
            max_bytes: 8192 * MIB,
            min_retention: Duration::from_secs(3600),
            memory_bytes: 64 * MIB,
            max_open_calls: 16_384,
            rewrite: None,
        }
    }
}

/// What a log is sealed with: one key for what is written, and those of what was written before it.
#[derive(Clone, Debug)]
pub struct LogKeys {
    /// Seals and opens.
    pub current: SealingKey,
    /// Open only.
    pub earlier: Vec<SealingKey>,
}

impl LogKeys {
    pub(crate) fn find(&self, id: KeyId) -> Option<&SealingKey> {
        std::iter::once(&self.current).chain(&self.earlier).find(|key| key.id() == id)
    }
}

impl From<SealingKey> for LogKeys {
    fn from(current: SealingKey) -> Self {
        Self { current, earlier: Vec::new() }
    }
}

/// What a start found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes behind the last intact frame, of a write that was cut off. They were never acknowledged.
    pub torn_bytes: u64,
    /// Segments of earlier runs.
    pub segments: usize,
    /// Where this run's records begin, with [`Record::Started`]. A call that was opened before and has no closing
    /// before it is lost.
    pub start: Position,
}

/// The capture log. Cheap to clone; the last clone, dropped, shuts it down.
#[derive(Clone, Debug)]
pub struct Log(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) source: Source,
    pub(crate) max_bytes: u64,
    pub(crate) writer: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Opens the log, makes it where it is missing, repairs its end, and begins this run.
    ///
    /// `consumers` are those that must have passed a segment before it goes; each starts at position 0 until
    /// [`Self::release`] says where it is.
    ///
    /// # Errors
    /// When the directory cannot be used, is in use, or holds a log of another key or of a newer program.
    pub fn open(
        config: LogConfig,
        keys: impl Into<LogKeys>,
        ids: &IdGenerator,
        random: Arc<Random>,
        clock: Arc<dyn Clock>,
        consumers: &[&'static str],
    ) -> Result<(Self, Recovery), OpenError> {
        let disk = Disk::new(&config.dir)?;
        let parts = open::Parts { config, keys: keys.into(), random, clock, consumers };
        let (inner, recovery) = open::open(disk, parts, ids)?;
        Ok((Self(Arc::new(inner)), recovery))
    }

    /// Whose log it is.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.source.node
    }

    /// Promises room for one call: what follows from the slot cannot fail for want of room. Does not block.
    ///
    /// # Errors
    /// When there is no room now. The log recovers by itself; later calls find out.
    pub fn reserve(&self) -> Result<Slot, Refused> {
        let pledge = Arc::new(self.0.shared.reserve()?);
        Ok(Slot { shared: self.0.shared.clone(), pledge, opened: false })
    }

    /// A reader that begins at `from`.
    #[must_use]
    pub fn reader(&self, from: Position) -> Reader {
        Reader::new(self.0.source.clone(), from)
    }

    /// The end of what can be read, and news of it.
    #[must_use]
    pub fn written(&self) -> watch::Receiver<Position> {
        self.0.shared.written.subscribe()
    }

    /// Where the oldest segment begins.
    #[must_use]
    pub fn first_position(&self) -> Position {
        lock(&self.0.shared.catalog).first()
    }

    /// States that a consumer needs nothing before `upto` any more. Its cursor never goes back.
    pub fn release(&self, consumer: &str, upto: Position) {
        let shared = &self.0.shared;
        let mut catalog = lock(&shared.catalog);
        if !catalog.release(consumer, upto) {
            return tracing::error!(consumer, "the capture log was not opened for this consumer");
        }
        // The writer, which states it too, may have nothing to do for long.
        catalog.consumers().for_each(|(name, _, bytes)| meters::state_backlog(name, bytes));
        if !catalog.expired(shared.clock.now(), shared.min_retention, shared.forget.load(SeqCst)).is_empty() {
            shared.nudge();
        }
    }

    /// Has everything before `upto` deleted as soon as every consumer has passed it, however young it is: somebody is to be
    /// forgotten. Calls that end later go with their own segments. Costs what could have been read again.
    pub fn forget(&self, upto: Position) {
        self.0.shared.forget.fetch_max(upto.0, SeqCst);
        self.0.shared.nudge();
    }

    /// Whether nothing before `upto` is there any more.
    #[must_use]
    pub fn has_forgotten(&self, upto: Position) -> bool {
        lock(&self.0.shared.catalog).first() >= upto
    }

    /// How the log is.
    #[must_use]
    pub fn stats(&self) -> LogStats {
        let shared = &self.0.shared;
        let catalog = lock(&shared.catalog);
        let consumers = catalog.consumers().map(|(name, released, backlog_bytes)| ConsumerStats {
            name,
            released,
            backlog_bytes,
        });
        LogStats {
            written: *shared.written.borrow(),
            first: catalog.first(),
            consumers: consumers.collect(),
            segments: catalog.segments(),
            disk_bytes: catalog.disk_bytes(),
            max_bytes: self.0.max_bytes,
            open_calls: shared.budget.open_calls(),
            max_open_calls: shared.budget.max_open_calls,
            memory_used: shared.budget.memory_used(),
            memory_capacity: shared.budget.memory_capacity,
            records: shared.records.load(SeqCst),
            refused: shared.refused.load(SeqCst),
            lost: shared.lost.load(SeqCst),
            last_error: lock(&shared.trouble).as_ref().map(|trouble| trouble.message.clone()),
        }
    }

    /// Writes and syncs what is queued, and ends the writer. Blocks until that is done. What comes later is refused.
    pub fn shut_down(&self) {
        self.0.shut_down();
    }
}

impl Inner {
    fn shut_down(&self) {
        self.shared.queue.close();
        let writer = lock(&self.writer).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the writer of the capture log had died");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Room in the log for one call. Dropped without a closing, it gives the room back.
#[derive(Debug)]
pub struct Slot {
    shared: Arc<Shared>,
    pledge: Arc<Pledge>,
    opened: bool,
}

impl Slot {
    /// Appends the opening, once. Await the answer before the provider is called.
    pub fn open(&mut self, opening: Opening) -> Ack {
        if std::mem::replace(&mut self.opened, true) {
            return Ack::failed(AppendError::AlreadyOpen);
        }
        self.shared.append(Record::Opening(Box::new(opening)), self.pledge.clone())
    }

    /// Promises memory and disk for `len` more bytes of the bodies, until the closing is written. False where there is
    /// no more; the bytes then stay out of the closing.
    #[must_use]
    pub fn capture(&self, len: usize) -> bool {
        let taken = u64::try_from(len).is_ok_and(|bytes| self.pledge.take(bytes));
        if !taken {
            self.shared.meters.truncated.increment(1);
        }
        taken
    }

    /// Appends the closing. Neither blocks nor fails: the room was promised. The answer may be dropped.
    pub fn close(self, closing: Closing) -> Ack {
        self.shared.append(Record::Closing(Box::new(closing)), self.pledge)
    }
}

/// How the log is.
#[derive(Clone, Debug)]
pub struct LogStats {
    /// The end of what can be read.
    pub written: Position,
    /// The beginning of what can be read.
    pub first: Position,
    /// Each consumer's place.
    pub consumers: Vec<ConsumerStats>,
    /// Segments that hold something.
    pub segments: usize,
    /// What all files take, preallocated room included.
    pub disk_bytes: u64,
    /// What they may take.
    pub max_bytes: u64,
    /// Calls that hold a slot or wait to be written.
    pub open_calls: u64,
    /// How many there may be.
    pub max_open_calls: u64,
    /// Bytes of bodies that are not written yet.
    pub memory_used: u64,
    /// How many there may be.
    pub memory_capacity: u64,
    /// Records written by this run.
    pub records: u64,
    /// Calls refused by this run.
    pub refused: u64,
    /// Records that this run could not write, or not sync.
    pub lost: u64,
    /// Why the log cannot go on as it should; absent when all is well.
    pub last_error: Option<String>,
}

/// A consumer's place in the log.
#[derive(Clone, Debug)]
pub struct ConsumerStats {
    /// Its name.
    pub name: &'static str,
    /// It needs nothing before this.
    pub released: Position,
    /// Bytes that it has not passed.
    pub backlog_bytes: u64,
}
