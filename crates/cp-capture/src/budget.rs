//! What the log has promised. Every open call may write its closing whatever happens to the disk, so no more is promised
//! than the room that the log holds on disk already.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Room on disk for the two records of a call without its bodies: they are compressed together with others, and come to
/// a few hundred bytes.
pub(crate) const CALL_BYTES: u64 = 2048;

/// The promises of one log.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) memory_capacity: u64,
    pub(crate) max_open_calls: u64,
    memory_used: AtomicU64,
    open_calls: AtomicU64,
    room: AtomicU64,
}

/// Which promise would be too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdrawn {
    Calls,
    Room,
}

impl Budget {
    pub(crate) fn new(memory_capacity: u64, max_open_calls: u64) -> Self {
        let (memory_used, open_calls, room) = Default::default();
        Self { memory_capacity, max_open_calls, memory_used, open_calls, room }
    }

    /// The segment that keeps the largest promise.
    pub(crate) fn needed_bytes(&self) -> u64 {
        self.memory_capacity.saturating_add(self.max_open_calls.saturating_mul(CALL_BYTES))
    }

    /// States the room that is there for closings, whatever happens to the disk.
    pub(crate) fn set_room(&self, bytes: u64) {
        self.room.store(bytes, SeqCst);
    }

    #[cfg(test)]
    pub(crate) fn room(&self) -> u64 {
        self.room.load(SeqCst)
    }

    pub(crate) fn memory_used(&self) -> u64 {
        self.memory_used.load(SeqCst)
    }

    pub(crate) fn open_calls(&self) -> u64 {
        self.open_calls.load(SeqCst)
    }

    /// Promises room for one more call.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Pledge, Overdrawn> {
        // Counted first: two that come at once see each other, and the second is refused rather than both let in.
        let open_calls = self.open_calls.fetch_add(1, SeqCst) + 1;
        let pledge = Pledge { budget: self.clone(), bytes: AtomicU64::new(0) };
        if open_calls > self.max_open_calls {
            return Err(Overdrawn::Calls);
        }
        if self.promised() > self.room.load(SeqCst) { Err(Overdrawn::Room) } else { Ok(pledge) }
    }

    fn promised(&self) -> u64 {
        self.memory_used().saturating_add(self.open_calls().saturating_mul(CALL_BYTES))
    }
}

/// What one call was promised; given back on drop.
#[derive(Debug)]
pub(crate) struct Pledge {
    budget: Arc<Budget>,
    bytes: AtomicU64,
}

impl Pledge {
    /// Promises room for `bytes` of a body, in memory and on disk; false where there is none.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let used = self.budget.memory_used.fetch_add(bytes, SeqCst).saturating_add(bytes);
        if used > self.budget.memory_capacity || self.budget.promised() > self.budget.room.load(SeqCst) {
            self.budget.memory_used.fetch_sub(bytes, SeqCst);
            return false;
        }
        self.bytes.fetch_add(bytes, SeqCst);
        true
    }
}

impl Drop for Pledge {
    fn drop(&mut self) {
        self.budget.memory_used.fetch_sub(self.bytes.load(SeqCst), SeqCst);
        self.budget.open_calls.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_bounded_and_given_back() {
        let budget = Arc::new(Budget::new(100, 2));
        assert_eq!(budget.admit().unwrap_err(), Overdrawn::Room);
        budget.set_room(2 * CALL_BYTES + 60);
        let first = budget.admit().unwrap();
        let second = budget.admit().unwrap();
        assert_eq!(budget.admit().unwrap_err(), Overdrawn::Calls);
        assert!(first.take(60));
        assert!(!second.take(1), "no room on disk is left");
        drop(first);
        assert!(second.take(100));
        assert!(!second.take(1), "memory is used up");
        drop(second);
        assert_eq!((budget.memory_used(), budget.open_calls()), (0, 0));
    }
}
