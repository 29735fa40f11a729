//! How a streamed response is divided into JSON objects, its chunks.
//!
//! Three framings: server-sent events, one object a line (NDJSON), and one JSON array that is written bit by bit. What
//! a stream that was cut off ends with is skipped when it is torn, and is a chunk like any other when it is whole; a
//! stream cut anywhere yields the beginning of its chunks.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::fields::Object;
use crate::SseParser;

/// How a body is divided into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events.
    Events,
    /// One object a line.
    Lines,
    /// The elements of one array.
    Array,
}

/// What a stream is divided into.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    pub(super) objects: Vec<Object>,
    /// Whole pieces that are no JSON objects.
    pub(super) unreadable: u32,
    /// Whether the stream says of itself that nothing follows: `[DONE]`, or the array's end.
    pub(super) done: bool,
}

/// A piece of a stream, and whether its end was seen.
type Piece<'a> = (Cow<'a, [u8]>, bool);

impl Framing {
    /// The framing of a response's body; `None` for a single object.
    ///
    /// The body decides where it can: some providers stream as plain text, and some send a JSON error as a stream.
    pub(super) fn of(body: &[u8], content_type: Option<&str>) -> Option<Self> {
        let body = body.trim_ascii_start();
        let declared = |kind: &str| content_type.is_some_and(|declared| declared.starts_with(kind));
        match body.split_first() {
            Some((b'{', _)) => {
                let lines = declared("application/x-ndjson") || declared("application/jsonl");
                (lines || is_followed_by_another_line(body)).then_some(Self::Lines)
            }
            Some((b'[', rest)) => {
                let first = rest.trim_ascii_start().first();
                matches!(first, None | Some(b'{' | b']')).then_some(Self::Array)
            }
            _ => {
                let begins_like_events = [b"data:".as_slice(), b"event:", b"id:", b"retry:", b":"]
                    .iter()
                    .any(|field| body.starts_with(field));
                (begins_like_events || declared("text/event-stream")).then_some(Self::Events)
            }
        }
    }

    pub(super) fn chunks(self, body: &[u8]) -> Chunks {
        let mut chunks = Chunks::default();
        match self {
            Self::Events => events(body, &mut chunks),
            Self::Lines => lines(body, &mut chunks),
            Self::Array => elements(body, &mut chunks),
        }
        chunks
    }
}

impl Chunks {
    fn add(&mut self, (data, complete): Piece<'_>) {
        match super::object(&data) {
            Ok(chunk) => self.objects.push(chunk),
            Err(_) if data.trim_ascii() == b"[DONE]" => self.done = true,
            Err(_) => self.unreadable += u32::from(complete),
        }
    }
}

/// Whether the first line is a whole object, and not the last line.
fn is_followed_by_another_line(body: &[u8]) -> bool {
    let Some(end) = body.iter().position(|byte| *byte == b'\n') else { return false };
    let (first, rest) = body.split_at(end);
    !rest.trim_ascii().is_empty() && serde_json::from_slice::<IgnoredAny>(first).is_ok()
}

fn events(body: &[u8], chunks: &mut Chunks) {
    let mut parser = SseParser::default();
    let whole = parser.push(body);
    for event in whole.into_iter().chain(parser.finish()) {
        chunks.add((event.data.into_bytes().into(), event.complete));
    }
}

fn lines(body: &[u8], chunks: &mut Chunks) {
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        if !line.trim_ascii().is_empty() {
            chunks.add((line.into(), line.ends_with(b"\n")));
        }
    }
}

fn elements(body: &[u8], chunks: &mut Chunks) {
    let body = body.trim_ascii_start();
    let mut rest = body.strip_prefix(b"[").unwrap_or(body);
    loop {
        let end = element_end(rest);
        let (element, after) = rest.split_at(end.unwrap_or(rest.len()));
        if !element.trim_ascii().is_empty() {
            chunks.add((element.into(), end.is_some()));
        }
        let Some((mark, after)) = after.split_first() else { return };
        if *mark != b',' {
            chunks.done = true;
            return;
        }
        rest = after;
    }
}

/// Where an array's element ends: at a comma or bracket that is not inside of it.
fn element_end(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    bytes.iter().position(|byte| {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            return false;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b',' | b'}' | b']' => return depth == 0,
            _ => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use serde_json::Value;

    use super::*;

    fn of(body: &str, content_type: &str) -> Option<Framing> {
        Framing::of(body.as_bytes(), Some(content_type))
    }

    #[test]
    fn the_body_decides_before_the_content_type() {
        let json = "application/json; charset=UTF-8";
        for (body, content_type, framing) in [
            ("data: {}\n\n", json, Some(Framing::Events)),
            (": hello\n\n", "text/plain", Some(Framing::Events)),
            ("\n\nid: 1\n", "text/event-stream; charset=utf-8", Some(Framing::Events)),
            (r#"{"error": {}}"#, "text/event-stream", None),
            ("{\"a\":1}\n{\"a\":", json, Some(Framing::Lines)),
            ("{\"a\":1}\n", "application/x-ndjson", Some(Framing::Lines)),
            ("{\"a\":1}\r\n\r\n", json, None),
            ("{\n  \"a\": 1\n}", json, None),
            ("[{\"a\":1}\n,", json, Some(Framing::Array)),
            (" [", json, Some(Framing::Array)),
            ("[]", json, Some(Framing::Array)),
            ("[1]", json, None),
            ("<html>", "text/html", None),
            ("", json, None),
        ] {
            assert_eq!(of(body, content_type), framing, "{body}");
        }
    }

    fn read(framing: Framing, body: &str) -> (Value, u32, bool) {
        let chunks = framing.chunks(body.as_bytes());
        (json!(chunks.objects), chunks.unreadable, chunks.done)
    }

    #[test]
    fn what_is_torn_is_no_garbage_and_garbage_stops_nothing() {
        let lines = "{\"a\":1}\r\n\nnonsense\n{\"b\":\"}\\n\"}\n{\"c\":";
        assert_eq!(read(Framing::Lines, lines), (json!([{"a":1}, {"b":"}\n"}]), 1, false));
        let array = "[{\"a\":[1,2]}\n,\r\n{\"b\":\"],\\\"\"},nonsense,{\"c\":1}\n]\n";
        let all = json!([{"a":[1,2]}, {"b":"],\""}, {"c":1}]);
        assert_eq!(read(Framing::Array, array), (all, 1, true));
        assert_eq!(read(Framing::Array, "[{\"a\":1},{\"b\":"), (json!([{"a":1}]), 0, false));
        assert_eq!(read(Framing::Array, "[{\"a\":1}"), (json!([{"a":1}]), 0, false));
        assert_eq!(read(Framing::Array, "[]"), (json!([]), 0, true));
        assert_eq!(read(Framing::Events, "data: {}\n\ndata: [DONE]\n\n"), (json!([{}]), 0, true));
    }

    fn write(framing: Framing, objects: &[Value]) -> Vec<u8> {
        let objects = objects.iter().map(Value::to_string);
        match framing {
            Framing::Events => objects.map(|object| format!("data: {object}\n\n")).collect::<String>(),
            Framing::Lines => objects.map(|object| format!("{object}\n")).collect(),
            Framing::Array => format!("[{}\n]", objects.collect::<Vec<_>>().join("\n,\r\n")),
        }
        .into_bytes()
    }

    proptest! {
        #[test]
        fn a_stream_cut_anywhere_yields_its_beginning(
            texts in prop::collection::vec("[a{}\\[\\],:\"\\\\é🙂\n]{0,8}", 0..6),
            at: prop::sample::Index,
        ) {
            let objects: Vec<_> = texts.iter().map(|text| json!({ "t": text, "n": [{ "e": {} }, 1] })).collect();
            for framing in [Framing::Events, Framing::Lines, Framing::Array] {
                let body = write(framing, &objects);
                let whole = framing.chunks(&body);
                prop_assert_eq!(json!(whole.objects), json!(objects));
                let cut = framing.chunks(&body[..at.index(body.len() + 1)]);
                prop_assert_eq!((whole.unreadable, cut.unreadable), (0, 0));
                prop_assert!(whole.objects.starts_with(&cut.objects));
            }
        }

        #[test]
        fn any_bytes_are_read(body in prop::collection::vec(any::<u8>(), 0..200)) {
            for framing in [Framing::Events, Framing::Lines, Framing::Array] {
                framing.chunks(&body);
            }
        }
    }
}
