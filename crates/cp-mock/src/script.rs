//! A response's body as a script of steps: what is sent, where it waits, how it breaks.

use std::collections::VecDeque;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame};
use tokio::time::Sleep;

use crate::directive::{Directives, Fault};
use crate::line::ResetMark;
use crate::seen::Exchange;

const TRAILER: HeaderName = HeaderName::from_static("x-mock-trailer");
const GARBAGE: &[u8] = b"\x00\xff<html>502 \xc3\x28 upstream connect error";

/// One step of a body.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends bytes as a chunk of their own.
    Send(Bytes),
    /// Lets the connection flush what was sent.
    Flush,
    /// Waits.
    Pause(Duration),
    /// Sends the bytes for ever, after a pause each time.
    Forever(Bytes, Duration),
    /// Sends the trailer.
    Trailer,
    /// Nothing more comes, and it does not end.
    Stall,
    /// The connection is reset.
    Reset,
}

/// The body was broken off as the request had asked.
#[derive(Debug, thiserror::Error)]
#[error("the response was broken off by a directive")]
pub(crate) struct BrokenOff;

/// The steps for `chunks`, changed as the directives say. Each chunk is flushed by itself.
pub(crate) fn steps(mut chunks: Vec<Bytes>, directives: &Directives) -> VecDeque<Step> {
    if let Some(size) = directives.chunk {
        chunks = split(&chunks, size);
    }
    match directives.fault {
        Some(Fault::Garbage) => chunks = vec![Bytes::from_static(GARBAGE)],
        Some(Fault::ResetMidBody | Fault::StallBody | Fault::Truncate) => chunks = half(chunks),
        Some(Fault::ResetBeforeHead | Fault::StallHead) | None => {}
    }
    let endless = if directives.endless {
        chunks.truncate(chunks.len() / 2 + 1);
        chunks.last().cloned()
    } else {
        None
    };
    let mut steps = VecDeque::with_capacity(chunks.len() * 3 + 1);
    for chunk in chunks {
        match directives.pace {
            Some(pace) => steps.push_back(Step::Pause(pace)),
            None if !steps.is_empty() => steps.push_back(Step::Flush),
            None => {}
        }
        steps.push_back(Step::Send(chunk));
    }
    match directives.fault {
        Some(Fault::ResetMidBody) => steps.extend([Step::Flush, Step::Reset]),
        Some(Fault::StallBody) => steps.push_back(Step::Stall),
        _ => {}
    }
    if let Some(chunk) = endless {
        steps.push_back(Step::Forever(chunk, directives.pace.unwrap_or_default()));
    }
    if directives.trailers {
        steps.push_back(Step::Trailer);
    }
    steps
}

fn split(chunks: &[Bytes], size: usize) -> Vec<Bytes> {
    let whole = Bytes::from(chunks.concat());
    whole.chunks(size).map(|chunk| whole.slice_ref(chunk)).collect()
}

/// The first half of the chunks; of a single one, the first half of its bytes.
fn half(mut chunks: Vec<Bytes>) -> Vec<Bytes> {
    if let [chunk] = chunks.as_mut_slice() {
        chunk.truncate(chunk.len() / 2);
    } else {
        chunks.truncate(chunks.len() / 2);
    }
    chunks
}

/// The chunks as one gzip stream that can be read chunk by chunk.
pub(crate) fn gzip(chunks: &[Bytes]) -> std::io::Result<Vec<Bytes>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut out = Vec::with_capacity(chunks.len() + 1);
    for (index, chunk) in chunks.iter().enumerate() {
        encoder.write_all(chunk)?;
        if index + 1 < chunks.len() {
            encoder.flush()?;
            out.push(Bytes::from(std::mem::take(encoder.get_mut())));
        }
    }
    out.push(Bytes::from(encoder.finish()?));
    Ok(out)
}

/// The body that plays a script.
#[derive(Debug)]
pub(crate) struct ScriptBody {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    exchange: Exchange,
    reset: ResetMark,
}

impl ScriptBody {
    pub(crate) fn new(steps: VecDeque<Step>, mut exchange: Exchange, reset: ResetMark) -> Self {
        if steps.is_empty() {
            exchange.answered();
        }
        Self { steps, sleep: None, exchange, reset }
    }
}

impl Body for ScriptBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            let Some(step) = self.steps.pop_front() else {
                self.exchange.answered();
                return Poll::Ready(None);
            };
            let frame = match step {
                Step::Send(bytes) => Frame::data(bytes),
                Step::Trailer => {
                    Frame::trailers(HeaderMap::from_iter([(TRAILER, HeaderValue::from_static("the end"))]))
                }
                Step::Forever(bytes, pause) => {
                    self.steps.push_front(Step::Forever(bytes.clone(), pause));
                    self.steps.push_front(if pause.is_zero() { Step::Flush } else { Step::Pause(pause) });
                    Frame::data(bytes)
                }
                Step::Pause(pause) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(pause)));
                    continue;
                }
                Step::Flush => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Step::Stall => {
                    self.steps.push_front(Step::Stall);
                    return Poll::Pending;
                }
                Step::Reset => {
                    self.reset.set();
                    self.exchange.broken();
                    return Poll::Ready(Some(Err(BrokenOff)));
                }
            };
            if self.steps.is_empty() {
                self.exchange.answered();
            }
            return Poll::Ready(Some(Ok(frame)));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }
}
