//! From the callers to the writer. Bounded by the budget: a call has at most two entries, which carry its pledge.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::Record;
use crate::budget::Pledge;
use crate::error::AppendError;
use crate::lock;

/// As many entries at a time show that more are about to come.
const BUSY: usize = 4;

/// Tells when a record is in the log; may be dropped.
///
/// An opening is done when it is written. A closing is done when it is written, or synced where the log is strict.
#[derive(Debug)]
pub struct Ack(oneshot::Receiver<Result<(), AppendError>>);

impl Ack {
    pub(crate) fn failed(error: AppendError) -> Self {
        let (sender, receiver) = oneshot::channel();
        // The receiver is there.
        let _ = sender.send(Err(error));
        Self(receiver)
    }
}

impl Future for Ack {
    type Output = Result<(), AppendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|result| result.unwrap_or(Err(AppendError::Closed)))
    }
}

/// A record on its way.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    ack: oneshot::Sender<Result<(), AppendError>>,
    pub(crate) pledge: Arc<Pledge>,
}

impl Entry {
    pub(crate) fn new(record: Record, pledge: Arc<Pledge>) -> (Self, Ack) {
        let (ack, receiver) = oneshot::channel();
        (Self { record, ack, pledge }, Ack(receiver))
    }

    /// Gives back what the record holds, then tells the caller.
    pub(crate) fn settle(self, result: Result<(), AppendError>) {
        let Self { record, ack, pledge } = self;
        drop((record, pledge));
        // A caller that does not wait has dropped its end.
        let _ = ack.send(result);
    }
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    entries: VecDeque<Entry>,
    /// How many entries were taken last.
    taken: usize,
    asleep: bool,
    nudged: bool,
    closed: bool,
}

impl Queue {
    /// Hands a record to the writer, or back where the queue is closed. Wakes the writer only when it sleeps.
    pub(crate) fn push(&self, entry: Entry) -> Result<(), Entry> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(entry);
        }
        state.entries.push_back(entry);
        self.wake(state);
        Ok(())
    }

    /// Wakes the writer to look after its segments.
    pub(crate) fn nudge(&self) {
        let mut state = lock(&self.state);
        state.nudged = true;
        self.wake(state);
    }

    /// Takes no more entries.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        self.wake(state);
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    fn wake(&self, mut state: std::sync::MutexGuard<'_, State>) {
        let asleep = std::mem::take(&mut state.asleep);
        drop(state);
        if asleep {
            self.wake.notify_one();
        }
    }

    /// Waits for entries, a nudge or the time-out, and swaps what is queued into `entries`, which is empty.
    /// False once the queue is closed.
    pub(crate) fn take(&self, entries: &mut VecDeque<Entry>, timeout: Duration) -> bool {
        let mut state = lock(&self.state);
        if state.entries.is_empty() && !state.nudged && !state.closed {
            state.asleep = true;
            let idle = |state: &mut State| state.asleep;
            let waited = self.wake.wait_timeout_while(state, timeout, idle);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.taken >= BUSY {
                drop(state);
                // Whoever else has work at this moment may add to the batch. A log with little to do does not wait, since
                // somebody with much to do may take the turn.
                std::thread::yield_now();
                state = lock(&self.state);
            }
            state.asleep = false;
        }
        state.nudged = false;
        std::mem::swap(&mut state.entries, entries);
        state.taken = entries.len();
        !state.closed
    }
}
