//! Bodies that pass and are captured on the way. Nothing is collected, changed or held back, but for the end of a
//! response: it waits until the closing record is on disk, so that a client that has all of its answer can rely on the
//! record whatever happens next. An answer that came in one piece waits, and goes out, in one piece.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cp_base::Outcome;
use cp_capture::Ack;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::call::{OpenCall, Upload};
use crate::failure::Failure;
use crate::pool::UpstreamBody;

/// Frames that are looked at for the end of an answer before it is passed on as a stream.
const MOST_ARRIVED: usize = 4;

/// A request's body on its way to the provider.
#[derive(Debug)]
pub(crate) struct RequestTee {
    /// What was read before the request went on, and goes out first.
    held: VecDeque<Bytes>,
    /// What that takes of the room that there is for all of them.
    room: Option<OwnedSemaphorePermit>,
    /// Absent where the body is empty, and where all of it is held.
    inner: Option<Incoming>,
    upload: Upload,
    passed: u64,
    limit: Option<u64>,
}

/// The upload broke off; the reason is kept with the call.
#[derive(Debug, thiserror::Error)]
#[error("the request's body broke off")]
pub(crate) struct UploadBroken;

impl RequestTee {
    pub(crate) fn new(inner: Incoming, upload: Upload, limit: Option<u64>) -> Self {
        Self { held: VecDeque::new(), room: None, inner: Some(inner), upload, passed: 0, limit }
    }

    /// The body of a request that has none.
    pub(crate) fn empty(upload: Upload) -> Self {
        Self { held: VecDeque::new(), room: None, inner: None, upload, passed: 0, limit: None }
    }

    /// Reads to the end, or further than `most` bytes or than there is room for, and holds what came; it goes out as if it had
    /// not been held. What it says, where that is all of it.
    pub(crate) async fn hold(
        &mut self,
        most: usize,
        room: &Arc<Semaphore>,
    ) -> Result<Option<Bytes>, Failure> {
        let mut held = 0;
        while let Some(inner) = self.inner.as_mut().filter(|inner| !inner.is_end_stream()) {
            let frame = poll_fn(|cx| Pin::new(&mut *inner).poll_frame(cx)).await;
            let Some(frame) = frame else { break };
            let Ok(data) = frame.map_err(|_| Failure::RequestBroken)?.into_data() else { continue };
            held += data.len();
            let has_room = self.take_room(data.len(), room);
            self.held.push_back(data);
            if held > most || !has_room {
                return Ok(None);
            }
        }
        self.inner = None;
        if self.held.len() > 1 {
            let mut whole = BytesMut::with_capacity(held);
            self.held.drain(..).for_each(|data| whole.extend_from_slice(&data));
            self.held.push_back(whole.freeze());
        }
        Ok(self.held.front().cloned())
    }

    /// Takes room for so many bytes for as long as this lives. Whether there was any.
    fn take_room(&mut self, bytes: usize, room: &Arc<Semaphore>) -> bool {
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(taken) = Arc::clone(room).try_acquire_many_owned(wanted) else { return false };
        match &mut self.room {
            Some(room) => room.merge(taken),
            room => *room = Some(taken),
        }
        true
    }

    /// Sends this instead of what is held.
    pub(crate) fn replace(&mut self, body: Bytes) {
        self.held = VecDeque::from([body]);
    }

    /// Reads to the end, for the record alone.
    pub(crate) async fn drain(mut self) {
        while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await {}
    }

    fn fail(&self, failure: Failure) -> UploadBroken {
        self.upload.fail(failure);
        UploadBroken
    }
}

impl Drop for RequestTee {
    fn drop(&mut self) {
        for data in &self.held {
            self.upload.capture(data);
        }
        if let Some(inner) = self.inner.take().filter(|inner| !inner.is_end_stream()) {
            self.upload.give_back(inner);
        }
    }
}

impl Body for RequestTee {
    type Data = Bytes;
    type Error = UploadBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadBroken>>> {
        let tee = &mut *self;
        let next = match (tee.held.pop_front(), &mut tee.inner) {
            (Some(data), _) => Poll::Ready(Some(Ok(Frame::data(data)))),
            (None, Some(inner)) => Pin::new(inner).poll_frame(cx),
            (None, None) => Poll::Ready(None),
        };
        let frame = match next {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(self.fail(Failure::RequestBroken)))),
            Poll::Ready(None) => {
                self.upload.end();
                return Poll::Ready(None);
            }
            Poll::Pending => {
                self.upload.wait();
                return Poll::Pending;
            }
        };
        if let Some(data) = frame.data_ref() {
            self.passed += data.len() as u64;
            if let Some(limit) = self.limit.filter(|limit| self.passed > *limit) {
                return Poll::Ready(Some(Err(self.fail(Failure::RequestTooLarge { limit }))));
            }
            self.upload.capture(data);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.held.iter().map(|data| data.len() as u64).sum::<u64>();
        let Some(coming) = self.inner.as_ref().map(Body::size_hint) else {
            return SizeHint::with_exact(held);
        };
        let mut hint = SizeHint::new();
        hint.set_lower(coming.lower().saturating_add(held));
        if let Some(upper) = coming.upper() {
            hint.set_upper(upper.saturating_add(held));
        }
        hint
    }
}

/// The body of a response of the gateway: a provider's on its way, or the gateway's own few bytes.
#[derive(Debug)]
pub struct GatewayBody(Kind);

#[derive(Debug)]
enum Kind {
    Own(Option<Bytes>),
    Passing(Box<ResponseTee>),
}

/// A response broke off. The client must see a broken stream, never a clean end.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ResponseBroken(Failure);

impl GatewayBody {
    pub(crate) fn own(bytes: Vec<u8>) -> Self {
        Self(Kind::Own(Some(bytes.into())))
    }

    pub(crate) fn empty() -> Self {
        Self(Kind::Own(None))
    }

    pub(crate) fn passing(tee: ResponseTee) -> Self {
        Self(Kind::Passing(Box::new(tee)))
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = ResponseBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ResponseBroken>>> {
        match &mut self.0 {
            Kind::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Passing(tee) => tee.poll_frame(cx).map_err(ResponseBroken),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Own(bytes) => bytes.is_none(),
            Kind::Passing(tee) => tee.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Passing(tee) => tee.size_hint(),
        }
    }
}

/// A provider's response on its way to the client. Dropped before its end, it closes the call as cancelled.
#[derive(Debug)]
pub(crate) struct ResponseTee {
    inner: UpstreamBody,
    call: OpenCall,
    idle: IdleTimer,
    hold_limit: Option<Duration>,
    /// What came with the head, and goes out before anything else.
    arrived: VecDeque<Frame<Bytes>>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Passing,
    Holding {
        last: Option<Frame<Bytes>>,
        hold: Hold,
    },
    /// The call is closed, and the client is told next: the server drops what it has not written when it hears of a
    /// failure, so it gets a turn to write before.
    Broken {
        failure: Option<Failure>,
        turn_given: bool,
    },
    Ended,
}

impl ResponseTee {
    /// `hold_limit` bounds how long the end waits for the log; absent, it waits as long as it takes.
    pub(crate) fn new(
        inner: UpstreamBody,
        call: OpenCall,
        idle: Duration,
        hold_limit: Option<Duration>,
    ) -> Self {
        let (idle, arrived) = (IdleTimer::new(idle), VecDeque::new());
        Self { inner, call, idle, hold_limit, arrived, phase: Phase::Passing }
    }

    /// Looks whether the whole answer is there already, and if so waits for its record: head and body then go out in
    /// one write. A stream is passed on at once.
    pub(crate) async fn settle(mut self) -> Self {
        poll_fn(|cx| self.poll_settled(cx)).await;
        self
    }

    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.arrived.len() < MOST_ARRIVED && matches!(self.phase, Phase::Passing) {
            match self.poll_passing(cx) {
                Poll::Ready(Some(frame)) => self.arrived.push_back(frame),
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Ready(()),
            }
        }
        let Phase::Holding { last, hold } = &mut self.phase else { return Poll::Ready(()) };
        ready!(Pin::new(hold).poll(cx));
        self.arrived.extend(last.take());
        self.phase = Phase::Ended;
        Poll::Ready(())
    }

    fn is_end_stream(&self) -> bool {
        self.arrived.is_empty() && matches!(self.phase, Phase::Ended)
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        if let Some(frame) = self.arrived.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        loop {
            match &mut self.phase {
                Phase::Passing => {
                    if let Some(frame) = ready!(self.poll_passing(cx)) {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Phase::Holding { last, hold } => {
                    ready!(Pin::new(hold).poll(cx));
                    let last = last.take();
                    self.phase = Phase::Ended;
                    return Poll::Ready(last.map(Ok));
                }
                Phase::Broken { turn_given: turn_given @ false, .. } => {
                    *turn_given = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Phase::Broken { failure, .. } => {
                    let failure = failure.take();
                    self.phase = Phase::Ended;
                    return Poll::Ready(failure.map(Err));
                }
                Phase::Ended => return Poll::Ready(None),
            }
        }
    }

    /// The next frame, or `None` when another phase has begun.
    fn poll_passing(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.idle.moved();
                if let Some(data) = frame.data_ref() {
                    self.call.capture_response(data);
                }
                if self.inner.is_end_stream() || frame.is_trailers() {
                    self.hold(Some(frame));
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(frame))
            }
            Poll::Ready(Some(Err(error))) => {
                self.break_off(Failure::BrokenBody(error));
                Poll::Ready(None)
            }
            Poll::Ready(None) => {
                self.hold(None);
                Poll::Ready(None)
            }
            Poll::Pending => {
                ready!(self.idle.poll_expired(cx));
                self.break_off(Failure::IdleTimedOut);
                Poll::Ready(None)
            }
        }
    }

    fn hold(&mut self, last: Option<Frame<Bytes>>) {
        let ack = self.call.close(Outcome::Completed, None);
        self.phase = Phase::Holding { last, hold: Hold::new(ack, self.hold_limit) };
    }

    fn break_off(&mut self, failure: Failure) {
        drop(self.call.close(failure.outcome(), Some(failure.code())));
        self.phase = Phase::Broken { failure: Some(failure), turn_given: false };
    }

    /// Exact where the provider announced a length, and unknown where it did not: the client sees the same framing.
    fn size_hint(&self) -> SizeHint {
        let last = match &self.phase {
            Phase::Passing | Phase::Ended => None,
            Phase::Holding { last, .. } => last.as_ref(),
            // A broken body never says that it is complete.
            Phase::Broken { .. } => return SizeHint::default(),
        };
        let kept = self.arrived.iter().chain(last).filter_map(Frame::data_ref).map(|data| data.len() as u64);
        self.inner
            .size_hint()
            .exact()
            .map_or_else(SizeHint::default, |rest| SizeHint::with_exact(rest.saturating_add(kept.sum())))
    }
}

/// Waits for the record of a closing, where there is one, for no longer than a limit.
#[derive(Debug)]
pub(crate) struct Hold {
    ack: Option<Ack>,
    limit: Option<Pin<Box<Sleep>>>,
    limit_after: Option<Duration>,
}

impl Hold {
    pub(crate) fn new(ack: Option<Ack>, limit_after: Option<Duration>) -> Self {
        Self { ack, limit: None, limit_after }
    }
}

impl Future for Hold {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(ack) = &mut self.ack else { return Poll::Ready(()) };
        // The log counts and reports what it could not write; the answer is not withheld for it.
        if Pin::new(ack).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(after) = self.limit_after else { return Poll::Pending };
        self.limit.get_or_insert_with(|| Box::pin(tokio::time::sleep(after))).as_mut().poll(cx)
    }
}

/// Expires when one wait for the provider lasts too long; the time in which the client does not read is not counted.
/// The timer is made for the first wait, and moved only when it fires.
#[derive(Debug)]
struct IdleTimer {
    after: Duration,
    deadline: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl IdleTimer {
    fn new(after: Duration) -> Self {
        Self { after, deadline: None, sleep: None }
    }

    fn moved(&mut self) {
        self.deadline = None;
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.after);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}
