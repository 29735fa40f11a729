//! The durable capture log: what passed the gateway, on this node's disk before the client has all of it.
//!
//! The gateway appends through [`Slot`]s, consumers read with a [`Reader`] and tell the log how far they are. The log is the
//! source of truth for traffic; what consumers make of it can be made again within the log's retention.
//!
//! # What holds
//!
//! - A record whose [`Ack`] was good is read exactly once, in order, by a reader that goes on from the position it
//!   stored: after the death of the process, and after a power cut if the log is [`Durability::Strict`].
//! - A call that got a [`Slot`] can write its closing, whatever has happened to the disk since. Room for it was
//!   preallocated before the slot was given.
//! - A [`Position`] never goes back and is never used twice.
//! - A damaged byte costs the frame that it is in.
//! - Nothing is on disk in the clear.
//! - Memory is bounded: by the calls that may be open, and by the bytes of their bodies.
//!
//! # What it is not
//!
//! A database: records are found by reading. Nor a queue between nodes: a log belongs to one process.

mod budget;
mod catalog;
mod disk;
mod encoding;
mod error;
#[cfg(test)]
mod faults;
mod frame;
mod log;
mod meters;
mod open;
mod queue;
mod reader;
mod record;
mod recover;
mod rewrite;
mod segment;
mod shared;
mod tail;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use encoding::{DecodedBody, decode_body};
pub use error::{AppendError, OpenError, ReadError, Refused};
pub use log::{ConsumerStats, Durability, Log, LogConfig, LogKeys, LogStats, Recovery, Slot};
pub use queue::Ack;
pub use reader::{Batch, Reader};
pub use record::{Body, Closing, Opening, Record, Started};
pub use rewrite::Rewrite;

/// A place in the log: a byte offset that only grows, over all segments and all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Locks. What a holder that panicked left behind is counters and queues, whole at every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
