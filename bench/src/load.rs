//! The load generator: keep-alive HTTP/1.1 connections, one call at a time on each.
//!
//! Closed loop: each connection sends its next call when the last one has ended, which finds the throughput. Constant
//! rate: calls are due at fixed times, and a call's latency counts from when it was due, not from when a connection
//! was free; so a stall shows in the latency of every call that it held up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::workload::Workload;

/// The path of every call, at the mock provider as at a proxy.
const PATH: &str = "/openai/v1/chat/completions";

/// How a call that ended well went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Until the first byte of the body.
    pub(crate) first_chunk: Duration,
    /// Until the last.
    pub(crate) total: Duration,
}

/// What a measurement saw.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(crate) timings: Vec<Timing>,
    /// Calls that failed, answered otherwise than 200, or with a body of another length.
    pub(crate) errors: u64,
    pub(crate) elapsed: Duration,
}

impl Samples {
    fn take(&mut self, timing: Result<Timing>) {
        match timing {
            Ok(timing) => self.timings.push(timing),
            Err(_) => self.errors += 1,
        }
    }

    fn merge(&mut self, other: Self) {
        self.timings.extend(other.timings);
        self.errors += other.errors;
    }
}

/// Where calls go, and the numbers that make their bodies differ.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// What calls bring in the place of a provider's key.
    pub(crate) key: String,
    /// Calls begun so far, over all measurements.
    sent: Arc<AtomicU64>,
}

impl Target {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, key: "sk-bench".to_owned(), sent: Arc::default() }
    }

    /// Calls begun so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

/// A connection that is opened when it is needed.
struct Connection {
    target: Target,
    sender: Option<SendRequest<Full<Bytes>>>,
    drivers: JoinSet<()>,
}

impl Connection {
    fn new(target: Target) -> Self {
        Self { target, sender: None, drivers: JoinSet::new() }
    }

    /// One call. Latencies count from `due`.
    async fn call(&mut self, workload: &Workload, expected_bytes: usize, due: Instant) -> Result<Timing> {
        let number = self.target.sent.fetch_add(1, Ordering::Relaxed);
        let result = self.exchange(workload.body(number), due).await;
        match result {
            Ok((timing, bytes)) if bytes == expected_bytes => Ok(timing),
            Ok((_, bytes)) => bail!("{bytes} bytes came back, not {expected_bytes}"),
            Err(error) => {
                self.sender = None;
                Err(error)
            }
        }
    }

    async fn exchange(&mut self, body: Bytes, due: Instant) -> Result<(Timing, usize)> {
        let request = http::Request::post(PATH)
            .header(http::header::HOST, self.target.address.to_string())
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(http::header::AUTHORIZATION, format!("Bearer {}", self.target.key))
            .body(Full::new(body))?;
        let response = self.ready().await?.send_request(request).await?;
        if response.status() != http::StatusCode::OK {
            bail!("status {}", response.status());
        }
        let mut body = response.into_body();
        let mut bytes = 0;
        let mut first_chunk = None;
        while let Some(frame) = body.frame().await {
            first_chunk.get_or_insert_with(|| due.elapsed());
            bytes += frame?.data_ref().map_or(0, Bytes::len);
        }
        let total = due.elapsed();
        Ok((Timing { first_chunk: first_chunk.unwrap_or(total), total }, bytes))
    }

    async fn ready(&mut self) -> Result<&mut SendRequest<Full<Bytes>>> {
        if let Some(sender) = &mut self.sender
            && sender.ready().await.is_err()
        {
            self.sender = None;
        }
        if self.sender.is_none() {
            let stream = TcpStream::connect(self.target.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            self.drivers.spawn(async move {
                let _closed = connection.await;
            });
            self.sender = Some(sender);
        }
        self.sender.as_mut().context("just connected")
    }
}

/// One read of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    /// Since the call was sent.
    pub(crate) at: Duration,
    /// Events that it held.
    pub(crate) events: usize,
}

/// A stream of twenty chunks ten milliseconds apart, and the word that ends it, read by read.
pub(crate) async fn paced_stream(target: &Target, number: usize) -> Result<Vec<Read>> {
    let mut connection = Connection::new(target.clone());
    target.sent.fetch_add(1, Ordering::Relaxed);
    let body = format!(
        r#"{{"model":"gpt-4.1-mini","stream":true,"messages":[{{"role":"user","content":"Tell me, {number}."}}]}}"#
    );
    let request = http::Request::post(PATH)
        .header(http::header::HOST, target.address.to_string())
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::AUTHORIZATION, format!("Bearer {}", target.key))
        .header("x-mock", "pace=10 words=20")
        .body(Full::new(Bytes::from(body)))?;
    let sender = connection.ready().await?;
    let began = Instant::now();
    let mut body = sender.send_request(request).await?.into_body();
    let mut reads = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        let data = frame.data_ref().map_or(&[][..], |data| &data[..]);
        reads
            .push(Read { at: began.elapsed(), events: data.windows(2).filter(|two| two == b"\n\n").count() });
    }
    Ok(reads)
}

/// The length of an answer's body: what every further answer must have.
pub(crate) async fn probe(target: &Target, workload: &Workload) -> Result<usize> {
    let mut connection = Connection::new(target.clone());
    let number = target.sent.fetch_add(1, Ordering::Relaxed);
    let (_, bytes) = connection.exchange(workload.body(number), Instant::now()).await?;
    Ok(bytes)
}

/// Sends calls one after another on each of `concurrency` connections for this long.
pub(crate) async fn closed_loop(
    target: &Target,
    workload: &Workload,
    expected_bytes: usize,
    concurrency: usize,
    duration: Duration,
) -> Result<Samples> {
    let began = Instant::now();
    let mut connections = JoinSet::new();
    for _ in 0..concurrency {
        let (target, workload) = (target.clone(), workload.clone());
        connections.spawn(async move {
            let mut connection = Connection::new(target);
            let mut samples = Samples::default();
            while began.elapsed() < duration {
                samples.take(connection.call(&workload, expected_bytes, Instant::now()).await);
            }
            samples
        });
    }
    gather(connections, began).await
}

/// Sends `rate` calls a second over up to 128 connections for this long.
pub(crate) async fn constant_rate(
    target: &Target,
    workload: &Workload,
    expected_bytes: usize,
    rate: u64,
    duration: Duration,
) -> Result<Samples> {
    const CONNECTIONS: usize = 128;
    let calls = u32::try_from(rate * duration.as_secs())?;
    let interval = duration / calls.max(1);
    let (due_sender, due_receiver) = mpsc::channel(usize::try_from(calls)?);
    let began = Instant::now();
    // A thread of its own: the timers of an async runtime are a millisecond coarse.
    let pacer = std::thread::spawn(move || {
        for number in 0..calls {
            let due = began + interval * number;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if due_sender.blocking_send(due).is_err() {
                return;
            }
        }
    });
    let due_receiver = Arc::new(Mutex::new(due_receiver));
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (target, workload, due_receiver) = (target.clone(), workload.clone(), Arc::clone(&due_receiver));
        connections.spawn(async move {
            let mut connection = Connection::new(target);
            let mut samples = Samples::default();
            loop {
                let next = due_receiver.lock().await.recv().await;
                let Some(due) = next else { return samples };
                samples.take(connection.call(&workload, expected_bytes, due).await);
            }
        });
    }
    let samples = gather(connections, began).await;
    if pacer.join().is_err() {
        bail!("the pacing thread failed");
    }
    samples
}

async fn gather(mut connections: JoinSet<Samples>, began: Instant) -> Result<Samples> {
    let mut all = Samples::default();
    while let Some(samples) = connections.join_next().await {
        all.merge(samples?);
    }
    all.elapsed = began.elapsed();
    Ok(all)
}
