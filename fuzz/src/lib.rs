//! What arbitrary bytes go into. Each target is a function of bytes that panics where a promise is broken; libFuzzer looks
//! for such bytes, and the tests put in the seeds and whatever was ever found.

mod seeds;
mod templates;
mod texts;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use cp_base::{SealingKey, Timestamp};
use cp_capture::{Body, Record, decode_body};
use cp_genai::{BillingTerms, DecodedCall, Exchange, PriceBook, SseEvent, SseParser, decode};

use cp_redact::{DataKind, OwnPattern, Redactor, Rules};

pub use seeds::{Seeds, seeds};
pub use templates::templates;
pub use texts::texts;

/// A target, by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 7] = [
    ("events", events),
    ("codecs", codecs),
    ("records", records),
    ("bodies", bodies),
    ("redaction", redaction),
    ("templates", templates),
    ("texts", texts),
];

/// What a codec may make of a byte, and of nothing.
const MAX_GROWTH: usize = 32;
const MAX_OVERHEAD: usize = 16 * 1024;
/// What a body may unfold to here.
const MAX_BODY_BYTES: usize = 256 * 1024;

const CODINGS: [Option<&str>; 8] = [
    None,
    Some("gzip"),
    Some("deflate"),
    Some("br"),
    Some("zstd"),
    Some("gzip, br"),
    Some("zstd, zstd, zstd, zstd"),
    Some("identity, x-unknown"),
];

/// Server-sent events: any way of cutting the bytes gives the same ones. The first byte says how long the pieces are.
pub fn events(data: &[u8]) {
    let Some((first, stream)) = data.split_first() else { return };
    let whole = parsed(stream, stream.len().max(1));
    let length = 1 + usize::from(*first) % 16;
    assert_eq!(parsed(stream, length), whole, "in pieces of {length}");
    let text: usize = whole.iter().map(|event| event.data.len()).sum();
    assert!(text <= 3 * stream.len(), "{text} bytes of events from {}", stream.len());
}

fn parsed(stream: &[u8], length: usize) -> Vec<SseEvent> {
    let mut parser = SseParser::default();
    let mut events: Vec<_> = stream.chunks(length).flat_map(|piece| parser.push(piece)).collect();
    events.extend(parser.finish());
    events
}

/// Exchanges of every wire format: the same bytes are the same call, no larger than they warrant; it can be priced, and so
/// can the call that a cut of the response leaves.
pub fn codecs(data: &[u8]) {
    let Some(exchange) = seeds::exchange(data) else { return };
    let call = decode(&exchange);
    assert_eq!(decode(&exchange), call);
    let size = serde_json::to_vec(&call).map_or(usize::MAX, |json| json.len());
    assert!(size <= MAX_GROWTH * data.len() + MAX_OVERHEAD, "{size} bytes of call from {}", data.len());
    price(&call);
    let half = exchange.response.split_at(exchange.response.len() / 2).0;
    price(&decode(&Exchange { response: half, response_complete: false, ..exchange }));
}

fn price(call: &DecodedCall) {
    static PRICES: LazyLock<PriceBook> = LazyLock::new(PriceBook::shipped);
    /// 2026-06-01: most of the shipped prices hold then.
    const DAY: Timestamp = Timestamp(1_780_272_000_000_000);
    let terms = BillingTerms::of(call);
    for provider in ["openai", "anthropic", "gemini"] {
        if let Ok(priced) = PRICES.price_call(provider, DAY, call, &terms) {
            assert!(priced.cost.0 >= 0, "{priced:?}");
        }
    }
}

/// Records of the capture log: what can be read is written and read as the same.
pub fn records(data: &[u8]) {
    let Ok(record) = rmp_serde::from_slice::<Record>(data) else { return };
    let written = rmp_serde::to_vec_named(&record).ok();
    let again = written.and_then(|bytes| rmp_serde::from_slice::<Record>(&bytes).ok());
    assert_eq!(again, Some(record));
}

/// Bodies in a content encoding: what comes out is bounded, and is the same in any pieces; where it is damaged, the pieces
/// may decide how much of it. The first byte chooses the encoding, the second one the pieces.
pub fn bodies(data: &[u8]) {
    let [coding, length, encoded @ ..] = data else { return };
    let coding = CODINGS[usize::from(*coding) % CODINGS.len()];
    let body = |length: usize| Body {
        pieces: encoded.chunks(length).map(Bytes::copy_from_slice).collect(),
        total_bytes: encoded.len() as u64,
    };
    let whole = decode_body(&body(encoded.len().max(1)), coding, MAX_BODY_BYTES);
    assert!(whole.bytes.len() <= MAX_BODY_BYTES);
    let pieces = decode_body(&body(1 + usize::from(*length)), coding, MAX_BODY_BYTES);
    assert_eq!(pieces.complete, whole.complete, "{pieces:?} {whole:?}");
    assert!(
        pieces.bytes.starts_with(&whole.bytes) || !whole.complete && whole.bytes.starts_with(&pieces.bytes)
    );
}

/// Redaction: what was redacted stays as it is, JSON stays JSON, and what is found lies in order on whole letters.
pub fn redaction(data: &[u8]) {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
        let staff = OwnPattern { name: "staff".to_owned(), expression: r"\bE-\d{3,5}\b|(a|b)*c".to_owned() };
        let rules = Rules::new(DataKind::ALL.into_iter().collect(), &[staff]).unwrap_or_default();
        assert!(!rules.is_empty());
        Redactor::new(Arc::new(rules), &SealingKey::new([7; 32]))
    });
    let once = REDACTOR.body(data);
    assert_eq!(REDACTOR.body(&once), once, "{}", String::from_utf8_lossy(&once));
    if let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(data) {
        assert!(serde_json::from_slice::<serde_json::Value>(&once).is_ok());
        REDACTOR.value(&mut value);
        let again = value.clone();
        REDACTOR.value(&mut value);
        assert_eq!(value, again);
    }
    let Ok(text) = str::from_utf8(data) else { return };
    let mut at = 0;
    for found in REDACTOR.find(text) {
        assert!(
            found.range.start >= at && text.get(found.range.clone()).is_some_and(|value| !value.is_empty())
        );
        at = found.range.end;
    }
}
