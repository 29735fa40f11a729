//! A clock that a test moves.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cp_base::{Clock, Tick, Timestamp};

/// Stands still until it is moved. Begins at 2026-01-01T00:00:00Z.
#[derive(Debug)]
pub struct FakeClock {
    /// What has passed, which never shrinks.
    ticks: AtomicI64,
    /// How far the wall clock is from where it would be had nobody set it.
    set_by: AtomicI64,
}

const BEGIN: i64 = 1_767_225_600_000_000;

impl Default for FakeClock {
    fn default() -> Self {
        Self { ticks: AtomicI64::new(0), set_by: AtomicI64::new(0) }
    }
}

impl FakeClock {
    /// Moves both clocks on.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.ticks.fetch_add(micros, Ordering::SeqCst);
    }

    /// Sets the wall clock so many seconds on or back, as an administrator would. The other clock does not mind.
    pub fn set_by(&self, seconds: i64) {
        self.set_by.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp(BEGIN + self.ticks.load(Ordering::SeqCst) + self.set_by.load(Ordering::SeqCst))
    }

    fn ticks(&self) -> Tick {
        let micros = self.ticks.load(Ordering::SeqCst);
        Tick(u64::try_from(micros).unwrap_or_default().saturating_mul(1_000))
    }
}
