//! The consumer of the log that sends spans.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use cp_capture::{Log, Position, Reader, Record};
use cp_pipeline::decode_call;
use cp_traffic::{Batch, LogCursor, StoreError, TrafficStore};
use hyper_util::client::legacy::connect::Connect;
use metrics::{counter, describe_counter};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::sender::{Collector, SendError, Sender};
use crate::span;

/// The name under which the exporter keeps its place in the log. It holds no segment of it.
const CONSUMER: &str = "otlp";

/// Log read for one request; bounds the exporter's memory and the request's size.
const BATCH_BYTES: usize = 512 * 1024;
/// What is waited for more calls to end before few are sent.
const LINGER: Duration = Duration::from_secs(1);
/// Waits between tries.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What is left to the exporter when the program stops; what it does not send then, it sends after the next start.
const GRACE: Duration = Duration::from_secs(3);

/// What the exporter is made of.
pub struct SpanExporterParts<C> {
    /// What it reads.
    pub log: Log,
    /// Where it keeps its place.
    pub traffic: TrafficStore,
    /// Makes connections.
    pub connector: C,
    /// Where spans go.
    pub collector: Collector,
    /// Host and port of each provider, by its name.
    pub servers: BTreeMap<String, (String, u16)>,
}

/// Sends a span for each call that has ended since the exporter was first configured, in the order of the log.
pub struct SpanExporter<C> {
    log: Log,
    traffic: TrafficStore,
    sender: Sender<C>,
    resource: Resource,
    servers: BTreeMap<String, (String, u16)>,
}

impl<C> fmt::Debug for SpanExporter<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpanExporter")
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> SpanExporter<C> {
    /// An exporter; it does nothing until it is started.
    #[must_use]
    pub fn new(parts: SpanExporterParts<C>) -> Self {
        describe_counter!("codepromptu_otlp_spans_sent_total", "Spans that the collector took");
        describe_counter!("codepromptu_otlp_spans_refused_total", "Spans that the collector will never take");
        describe_counter!("codepromptu_otlp_errors_total", "Failed tries to send, each tried again");
        describe_counter!(
            "codepromptu_otlp_skipped_bytes_total",
            "Bytes of the log that were gone before their calls could be sent as spans"
        );
        let SpanExporterParts { log, traffic, connector, collector, servers } = parts;
        let text = |(key, value): &(String, String)| span::attribute(key, Value::StringValue(value.clone()));
        let attributes = collector.resource.iter().map(text).collect();
        let resource = Resource { attributes, ..Resource::default() };
        Self { log, traffic, sender: Sender::new(connector, collector), resource, servers }
    }

    /// Runs on a thread of its own, named `otlp`, until `stop` is cancelled and what is in the log is sent, or a few
    /// seconds have passed since.
    ///
    /// # Errors
    /// When the system gives no thread.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, which drives its connections.
    pub fn start(self, stop: CancellationToken) -> io::Result<JoinHandle<()>> {
        let runtime = Handle::current();
        let run = async move {
            tokio::select! {
                () = self.run(&stop) => {}
                () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => {
                    tracing::warn!("the collector did not take all spans; the rest is sent after the next start");
                }
            }
        };
        std::thread::Builder::new().name(CONSUMER.to_owned()).spawn(move || runtime.block_on(run))
    }

    async fn run(&self, stop: &CancellationToken) {
        let Some((mut saved, mut reader)) = self.begin(stop).await else { return };
        let mut written = self.log.written();
        let mut pause = FIRST_PAUSE;
        loop {
            written.borrow_and_update();
            self.pass_gap(&mut reader);
            let batch = match reader.read(BATCH_BYTES) {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::error!(%error, "spans wait: the capture log cannot be read now");
                    if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                        return;
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
            };
            pause = FIRST_PAUSE;
            if batch.records.is_empty() {
                if stop.is_cancelled() {
                    return;
                }
                let more = async { written.changed().await.is_ok() };
                if stop.run_until_cancelled(more).await == Some(true) {
                    stop.run_until_cancelled(tokio::time::sleep(LINGER)).await;
                }
                continue;
            }
            let spans: Vec<Span> = batch.records.iter().filter_map(|record| self.span(record)).collect();
            if !spans.is_empty() {
                self.deliver(spans).await;
            }
            self.save(&mut saved, batch.end).await;
        }
    }

    /// Where the exporter stands; at its very first start, the end of the log. Asked until the store answers.
    async fn begin(&self, stop: &CancellationToken) -> Option<(Option<i64>, Reader)> {
        loop {
            match self.traffic.cursor(self.log.node(), CONSUMER).await {
                Ok(saved) => {
                    let place = saved.and_then(|place| u64::try_from(place).ok()).map(Position);
                    let now = place.unwrap_or_else(|| *self.log.written().borrow());
                    let mut saved = saved;
                    self.save(&mut saved, now).await;
                    return Some((saved, self.log.reader(now)));
                }
                Err(error) => {
                    tracing::error!(%error, "spans wait: their place in the log cannot be read now")
                }
            }
            stop.run_until_cancelled(tokio::time::sleep(LONGEST_PAUSE)).await?;
        }
    }

    /// The log does not wait for the collector: what it gave up in the meantime is counted.
    fn pass_gap(&self, reader: &mut Reader) {
        let (at, first) = (reader.position(), self.log.first_position());
        if at < first {
            counter!("codepromptu_otlp_skipped_bytes_total").increment(first.0 - at.0);
            tracing::error!(
                bytes = first.0 - at.0,
                "calls left the capture log before they were sent as spans"
            );
            *reader = self.log.reader(first);
        }
    }

    fn span(&self, record: &Record) -> Option<Span> {
        let Record::Closing(closing) = record else { return None };
        // Whoever told of a call has a span of it already.
        if !closing.opening.source.is_gateway() {
            return None;
        }
        span::of(closing, &decode_call(closing), self.servers.get(&closing.opening.provider))
    }

    /// Sends until the collector takes them, or says that it never will.
    async fn deliver(&self, spans: Vec<Span>) {
        let count = spans.len() as u64;
        let scope = InstrumentationScope {
            name: "codepromptu".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
        let resource = Some(self.resource.clone());
        let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
        let request = ExportTraceServiceRequest { resource_spans };
        let mut pause = FIRST_PAUSE;
        loop {
            let refused = match self.sender.send(&request).await {
                Ok(refused) => refused.min(count),
                Err(SendError::Refused(reason)) => {
                    tracing::error!(
                        reason,
                        spans = count,
                        "the collector refuses spans; see `otlp` in the configuration"
                    );
                    count
                }
                Err(SendError::Later { reason, after }) => {
                    counter!("codepromptu_otlp_errors_total").increment(1);
                    tracing::warn!(
                        reason,
                        "the collector takes no spans now; they stay in the log and are tried again"
                    );
                    tokio::time::sleep(after.unwrap_or(pause).min(LONGEST_PAUSE)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
            };
            counter!("codepromptu_otlp_spans_refused_total").increment(refused);
            counter!("codepromptu_otlp_spans_sent_total").increment(count - refused);
            return;
        }
    }

    /// Keeps the place. While the store is down it is behind, and some spans may be sent again after a crash.
    async fn save(&self, saved: &mut Option<i64>, position: Position) {
        let Ok(position) = i64::try_from(position.0) else { return };
        let (node, consumer, from) = (self.log.node(), CONSUMER.to_owned(), *saved);
        let cursor = LogCursor { node, consumer, from, position };
        match self.traffic.write_batch(Batch { writes: Vec::new(), cursor: Some(cursor) }).await {
            Ok(()) => *saved = Some(position),
            // A store that came back may have lost its last commits.
            Err(StoreError::CursorMoved) => {
                if let Ok(now) = self.traffic.cursor(node, CONSUMER).await {
                    *saved = now;
                }
            }
            Err(error) => tracing::warn!(%error, "the place of the spans in the log cannot be kept now"),
        }
    }
}
