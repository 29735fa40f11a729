//! What a start finds: reads the headers of all segments, checks that they are ours, and repairs the last one.
//!
//! Only the newest segment that holds frames can end in a torn write, so only that one is read. It is cut behind its last
//! intact frame rather than at the first bad one: a power cut writes pages in any order, and a damaged frame in the middle
//! must not cost those behind it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::time::UNIX_EPOCH;

use cp_base::{Clock, IdGenerator, NodeId, Timestamp, kind};

use crate::catalog::Segment;
use crate::disk::Disk;
use crate::error::OpenError;
use crate::frame::{FORMAT, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::log::LogKeys;
use crate::segment::SegmentReader;
use crate::tail::Segments;

/// What a start found.
pub(crate) struct Found {
    /// Segments with frames.
    pub(crate) segments: Segments,
    /// The node that wrote them, if there are any.
    pub(crate) node: Option<NodeId>,
    /// Preallocated segments without a byte written, of the wanted capacity.
    pub(crate) spares: Vec<u64>,
    /// Other segments without a frame.
    pub(crate) empty: Vec<u64>,
    /// Behind every position that was ever used.
    pub(crate) next_base: u64,
    /// Bytes behind the last intact frame.
    pub(crate) torn_bytes: u64,
}

/// A segment file before it is looked into.
struct Candidate {
    base: u64,
    file_bytes: u64,
    modified: Timestamp,
    header: Option<SegmentHeader>,
}

/// Looks through the directory.
pub(crate) fn recover(
    disk: &Disk,
    keys: &LogKeys,
    capacity: u64,
    clock: &dyn Clock,
) -> Result<Found, OpenError> {
    let bases = disk.bases().map_err(|source| OpenError::io("list", disk.path(), source))?;
    let mut candidates = Vec::new();
    for base in bases {
        candidates.push(candidate(disk, base, keys)?);
    }
    let reach = |found: &Candidate| {
        let owned = found.header.map_or(capacity, |header| header.capacity).max(found.file_bytes);
        found.base.saturating_add(owned)
    };
    let next_base = candidates.iter().map(reach).max().unwrap_or(0);
    let node = candidates.iter().rev().find_map(|found| found.header.map(|header| header.node));
    let (segments, spares, empty) = Default::default();
    let mut found = Found { segments, node, spares, empty, next_base, torn_bytes: 0 };
    while let Some(last) = candidates.pop() {
        let path = disk.segment_path(last.base);
        let (len, torn) = extent(disk, &last).map_err(|source| OpenError::io("read", &path, source))?;
        found.torn_bytes += torn;
        if len > SEGMENT_HEADER_BYTES {
            let last_write = clock.now();
            let file = OpenOptions::new().write(true).open(&path);
            file.and_then(|file| disk.cut(&file, len, last_write))
                .map_err(|source| OpenError::io("repair", &path, source))?;
            found.segments.insert(last.base, Segment { len, disk_bytes: len, last_write });
            break;
        }
        // A header is written once, and names the key of what follows.
        let fits = |header: SegmentHeader| header.capacity == capacity && header.key == keys.current.id();
        let whole = torn == 0 && last.header.is_some_and(fits);
        if whole && last.file_bytes >= capacity { &mut found.spares } else { &mut found.empty }
            .push(last.base);
    }
    found.segments.extend(candidates.into_iter().map(|older| {
        let (len, last_write) = (older.file_bytes, older.modified);
        (older.base, Segment { len, disk_bytes: len, last_write })
    }));
    Ok(found)
}

fn candidate(disk: &Disk, base: u64, keys: &LogKeys) -> Result<Candidate, OpenError> {
    let path = disk.segment_path(base);
    let read = || -> io::Result<Candidate> {
        let file = File::open(&path)?;
        let metadata = file.metadata()?;
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let modified = Timestamp(i64::try_from(modified.as_micros()).unwrap_or(i64::MAX));
        let mut bytes = [0; 64];
        let whole = file.read_exact_at(&mut bytes, 0).is_ok();
        let header = SegmentHeader::parse(&bytes).filter(|_| whole);
        Ok(Candidate { base, file_bytes: metadata.len(), modified, header })
    };
    let candidate = read().map_err(|source| OpenError::io("read", &path, source))?;
    match candidate.header {
        Some(header) if header.format > FORMAT => {
            Err(OpenError::Newer { path, found: header.format, known: FORMAT })
        }
        Some(header) if keys.find(header.key).is_none() => {
            Err(OpenError::WrongKey { path, found: header.key, held: keys.current.id() })
        }
        _ => Ok(candidate),
    }
}

/// Where the last intact frame of a segment ends, and how many bytes of something else follow.
fn extent(disk: &Disk, candidate: &Candidate) -> io::Result<(u64, u64)> {
    let mut reader = SegmentReader::open(&disk.segment_path(candidate.base), candidate.base)?;
    let mut end = SEGMENT_HEADER_BYTES.min(candidate.file_bytes);
    loop {
        let gap = reader.find_frame(end, candidate.file_bytes)?;
        match gap.frame {
            Some(header) => end = gap.at + header.frame_bytes(),
            None => return Ok((end, gap.damaged_bytes)),
        }
    }
}

/// The node's id, from its file, or else from the segments, or else a new one that is kept from now on.
pub(crate) fn node(file: &File, written: Option<NodeId>, ids: &IdGenerator) -> io::Result<NodeId> {
    let text = io::read_to_string(file)?;
    if let Ok(node) = text.trim().parse() {
        return Ok(node);
    }
    let node = written.unwrap_or_else(|| ids.mint::<kind::Node>());
    file.set_len(0)?;
    file.write_all_at(format!("{node}\n").as_bytes(), 0)?;
    file.sync_all()?;
    Ok(node)
}
