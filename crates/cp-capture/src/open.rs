//! Putting a log together.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use cp_base::{Clock, IdGenerator, NodeId, Random};
use tokio::sync::watch;

use crate::budget::Budget;
use crate::catalog::Catalog;
use crate::disk::Disk;
use crate::error::OpenError;
use crate::frame::Encoder;
use crate::log::{Inner, LogConfig, LogKeys, Recovery};
use crate::meters::Meters;
use crate::queue::Queue;
use crate::reader::Source;
use crate::recover::{self, Found};
use crate::shared::Shared;
use crate::tail::{Shortage, Tail, TailParts};
use crate::writer::Writer;
use crate::{Position, Record, Started};

/// Frames end at this size: compression gains little from more, and a damaged byte costs one frame.
const FRAME_BYTES: u64 = 1 << 20;
/// A segment's room for headers.
const HEADROOM_BYTES: u64 = 4096;

/// What a log is made of.
pub(crate) struct Parts<'a> {
    pub(crate) config: LogConfig,
    pub(crate) keys: LogKeys,
    pub(crate) random: Arc<Random>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) consumers: &'a [&'static str],
}

pub(crate) fn open(disk: Disk, parts: Parts<'_>, ids: &IdGenerator) -> Result<(Inner, Recovery), OpenError> {
    let (node_file, node_path) = disk.lock()?;
    let config = &parts.config;
    let budget = Budget::new(config.memory_bytes, config.max_open_calls as u64);
    let capacity = config.segment_bytes.max(budget.needed_bytes().saturating_add(HEADROOM_BYTES));
    let found = recover::recover(&disk, &parts.keys, capacity, &*parts.clock)?;
    let node = recover::node(&node_file, found.node, ids)
        .map_err(|source| OpenError::io("write", node_path, source))?;
    let segments = found.segments.len();
    let torn_bytes = found.torn_bytes;
    let dir = disk.dir().clone();
    let (shared, tail) = assemble(disk, &parts, found, (budget, node, capacity))?;
    let cannot = |action| {
        let dir = parts.config.dir.clone();
        move |source| OpenError::io(action, dir, source)
    };
    let encoder = Encoder::new(parts.keys.current.clone(), node, parts.random)
        .map_err(cannot("make a compressor for"))?;
    let mut writer = Writer {
        shared: shared.clone(),
        tail,
        encoder,
        durability: parts.config.durability,
        rewrite: parts.config.rewrite.clone(),
        frame_bytes: usize::try_from(FRAME_BYTES.min(capacity / 4)).unwrap_or(usize::MAX),
        failing: false,
        forgotten: 0,
        _lock: node_file,
    };
    let start = writer.begin(node).map_err(cannot("write to"))?;
    let thread = std::thread::Builder::new().name("capture-log".into());
    let thread = thread.spawn(move || writer.run()).map_err(cannot("start the writer of"))?;
    let source = Source { dir, catalog: shared.catalog.clone(), keys: parts.keys, node };
    let max_bytes = parts.config.max_bytes;
    let inner = Inner { shared, source, max_bytes, writer: Mutex::new(Some(thread)) };
    Ok((inner, Recovery { torn_bytes, segments, start }))
}

/// The shared state, and a tail with a first segment ready.
fn assemble(
    disk: Disk,
    parts: &Parts<'_>,
    found: Found,
    (budget, node, capacity): (Budget, NodeId, u64),
) -> Result<(Arc<Shared>, Tail), OpenError> {
    let clock = parts.clock.clone();
    let shared = Arc::new(Shared {
        queue: Queue::default(),
        catalog: Arc::new(Mutex::new(Catalog::new(found.segments, parts.consumers))),
        written: watch::Sender::new(Position(found.next_base)),
        meters: Meters::new(&budget, parts.config.max_bytes),
        budget: Arc::new(budget),
        records: AtomicU64::new(0),
        lost: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        trouble: Mutex::new(None),
        min_retention: parts.config.min_retention,
        tended_at: AtomicU64::new(clock.ticks().0),
        tend: AtomicBool::new(false),
        forget: AtomicU64::new(0),
        clock: clock.clone(),
    });
    let mut tail = Tail::new(TailParts {
        disk,
        catalog: shared.catalog.clone(),
        clock,
        node,
        key: parts.keys.current.id(),
        capacity,
        max_bytes: parts.config.max_bytes,
        next_base: found.next_base,
    });
    let mut spares = found.spares.into_iter();
    let first = match spares.next() {
        Some(base) => tail.recycle(base),
        None => tail.provision().map_err(Shortage::into_io),
    };
    first.map_err(|source| OpenError::io("make a segment in", &parts.config.dir, source))?;
    // The first segment is there, so these no longer tell which positions were used.
    let leftover: Vec<_> = spares.chain(found.empty).collect();
    tail.remove(&leftover).map_err(|source| OpenError::io("clear", &parts.config.dir, source))?;
    Ok((shared, tail))
}

impl Writer {
    /// Writes this run's first record, durably, and makes room ahead.
    fn begin(&mut self, node: NodeId) -> std::io::Result<Position> {
        let at = self.shared.clock.now();
        let failed = |error| std::io::Error::other(error);
        self.encoder.push(&Record::Started(Started { node, at })).map_err(failed)?;
        let start = Position(self.shared.written.borrow().0 + crate::frame::SEGMENT_HEADER_BYTES);
        self.append().map_err(failed)?;
        self.encoder.clear();
        self.tail.sync()?;
        self.tend(true);
        Ok(start)
    }
}
