//! A clock that a test moves.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cp_base::{Clock, Tick, Timestamp};

/// Stands still until it is moved. Begins at 2026-01-01T00:00:00Z.
#[derive(Debug)]
pub struct FakeClock {
    micros: AtomicI64,
}

const BEGIN: i64 = 1_767_225_600_000_000;

impl Default for FakeClock {
    fn default() -> Self {
        Self { micros: AtomicI64::new(BEGIN) }
    }
}

impl FakeClock {
    /// Moves both clocks on.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.micros.load(Ordering::SeqCst))
    }

    fn ticks(&self) -> Tick {
        let micros = self.micros.load(Ordering::SeqCst).saturating_sub(BEGIN);
        Tick(u64::try_from(micros).unwrap_or_default().saturating_mul(1_000))
    }
}
