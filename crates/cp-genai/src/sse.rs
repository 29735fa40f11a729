//! Server-sent events, incrementally, by the rules of the WHATWG HTML standard, section 9.2.6.
//!
//! Lines end with CR, LF or CRLF; a leading byte order mark and comments are skipped; the `data` lines of an event are
//! joined with LF; invalid UTF-8 is replaced. The bytes may be split anywhere: any chunking gives the same events.
//! The `id` and `retry` fields serve reconnection, which no provider's stream offers, and are skipped.

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event` field; absent for a plain message.
    pub name: Option<String>,
    /// The `data` lines, joined.
    pub data: String,
    /// Whether the blank line that ends an event was seen. Only the last one of a stream that was cut off lacks it.
    pub complete: bool,
}

/// Reads events from bytes as they come.
#[derive(Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    name: Option<String>,
    data: Option<String>,
    after_cr: bool,
    after_first_line: bool,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl SseParser {
    /// Takes the next bytes and returns the events that end in them.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<SseEvent> {
        let mut events = Vec::new();
        while let Some(&first) = bytes.first() {
            // The LF of a CRLF: the line has ended already.
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = bytes.get(1..).unwrap_or_default();
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
                self.line.extend_from_slice(bytes);
                break;
            };
            let (line, rest) = bytes.split_at(end);
            self.line.extend_from_slice(line);
            self.after_cr = rest.first() == Some(&b'\r');
            events.extend(self.end_line());
            bytes = rest.get(1..).unwrap_or_default();
        }
        events
    }

    /// Ends the stream. What remains of an event whose end never came is returned, flagged as incomplete.
    #[must_use]
    pub fn finish(mut self) -> Option<SseEvent> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.event(false)
    }

    fn end_line(&mut self) -> Option<SseEvent> {
        let line = std::mem::take(&mut self.line);
        let mut bytes = line.as_slice();
        if !std::mem::replace(&mut self.after_first_line, true) {
            bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        }
        if bytes.is_empty() {
            return self.event(true);
        }
        let text = String::from_utf8_lossy(bytes);
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("data", Some(data)) => {
                data.push('\n');
                data.push_str(value);
            }
            ("data", None) => self.data = Some(value.to_owned()),
            ("event", _) => self.name = Some(value.to_owned()),
            _ => {}
        }
        None
    }

    fn event(&mut self, complete: bool) -> Option<SseEvent> {
        let name = self.name.take().filter(|name| !name.is_empty());
        self.data.take().map(|data| SseEvent { name, data, complete })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(chunks: &[&[u8]]) -> Vec<SseEvent> {
        let mut parser = SseParser::default();
        let mut events: Vec<_> = chunks.iter().flat_map(|chunk| parser.push(chunk)).collect();
        events.extend(parser.finish());
        events
    }

    fn event(name: Option<&str>, data: &str) -> SseEvent {
        SseEvent { name: name.map(str::to_owned), data: data.to_owned(), complete: true }
    }

    #[test]
    fn fields_comments_and_line_ends() {
        let stream = b"\xEF\xBB\xBF: hello\r\nevent: a\rdata:one\ndata:  two\r\n\r\nid: 1\nretry: 5\ndata\n\nevent: lonely\n\ndata: z\n\n";
        assert_eq!(parse(&[stream]), [event(Some("a"), "one\n two"), event(None, ""), event(None, "z")]);
    }

    #[test]
    fn a_mark_inside_the_stream_is_text() {
        assert_eq!(parse(&[b"data: a\n\xEF\xBB\xBFdata: b\n\n"]), [event(None, "a")]);
    }

    #[test]
    fn what_was_cut_off_is_flagged() {
        for cut in ["data: half", "data: half\n", "data: half\r"] {
            assert_eq!(parse(&[cut.as_bytes()]), [SseEvent { complete: false, ..event(None, "half") }]);
        }
        assert_eq!(parse(&[b"data: whole\r\n\r"]), [event(None, "whole")]);
        assert_eq!(parse(&[b": comment"]), []);
    }

    #[test]
    fn a_character_split_between_chunks_is_whole() {
        assert_eq!(parse(&[b"data: \xE2\x82", b"\xAC\n", b"\n"]), [event(None, "€")]);
        assert_eq!(parse(&[b"data: \xE2\x82\n\n"]), [event(None, "\u{FFFD}")]);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            stream in "(data|event|: c|id|\u{FEFF}|[\r\n :é]|\r\n){0,60}",
            cuts in prop::collection::vec(0usize..200, 0..12),
        ) {
            let bytes = stream.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(parse(&chunks), parse(&[bytes]));
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let whole = parse(&[&bytes]);
            let single: Vec<_> = bytes.chunks(1).collect();
            prop_assert_eq!(parse(&single), whole);
        }
    }
}
