//! Exchanges on disk: `name.json` holds path, status, request and response; a stream is beside it in `name.sse`,
//! `name.ndjson` or `name.array`.

use std::fs;
use std::path::PathBuf;

use cp_genai::{DecodedCall, Exchange, Message, Part, decode};
use serde_json::Value;

pub(crate) struct Fixture {
    path: String,
    status: u16,
    request: Vec<u8>,
    response: Vec<u8>,
    content_type: &'static str,
}

const STREAMS: [(&str, &str); 3] = [
    ("sse", "text/event-stream; charset=utf-8"),
    ("ndjson", "application/x-ndjson"),
    ("array", "application/json; charset=UTF-8"),
];

impl Fixture {
    pub(crate) fn load(name: &str) -> Self {
        let base = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
        let mut json: Value =
            serde_json::from_slice(&fs::read(base.with_extension("json")).unwrap()).unwrap();
        let stream = STREAMS.iter().find_map(|(extension, content_type)| {
            Some((fs::read(base.with_extension(extension)).ok()?, *content_type))
        });
        let (response, content_type) = match (stream, json["response"].take()) {
            (Some(stream), _) => stream,
            (None, Value::String(text)) => (text.into_bytes(), "text/html"),
            (None, response) => (response.to_string().into_bytes(), "application/json"),
        };
        Self {
            path: json["path"].as_str().unwrap().to_owned(),
            status: u16::try_from(json["status"].as_u64().unwrap()).unwrap(),
            request: json["request"].to_string().into_bytes(),
            response,
            content_type,
        }
    }

    pub(crate) fn request(&self) -> &[u8] {
        &self.request
    }

    pub(crate) fn response(&self) -> &[u8] {
        &self.response
    }

    /// What an event of the stream ends with.
    pub(crate) fn event_end(&self) -> &'static str {
        if self.content_type.starts_with("text/event-stream") { "\n\n" } else { "\n" }
    }

    pub(crate) fn decode(&self) -> DecodedCall {
        decode(&self.exchange())
    }

    pub(crate) fn exchange(&self) -> Exchange<'_> {
        Exchange {
            method: "POST",
            path: &self.path,
            status: Some(self.status),
            request: &self.request,
            response: &self.response,
            response_content_type: Some(self.content_type),
            request_complete: true,
            response_complete: true,
        }
    }

    /// Decodes with another response body.
    pub(crate) fn decode_response(&self, response: &[u8], complete: bool) -> DecodedCall {
        decode(&Exchange { response, response_complete: complete, ..self.exchange() })
    }
}

/// Everything that a message says in words.
pub(crate) fn text(message: &Message) -> String {
    let text = |part: &Part| match part {
        Part::Text { content } => content.clone(),
        _ => String::new(),
    };
    message.parts.iter().map(text).collect()
}
