//! The one thread that writes: takes all that is queued, makes frames of it, appends them, and tells the callers.
//! Records that come while it writes or syncs are the next batch: the busier the log, the cheaper a record.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::error::{AppendError, Refused};
use crate::frame::Encoder;
use crate::queue::Entry;
use crate::rewrite::Rewrite;
use crate::shared::{Shared, Trouble};
use crate::tail::Tail;
use crate::{Durability, Position, Record, lock, meters};

/// How often a writer without work looks after its segments, and states how they are.
const IDLE: Duration = Duration::from_secs(1);

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tail: Tail,
    pub(crate) encoder: Encoder,
    pub(crate) durability: Durability,
    pub(crate) rewrite: Option<Rewrite>,
    /// A frame is ended when its records take this much, before compression.
    pub(crate) frame_bytes: usize,
    /// The last write or sync failed.
    pub(crate) failing: bool,
    /// The current segment begins behind this position.
    pub(crate) forgotten: u64,
    /// Held for its lock.
    pub(crate) _lock: File,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let mut entries = VecDeque::new();
        let mut open = true;
        while open {
            open = self.shared.queue.take(&mut entries, IDLE);
            let idle = entries.is_empty();
            self.write(&mut entries);
            self.tend(idle);
        }
        if let Err(error) = self.tail.finish() {
            self.report(AppendError::Sync(Arc::new(error)));
        }
    }

    /// Writes what was queued.
    fn write(&mut self, entries: &mut VecDeque<Entry>) {
        while !entries.is_empty() {
            let mut framed = Vec::with_capacity(entries.len());
            while self.encoder.plain_bytes() < self.frame_bytes {
                let Some(mut entry) = entries.pop_front() else { break };
                if let Some(rewrite) = &self.rewrite {
                    rewrite.apply(&mut entry);
                }
                match self.encoder.push(&entry.record) {
                    Ok(()) => framed.push(entry),
                    Err(error) => self.fail(vec![entry], error),
                }
            }
            self.write_frame(framed);
            self.encoder.clear();
        }
    }

    fn write_frame(&mut self, framed: Vec<Entry>) {
        if framed.is_empty() {
            return;
        }
        if let Err(error) = self.append() {
            return self.fail(framed, error);
        }
        self.shared.records.fetch_add(framed.len() as u64, SeqCst);
        self.shared.meters.records.increment(framed.len() as u64);
        let waits = |entry: &Entry| {
            self.durability == Durability::Strict && matches!(entry.record, Record::Closing(_))
        };
        let (unsynced, done): (Vec<_>, Vec<_>) = framed.into_iter().partition(waits);
        done.into_iter().for_each(|entry| entry.settle(Ok(())));
        if unsynced.is_empty() {
            self.failing = false;
            return;
        }
        match self.tail.sync() {
            Ok(()) => {
                self.failing = false;
                unsynced.into_iter().for_each(|entry| entry.settle(Ok(())));
            }
            Err(error) => {
                // What a failed sync left on disk is not known, and asking again would say that all is well.
                self.tail.abandon();
                self.fail(unsynced, AppendError::Sync(Arc::new(error)));
            }
        }
    }

    /// Appends the encoder's frame; where the current segment fails, to a fresh one.
    pub(crate) fn append(&mut self) -> Result<Position, AppendError> {
        let write_error = |error: io::Error| AppendError::Write(Arc::new(error));
        let bound = self.encoder.compress().map_err(write_error)?;
        let mut appended = self.append_once(bound);
        if let Err(AppendError::Write(error)) = &appended {
            tracing::warn!(%error, "the capture log goes on in a fresh segment");
            self.tail.abandon();
            let again = self.append_once(bound);
            if let Err(AppendError::Write(_)) = &again {
                self.tail.abandon();
            }
            // That a fresh segment cannot be made either is not why this failed.
            if !matches!(again, Err(AppendError::NoRoom(_))) {
                appended = again;
            }
        }
        self.shared.budget.set_room(self.tail.room());
        if let Ok(end) = &appended {
            self.shared.written.send_replace(*end);
        }
        appended
    }

    fn append_once(&mut self, bound: u64) -> Result<Position, AppendError> {
        let position = self.tail.place(bound)?;
        let frame = self.encoder.seal(position.0);
        let end = self.tail.append(frame).map_err(|error| AppendError::Write(Arc::new(error)))?;
        self.shared.meters.written_bytes.increment(frame.len() as u64);
        Ok(end)
    }

    fn fail(&mut self, entries: Vec<Entry>, error: AppendError) {
        self.shared.count_lost(entries.len() as u64);
        self.report(error.clone());
        entries.into_iter().for_each(|entry| entry.settle(Err(error.clone())));
    }

    fn report(&mut self, error: AppendError) {
        let (refused, cause) = match &error {
            AppendError::Write(source) | AppendError::Sync(source) => {
                (Refused::from_io(source), format!("{error}: {source}"))
            }
            AppendError::NoRoom(refused) => (*refused, format!("{error}: {refused}")),
            // The record's own fault: the log is well.
            _ => return tracing::error!(%error, "a record of a call is lost"),
        };
        tracing::error!(error = %cause, "the capture log failed");
        self.failing = true;
        self.shared.tended_at.store(self.shared.clock.ticks().0, SeqCst);
        let mut trouble = lock(&self.shared.trouble);
        // Why there is no room is known better to whoever tried to make it.
        if trouble.is_none() || !matches!(error, AppendError::NoRoom(_)) {
            *trouble = Some(Trouble { refused, message: cause });
        }
    }

    /// Deletes what may go, and makes room ahead.
    pub(crate) fn tend(&mut self, idle: bool) {
        let due = self.shared.tend.swap(false, SeqCst) || self.shared.tending_due();
        if idle || due {
            self.tail.look();
            self.forget();
            self.expire();
        }
        if self.tail.has_spare() {
            if due || !self.failing {
                self.recovered();
            }
        } else if due || lock(&self.shared.trouble).is_none() {
            self.provision();
        }
        self.shared.budget.set_room(self.tail.room());
        self.shared.meters.state(&self.shared.budget);
    }

    /// Goes on in another segment where the current one holds what is to be forgotten. That one begins with an empty frame: of a
    /// log without frames the next start would not know which positions were used.
    fn forget(&mut self) {
        let upto = self.shared.forget.load(SeqCst);
        if upto <= self.forgotten || !self.tail.has_spare() {
            return;
        }
        if self.tail.begins_before(upto) {
            self.tail.abandon();
            if let Err(error) = self.append() {
                return tracing::warn!(%error, "the capture log could not go on in another file; it tries again");
            }
            self.encoder.clear();
        }
        self.forgotten = upto;
    }

    fn provision(&mut self) {
        let mut made = self.tail.provision();
        while made.is_err() && self.give_up_oldest() {
            made = self.tail.provision();
        }
        match made {
            Ok(()) => self.recovered(),
            Err(shortage) => {
                let trouble = Trouble { refused: shortage.refused(), message: shortage.to_string() };
                let before = lock(&self.shared.trouble).replace(trouble);
                if before.is_none() {
                    tracing::error!(error = %shortage, "the capture log has no room ahead");
                }
            }
        }
    }

    fn recovered(&mut self) {
        self.failing = false;
        // Before the news: who hears that there is room finds it.
        self.shared.budget.set_room(self.tail.room());
        if lock(&self.shared.trouble).take().is_some() {
            tracing::info!("the capture log has room again");
        }
    }

    /// Deletes the oldest segment that every consumer has passed, young as it may be: a new call is worth more than
    /// another copy of one that is stored. False where there is none.
    fn give_up_oldest(&mut self) -> bool {
        let passed = lock(&self.shared.catalog).expired(self.shared.clock.now(), Duration::ZERO, 0);
        let Some(oldest) = passed.first() else { return false };
        self.tail.remove(&[*oldest]).is_ok()
    }

    fn expire(&mut self) {
        let expired = {
            let mut catalog = lock(&self.shared.catalog);
            catalog.consumers().for_each(|(name, _, bytes)| meters::state_backlog(name, bytes));
            self.shared.meters.disk_bytes.set(catalog.disk_bytes() as f64);
            let forget = self.shared.forget.load(SeqCst);
            catalog.expired(self.shared.clock.now(), self.shared.min_retention, forget)
        };
        if let Err(error) = self.tail.remove(&expired) {
            tracing::warn!(%error, "a segment of the capture log could not be deleted");
        }
    }
}

impl Drop for Writer {
    /// Whatever ends the writer, nobody waits for it in vain.
    fn drop(&mut self) {
        self.shared.queue.close();
        let mut rest = VecDeque::new();
        self.shared.queue.take(&mut rest, Duration::ZERO);
        self.shared.count_lost(rest.len() as u64);
    }
}
