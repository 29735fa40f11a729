//! Reading one segment: whole frames, and the way on past bytes that are none.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::frame::{FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader};

/// What is read of a file at once.
const WINDOW_BYTES: usize = 64 << 10;
static ZEROS: [u8; WINDOW_BYTES] = [0; WINDOW_BYTES];

/// One segment, open for reading. Offsets are those in the file.
pub(crate) struct SegmentReader {
    file: File,
    base: u64,
    window: Vec<u8>,
    window_at: u64,
}

/// The stretch from where a frame was looked for to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The next frame, or `None` at the end.
    pub(crate) frame: Option<FrameHeader>,
    /// Where it begins, or the end.
    pub(crate) at: u64,
    /// Bytes passed over, without the zeros before the end.
    pub(crate) damaged_bytes: u64,
}

impl SegmentReader {
    pub(crate) fn open(path: &Path, base: u64) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, base, window: Vec::new(), window_at: 0 })
    }

    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// The intact frame at `at`, its checksum proven, if there is one and it ends before `end`.
    pub(crate) fn frame_at(&mut self, at: u64, end: u64) -> io::Result<Option<(FrameHeader, &[u8])>> {
        let position = self.base + at;
        let header = match self.bytes(at, FRAME_HEADER_BYTES, end)? {
            Some(bytes) => FrameHeader::at(bytes, position),
            None => None,
        };
        let Some(header) = header else { return Ok(None) };
        let length = usize::try_from(header.frame_bytes()).unwrap_or(usize::MAX);
        let frame = self.bytes(at, length, end)?;
        Ok(frame.and_then(|frame| header.body(frame)).map(|body| (header, body)))
    }

    /// Looks for the next intact frame at `from` or behind it, up to `end`.
    pub(crate) fn find_frame(&mut self, from: u64, end: u64) -> io::Result<Gap> {
        if let Some((header, _)) = self.frame_at(from, end)? {
            return Ok(Gap { frame: Some(header), at: from, damaged_bytes: 0 });
        }
        let (mut at, mut damage_end) = (from, from);
        while at + (FRAME_HEADER_BYTES as u64) < end {
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(WINDOW_BYTES);
            let Some(window) = self.bytes(at, wanted, end)? else { break };
            if !is_zero(window)
                && let Some(offset) = window.windows(FRAME_MAGIC.len()).position(|bytes| bytes == FRAME_MAGIC)
            {
                let candidate = at + offset as u64;
                if let Some((header, _)) = self.frame_at(candidate, end)? {
                    let damaged_bytes = candidate - from;
                    return Ok(Gap { frame: Some(header), at: candidate, damaged_bytes });
                }
                at = candidate + 1;
                damage_end = at;
                continue;
            }
            damage_end = last_byte(window).map_or(damage_end, |last| at + last as u64 + 1);
            at += (wanted - (FRAME_MAGIC.len() - 1)) as u64;
        }
        let rest = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        if let Some(tail) = self.bytes(at, rest, end)? {
            damage_end = last_byte(tail).map_or(damage_end, |last| at + last as u64 + 1);
        }
        Ok(Gap { frame: None, at: end, damaged_bytes: damage_end - from })
    }

    /// `length` bytes at `at`, or `None` where they reach beyond `end` or beyond the file.
    fn bytes(&mut self, at: u64, length: usize, end: u64) -> io::Result<Option<&[u8]>> {
        let Some(available) = end.checked_sub(at).filter(|available| *available >= length as u64) else {
            return Ok(None);
        };
        if self.in_window(at, length).is_none() {
            let wanted = usize::try_from(available).unwrap_or(usize::MAX).min(WINDOW_BYTES.max(length));
            self.fill(at, wanted)?;
        }
        Ok(self.in_window(at, length))
    }

    fn in_window(&self, at: u64, length: usize) -> Option<&[u8]> {
        let from = usize::try_from(at.checked_sub(self.window_at)?).ok()?;
        self.window.get(from..from.checked_add(length)?)
    }

    /// Reads up to `wanted` bytes at `at` into the window.
    fn fill(&mut self, at: u64, wanted: usize) -> io::Result<()> {
        self.window_at = at;
        self.window.clear();
        self.window.shrink_to(wanted);
        self.window.resize(wanted, 0);
        let mut filled = 0;
        while let Some(rest) = self.window.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, at + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.window.clear();
                    return Err(error);
                }
            }
        }
        self.window.truncate(filled);
        Ok(())
    }
}

/// Compares with zeros, which is much faster than looking at each byte.
fn is_zero(bytes: &[u8]) -> bool {
    ZEROS.get(..bytes.len()) == Some(bytes)
}

fn last_byte(bytes: &[u8]) -> Option<usize> {
    if is_zero(bytes) { None } else { bytes.iter().rposition(|byte| *byte != 0) }
}
