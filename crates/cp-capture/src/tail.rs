//! The end of the log, where frames are appended: the current segment, and a spare one behind it that is preallocated
//! before it is needed, so that a full disk is met before a call is admitted and never at its end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex};

use cp_base::{Clock, KeyId, NodeId};

use crate::catalog::{Catalog, Segment};
use crate::disk::{Disk, is_deleted};
use crate::error::{AppendError, Refused};
use crate::frame::{FORMAT, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::{Position, lock};

/// What the tail is made of.
pub(crate) struct TailParts {
    pub(crate) disk: Disk,
    pub(crate) catalog: Arc<Mutex<Catalog>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) node: NodeId,
    pub(crate) key: KeyId,
    /// The size of a segment.
    pub(crate) capacity: u64,
    /// The most that all segments may take.
    pub(crate) max_bytes: u64,
    /// Behind every position that was ever used.
    pub(crate) next_base: u64,
}

/// The end of the log.
pub(crate) struct Tail {
    parts: TailParts,
    current: Option<Open>,
    spare: Option<Open>,
    /// What is wrong with the directory: nothing of the log is where readers and the next start look for it.
    displaced: Option<String>,
}

/// A segment open for writing.
struct Open {
    file: File,
    base: u64,
    len: u64,
}

/// Why there is no spare segment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Shortage {
    #[error("the log has reached its limit of {0} bytes")]
    Limit(u64),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Shortage {
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Limit(_) => io::Error::other(self),
            Self::Io(error) => error,
        }
    }

    pub(crate) fn refused(&self) -> Refused {
        match self {
            Self::Limit(_) => Refused::LogFull,
            Self::Io(error) => Refused::from_io(error),
        }
    }
}

impl Tail {
    /// A tail without segments.
    pub(crate) fn new(parts: TailParts) -> Self {
        Self { parts, current: None, spare: None, displaced: None }
    }

    /// Takes an empty segment of an earlier run as the spare, under a new base: its room is allocated already.
    pub(crate) fn recycle(&mut self, base: u64) -> io::Result<()> {
        let file = self.parts.disk.recycle(base, self.parts.next_base)?;
        self.set_spare(file);
        Ok(())
    }

    /// Makes the spare segment where there is none.
    pub(crate) fn provision(&mut self) -> Result<(), Shortage> {
        // Not in whatever is in the directory's place: what would be written there goes with it.
        self.look_for_directory();
        if let Some(reason) = &self.displaced {
            return Err(io::Error::other(reason.clone()).into());
        }
        if self.spare.is_some() {
            return Ok(());
        }
        let capacity = self.parts.capacity;
        let taken = lock(&self.parts.catalog).disk_bytes();
        // A log without a place to write gets one, however small its limit is.
        if self.current.is_some() && taken + capacity > self.parts.max_bytes {
            return Err(Shortage::Limit(self.parts.max_bytes));
        }
        let header = SegmentHeader { format: FORMAT, node: self.parts.node, key: self.parts.key, capacity };
        let file = self.parts.disk.create(self.parts.next_base, &header.to_bytes(), capacity)?;
        self.set_spare(file);
        Ok(())
    }

    fn set_spare(&mut self, file: File) {
        self.spare = Some(Open { file, base: self.parts.next_base, len: SEGMENT_HEADER_BYTES });
        self.parts.next_base += self.parts.capacity;
        lock(&self.parts.catalog).spare_bytes = self.parts.capacity;
    }

    /// Looks whether the directory and the open segments are still where they were.
    pub(crate) fn look(&mut self) {
        self.look_for_directory();
        if self.displaced.is_some() {
            return;
        }
        if self.spare.as_ref().is_some_and(|spare| is_deleted(&spare.file)) {
            self.spare = None;
            lock(&self.parts.catalog).spare_bytes = 0;
        }
        if self.current.as_ref().is_some_and(|current| is_deleted(&current.file)) {
            tracing::error!("the current file of the capture log was deleted; the log goes on in another");
            self.abandon();
        }
    }

    fn look_for_directory(&mut self) {
        self.displaced = self.parts.disk.dir().check().err().map(|error| error.to_string());
    }

    /// Room that is certain: all that is promised must fit into one segment, so that none is wasted between two.
    pub(crate) fn room(&self) -> u64 {
        if self.displaced.is_some() {
            return 0;
        }
        let best = self.spare.as_ref().or(self.current.as_ref());
        best.map_or(0, |segment| self.parts.capacity.saturating_sub(segment.len))
    }

    pub(crate) fn has_spare(&self) -> bool {
        self.spare.is_some() && self.displaced.is_none()
    }

    /// The position for a frame of up to `bytes`; goes on to the next segment where the current one is full.
    pub(crate) fn place(&mut self, bytes: u64) -> Result<Position, AppendError> {
        let segment_bytes = self.parts.capacity.saturating_sub(SEGMENT_HEADER_BYTES);
        if bytes > segment_bytes {
            return Err(AppendError::TooLarge { bytes, segment_bytes });
        }
        let fits = |current: &&Open| current.len + bytes <= self.parts.capacity;
        if let Some(current) = self.current.as_ref().filter(fits) {
            return Ok(Position(current.base + current.len));
        }
        if self.spare.is_none() {
            self.provision().map_err(|shortage| AppendError::NoRoom(shortage.refused()))?;
        }
        let Some(next) = self.spare.take() else { return Err(AppendError::NoRoom(Refused::WriteFailed)) };
        lock(&self.parts.catalog).spare_bytes = 0;
        let position = Position(next.base + next.len);
        if let Some(full) = self.current.replace(next) {
            self.retire(full);
        }
        self.publish();
        Ok(position)
    }

    /// Writes a frame where [`Self::place`] said, and returns the position behind it.
    pub(crate) fn append(&mut self, frame: &[u8]) -> io::Result<Position> {
        let Some(current) = &mut self.current else { return Err(io::ErrorKind::NotFound.into()) };
        self.parts.disk.write(&current.file, frame, current.len)?;
        current.len += frame.len() as u64;
        let end = Position(current.base + current.len);
        self.publish();
        Ok(end)
    }

    /// Makes what was written survive a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.current.as_ref().map_or(Ok(()), |current| self.parts.disk.sync(&current.file))
    }

    /// Whether the current segment begins before a position.
    pub(crate) fn begins_before(&self, position: u64) -> bool {
        self.current.as_ref().is_some_and(|current| current.base < position)
    }

    /// Writes to the current segment no more.
    pub(crate) fn abandon(&mut self) {
        if let Some(current) = self.current.take() {
            self.retire(current);
        }
    }

    /// Ends the current segment durably. The spare stays for the next start.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        let synced = self.sync();
        self.abandon();
        synced
    }

    /// Deletes segments that nobody needs.
    pub(crate) fn remove(&self, bases: &[u64]) -> io::Result<()> {
        if let Some(reason) = self.displaced.as_ref().filter(|_| !bases.is_empty()) {
            return Err(io::Error::other(reason.clone()));
        }
        for base in bases {
            self.parts.disk.remove(*base)?;
            lock(&self.parts.catalog).remove(*base);
        }
        Ok(())
    }

    /// States the current segment to readers.
    fn publish(&self) {
        if let Some(current) = &self.current {
            let last_write = self.parts.clock.now();
            let disk_bytes = self.parts.capacity;
            lock(&self.parts.catalog).set(current.base, Segment { len: current.len, disk_bytes, last_write });
        }
    }

    /// Cuts a segment to its frames, or removes it where it has none. Readers stop at its length in the catalogue
    /// anyway, so a failure costs room and nothing else.
    fn retire(&self, segment: Open) {
        let last_write = self.parts.clock.now();
        if segment.len == SEGMENT_HEADER_BYTES {
            lock(&self.parts.catalog).remove(segment.base);
            if let Err(error) = self.parts.disk.remove(segment.base) {
                tracing::warn!(%error, base = segment.base, "an empty segment of the capture log stays");
                // What a failed write left in it is not to be taken for a damaged record.
                let _ = self.parts.disk.cut(&segment.file, segment.len, last_write);
            }
            return;
        }
        let cut = self.parts.disk.cut(&segment.file, segment.len, last_write);
        if let Err(error) = &cut {
            tracing::warn!(%error, base = segment.base, "a finished segment of the capture log keeps its full size");
        }
        let disk_bytes = if cut.is_ok() { segment.len } else { self.parts.capacity };
        lock(&self.parts.catalog).set(segment.base, Segment { len: segment.len, disk_bytes, last_write });
    }
}

/// Segments by their base.
pub(crate) type Segments = BTreeMap<u64, Segment>;
