//! A history of appends, reads, releases, restarts, crashes and failing disks, against a list.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tempfile::TempDir;

use super::rig::{CONSUMER, Machine, block_on, config, segments, wait};
use crate::faults::{Fault, Faults};
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
    /// The log is shut down and opened again, over a disk that fails at first.
    Restart { failing: Vec<(Fault, u64)> },
    /// So many operations of the disk fail while calls with such bodies are made, and of a failing write so many parts
    /// of 256 arrive.
    Fault { failing: Vec<(Fault, u64)>, written: u8, calls: Vec<usize> },
    /// The machine dies while calls with such bodies are written.
    Crash { unwritten: Vec<usize>, cut: f64, rest: Rest },
}

/// What is on disk behind the last byte that arrived there.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Nothing,
    Zeros,
    Garbage,
}

fn step() -> impl Strategy<Value = Step> {
    let failing = |most| vec((select(&Fault::ALL[..]), 1u64..5), 0..most);
    let rest = prop_oneof![Just(Rest::Nothing), Just(Rest::Zeros), Just(Rest::Garbage)];
    prop_oneof![
        8 => (0usize..4000).prop_map(Step::Call),
        2 => Just(Step::Lose),
        3 => (1usize..9000).prop_map(Step::Read),
        2 => Just(Step::Release),
        1 => (-100i32..100).prop_map(Step::Clock),
        1 => failing(3).prop_map(|failing| Step::Restart { failing }),
        4 => (failing(4), any::<u8>(), vec(0usize..4000, 1..6))
            .prop_map(|(failing, written, calls)| Step::Fault { failing, written, calls }),
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
    /// A failed write may have left a part of a frame that could not be cut off.
    remains: bool,
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
        let (expected, remains) = Default::default();
        let mut world = Self { machine, dir, durability, log, faults, expected, seen, cursor, remains };
        world.started();
        world
    }

    fn started(&mut self) {
        let started = self.start();
        self.expect(started);
    }

    fn start(&self) -> Record {
        let at = cp_base::Clock::now(&*self.machine.clock);
        Record::Started(Started { node: self.log.node(), at })
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
            Step::Fault { failing, written, calls } => self.fail(&failing, written, &calls),
            Step::Read(max_bytes) => self.read(max_bytes),
            Step::Release => self.log.release(CONSUMER, self.cursor),
            Step::Clock(seconds) => self.machine.clock.set_by(i64::from(seconds)),
            Step::Restart { failing } => {
                self.log.shut_down();
                self.reopen(&failing);
            }
            Step::Crash { unwritten, cut, rest } => self.crash(&unwritten, cut, rest),
        }
    }

    /// Calls over a failing disk. Those that are acknowledged count; afterwards the log recovers by itself.
    fn fail(&mut self, failing: &[(Fault, u64)], written: u8, calls: &[usize]) {
        self.faults.set_written(written);
        failing.iter().for_each(|(fault, times)| self.faults.set(*fault, *times));
        self.remains |= failing.iter().any(|(fault, _)| *fault == Fault::Cut);
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
        self.faults.clear();
        self.recover();
    }

    /// The writer looks after its segments, until there is room ahead again.
    fn recover(&self) {
        let shared = &self.log.0.shared;
        let room_of_a_segment = SEGMENT_BYTES as u64 - SEGMENT_HEADER_BYTES;
        while self.log.stats().last_error.is_some() || shared.budget.room() < room_of_a_segment {
            shared.nudge();
            std::thread::yield_now();
        }
    }

    fn read(&mut self, max_bytes: usize) {
        let batch = self.log.reader(self.cursor).read(max_bytes).unwrap();
        assert!(batch.skipped_records == 0 && (batch.skipped_bytes == 0 || self.remains), "{batch:?}");
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
        self.reopen(&[]);
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

    fn reopen(&mut self, failing: &[(Fault, u64)]) {
        let before = self.written();
        let config = LogConfig { durability: self.durability, ..config(self.dir.path()) };
        let opened = self.machine.try_open_faulty(config.clone(), failing).or_else(|_| {
            // It may have come as far as its first record. A start that fails can be tried again, at another time.
            self.expected.push((self.start(), Must::PerhapsBeThere));
            self.machine.clock.set_by(1);
            self.machine.try_open_faulty(config, &[])
        });
        let (log, recovery, faults) = opened.unwrap();
        faults.clear();
        assert!(recovery.start > before, "a position is used again");
        assert_eq!(log.node(), self.log.node());
        (self.log, self.faults) = (log, faults);
        self.log.release(CONSUMER, self.cursor);
        self.started();
        self.recover();
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
