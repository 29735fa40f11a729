//! A log in a temporary directory.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use cp_base::{Clock, IdGenerator, OrgId, Outcome, ProjectId, Random, SealingKey, Tick, Timestamp};

use crate::disk::Disk;
use crate::faults::{Fault, Faults};
use crate::{
    Ack, AppendError, Body, Closing, Durability, Log, LogConfig, LogKeys, OpenError, Opening, Position,
    Record, Recovery, Slot, open,
};

pub(super) const CONSUMER: &str = "store";

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(super) struct TestClock {
    now: AtomicI64,
    ticks: AtomicU64,
}

impl TestClock {
    pub(super) fn advance(&self, duration: Duration) {
        self.now.fetch_add(i64::try_from(duration.as_micros()).unwrap(), SeqCst);
        self.ticks.fetch_add(u64::try_from(duration.as_nanos()).unwrap(), SeqCst);
    }

    /// Sets the wall clock, as an administrator would.
    pub(super) fn set_by(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1_000_000, SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(SeqCst))
    }

    fn ticks(&self) -> Tick {
        Tick(self.ticks.load(SeqCst))
    }
}

/// What a log needs from outside. Outlives the log, as a machine outlives a process.
pub(super) struct Machine {
    pub(super) clock: Arc<TestClock>,
    pub(super) ids: IdGenerator,
    random: Arc<Random>,
    org: OrgId,
    project: ProjectId,
}

impl Machine {
    pub(super) fn new(seed: u64) -> Self {
        let clock =
            Arc::new(TestClock { now: AtomicI64::new(1_700_000_000_000_000), ticks: AtomicU64::new(0) });
        let random = Arc::new(Random::seeded(seed));
        let ids = IdGenerator::new(clock.clone(), random.clone());
        let (org, project) = (ids.mint(), ids.mint());
        Self { clock, ids, random, org, project }
    }

    pub(super) fn open(&self, config: LogConfig) -> Result<(Log, Recovery), OpenError> {
        self.open_with_key(config, SealingKey::new([7; 32]))
    }

    pub(super) fn open_with_key(
        &self,
        config: LogConfig,
        keys: impl Into<LogKeys>,
    ) -> Result<(Log, Recovery), OpenError> {
        Log::open(config, keys, &self.ids, self.random.clone(), self.clock.clone(), &[CONSUMER])
    }

    /// A log whose disk can be made to fail.
    pub(super) fn open_faulty(&self, config: LogConfig) -> (Log, Arc<Faults>) {
        let (log, _, faults) = self.try_open_faulty(config, &[]).unwrap();
        (log, faults)
    }

    /// The same, over a disk that fails at first, each operation so many times.
    pub(super) fn try_open_faulty(
        &self,
        config: LogConfig,
        failing: &[(Fault, u64)],
    ) -> Result<(Log, Recovery, Arc<Faults>), OpenError> {
        let disk = Disk::new(&config.dir).unwrap();
        let faults = disk.faults.clone();
        failing.iter().for_each(|(fault, times)| faults.set(*fault, *times));
        let parts = open::Parts {
            config,
            keys: SealingKey::new([7; 32]).into(),
            random: self.random.clone(),
            clock: self.clock.clone(),
            consumers: &[CONSUMER],
        };
        let (inner, recovery) = open::open(disk, parts, &self.ids)?;
        Ok((Log(Arc::new(inner)), recovery, faults))
    }

    pub(super) fn opening(&self, log: &Log) -> Opening {
        Opening {
            call: self.ids.mint(),
            node: log.node(),
            org: self.org,
            project: self.project,
            started_at: self.clock.now(),
            provider: "openai".into(),
            method: "POST".into(),
            path: "/v1/chat/completions".into(),
            query: None,
            headers: vec![("content-type".into(), "application/json".into())],
            client_fingerprint: Some([9; 16]),
            capture: cp_base::CaptureMark::default(),
            gateway_key: None,
            source: cp_base::CallSource::Gateway,
        }
    }

    pub(super) fn closing(&self, opening: &Opening, request: &[u8], response: &[u8]) -> Closing {
        let body = |bytes: &[u8]| Body {
            pieces: bytes.chunks(1000).map(Bytes::copy_from_slice).collect(),
            total_bytes: bytes.len() as u64,
        };
        Closing {
            opening: opening.clone(),
            outcome: Outcome::Completed,
            ended_at: self.clock.now(),
            duration_us: 1_000,
            time_to_first_chunk_us: Some(500),
            overhead_us: 50,
            status: Some(200),
            error: None,
            headers: vec![("content-type".into(), "text/event-stream".into())],
            prompt_version: None,
            request: body(request),
            response: body(response),
        }
    }

    /// Bytes that do not compress.
    pub(super) fn noise(&self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.random.fill(&mut bytes);
        bytes
    }

    /// A call from its slot to its closing, each awaited.
    pub(super) fn call(&self, log: &Log, body: &[u8]) -> [Record; 2] {
        let (slot, opening) = self.begin(log);
        assert!(slot.capture(body.len()));
        let closing = self.closing(&opening, body, b"");
        wait(slot.close(closing.clone())).unwrap();
        [Record::Opening(Box::new(opening)), Record::Closing(Box::new(closing))]
    }

    /// A call up to its opening, awaited.
    pub(super) fn begin(&self, log: &Log) -> (Slot, Opening) {
        let (mut slot, opening) = (log.reserve().unwrap(), self.opening(log));
        wait(slot.open(opening.clone())).unwrap();
        (slot, opening)
    }
}

/// Small: segments of 24 KiB, eight calls at once, no retention.
pub(super) fn config(dir: &Path) -> LogConfig {
    LogConfig {
        dir: dir.to_owned(),
        durability: Durability::Process,
        segment_bytes: 0,
        max_bytes: 100 << 20,
        min_retention: Duration::ZERO,
        memory_bytes: 4 << 10,
        max_open_calls: 8,
        rewrite: None,
    }
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(super) fn wait(ack: Ack) -> Result<(), AppendError> {
    block_on(ack)
}

/// Everything from `from` on, with the damaged bytes on the way.
pub(super) fn read_all(log: &Log, from: Position) -> (Vec<Record>, u64) {
    let mut reader = log.reader(from);
    let (mut records, mut skipped) = (Vec::new(), 0);
    loop {
        let before = reader.position();
        let batch = reader.read(3000).unwrap();
        records.extend(batch.records);
        skipped += batch.skipped_bytes;
        if batch.end == before {
            return (records, skipped);
        }
    }
}

/// The calls' records, without those of starts.
pub(super) fn of_calls(records: Vec<Record>) -> Vec<Record> {
    records.into_iter().filter(|record| !matches!(record, Record::Started(_))).collect()
}

/// The segments, oldest first.
pub(super) fn segments(dir: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
    paths.sort();
    paths
}
