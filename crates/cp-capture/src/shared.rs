//! What the log's handles, its slots and its writer have in common.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cp_base::{Clock, Tick};
use tokio::sync::watch;

use crate::budget::{Budget, Overdrawn, Pledge};
use crate::catalog::Catalog;
use crate::error::{AppendError, Refused};
use crate::meters::{self, Meters};
use crate::queue::{Ack, Entry, Queue};
use crate::{Position, Record, lock};

/// How often the writer looks after its segments, and so how soon a disk that refused is asked again.
const TEND_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) queue: Queue,
    pub(crate) budget: Arc<Budget>,
    pub(crate) catalog: Arc<Mutex<Catalog>>,
    pub(crate) written: watch::Sender<Position>,
    pub(crate) meters: Meters,
    pub(crate) records: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) trouble: Mutex<Option<Trouble>>,
    pub(crate) min_retention: Duration,
    /// When the writer last looked after its segments, in ticks.
    pub(crate) tended_at: AtomicU64,
    /// The writer shall look after them before its time.
    pub(crate) tend: AtomicBool,
    /// What lies before this position goes as soon as every consumer has passed it.
    pub(crate) forget: AtomicU64,
}

/// Why the log cannot go on as it should.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) refused: Refused,
    pub(crate) message: String,
}

impl Shared {
    /// Promises room for a call.
    pub(crate) fn reserve(&self) -> Result<Pledge, Refused> {
        let reason = if self.queue.is_closed() {
            Refused::Closed
        } else {
            match self.budget.admit() {
                Ok(pledge) => return Ok(pledge),
                Err(Overdrawn::Calls) => Refused::TooManyCalls,
                Err(Overdrawn::Room) => {
                    if self.tending_due() {
                        self.nudge();
                    }
                    lock(&self.trouble).as_ref().map_or(Refused::TooManyCalls, |trouble| trouble.refused)
                }
            }
        };
        self.refused.fetch_add(1, SeqCst);
        meters::count_refused(reason);
        Err(reason)
    }

    /// Whether it is time to look after the segments; true for one caller.
    pub(crate) fn tending_due(&self) -> bool {
        let (now, last) = (self.clock.ticks(), self.tended_at.load(SeqCst));
        let due = now.since(Tick(last)) >= TEND_EVERY;
        due && self.tended_at.compare_exchange(last, now.0, SeqCst, SeqCst).is_ok()
    }

    /// Lets the writer look after its segments now.
    pub(crate) fn nudge(&self) {
        self.tend.store(true, SeqCst);
        self.queue.nudge();
    }

    /// Hands a record to the writer.
    pub(crate) fn append(&self, record: Record, pledge: Arc<Pledge>) -> Ack {
        let (entry, ack) = Entry::new(record, pledge);
        if let Err(entry) = self.queue.push(entry) {
            self.count_lost(1);
            entry.settle(Err(AppendError::Closed));
        }
        ack
    }

    pub(crate) fn count_lost(&self, records: u64) {
        self.lost.fetch_add(records, SeqCst);
        self.meters.lost.increment(records);
    }
}
