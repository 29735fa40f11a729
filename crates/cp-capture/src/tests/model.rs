//! A history of appends, reads, releases, restarts, crashes and failing disks, against a list.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::rig::{CONSUMER, Machine, block_on, config, segments, wait};
use crate::faults::Faults;
use crate::frame::SEGMENT_HEADER_BYTES;
use crate::{Durability, Log, LogConfig, Position, Record, Started};

/// What [`config`] comes to.
const SEGMENT_BYTES: usize = 24 << 10;

#[derive(Clone, Debug)]
enum Step {
    /// A call with a body of so many bytes.
    Call(usize),
    /// A call that is never closed.
    Lose,
    /// The consumer reads about so many bytes.
    Read(usize),
    /// The consumer tells the log how far it is.
    Release,
    /// The clock goes on, or back, so many seconds.
    Clock(i32),
    /// The log is shut down and opened again, over a disk that at first fails to rename so many times.
    Restart { failing_renames: u64 },
    /// So many operations of the disk fail while calls with such bodies are made.
    Fault { fault: Fault, times: u64, calls: Vec<usize> },
    /// The machine dies while calls with such bodies are written.
    Crash { unwritten: Vec<usize>, cut: f64, rest: Rest },
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Write,
    Sync,
    Allocate,
}

/// What is on disk behind the last byte that arrived there.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Nothing,
    Zeros,
    Garbage,
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![Just(Fault::Write), Just(Fault::Sync), Just(Fault::Allocate)];
    let rest = prop_oneof![Just(Rest::Nothing), Just(Rest::Zeros), Just(Rest::Garbage)];
    prop_oneof![
        8 => (0usize..4000).prop_map(Step::Call),
        2 => Just(Step::Lose),
        3 => (1usize..9000).prop_map(Step::Read),
        2 => Just(Step::Release),
        1 => (-100i32..100).prop_map(Step::Clock),
        1 => (0u64..3).prop_map(|failing_renames| Step::Restart { failing_renames }),
        3 => (fault, 1u64..5, vec(0usize..4000, 1..6))
            .prop_map(|(fault, times, calls)| Step::Fault { fault, times, calls }),
        3 => (vec(0usize..4000, 0..12), 0.0..=1.0, rest)
            .prop_map(|(unwritten, cut, rest)| Step::Crash { unwritten, cut, rest }),
    ]
}

struct World {
    machine: Machine,
    dir: TempDir,
    durability: Durability,
    log: Log,
    faults: Arc<Faults>,
    /// What a consumer that reads everything must see, and what it may see: records that were not acknowledged.
    expected: Vec<(Record, Must)>,
    seen: Vec<Record>,
    cursor: Position,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Must {
    BeThere,
    PerhapsBeThere,
}

/// In memory where there is such a place: thousands of histories would wear out a disk.
fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

impl World {
    fn new(seed: u64, durability: Durability) -> Self {
        let (machine, dir) = (Machine::new(seed), temporary());
        let (log, faults) = machine.open_faulty(LogConfig { durability, ..config(dir.path()) });
        let (seen, cursor) = Default::default();
        let mut world = Self { machine, dir, durability, log, faults, expected: Vec::new(), seen, cursor };
        world.started();
        world
    }

    fn started(&mut self) {
        let at = cp_base::Clock::now(&*self.machine.clock);
        self.expect(Record::Started(Started { node: self.log.node(), at }));
    }

    fn expect(&mut self, record: Record) {
        self.expected.push((record, Must::BeThere));
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Call(size) => {
                let body = self.machine.noise(size);
                self.machine.call(&self.log, &body).into_iter().for_each(|record| self.expect(record));
            }
            Step::Lose => {
                let (slot, opening) = self.machine.begin(&self.log);
                drop(slot);
                self.expect(Record::Opening(Box::new(opening)));
            }
            Step::Fault { fault, times, calls } => self.fail(fault, times, &calls),
            Step::Read(max_bytes) => self.read(max_bytes),
            Step::Release => self.log.release(CONSUMER, self.cursor),
            Step::Clock(seconds) => self.machine.clock.set_by(i64::from(seconds)),
            Step::Restart { failing_renames } => {
                self.log.shut_down();
                self.reopen(failing_renames);
            }
            Step::Crash { unwritten, cut, rest } => self.crash(&unwritten, cut, rest),
        }
    }

    /// Calls over a failing disk. Those that are acknowledged count; afterwards the log recovers by itself.
    fn fail(&mut self, fault: Fault, times: u64, calls: &[usize]) {
        let count = match fault {
            Fault::Write => &self.faults.writes,
            Fault::Sync => &self.faults.syncs,
            Fault::Allocate => &self.faults.allocations,
        };
        count.store(times, SeqCst);
        for size in calls {
            let Ok(mut slot) = self.log.reserve() else { continue };
            let opening = self.machine.opening(&self.log);
            let opened = wait(slot.open(opening.clone())).is_ok();
            let closing = self.machine.closing(&opening, &self.machine.noise(*size), b"");
            let closed = slot.capture(*size).then(|| wait(slot.close(closing.clone())).is_ok());
            let must = |acknowledged| if acknowledged { Must::BeThere } else { Must::PerhapsBeThere };
            self.expected.push((Record::Opening(Box::new(opening)), must(opened)));
            self.expected.push((Record::Closing(Box::new(closing)), must(closed == Some(true))));
        }
        for count in [&self.faults.writes, &self.faults.syncs, &self.faults.allocations] {
            count.store(0, SeqCst);
        }
        // The writer looks after its segments, until there is room ahead again.
        let shared = &self.log.0.shared;
        let room_of_a_segment = SEGMENT_BYTES as u64 - SEGMENT_HEADER_BYTES;
        while self.log.stats().last_error.is_some() || shared.budget.room() < room_of_a_segment {
            shared.nudge();
            std::thread::yield_now();
        }
    }

    fn read(&mut self, max_bytes: usize) {
        let batch = self.log.reader(self.cursor).read(max_bytes).unwrap();
        assert_eq!((batch.skipped_bytes, batch.skipped_records), (0, 0));
        self.cursor = batch.end;
        self.seen.extend(batch.records);
    }

    /// Writes `unwritten`, then copies the directory as if only a part of that had arrived on disk.
    fn crash(&mut self, unwritten: &[usize], cut: f64, rest: Rest) {
        let acknowledged = self.written();
        let mut arriving = Vec::new();
        for size in unwritten {
            let (slot, opening) = self.machine.begin(&self.log);
            arriving.push((self.written(), Record::Opening(Box::new(opening.clone()))));
            let closing = self.machine.closing(&opening, &self.machine.noise(*size), b"");
            block_on(slot.close(closing.clone())).unwrap();
            arriving.push((self.written(), Record::Closing(Box::new(closing))));
        }
        let span = (self.written().0 - acknowledged.0) as f64;
        let cut = Position(acknowledged.0 + (span * cut) as u64);
        let arrived = arriving.into_iter().filter(|(end, _)| *end <= cut);
        self.expected.extend(arrived.map(|(_, record)| (record, Must::BeThere)));
        self.dir = self.copy(cut, rest);
        self.reopen(0);
    }

    /// The writer rests while the copy is made, which cuts files to their frames: the preallocated rest is put back.
    fn copy(&self, cut: Position, rest: Rest) -> TempDir {
        self.log.shut_down();
        let copy = temporary();
        fs::copy(self.dir.path().join("node"), copy.path().join("node")).unwrap();
        for path in segments(self.dir.path()) {
            let base: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let mut bytes = fs::read(&path).unwrap();
            let kept = usize::try_from(cut.0.saturating_sub(base).max(SEGMENT_HEADER_BYTES)).unwrap();
            if kept <= bytes.len() {
                self.lose(&mut bytes, kept, rest);
            }
            fs::write(copy.path().join(path.file_name().unwrap()), bytes).unwrap();
        }
        copy
    }

    fn lose(&self, bytes: &mut Vec<u8>, kept: usize, rest: Rest) {
        bytes.truncate(kept);
        match rest {
            Rest::Nothing => {}
            Rest::Zeros => bytes.resize(SEGMENT_BYTES, 0),
            Rest::Garbage => bytes.extend(self.machine.noise(SEGMENT_BYTES - kept)),
        }
    }

    fn reopen(&mut self, failing_renames: u64) {
        let before = self.written();
        let config = LogConfig { durability: self.durability, ..config(self.dir.path()) };
        let opened = self.machine.try_open_faulty(config.clone(), failing_renames);
        // A start that fails can be tried again.
        let (log, recovery, faults) = match opened {
            Ok(opened) => opened,
            Err(_) => self.machine.try_open_faulty(config, 0).unwrap(),
        };
        faults.renames.store(0, SeqCst);
        assert!(recovery.start > before, "a position is used again");
        assert_eq!(log.node(), self.log.node());
        (self.log, self.faults) = (log, faults);
        self.log.release(CONSUMER, self.cursor);
        self.started();
    }

    fn written(&self) -> Position {
        *self.log.written().borrow()
    }

    fn check(mut self) {
        while self.cursor < self.written() {
            self.read(1 << 20);
        }
        let mut seen = self.seen.into_iter().peekable();
        for (record, must) in self.expected {
            let is_next = seen.peek() == Some(&record);
            assert!(
                is_next || must == Must::PerhapsBeThere,
                "{record:?} was acknowledged; {:?} came",
                seen.peek()
            );
            if is_next {
                seen.next();
            }
        }
        assert_eq!(seen.next(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_was_acknowledged_is_read_once_in_order(seed: u64, strict: bool, steps in vec(step(), 1..40)) {
        let durability = if strict { Durability::Strict } else { Durability::Process };
        let mut world = World::new(seed, durability);
        steps.into_iter().for_each(|step| world.apply(step));
        world.check();
    }
}
