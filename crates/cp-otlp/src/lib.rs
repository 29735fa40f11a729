//! The gateway's calls as OpenTelemetry spans, sent to a collector over OTLP/HTTP.
//!
//! A span is a `CLIENT` span of the GenAI conventions, without content, and a child of the span that the client named in
//! `traceparent`; a client that does not sample its trace gets no span. Spans are derived from the capture log: nothing
//! is lost while the collector is away, as far back as the log reaches, and no call waits for it. A span that is sent
//! twice, after a crash, has the same ids both times.

mod exporter;
mod sender;
mod span;
mod trace_context;

pub use exporter::{SpanExporter, SpanExporterParts};
pub use sender::Collector;
