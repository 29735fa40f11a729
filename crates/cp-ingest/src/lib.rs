//! Reads calls as tracers tell of them: events of Langfuse's ingestion, and spans of OpenTelemetry.
//!
//! Pure: bytes and JSON go in, [`Observation`](cp_genai::Observation)s come out. What is no call of a model is passed over, but
//! for what it says of its trace: whose it is, which session it belongs to, what it is called.

mod attributes;
mod facts;
mod langfuse;
mod otlp;
mod span;
mod usage;

pub use facts::Traces;
pub use langfuse::{Event, EventError, Read, read_event};
pub use otlp::{OtlpError, OtlpFormat, answer, read_spans};
pub use span::Span;
