//! Reading the log from a position on, past damage.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use cp_base::NodeId;

use crate::catalog::{Catalog, Place};
use crate::disk::LogDir;
use crate::error::ReadError;
use crate::frame::Decoder;
use crate::log::LogKeys;
use crate::segment::SegmentReader;
use crate::{Position, Record, lock, meters};

/// Some records in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The records, in the order in which they were written; empty at the end of the log.
    pub records: Vec<Record>,
    /// Where reading goes on; what a consumer stores.
    pub end: Position,
    /// Damaged bytes that were passed over.
    pub skipped_bytes: u64,
    /// Records that this program does not understand.
    pub skipped_records: u64,
}

/// Reads the log of which it was made. Its calls block on files.
pub struct Reader {
    source: Source,
    at: Position,
    segment: Option<SegmentReader>,
    decoder: Option<Decoder>,
}

/// Where the records are.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) dir: LogDir,
    pub(crate) catalog: Arc<Mutex<Catalog>>,
    pub(crate) keys: LogKeys,
    pub(crate) node: NodeId,
}

impl Reader {
    pub(crate) fn new(source: Source, at: Position) -> Self {
        Self { source, at, segment: None, decoder: None }
    }

    /// Where the next batch begins.
    #[must_use]
    pub fn position(&self) -> Position {
        self.at
    }

    /// The next whole frames, until their records take `max_bytes` in memory or the log ends; at least one frame if
    /// there is one. A position that is no frame's, or whose segment is gone, leads to the next frame behind it.
    ///
    /// # Errors
    /// When a file cannot be read, or the log's directory is away. The reader stays where it was.
    pub fn read(&mut self, max_bytes: usize) -> Result<Batch, ReadError> {
        let mut batch = Batch { records: Vec::new(), end: self.at, skipped_bytes: 0, skipped_records: 0 };
        let mut room = u64::try_from(max_bytes).unwrap_or(u64::MAX).max(1);
        while room > 0 {
            let Some(place) = lock(&self.source.catalog).locate(batch.end) else { break };
            let taken = self
                .step(place, &mut batch)
                .map_err(|source| ReadError { path: self.source.dir.segment_path(place.base), source })?;
            room = room.saturating_sub(taken);
        }
        self.at = batch.end;
        if batch.skipped_bytes + batch.skipped_records > 0 {
            meters::count_skipped(batch.skipped_bytes, batch.skipped_records);
            tracing::error!(
                skipped_bytes = batch.skipped_bytes,
                skipped_records = batch.skipped_records,
                end = %batch.end,
                "part of the capture log could not be read"
            );
        }
        Ok(batch)
    }

    /// Reads one frame or passes one gap, and returns the size of the records.
    fn step(&mut self, place: Place, batch: &mut Batch) -> io::Result<u64> {
        let Some(segment) = open_segment(&mut self.segment, &self.source, place.base)? else {
            batch.skipped_bytes += place.len - place.offset;
            batch.end = Position(place.base + place.len);
            return Ok(0);
        };
        let Some((header, body)) = segment.frame_at(place.offset, place.len)? else {
            let gap = segment.find_frame(place.offset, place.len)?;
            batch.skipped_bytes += gap.damaged_bytes;
            batch.end = Position(place.base + gap.at);
            return Ok(0);
        };
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            None => self.decoder.insert(Decoder::new(self.source.keys.clone(), self.source.node)?),
        };
        batch.end = Position(header.position + header.frame_bytes());
        match decoder.open(&header, body) {
            Some(opened) => {
                batch.records.extend(opened.records);
                batch.skipped_records += opened.unknown;
                Ok(u64::from(header.plain_bytes))
            }
            None => {
                batch.skipped_bytes += header.frame_bytes();
                Ok(0)
            }
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({})", self.at)
    }
}

/// The segment at `base`, opened if it is not open; `None` where its file is gone.
fn open_segment<'a>(
    open: &'a mut Option<SegmentReader>,
    source: &Source,
    base: u64,
) -> io::Result<Option<&'a mut SegmentReader>> {
    if open.as_ref().is_none_or(|segment| segment.base() != base) {
        match SegmentReader::open(&source.dir.segment_path(base), base) {
            Ok(segment) => *open = Some(segment),
            // A lost file costs itself; a directory that is away may come back with all of them.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *open = None;
                source.dir.check()?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(open.as_mut())
}
