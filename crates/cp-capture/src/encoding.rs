//! Decoding of captured bodies. What passes the gateway stays compressed; consumers decode it, within bounds.

use std::io::{self, Read};

use bytes::{Buf, Bytes};

use crate::Body;

/// More codings in a row than this are an attack or a mistake.
const MAX_CODINGS: usize = 4;
/// zstd over HTTP uses windows of up to 8 MiB (RFC 9659, section 3).
const ZSTD_WINDOW_LOG: u32 = 23;
const BUFFER_BYTES: usize = 16 << 10;

/// A body without its content encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodedBody {
    /// What could be decoded. Still encoded where the encoding is not known.
    pub bytes: Vec<u8>,
    /// Whether that is all that passed.
    pub complete: bool,
    /// Why it is not.
    pub problem: Option<String>,
}

/// Undoes the content encoding of a captured body (RFC 9110, section 8.4): gzip, deflate, br and zstd, one or more.
/// At most `limit_bytes` come out. Never fails: what precedes a damaged or missing part is returned.
#[must_use]
pub fn decode_body(body: &Body, content_encoding: Option<&str>, limit_bytes: usize) -> DecodedBody {
    let captured = Pieces { pieces: body.pieces.clone().into_iter(), current: Bytes::new() };
    let encoded = body.captured_bytes() > 0;
    let (source, mut problem) = match decoder(captured, content_encoding.filter(|_| encoded)) {
        Ok(source) => (source, None),
        Err(Undecoded { source, problem }) => (source, Some(problem)),
    };
    let (bytes, read_problem) = read_all(source, limit_bytes);
    if body.is_truncated() {
        let (captured, total) = (body.captured_bytes(), body.total_bytes);
        problem = problem.or_else(|| Some(format!("{captured} of {total} bytes were captured")));
    }
    let problem = problem.or(read_problem);
    DecodedBody { bytes, complete: problem.is_none(), problem }
}

/// A source that could not be given a decoder.
struct Undecoded {
    source: Box<dyn Read>,
    problem: String,
}

fn decoder(captured: Pieces, content_encoding: Option<&str>) -> Result<Box<dyn Read>, Undecoded> {
    let codings: Vec<_> = content_encoding
        .unwrap_or_default()
        .split(',')
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    let known = |coding: &String| matches!(coding.as_str(), "gzip" | "x-gzip" | "deflate" | "br" | "zstd");
    let problem = match codings.iter().find(|coding| !known(coding)) {
        Some(coding) => Some(format!("the content encoding `{coding}` is not known")),
        None if codings.len() > MAX_CODINGS => {
            Some(format!("{} content encodings are too many", codings.len()))
        }
        None => None,
    };
    if let Some(problem) = problem {
        return Err(Undecoded { source: Box::new(captured), problem });
    }
    // The last coding was applied last.
    let mut source: Box<dyn Read> = Box::new(captured);
    for coding in codings.iter().rev() {
        source = match coding.as_str() {
            "br" => Box::new(brotli::Decompressor::new(source, BUFFER_BYTES)),
            "zstd" => zstd_decoder(source),
            "deflate" => deflate_decoder(source),
            _ => Box::new(flate2::read::MultiGzDecoder::new(source)),
        };
    }
    Ok(source)
}

fn zstd_decoder(source: Box<dyn Read>) -> Box<dyn Read> {
    let decoder = zstd::stream::read::Decoder::new(source).and_then(|mut decoder| {
        decoder.window_log_max(ZSTD_WINDOW_LOG)?;
        Ok(decoder)
    });
    match decoder {
        Ok(decoder) => Box::new(decoder),
        Err(error) => Box::new(Failed(Some(error))),
    }
}

/// `deflate` means the zlib format; some servers send the bare stream, which is told apart by its first two bytes
/// (RFC 1950, section 2.2).
fn deflate_decoder(mut source: Box<dyn Read>) -> Box<dyn Read> {
    let mut head = Vec::with_capacity(2);
    if let Err(error) = source.by_ref().take(2).read_to_end(&mut head) {
        return Box::new(Failed(Some(error)));
    }
    let zlib =
        matches!(*head, [method, flags] if method & 15 == 8 && u16::from_be_bytes([method, flags]) % 31 == 0);
    let source = Read::chain(io::Cursor::new(head), source);
    if zlib {
        Box::new(flate2::read::ZlibDecoder::new(source))
    } else {
        Box::new(flate2::read::DeflateDecoder::new(source))
    }
}

/// Reads to the end, the limit, or the first error.
fn read_all(mut source: Box<dyn Read>, limit_bytes: usize) -> (Vec<u8>, Option<String>) {
    let mut bytes = Vec::new();
    let limit = u64::try_from(limit_bytes).unwrap_or(u64::MAX);
    let read = source.by_ref().take(limit).read_to_end(&mut bytes);
    let problem = match read {
        Err(error) => Some(format!("the body cannot be decoded beyond {} bytes: {error}", bytes.len())),
        Ok(_) if bytes.len() < limit_bytes => None,
        Ok(_) => {
            let more = source.read(&mut [0]).is_ok_and(|count| count > 0);
            more.then(|| format!("the body is longer than {limit_bytes} bytes"))
        }
    };
    (bytes, problem)
}

/// Captured pieces, one after the other.
struct Pieces {
    pieces: std::vec::IntoIter<Bytes>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.next() {
                Some(piece) => self.current = piece,
                None => return Ok(0),
            }
        }
        (&mut self.current).reader().read(buffer)
    }
}

/// A decoder that could not be made.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::new();
        match coding {
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(&mut encoded, flate2::Compression::fast());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap();
            }
            "deflate" => {
                let mut encoder = flate2::write::ZlibEncoder::new(&mut encoded, flate2::Compression::fast());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap();
            }
            "bare deflate" => {
                let mut encoder =
                    flate2::write::DeflateEncoder::new(&mut encoded, flate2::Compression::fast());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap();
            }
            "br" => {
                let mut encoder = brotli::CompressorWriter::new(&mut encoded, 4096, 4, 20);
                encoder.write_all(plain).unwrap();
                encoder.flush().unwrap();
                drop(encoder);
            }
            "zstd" => encoded = zstd::encode_all(plain, 1).unwrap(),
            other => panic!("{other}"),
        }
        encoded
    }

    fn body(bytes: &[u8], piece: usize) -> Body {
        let pieces = bytes.chunks(piece.max(1)).map(Bytes::copy_from_slice).collect();
        Body { pieces, total_bytes: bytes.len() as u64 }
    }

    fn text() -> Vec<u8> {
        (0..4000).flat_map(|line| format!("data: {{\"line\":{line}}}\n\n").into_bytes()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_coding_and_chain_comes_back(
            plain in proptest::collection::vec(any::<u8>(), 0..5000),
            codings in proptest::collection::vec(proptest::sample::select(vec!["gzip", "deflate", "br", "zstd"]), 0..4),
            piece in 1usize..3000,
        ) {
            let encoded = codings.iter().fold(plain.clone(), |bytes, coding| encode(coding, &bytes));
            let decoded = decode_body(&body(&encoded, piece), Some(&codings.join(", ")), LIMIT);
            prop_assert_eq!(decoded, DecodedBody { bytes: plain, complete: true, problem: None });
        }

        #[test]
        fn anything_decodes_to_something(
            bytes in proptest::collection::vec(any::<u8>(), 0..500),
            coding in proptest::sample::select(vec!["gzip", "deflate", "br", "zstd", "gzip, br"]),
        ) {
            let decoded = decode_body(&body(&bytes, 100), Some(coding), 1000);
            prop_assert!(decoded.bytes.len() <= 1000);
            prop_assert_eq!(decoded.complete, decoded.problem.is_none());
        }
    }

    #[test]
    fn a_stream_that_was_cut_gives_what_came() {
        for coding in ["gzip", "deflate", "br", "zstd"] {
            // A server flushes after each event; here the second half of the stream is missing.
            let (plain, encoded) = (text(), encode(coding, &text()));
            let half = Body { total_bytes: encoded.len() as u64, ..body(&encoded[..encoded.len() / 2], 700) };
            let decoded = decode_body(&half, Some(coding), LIMIT);
            assert!(!decoded.complete, "{coding}");
            assert!(decoded.problem.unwrap().contains("were captured"));
            assert!(plain.starts_with(&decoded.bytes), "{coding}");
            assert!(
                coding == "zstd" || decoded.bytes.len() > plain.len() / 4,
                "{coding}: {}",
                decoded.bytes.len()
            );
            let cut = Body { total_bytes: half.captured_bytes(), ..half };
            assert!(!decode_body(&cut, Some(coding), LIMIT).complete, "{coding} has an end of its own");
        }
    }

    #[test]
    fn a_zstd_stream_gives_its_flushed_blocks() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.write_all(b"first event").unwrap();
        encoder.flush().unwrap();
        let flushed = encoder.get_ref().clone();
        assert_eq!(decode_body(&body(&flushed, 5), Some("zstd"), LIMIT).bytes, b"first event");
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        for coding in ["gzip", "deflate", "br", "zstd"] {
            let bomb = encode(coding, &vec![0; 8 << 20]);
            let decoded = decode_body(&body(&bomb, 4096), Some(coding), 1000);
            assert_eq!((decoded.bytes.len(), decoded.complete), (1000, false), "{coding}");
            assert!(decoded.problem.unwrap().contains("longer than 1000 bytes"));
        }
    }

    #[test]
    fn the_limit_itself_is_no_problem() {
        assert!(decode_body(&body(b"12345", 2), None, 5).complete);
        assert_eq!(decode_body(&body(b"123456", 2), None, 5).bytes, b"12345");
    }

    #[test]
    fn odd_headers() {
        let plain = b"hello".as_slice();
        let check = |coding, bytes: &[u8]| decode_body(&body(bytes, 3), coding, LIMIT);
        assert_eq!(check(Some("identity"), plain).bytes, plain);
        assert_eq!(check(Some(" , "), plain).bytes, plain);
        assert_eq!(check(Some("X-GZIP"), &encode("gzip", plain)).bytes, plain);
        assert_eq!(check(Some("deflate"), &encode("bare deflate", plain)).bytes, plain);
        assert!(check(Some("gzip"), b"").complete, "a body without bytes has no encoding");
        let unknown = check(Some("aws-chunked"), plain);
        assert_eq!((unknown.bytes.as_slice(), unknown.complete), (plain, false));
        assert!(unknown.problem.unwrap().contains("aws-chunked"));
        assert!(check(Some("br,br,br,br,br"), plain).problem.unwrap().contains("too many"));
    }
}
