//! What the mock has seen: a bounded record for assertions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cp_base::{Clock, Tick};
use http::{HeaderMap, Method, Uri, Version};
use tokio::sync::watch;

use crate::text::hash;

/// One request.
#[derive(Clone, Debug)]
pub struct Seen {
    number: u64,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// The HTTP version of the connection.
    pub version: Version,
    /// The headers, as received.
    pub headers: HeaderMap,
    /// Length of the body; 0 until it was read whole.
    pub body_bytes: u64,
    /// Hash of the body (FNV-1a, 64 bits); 0 until it was read whole.
    pub body_hash: u64,
    /// How it went.
    pub ending: Ending,
}

impl Seen {
    /// The hash that [`Seen::body_hash`] has for `body`.
    #[must_use]
    pub fn hash_of(body: &[u8]) -> u64 {
        hash(body)
    }
}

/// How a request went, as the mock saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is being answered.
    Open,
    /// The whole answer was handed to the connection.
    Answered,
    /// The client went away before that, at this point of the mock's clock.
    Cancelled(Tick),
    /// The mock broke it off, as it was told.
    Broken,
}

/// The record. Of capacity 0 it costs nothing.
#[derive(Debug)]
pub(crate) struct Log {
    seen: watch::Sender<VecDeque<Seen>>,
    capacity: usize,
    open: AtomicUsize,
    clock: Arc<dyn Clock>,
}

impl Log {
    pub(crate) fn new(capacity: usize, clock: Arc<dyn Clock>) -> Self {
        Self { seen: watch::Sender::new(VecDeque::new()), capacity, open: AtomicUsize::new(0), clock }
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.seen.borrow().iter().cloned().collect()
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    pub(crate) fn watch(&self) -> watch::Receiver<VecDeque<Seen>> {
        self.seen.subscribe()
    }

    /// Opens the exchange of a request.
    pub(crate) fn begin<B>(self: &Arc<Self>, request: &http::Request<B>) -> Exchange {
        self.open.fetch_add(1, Ordering::AcqRel);
        let mut number = 0;
        if self.capacity > 0 {
            self.seen.send_modify(|seen| {
                number = seen.back().map_or(1, |last| last.number + 1);
                if seen.len() == self.capacity {
                    seen.pop_front();
                }
                seen.push_back(Seen {
                    number,
                    method: request.method().clone(),
                    uri: request.uri().clone(),
                    version: request.version(),
                    headers: request.headers().clone(),
                    body_bytes: 0,
                    body_hash: 0,
                    ending: Ending::Open,
                });
            });
        }
        Exchange { log: self.clone(), number, over: false }
    }

    fn update(&self, number: u64, change: impl FnOnce(&mut Seen)) {
        if number > 0 {
            self.seen.send_modify(|seen| {
                if let Some(record) = seen.iter_mut().rev().find(|record| record.number == number) {
                    change(record);
                }
            });
        }
    }
}

/// One request while it is answered. Dropped before it was ended, it was cancelled by the client.
#[derive(Debug)]
pub(crate) struct Exchange {
    log: Arc<Log>,
    number: u64,
    over: bool,
}

impl Exchange {
    /// The body was read whole.
    pub(crate) fn received(&self, bytes: u64, hash: u64) {
        self.log.update(self.number, |seen| (seen.body_bytes, seen.body_hash) = (bytes, hash));
    }

    /// The whole answer was handed over.
    pub(crate) fn answered(&mut self) {
        self.end(Ending::Answered);
    }

    /// The mock broke it off.
    pub(crate) fn broken(&mut self) {
        self.end(Ending::Broken);
    }

    fn end(&mut self, ending: Ending) {
        if !self.over {
            self.over = true;
            // Counted first: who has seen the ending in the record must not find the stream still counted as open.
            self.log.open.fetch_sub(1, Ordering::AcqRel);
            self.log.update(self.number, |seen| seen.ending = ending);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.over {
            let now = self.log.clock.ticks();
            self.end(Ending::Cancelled(now));
        }
    }
}
