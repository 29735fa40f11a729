//! Redaction of the capture log itself, where a project asks for it: before a record is sealed, on the log's own thread.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use cp_capture::{Body, Closing, Opening, Record, Rewrite, decode_body};
use cp_redact::{CapturePolicies, Redactor};
use cp_traffic::TrafficStore;
use tokio::sync::watch;

use super::Privacy;
use crate::derive::{MAX_DECODED_BYTES, header};

/// What the capture log is to do to records before it writes them.
#[must_use]
pub fn redact_log(policies: watch::Receiver<Arc<CapturePolicies>>, traffic: TrafficStore) -> Rewrite {
    let privacy = Privacy::new(policies, traffic);
    Rewrite::new(move |record| privacy.redact_record(record))
}

impl Privacy {
    fn redact_record(&self, record: &mut Record) {
        match record {
            Record::Opening(opening) if opening.capture.redact_log => {
                if let Ok(Some(redactor)) = self.redactor(opening) {
                    redact_opening(&redactor, opening);
                }
            }
            Record::Closing(closing) if closing.opening.capture.redact_log => {
                match self.redactor(&closing.opening) {
                    Ok(Some(redactor)) => redact_closing(&redactor, closing),
                    Ok(None) => {}
                    // What cannot be redacted is not written.
                    Err(error) => {
                        tracing::error!(%error, "a call's bodies are left out of the capture log");
                        closing.request.pieces.clear();
                        closing.response.pieces.clear();
                    }
                }
            }
            _ => {}
        }
    }
}

fn redact_opening(redactor: &Redactor, opening: &mut Opening) {
    super::redacted::redact_text(redactor, &mut opening.path);
    opening.query.iter_mut().for_each(|query| super::redacted::redact_text(redactor, query));
    redact_headers(redactor, &mut opening.headers);
}

fn redact_closing(redactor: &Redactor, closing: &mut Closing) {
    redact_body(redactor, &mut closing.request, &mut closing.opening.headers);
    redact_body(redactor, &mut closing.response, &mut closing.headers);
    redact_opening(redactor, &mut closing.opening);
    redact_headers(redactor, &mut closing.headers);
}

fn redact_headers(redactor: &Redactor, headers: &mut [(String, String)]) {
    for (name, value) in headers {
        if let Cow::Owned(redacted) = redactor.named_text(value, name) {
            *value = redacted;
        }
    }
}

/// A body in which something is found is written without its content encoding. What cannot be decoded cannot be looked
/// through, and is left out.
fn redact_body(redactor: &Redactor, body: &mut Body, headers: &mut Vec<(String, String)>) {
    let captured = body.captured_bytes();
    let encoding = header(headers, "content-encoding").map(str::to_owned);
    let decoded = decode_body(body, encoding.as_deref(), MAX_DECODED_BYTES);
    let is_encoded = encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"));
    let is_readable = decoded.complete || !is_encoded;
    let redacted = match redactor.body(&decoded.bytes) {
        Cow::Borrowed(_) if is_readable => return,
        // The beginning of what is encoded, as far as it goes; where nothing was decoded, it is still encoded.
        Cow::Borrowed(_) if decoded.bytes.len() as u64 == captured => Vec::new(),
        Cow::Borrowed(bytes) => bytes.to_vec(),
        Cow::Owned(bytes) => bytes,
    };
    let missing = (body.total_bytes - captured).max(u64::from(!is_readable));
    body.total_bytes = redacted.len() as u64 + missing;
    body.pieces = vec![Bytes::from(redacted)];
    headers.retain(|(name, _)| name != "content-encoding");
}
