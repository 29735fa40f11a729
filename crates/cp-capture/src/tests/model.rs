//! A history of appends, reads, releases, restarts and crashes, against a list.

use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::rig::{CONSUMER, Machine, block_on, config, segments};
use crate::frame::SEGMENT_HEADER_BYTES;
use crate::{Log, Position, Record, Started};

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
    /// The log is shut down and opened again.
    Restart,
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
    let rest = prop_oneof![Just(Rest::Nothing), Just(Rest::Zeros), Just(Rest::Garbage)];
    prop_oneof![
        8 => (0usize..4000).prop_map(Step::Call),
        2 => Just(Step::Lose),
        3 => (1usize..9000).prop_map(Step::Read),
        2 => Just(Step::Release),
        1 => (-100i32..100).prop_map(Step::Clock),
        1 => Just(Step::Restart),
        3 => (vec(0usize..4000, 0..12), 0.0..=1.0, rest)
            .prop_map(|(unwritten, cut, rest)| Step::Crash { unwritten, cut, rest }),
    ]
}

struct World {
    machine: Machine,
    dir: TempDir,
    log: Log,
    /// What a consumer that reads everything must see.
    expected: Vec<Record>,
    seen: Vec<Record>,
    cursor: Position,
}

impl World {
    fn new(seed: u64) -> Self {
        let (machine, dir) = (Machine::new(seed), tempfile::tempdir().unwrap());
        let (log, _) = machine.open(config(dir.path())).unwrap();
        let (seen, cursor) = Default::default();
        let mut world = Self { machine, dir, log, expected: Vec::new(), seen, cursor };
        world.started();
        world
    }

    fn started(&mut self) {
        let at = cp_base::Clock::now(&*self.machine.clock);
        self.expected.push(Record::Started(Started { node: self.log.node(), at }));
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Call(size) => {
                let body = self.machine.noise(size);
                self.expected.extend(self.machine.call(&self.log, &body));
            }
            Step::Lose => {
                let (slot, opening) = self.machine.begin(&self.log);
                drop(slot);
                self.expected.push(Record::Opening(Box::new(opening)));
            }
            Step::Read(max_bytes) => self.read(max_bytes),
            Step::Release => self.log.release(CONSUMER, self.cursor),
            Step::Clock(seconds) => self.machine.clock.set_by(i64::from(seconds)),
            Step::Restart => {
                self.log.shut_down();
                self.reopen();
            }
            Step::Crash { unwritten, cut, rest } => self.crash(&unwritten, cut, rest),
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
        self.expected.extend(arrived.map(|(_, record)| record));
        self.dir = self.copy(cut, rest);
        self.reopen();
    }

    /// The writer rests while the copy is made, which cuts files to their frames: the preallocated rest is put back.
    fn copy(&self, cut: Position, rest: Rest) -> TempDir {
        self.log.shut_down();
        let copy = tempfile::tempdir().unwrap();
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

    fn reopen(&mut self) {
        let before = self.written();
        let (log, recovery) = self.machine.open(config(self.dir.path())).unwrap();
        assert!(recovery.start > before, "a position is used again");
        assert_eq!(log.node(), self.log.node());
        self.log = log;
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
        assert_eq!(self.seen, self.expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_acknowledged_is_read_once_in_order(seed: u64, steps in vec(step(), 1..40)) {
        let mut world = World::new(seed);
        steps.into_iter().for_each(|step| world.apply(step));
        world.check();
    }
}
