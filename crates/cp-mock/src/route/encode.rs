//! From content to the bytes and headers of a response.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::Content;
use crate::directive::{Directives, Fault};
use crate::failure::Dialect;
use crate::script::gzip;

/// Headers that each provider sets; times in them are fixed, so that answers compare equal.
pub(super) fn head(
    dialect: Dialect,
    status: StatusCode,
    request_id: &str,
) -> Result<Response<()>, http::Error> {
    let mut response = Response::builder().status(status);
    response = match dialect {
        Dialect::OpenAi => response
            .header("x-request-id", request_id)
            .header("openai-version", "2020-10-01")
            .header("openai-processing-ms", "42")
            .header("x-ratelimit-remaining-requests", "9999"),
        Dialect::Anthropic => response
            .header("request-id", request_id)
            .header("anthropic-ratelimit-requests-remaining", "999")
            .header("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
        Dialect::Ollama => response,
        Dialect::Gemini => response.header("server-timing", "gfet4t7; dur=42"),
    };
    if status == StatusCode::TOO_MANY_REQUESTS {
        response = response.header(RETRY_AFTER, "1");
    }
    response.body(())
}

const UPLOAD_URL: HeaderName = HeaderName::from_static("x-goog-upload-url");
const UPLOAD_STATUS: HeaderName = HeaderName::from_static("x-goog-upload-status");

/// The content in chunks, compressed where the client takes that; sets the headers that say so.
pub(super) fn encode(
    content: Content,
    request: &HeaderMap,
    directives: &Directives,
    headers: &mut HeaderMap,
) -> Result<Vec<Bytes>, std::io::Error> {
    let accepted = request.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let accepts_gzip = accepted.is_some_and(|value| value.contains("gzip"));
    let (media_type, chunks, compress) = match content {
        Content::Json(body) => ("application/json", vec![Bytes::from(body.to_string())], accepts_gzip),
        Content::Events(events) => {
            ("text/event-stream; charset=utf-8", events, accepts_gzip && directives.gzip_stream)
        }
        Content::Array(pieces) => {
            ("application/json; charset=UTF-8", pieces, accepts_gzip && directives.gzip_stream)
        }
        Content::File(media_type, bytes) => (media_type, vec![bytes], accepts_gzip),
        Content::Upload(address) => {
            headers.extend(HeaderValue::from_str(&address).map(|address| (UPLOAD_URL, address)));
            headers.insert(UPLOAD_STATUS, HeaderValue::from_static("active"));
            ("application/json", vec![Bytes::from_static(b"{}")], false)
        }
        Content::Uploaded(file) => {
            headers.insert(UPLOAD_STATUS, HeaderValue::from_static("final"));
            ("application/json", vec![Bytes::from(file.to_string())], false)
        }
        Content::Lines(lines) => ("application/x-ndjson", lines, accepts_gzip && directives.gzip_stream),
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    let chunks = if compress {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        gzip(&chunks)?
    } else {
        chunks
    };
    if directives.trailers {
        headers.insert("trailer", HeaderValue::from_static("x-mock-trailer"));
    } else if media_type == "application/json"
        && directives.fault != Some(Fault::Garbage)
        && !directives.endless
    {
        headers.insert(CONTENT_LENGTH, chunks.iter().map(Bytes::len).sum::<usize>().into());
    }
    Ok(chunks)
}
