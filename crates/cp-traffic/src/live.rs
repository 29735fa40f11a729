//! The live view: calls as they begin and end, for whoever watches now.

use std::sync::Arc;

use cp_base::ProjectScope;
use tokio::sync::broadcast;

use crate::CallSummary;

/// Sends calls to all who watch. Bounded: who is too slow misses calls and is told how many.
#[derive(Clone, Debug)]
pub struct LiveCalls {
    sender: broadcast::Sender<(ProjectScope, Arc<CallSummary>)>,
}

impl LiveCalls {
    /// Keeps the last `capacity` calls for watchers that lag.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { sender: broadcast::Sender::new(capacity.max(1)) }
    }

    /// Sends a call to the project's watchers. Does not wait.
    pub fn publish(&self, scope: ProjectScope, call: CallSummary) {
        if self.sender.receiver_count() > 0 {
            // Fails only when the last watcher left meanwhile.
            let _ = self.sender.send((scope, Arc::new(call)));
        }
    }

    /// Watches a project from now on.
    #[must_use]
    pub fn subscribe(&self, scope: ProjectScope) -> LiveSubscription {
        LiveSubscription { scope, receiver: self.sender.subscribe() }
    }

    /// How many watch.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.sender.receiver_count()
    }
}

/// What a watcher gets.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveEvent {
    /// A call began or ended.
    Call(Arc<CallSummary>),
    /// So many calls, of all projects, went by unseen.
    Lagged(u64),
}

/// One watcher.
#[derive(Debug)]
pub struct LiveSubscription {
    scope: ProjectScope,
    receiver: broadcast::Receiver<(ProjectScope, Arc<CallSummary>)>,
}

impl LiveSubscription {
    /// The next event; `None` when the program stops. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<LiveEvent> {
        loop {
            match self.receiver.recv().await {
                Ok((scope, call)) if scope == self.scope => return Some(LiveEvent::Call(call)),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(missed)) => return Some(LiveEvent::Lagged(missed)),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
