//! The audit log, sent to a webhook or to syslog as it grows.
//!
//! Each event is sent at least once, in the order of its chain: the place up to which a target has a chain is kept in the
//! registry, and moves once the target has taken the events. What cannot be sent now is read again from the store later;
//! nothing waits for it, and nothing piles up in memory. Several nodes, or one that was killed between the two, send some
//! events twice: a receiver knows them by their ids.

mod stream;
mod syslog;
mod webhook;

pub use stream::AuditStream;
pub use syslog::{Syslog, Transport};
pub use webhook::Webhook;

/// Why events did not arrive.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SendError(String);

impl SendError {
    fn new(error: &(dyn std::error::Error + 'static)) -> Self {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        Self(causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}")))
    }
}
