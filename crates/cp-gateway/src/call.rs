//! An admitted call, from its opening to its closing.
//!
//! [`OpenCall`] is the guard: whoever holds it owes the log one closing, and pays it by [`OpenCall::close`] or, when a
//! client hangs up and everything is dropped, in `Drop`. Neither blocks nor fails: the room was reserved before the
//! provider was called.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use cp_base::{CaptureMode, Clock, Outcome, PromptVersionId, Tick};
use cp_capture::{Ack, Body, Closing, Opening, Slot};
use hyper::body::Incoming;
use metrics::{
    Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::meter::Reservation;

/// Pieces smaller than this are copied together, so that a stream of small events does not hold many read buffers.
const SMALL_PIECE: usize = 4 * 1024;

/// What a call needs of the gateway for as long as it lives.
#[derive(Debug)]
pub(crate) struct CallContext {
    clock: Arc<dyn Clock>,
    /// Cancelled when the gateway stops waiting for its calls: what is dropped then was shut down by us.
    stopping: CancellationToken,
    in_progress: Gauge,
    duration: Histogram,
    overhead: Histogram,
}

impl CallContext {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        describe_gauge!("codepromptu_gateway_calls_in_progress", "Calls admitted and not ended");
        describe_counter!("codepromptu_gateway_calls_total", "Calls ended, by provider and outcome");
        describe_counter!("codepromptu_gateway_calls_uncaptured_total", "Calls that passed without a record");
        describe_counter!(
            "codepromptu_gateway_calls_unrecorded_total",
            "Calls that passed without a record because a policy wants none, by what decided"
        );
        describe_counter!("codepromptu_gateway_errors_total", "Answers of the gateway itself, by error code");
        describe_histogram!("codepromptu_gateway_call_duration_seconds", "From head to end of a call");
        describe_histogram!(
            "codepromptu_gateway_overhead_seconds",
            "Of that, the gateway's own until the head"
        );
        Self {
            clock,
            stopping: CancellationToken::new(),
            in_progress: gauge!("codepromptu_gateway_calls_in_progress"),
            duration: histogram!("codepromptu_gateway_call_duration_seconds"),
            overhead: histogram!("codepromptu_gateway_overhead_seconds"),
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }
}

/// One body as it is being captured.
#[derive(Debug, Default)]
struct Capture {
    pieces: Vec<Bytes>,
    tail: BytesMut,
    captured: usize,
    total: u64,
    stopped: bool,
}

impl Capture {
    fn add(&mut self, data: &Bytes, max_bytes: usize, slot: &Slot) {
        self.total += data.len() as u64;
        let taken = data.len().min(max_bytes - self.captured);
        if self.stopped || !slot.capture(taken) {
            self.stopped = true;
            return;
        }
        // Once bytes are left out, later ones would not join on to what is there.
        self.stopped = taken < data.len();
        self.captured += taken;
        let data = data.slice(..taken);
        if data.len() < SMALL_PIECE {
            self.tail.extend_from_slice(&data);
        } else {
            self.flush_tail();
            self.pieces.push(data);
        }
    }

    fn flush_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push(self.tail.split().freeze());
        }
    }

    fn into_body(mut self) -> Body {
        self.flush_tail();
        Body { pieces: self.pieces, total_bytes: self.total }
    }
}

/// What the two directions of a call share.
#[derive(Debug)]
struct State {
    /// Present until the call is closed; absent from the start for a call that passes uncaptured.
    slot: Option<Slot>,
    request: Capture,
    response: Capture,
    upload_failure: Option<Failure>,
    uploaded_at: Instant,
    /// Whether it is the client that the upload waits for, and not the provider.
    awaits_client: bool,
    /// The request's body, where the connection to the provider let go of it before its end.
    unread: Option<Incoming>,
}

/// The request's side of a call: captures, and tells when the upload last moved.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    state: Arc<Mutex<State>>,
    max_bytes: usize,
}

impl Upload {
    pub(crate) fn capture(&self, data: &Bytes) {
        let state = &mut *lock(&self.state);
        state.uploaded_at = Instant::now();
        state.awaits_client = false;
        if let Some(slot) = &state.slot {
            state.request.add(data, self.max_bytes, slot);
        }
    }

    pub(crate) fn fail(&self, failure: Failure) {
        lock(&self.state).upload_failure.get_or_insert(failure);
    }

    /// Why the upload ended before its end, where it did.
    pub(crate) fn take_failure(&self) -> Option<Failure> {
        lock(&self.state).upload_failure.take()
    }

    /// Keeps the body for whoever still wants to read it.
    pub(crate) fn give_back(&self, body: Incoming) {
        lock(&self.state).unread = Some(body);
    }

    /// The body that was given back.
    pub(crate) fn take_unread(&self) -> Option<Incoming> {
        lock(&self.state).unread.take()
    }

    /// The client has sent nothing more yet.
    pub(crate) fn wait(&self) {
        lock(&self.state).awaits_client = true;
    }

    /// The client has sent everything.
    pub(crate) fn end(&self) {
        lock(&self.state).awaits_client = false;
    }

    /// Whether it is the client that the upload waits for.
    pub(crate) fn awaits_client(&self) -> bool {
        lock(&self.state).awaits_client
    }

    /// When the request's body last moved.
    pub(crate) fn last_moved(&self) -> Instant {
        lock(&self.state).uploaded_at
    }
}

/// What is known of the response once its head is there.
#[derive(Debug, Default)]
pub(crate) struct ResponseHead {
    pub(crate) status: Option<u16>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) overhead_us: u64,
}

/// A call that was admitted and has not ended.
#[derive(Debug)]
pub(crate) struct OpenCall {
    context: Arc<CallContext>,
    state: Arc<Mutex<State>>,
    /// Repeated in the closing, and taken by it.
    opening: Option<Opening>,
    received: Tick,
    max_bytes: usize,
    head: ResponseHead,
    /// Microseconds that the provider took until the head of its response.
    provider_us: u64,
    first_chunk: Option<Tick>,
    /// Its place within the limits of its gateway key.
    reservation: Option<Reservation>,
    /// The version of a prompt that is in its request.
    prompt_version: Option<PromptVersionId>,
}

impl OpenCall {
    pub(crate) fn new(
        context: Arc<CallContext>,
        opening: Opening,
        received: Tick,
        slot: Option<Slot>,
        max_bytes: usize,
    ) -> Self {
        context.in_progress.increment(1);
        let state = State {
            slot,
            request: Capture::default(),
            response: Capture::default(),
            upload_failure: None,
            uploaded_at: Instant::now(),
            awaits_client: false,
            unread: None,
        };
        Self {
            context,
            state: Arc::new(Mutex::new(state)),
            opening: Some(opening),
            received,
            max_bytes,
            head: ResponseHead::default(),
            provider_us: 0,
            first_chunk: None,
            reservation: None,
            prompt_version: None,
        }
    }

    /// A version of a prompt was put into the request.
    pub(crate) fn attribute(&mut self, version: PromptVersionId) {
        self.prompt_version = Some(version);
    }

    /// Keeps the call's place within its key's limits until it ends.
    pub(crate) fn hold(&mut self, reservation: Option<Reservation>) {
        self.reservation = reservation;
    }

    pub(crate) fn upload(&self) -> Upload {
        Upload { state: self.state.clone(), max_bytes: self.max_bytes }
    }

    /// Whether there is a record of this call.
    pub(crate) fn is_captured(&self) -> bool {
        lock(&self.state).slot.is_some()
    }

    /// Whether there is to be none.
    pub(crate) fn is_off(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.capture.mode == CaptureMode::Off)
    }

    /// Gives the record up: the opening could not be written.
    pub(crate) fn forgo_capture(&self) {
        lock(&self.state).slot = None;
    }

    pub(crate) fn set_head(&mut self, head: ResponseHead) {
        self.head = head;
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.context.stopping
    }

    /// Waits for the provider, and counts the time as its own.
    pub(crate) async fn await_provider<T>(&mut self, answer: impl Future<Output = T>) -> T {
        let asked = self.context.clock.ticks();
        let answer = answer.await;
        self.provider_us = self.context.clock.ticks().micros_since(asked);
        answer
    }

    /// Microseconds since the request's head was read that the provider did not take.
    pub(crate) fn overhead_us(&self) -> u64 {
        self.context.clock.ticks().micros_since(self.received).saturating_sub(self.provider_us)
    }

    /// Captures a chunk of the response.
    pub(crate) fn capture_response(&mut self, data: &Bytes) {
        self.first_chunk.get_or_insert_with(|| self.context.clock.ticks());
        let state = &mut *lock(&self.state);
        if let Some(slot) = &state.slot {
            state.response.add(data, self.max_bytes, slot);
        }
    }

    /// Writes the closing. The second time, and for a call that is not captured, there is nothing to write.
    pub(crate) fn close(&mut self, outcome: Outcome, error: Option<&'static str>) -> Option<Ack> {
        let opening = self.opening.take()?;
        let now = self.context.clock.ticks();
        self.count(&opening.provider, outcome, now);
        let ended_at = self.context.clock.now();
        let state = &mut *lock(&self.state);
        let slot = state.slot.take();
        // One that was rejected is dropped, and so given back.
        match self.reservation.take().filter(|_| outcome != Outcome::Rejected) {
            Some(reservation) if slot.is_some() => reservation.ended(ended_at),
            Some(reservation) => reservation.ended_unrecorded(),
            None => {}
        }
        let (slot, head) = (slot?, std::mem::take(&mut self.head));
        Some(slot.close(Closing {
            opening,
            outcome,
            ended_at,
            duration_us: now.micros_since(self.received),
            time_to_first_chunk_us: self.first_chunk.map(|tick| tick.micros_since(self.received)),
            overhead_us: head.overhead_us,
            status: head.status,
            error: error.map(str::to_owned),
            headers: head.headers,
            prompt_version: self.prompt_version,
            request: std::mem::take(&mut state.request).into_body(),
            response: std::mem::take(&mut state.response).into_body(),
        }))
    }

    fn count(&self, provider: &str, outcome: Outcome, now: Tick) {
        let provider = provider.to_owned();
        self.context.in_progress.decrement(1);
        counter!("codepromptu_gateway_calls_total", "provider" => provider, "outcome" => outcome.as_str())
            .increment(1);
        self.context.duration.record(now.since(self.received).as_secs_f64());
        self.context.overhead.record(self.head.overhead_us as f64 / 1e6);
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let outcome =
            if self.stopping().is_cancelled() { Outcome::ShutDown } else { Outcome::ClientCancelled };
        drop(self.close(outcome, None));
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
