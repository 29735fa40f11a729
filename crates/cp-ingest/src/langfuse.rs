//! Events of Langfuse's ingestion: a batch of things that were made or changed.

use cp_base::Timestamp;
use cp_genai::{Observation, OperationName, provider_called};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::usage::{cost, nanos, usage};

/// An event.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// Names the event, for the answer.
    #[serde(default)]
    pub id: String,
    /// What happened, such as `generation-create`.
    #[serde(default)]
    pub r#type: String,
    /// When.
    #[serde(default)]
    pub timestamp: Option<String>,
    /// To what.
    #[serde(default)]
    pub body: Value,
}

/// What an event comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// A call, or a piece of one.
    Call(Box<Observation>),
    /// What is said of a trace.
    Trace(String, Box<Observation>),
    /// A score, as it was sent.
    Score(Value),
    /// Nothing that is kept: a step of a program that is no call of a model, or a line of the client's own log.
    PassedOver,
}

/// Why an event is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The type is none of Langfuse's.
    #[error("`{0}` is no type of event; see docs/langfuse.md")]
    UnknownType(String),
    /// The body cannot be used.
    #[error("the body: {0}")]
    Body(&'static str),
}

/// Reads an event.
///
/// # Errors
/// When it is none, or says too little to be kept.
pub fn read_event(event: Event) -> Result<Read, EventError> {
    let body = |body: Value| match body {
        Value::Object(fields) => Ok(fields),
        _ => Err(EventError::Body("it is no object")),
    };
    match event.r#type.as_str() {
        "score-create" => Ok(Read::Score(event.body)),
        "trace-create" => trace(body(event.body)?),
        "generation-create" | "generation-update" => generation(body(event.body)?),
        "observation-create" | "observation-update" => {
            let fields = body(event.body)?;
            let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
            match kind.to_ascii_uppercase().as_str() {
                "GENERATION" | "EMBEDDING" => generation(fields),
                _ => Ok(Read::PassedOver),
            }
        }
        "span-create" | "span-update" | "event-create" | "sdk-log" => Ok(Read::PassedOver),
        // The client's newer kinds of steps, each of which is a step of a program too.
        kind if KINDS.iter().any(|known| kind == format!("{known}-create")) => Ok(Read::PassedOver),
        other => Err(EventError::UnknownType(other.chars().take(60).collect())),
    }
}

const KINDS: [&str; 6] = ["agent", "tool", "chain", "retriever", "evaluator", "guardrail"];

fn trace(mut fields: Map<String, Value>) -> Result<Read, EventError> {
    let Some(id) = text(&mut fields, "id") else { return Ok(Read::PassedOver) };
    let mut said = Observation {
        user: text(&mut fields, "userId"),
        session: text(&mut fields, "sessionId"),
        metadata: metadata(&mut fields),
        ..Observation::default()
    };
    keep(&mut said.metadata, &mut fields, [("name", "trace_name"), ("environment", "environment")]);
    keep(&mut said.metadata, &mut fields, [("release", "release"), ("version", "trace_version")]);
    if let Some(tags) =
        fields.remove("tags").filter(|tags| tags.as_array().is_some_and(|tags| !tags.is_empty()))
    {
        said.metadata.insert("tags".to_owned(), tags);
    }
    Ok(Read::Trace(id, Box::new(said)))
}

fn generation(mut fields: Map<String, Value>) -> Result<Read, EventError> {
    let id = text(&mut fields, "id").ok_or(EventError::Body("`id` is missing"))?;
    let model = text(&mut fields, "model");
    let kind = text(&mut fields, "type").unwrap_or_default();
    let details = object(&mut fields, "usageDetails").and_then(|told| usage(&told));
    let older = object(&mut fields, "usage").unwrap_or_default();
    let costs = object(&mut fields, "costDetails").and_then(|told| cost(&told));
    let mut call = Observation {
        id,
        trace: text(&mut fields, "traceId"),
        name: text(&mut fields, "name"),
        started_at: time(&mut fields, "startTime")?,
        ended_at: time(&mut fields, "endTime")?,
        first_chunk_at: time(&mut fields, "completionStartTime")?,
        provider: provider_called(None, model.as_deref()).map(str::to_owned),
        operation: kind.eq_ignore_ascii_case("embedding").then_some(OperationName::Embeddings),
        request_model: model,
        parameters: object(&mut fields, "modelParameters").unwrap_or_default(),
        input: some(&mut fields, "input"),
        output: some(&mut fields, "output"),
        usage: details.or_else(|| usage(&older)),
        cost_usd_nanos: costs.or_else(|| older_cost(&older)),
        user: text(&mut fields, "userId"),
        session: text(&mut fields, "sessionId"),
        metadata: metadata(&mut fields),
        ..Observation::default()
    };
    let message = text(&mut fields, "statusMessage");
    if fields.get("level").is_some_and(|level| level == "ERROR") {
        call.error = Some(message.unwrap_or_default());
    }
    keep(
        &mut call.metadata,
        &mut fields,
        [("promptName", "prompt_name"), ("promptVersion", "prompt_version")],
    );
    keep(&mut call.metadata, &mut fields, [("environment", "environment"), ("version", "version")]);
    keep(&mut call.metadata, &mut fields, [("parentObservationId", "parent"), ("level", "level")]);
    Ok(Read::Call(Box::new(call)))
}

fn older_cost(usage: &Map<String, Value>) -> Option<i64> {
    let dollars = |name: &str| usage.get(name).and_then(Value::as_f64);
    let parts =
        [dollars("inputCost"), dollars("outputCost")].into_iter().flatten().reduce(|sum, part| sum + part);
    dollars("totalCost").or(parts).and_then(nanos)
}

/// Metadata as entries; what is no object is one entry.
fn metadata(fields: &mut Map<String, Value>) -> Map<String, Value> {
    match some(fields, "metadata") {
        Some(Value::Object(entries)) => entries,
        Some(other) => Map::from_iter([("metadata".to_owned(), other)]),
        None => Map::new(),
    }
}

/// Keeps fields that have no place of their own as entries of the metadata.
fn keep<const N: usize>(
    metadata: &mut Map<String, Value>,
    fields: &mut Map<String, Value>,
    names: [(&str, &str); N],
) {
    for (name, kept_as) in names {
        if let Some(value) = some(fields, name) {
            metadata.insert(kept_as.to_owned(), value);
        }
    }
}

fn some(fields: &mut Map<String, Value>, name: &str) -> Option<Value> {
    fields.remove(name).filter(|value| !value.is_null())
}

fn object(fields: &mut Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    match fields.remove(name) {
        Some(Value::Object(map)) => Some(map),
        _ => None,
    }
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn time(fields: &mut Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, EventError> {
    match text(fields, name) {
        None => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| EventError::Body("a time is no RFC 3339 time such as 2026-01-02T03:04:05Z")),
    }
}
