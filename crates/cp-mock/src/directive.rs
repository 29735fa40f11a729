//! What a request asks of the mock beyond an ordinary answer.
//!
//! One vocabulary, two places: the `x-mock` header (or its alias `x-mock-fault`) holds directives separated by commas
//! or spaces; in the last user message each is a word that begins with `mock:`. A word that is no directive is ignored.
//!
//! | directive | effect |
//! | --- | --- |
//! | `status=N` | the provider's error for that status |
//! | `stream-error` | an error event in the middle of the stream |
//! | `refusal` | the model refuses |
//! | `words=N` | an answer of N words |
//! | `parallel=N` | N tool calls at once |
//! | `text-first` | text before the tool calls |
//! | `pace=MS`, `slow-chunks=MS` | a pause before each chunk |
//! | `chunk=N` | chunks of N bytes, characters split wherever that falls |
//! | `endless` | the stream goes on for ever |
//! | `gzip-stream` | a stream is compressed too, flushed event by event |
//! | `trailers` | the response ends with the trailer `x-mock-trailer` |
//! | `duplex`, `sized` | `/echo` only: answers while it reads; with a length instead of chunks |
//! | `reset-before-head`, `stall-head` | no head: the connection is reset, or nothing comes |
//! | `reset-mid-body`, `stall-body`, `truncate` | half of the body, then a reset, nothing, or an early end |
//! | `garbage` | a body that is no JSON, under the announced type |

use std::time::Duration;

use http::HeaderMap;

/// The directives of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    pub(crate) status: Option<u16>,
    pub(crate) words: Option<usize>,
    pub(crate) parallel: Option<usize>,
    pub(crate) pace: Option<Duration>,
    pub(crate) chunk: Option<usize>,
    pub(crate) fault: Option<Fault>,
    pub(crate) stream_error: bool,
    pub(crate) refusal: bool,
    pub(crate) text_first: bool,
    pub(crate) endless: bool,
    pub(crate) gzip_stream: bool,
    pub(crate) trailers: bool,
    pub(crate) duplex: bool,
    pub(crate) sized: bool,
}

/// How the transport fails. At most one for a request; the last one named holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    ResetBeforeHead,
    StallHead,
    ResetMidBody,
    StallBody,
    Truncate,
    Garbage,
}

impl Directives {
    /// The directives in the headers.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for name in ["x-mock", "x-mock-fault"] {
            for value in headers.get_all(name).iter().filter_map(|value| value.to_str().ok()) {
                value.split([',', ' ']).for_each(|word| directives.add(word.trim()));
            }
        }
        directives
    }

    /// Adds those in a message.
    pub(crate) fn read_text(&mut self, text: &str) {
        text.split_whitespace().filter_map(|word| word.strip_prefix("mock:")).for_each(|word| self.add(word));
    }

    /// Adds those in a query.
    pub(crate) fn read_query(&mut self, query: &str) {
        query.split('&').for_each(|word| self.add(word));
    }

    fn add(&mut self, word: &str) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "status" => self.status = value.parse().ok().filter(|status| (200..=599).contains(status)),
            "words" => self.words = value.parse().ok(),
            "parallel" => self.parallel = value.parse().ok(),
            "pace" | "slow-chunks" => self.pace = value.parse().ok().map(Duration::from_millis),
            "chunk" => self.chunk = value.parse().ok().filter(|&size| size > 0),
            "stream-error" => self.stream_error = true,
            "refusal" => self.refusal = true,
            "text-first" => self.text_first = true,
            "endless" => self.endless = true,
            "gzip-stream" => self.gzip_stream = true,
            "trailers" => self.trailers = true,
            "duplex" => self.duplex = true,
            "sized" => self.sized = true,
            "reset-before-head" => self.fault = Some(Fault::ResetBeforeHead),
            "stall-head" => self.fault = Some(Fault::StallHead),
            "reset-mid-body" => self.fault = Some(Fault::ResetMidBody),
            "stall-body" => self.fault = Some(Fault::StallBody),
            "truncate" => self.fault = Some(Fault::Truncate),
            "garbage" => self.fault = Some(Fault::Garbage),
            _ => {}
        }
    }
}
