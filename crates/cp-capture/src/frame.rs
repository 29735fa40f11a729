//! The byte layout of a segment. All numbers are little-endian.
//!
//! ```text
//! segment  header (64) | frame | frame | … | zeros up to the preallocated size, cut off when the segment is finished
//!
//! header   magic "CPCAPLOG" (8) | format (4) | node id as text, then zeros (32) | key id (8) | capacity (8) | crc32 (4)
//! frame    magic "CPF1" (4) | body bytes (4) | plain bytes (4) | records (4) | position (8) | crc32 (4) | body
//! body     a value sealed by `SealingKey` for the context "node id | position | plain bytes | records":
//!          the zstd-compressed sequence of  record bytes (4) | record as MessagePack with field names
//! ```
//!
//! A checksum covers what precedes it in the header, and for a frame its body too. A segment's file name carries the
//! position of its first byte; it owns the positions from there to its capacity, used or not, so that a later segment never
//! reuses a position, even if a power cut took what was written. A frame states its position and is sealed for it:
//! what lies elsewhere, in another log, or from an earlier life of the file, is not a frame. The first twelve bytes
//! and the last four of a segment header keep their meaning in every format.

use std::io;
use std::sync::Arc;

use cp_base::{KeyId, NodeId, Random, SealingKey};

use crate::Record;
use crate::error::AppendError;
use crate::log::LogKeys;

/// The one format so far.
pub(crate) const FORMAT: u32 = 1;
/// Length of a segment's header.
pub(crate) const SEGMENT_HEADER_BYTES: u64 = 64;
/// Length of a frame's header.
pub(crate) const FRAME_HEADER_BYTES: usize = 28;
/// How a frame begins.
pub(crate) const FRAME_MAGIC: [u8; 4] = *b"CPF1";

const SEGMENT_MAGIC: [u8; 8] = *b"CPCAPLOG";
const NODE_BYTES: usize = 32;
/// At least what sealing adds; a frame is placed before it is sealed, since it is sealed for its place.
const SEAL_BYTES: usize = 64;
/// The largest encoded record. Keeps every length within 32 bits.
const MAX_RECORD_BYTES: usize = 1 << 30;
/// Buffers that a large record grew beyond this are given back.
const KEPT_BUFFER_BYTES: usize = 4 << 20;
/// Fast enough to cost less than the sealing, and JSON still shrinks to a third.
const ZSTD_LEVEL: i32 = 1;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) format: u32,
    pub(crate) node: NodeId,
    pub(crate) key: KeyId,
    /// How many positions the segment owns.
    pub(crate) capacity: u64,
}

impl SegmentHeader {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&SEGMENT_MAGIC);
        bytes.extend_from_slice(&self.format.to_le_bytes());
        bytes.extend_from_slice(self.node.to_string().as_bytes());
        bytes.resize(8 + 4 + NODE_BYTES, 0);
        bytes.extend_from_slice(&self.key.0);
        bytes.extend_from_slice(&self.capacity.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// `None` where the bytes are no intact header.
    pub(crate) fn parse(bytes: &[u8; 64]) -> Option<Self> {
        let (checked, crc) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(checked) != u32::from_le_bytes(*crc) {
            return None;
        }
        let mut fields = Fields(checked);
        if fields.next()? != SEGMENT_MAGIC {
            return None;
        }
        Some(Self {
            format: u32::from_le_bytes(fields.next()?),
            node: str::from_utf8(&fields.next::<NODE_BYTES>()?).ok()?.trim_end_matches('\0').parse().ok()?,
            key: KeyId(fields.next()?),
            capacity: u64::from_le_bytes(fields.next()?),
        })
    }
}

/// A frame's header. Its checksum is proven together with the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) body_bytes: u32,
    pub(crate) plain_bytes: u32,
    pub(crate) records: u32,
    pub(crate) position: u64,
}

impl FrameHeader {
    /// Length of the whole frame.
    pub(crate) fn frame_bytes(&self) -> u64 {
        FRAME_HEADER_BYTES as u64 + u64::from(self.body_bytes)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.next()? != FRAME_MAGIC {
            return None;
        }
        Some(Self {
            body_bytes: u32::from_le_bytes(fields.next()?),
            plain_bytes: u32::from_le_bytes(fields.next()?),
            records: u32::from_le_bytes(fields.next()?),
            position: u64::from_le_bytes(fields.next()?),
        })
    }

    /// The header at the beginning of `bytes`, if it is one that belongs at `position`.
    pub(crate) fn at(bytes: &[u8], position: u64) -> Option<Self> {
        Self::parse(bytes).filter(|header| header.position == position)
    }

    /// What the body is sealed for.
    fn context(&self, node: NodeId) -> [u8; 32] {
        let mut context = [0; 32];
        let fields = node
            .uuid()
            .into_bytes()
            .into_iter()
            .chain(self.position.to_le_bytes())
            .chain(self.plain_bytes.to_le_bytes())
            .chain(self.records.to_le_bytes());
        context.iter_mut().zip(fields).for_each(|(slot, byte)| *slot = byte);
        context
    }

    /// The body of the frame in `bytes`, if its checksum holds.
    pub(crate) fn body<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (header, body) = bytes.split_at_checked(FRAME_HEADER_BYTES)?;
        let (checked, crc) = header.split_last_chunk::<4>()?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(checked);
        hasher.update(body);
        (hasher.finalize() == u32::from_le_bytes(*crc)).then_some(body)
    }
}

/// The fields of a header, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn next<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }
}

/// Makes frames, one at a time: push records, compress, seal for a place, clear. Its buffers are reused.
pub(crate) struct Encoder {
    key: SealingKey,
    node: NodeId,
    random: Arc<Random>,
    compressor: zstd::bulk::Compressor<'static>,
    plain: Vec<u8>,
    records: u32,
    compressed: Vec<u8>,
    frame: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new(key: SealingKey, node: NodeId, random: Arc<Random>) -> io::Result<Self> {
        let compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
        let (plain, compressed, frame) = Default::default();
        Ok(Self { key, node, random, compressor, plain, records: 0, compressed, frame })
    }

    /// Bytes of the records so far.
    pub(crate) fn plain_bytes(&self) -> usize {
        self.plain.len()
    }

    /// Adds a record, or leaves everything as it was.
    pub(crate) fn push(&mut self, record: &Record) -> Result<(), AppendError> {
        let start = self.plain.len();
        self.plain.extend_from_slice(&[0; 4]);
        let written = rmp_serde::encode::write_named(&mut self.plain, record)
            .map_err(|error| AppendError::Encode(error.to_string()))
            .and_then(|()| self.record_bytes(start));
        match written {
            Ok(bytes) => {
                let length = self.plain.iter_mut().skip(start);
                length.zip(bytes.to_le_bytes()).for_each(|(slot, byte)| *slot = byte);
                self.records += 1;
                Ok(())
            }
            Err(error) => {
                self.plain.truncate(start);
                Err(error)
            }
        }
    }

    fn record_bytes(&self, start: usize) -> Result<u32, AppendError> {
        let bytes = self.plain.len() - start - 4;
        let too_large = AppendError::TooLarge { bytes: bytes as u64, segment_bytes: MAX_RECORD_BYTES as u64 };
        match u32::try_from(bytes) {
            Ok(length) if bytes <= MAX_RECORD_BYTES => Ok(length),
            _ => Err(too_large),
        }
    }

    /// Compresses the records, and returns an upper bound of the frame's length.
    pub(crate) fn compress(&mut self) -> io::Result<u64> {
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(self.plain.len()));
        self.compressor.compress_to_buffer(&self.plain, &mut self.compressed)?;
        Ok((FRAME_HEADER_BYTES + SEAL_BYTES + self.compressed.len()) as u64)
    }

    /// The frame, sealed for `position`.
    pub(crate) fn seal(&mut self, position: u64) -> &[u8] {
        let mut header = FrameHeader {
            body_bytes: 0,
            plain_bytes: u32::try_from(self.plain.len()).unwrap_or(u32::MAX),
            records: self.records,
            position,
        };
        let body = self.key.seal(&self.random, &header.context(self.node), &self.compressed);
        header.body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.frame.clear();
        self.frame.extend_from_slice(&FRAME_MAGIC);
        self.frame.extend_from_slice(&header.body_bytes.to_le_bytes());
        self.frame.extend_from_slice(&header.plain_bytes.to_le_bytes());
        self.frame.extend_from_slice(&header.records.to_le_bytes());
        self.frame.extend_from_slice(&header.position.to_le_bytes());
        let mut crc = crc32fast::Hasher::new_with_initial(crc32fast::hash(&self.frame));
        crc.update(&body);
        self.frame.extend_from_slice(&crc.finalize().to_le_bytes());
        self.frame.extend_from_slice(&body);
        &self.frame
    }

    /// Begins the next frame.
    pub(crate) fn clear(&mut self) {
        self.records = 0;
        for buffer in [&mut self.plain, &mut self.compressed, &mut self.frame] {
            buffer.clear();
            buffer.shrink_to(KEPT_BUFFER_BYTES);
        }
    }
}

/// Opens frames.
pub(crate) struct Decoder {
    keys: LogKeys,
    node: NodeId,
    decompressor: zstd::bulk::Decompressor<'static>,
}

/// What a frame held.
pub(crate) struct Opened {
    pub(crate) records: Vec<Record>,
    /// Records that this program does not understand.
    pub(crate) unknown: u64,
}

impl Decoder {
    pub(crate) fn new(keys: LogKeys, node: NodeId) -> io::Result<Self> {
        Ok(Self { keys, node, decompressor: zstd::bulk::Decompressor::new()? })
    }

    /// The records of a frame, or `None` where it does not open: it was altered, or is not of this log.
    pub(crate) fn open(&mut self, header: &FrameHeader, body: &[u8]) -> Option<Opened> {
        let key = self.keys.find(SealingKey::key_of(body).ok()?)?;
        let compressed = key.open(&header.context(self.node), body).ok()?;
        // The length is authenticated: it is what the encoder had in memory.
        let capacity = usize::try_from(header.plain_bytes).ok()?;
        let plain = self.decompressor.decompress(&compressed, capacity).ok()?;
        let mut opened = Opened { records: Vec::new(), unknown: 0 };
        let mut rest = plain.as_slice();
        for _ in 0..header.records {
            let (length, following) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (record, following) = following.split_at_checked(length)?;
            rest = following;
            match rmp_serde::from_slice(record) {
                Ok(record) => opened.records.push(record),
                Err(_) => opened.unknown += 1,
            }
        }
        Some(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Started;

    fn encoder() -> (Encoder, Decoder) {
        let node = "node_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let key = SealingKey::new([1; 32]);
        let encoder = Encoder::new(key.clone(), node, Arc::new(Random::seeded(1))).unwrap();
        (encoder, Decoder::new(key.into(), node).unwrap())
    }

    fn started(encoder: &Encoder) -> Record {
        Record::Started(Started { node: encoder.node, at: cp_base::Timestamp(1) })
    }

    #[test]
    fn a_record_of_a_newer_program_is_passed_over() {
        let (mut encoder, mut decoder) = encoder();
        let record = started(&encoder);
        encoder.push(&record).unwrap();
        let future = rmp_serde::to_vec_named(&[("Rollup", 1)]).unwrap();
        encoder.plain.extend_from_slice(&u32::try_from(future.len()).unwrap().to_le_bytes());
        encoder.plain.extend_from_slice(&future);
        encoder.records += 1;
        encoder.push(&record).unwrap();
        let bound = encoder.compress().unwrap();
        let frame = encoder.seal(64);
        assert!(frame.len() as u64 <= bound);
        let header = FrameHeader::at(frame, 64).unwrap();
        let opened = decoder.open(&header, header.body(frame).unwrap()).unwrap();
        assert_eq!((opened.records, opened.unknown), (vec![record.clone(), record], 1));
    }

    #[test]
    fn a_frame_opens_only_at_its_place() {
        let (mut encoder, mut decoder) = encoder();
        encoder.push(&started(&encoder)).unwrap();
        encoder.compress().unwrap();
        let frame = encoder.seal(64).to_vec();
        assert_eq!(FrameHeader::at(&frame, 65), None);
        let header = FrameHeader::at(&frame, 64).unwrap();
        assert_eq!(header.frame_bytes(), frame.len() as u64);
        let body = header.body(&frame).unwrap();
        assert!(decoder.open(&FrameHeader { position: 65, ..header }, body).is_none());
        assert!(decoder.open(&FrameHeader { records: 2, ..header }, body).is_none());
        decoder.node = "node_01h455vb4pex5vsknk084sn02r".parse().unwrap();
        assert!(decoder.open(&header, body).is_none());
    }

    #[test]
    fn large_buffers_are_given_back() {
        let (mut encoder, _) = encoder();
        encoder.plain = vec![0; 20 << 20];
        encoder.clear();
        assert!(encoder.plain.capacity() <= KEPT_BUFFER_BYTES);
    }
}
