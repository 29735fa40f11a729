//! A call as a span of the OpenTelemetry GenAI conventions (semantic conventions 1.41, `gen_ai.inference.client`).

use std::time::Duration;

use cp_base::Outcome;
use cp_capture::{Closing, Opening};
use cp_genai::{DecodedCall, UsageSource};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, SpanFlags, Status};

use crate::trace_context::TraceParent;

/// The convention's names of providers that it calls otherwise than their own row does.
const PROVIDER_NAMES: [(&str, &str); 6] = [
    ("gemini", "gcp.gemini"),
    ("vertex", "gcp.vertex_ai"),
    ("azure", "azure.ai.openai"),
    ("mistral", "mistral_ai"),
    ("xai", "x_ai"),
    ("moonshot", "moonshot_ai"),
];

/// The sampled flag of W3C's trace context.
const SAMPLED: u32 = 1;
/// That it is known whether the parent is in another process, and that it is.
const HAS_IS_REMOTE: u32 = SpanFlags::ContextHasIsRemoteMask as u32;
const IS_REMOTE: u32 = SpanFlags::ContextIsRemoteMask as u32;

/// The span of a call; none where the client does not sample its trace.
pub(crate) fn of(closing: &Closing, decoded: &DecodedCall, server: Option<&(String, u16)>) -> Option<Span> {
    let opening = &closing.opening;
    let said =
        |name: &str| opening.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let parent = said("traceparent").and_then(TraceParent::parse);
    if parent.is_some_and(|parent| !parent.is_sampled()) {
        return None;
    }
    let id = opening.call.uuid().into_bytes();
    let start = u64::try_from(opening.started_at.0).unwrap_or_default().saturating_mul(1_000);
    let error = error_type(closing, decoded);
    let failed = Status { code: StatusCode::Error.into(), message: String::new() };
    Some(Span {
        trace_id: parent.map_or(id, |parent| parent.trace_id).to_vec(),
        // The random half of the id, which is never zero: two bits of it say which kind of UUID it is.
        span_id: id.split_at(8).1.to_vec(),
        parent_span_id: parent.map(|parent| parent.span_id.to_vec()).unwrap_or_default(),
        trace_state: parent.and(said("tracestate")).unwrap_or_default().to_owned(),
        flags: HAS_IS_REMOTE | parent.map_or(SAMPLED, |parent| IS_REMOTE | u32::from(parent.flags)),
        name: name(opening, decoded),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: start.saturating_add(closing.duration_us.saturating_mul(1_000)),
        status: error.is_some().then_some(failed),
        attributes: attributes(closing, decoded, server, error),
        ..Span::default()
    })
}

fn name(opening: &Opening, decoded: &DecodedCall) -> String {
    match (decoded.operation_name, &decoded.request_model) {
        (Some(operation), Some(model)) => format!("{} {model}", operation.as_str()),
        (Some(operation), None) => operation.as_str().to_owned(),
        (None, _) => opening.method.clone(),
    }
}

/// The gateway's code, the provider's, its HTTP status, or how the call ended; absent when it went well.
fn error_type(closing: &Closing, decoded: &DecodedCall) -> Option<String> {
    let status = closing.status.filter(|status| *status >= 400);
    let provider = || {
        let error = decoded.error.as_ref()?;
        error.kind.clone().or_else(|| error.code.clone())
    };
    let ended = || (closing.outcome != Outcome::Completed).then(|| closing.outcome.as_str().to_owned());
    closing.error.clone().or_else(provider).or_else(|| status.map(|status| status.to_string())).or_else(ended)
}

fn attributes(
    closing: &Closing,
    decoded: &DecodedCall,
    server: Option<&(String, u16)>,
    error: Option<String>,
) -> Vec<KeyValue> {
    let opening = &closing.opening;
    let own = opening.provider.as_str();
    let provider =
        PROVIDER_NAMES.iter().find(|(name, _)| *name == own).map_or(own, |(_, conventional)| conventional);
    let mut list = List::default();
    list.text("gen_ai.provider.name", Some(provider));
    list.text("gen_ai.operation.name", decoded.operation_name.map(|operation| operation.as_str()));
    list.text("gen_ai.request.model", decoded.request_model.as_deref());
    list.text("gen_ai.response.model", decoded.response_model.as_deref());
    list.text("gen_ai.response.id", decoded.response_id.as_deref());
    list.texts("gen_ai.response.finish_reasons", &decoded.finish_reasons);
    if decoded.stream {
        list.add("gen_ai.request.stream", Some(Value::BoolValue(true)));
        let first = closing.time_to_first_chunk_us.map(|us| Duration::from_micros(us).as_secs_f64());
        list.add("gen_ai.response.time_to_first_chunk", first.map(Value::DoubleValue));
    }
    list.parameters(decoded);
    if let Some(usage) = &decoded.usage {
        list.count("gen_ai.usage.input_tokens", usage.input_tokens);
        list.count("gen_ai.usage.output_tokens", usage.output_tokens);
        list.count("gen_ai.usage.cache_read.input_tokens", usage.cache_read_input_tokens);
        list.count("gen_ai.usage.cache_creation.input_tokens", usage.cache_creation_input_tokens);
        list.count("gen_ai.usage.reasoning.output_tokens", usage.reasoning_output_tokens);
        let estimated = usage.source == UsageSource::Estimated;
        list.add("codepromptu.usage.estimated", estimated.then_some(Value::BoolValue(true)));
    }
    list.text("http.request.method", Some(&opening.method));
    list.count("http.response.status_code", closing.status.map(u64::from));
    list.text("url.path", Some(&opening.path));
    list.text("server.address", server.map(|(host, _)| host.as_str()));
    list.count("server.port", server.map(|(_, port)| u64::from(*port)));
    list.text("error.type", error.as_deref());
    list.text("codepromptu.call.id", Some(&opening.call.to_string()));
    list.text("codepromptu.outcome", Some(closing.outcome.as_str()));
    list.count("codepromptu.overhead_us", Some(closing.overhead_us));
    list.0
}

/// A parameter by its providers' names: beside the messages, in Gemini's `generationConfig` or in Ollama's `options`.
fn parameter<'a>(decoded: &'a DecodedCall, names: &[&str]) -> Option<&'a serde_json::Value> {
    let parameters = &decoded.parameters;
    let within = |key: &str| parameters.get(key).and_then(serde_json::Value::as_object);
    let places =
        [Some(parameters), within("generationConfig"), within("generation_config"), within("options")];
    places.into_iter().flatten().find_map(|place| names.iter().find_map(|name| place.get(*name)))
}

/// Attributes; what is not known is not there.
#[derive(Default)]
struct List(Vec<KeyValue>);

impl List {
    fn add(&mut self, key: &str, value: Option<Value>) {
        self.0.extend(value.map(|value| attribute(key, value)));
    }

    fn text(&mut self, key: &str, text: Option<&str>) {
        self.add(key, text.map(|text| Value::StringValue(text.to_owned())));
    }

    fn count(&mut self, key: &str, count: Option<u64>) {
        self.add(key, count.and_then(|count| i64::try_from(count).ok()).map(Value::IntValue));
    }

    fn parameters(&mut self, decoded: &DecodedCall) {
        for (attribute, names) in [
            ("gen_ai.request.temperature", ["temperature", "temperature"]),
            ("gen_ai.request.top_p", ["top_p", "topP"]),
            ("gen_ai.request.top_k", ["top_k", "topK"]),
            ("gen_ai.request.frequency_penalty", ["frequency_penalty", "frequencyPenalty"]),
            ("gen_ai.request.presence_penalty", ["presence_penalty", "presencePenalty"]),
        ] {
            let number = parameter(decoded, &names).and_then(serde_json::Value::as_f64);
            self.add(attribute, number.map(Value::DoubleValue));
        }
        let limits =
            ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "num_predict"];
        let count = |names: &[&str]| parameter(decoded, names).and_then(serde_json::Value::as_u64);
        self.count("gen_ai.request.max_tokens", count(&limits));
        self.count("gen_ai.request.seed", count(&["seed"]));
        self.count(
            "gen_ai.request.choice.count",
            count(&["n", "candidateCount"]).filter(|count| *count != 1),
        );
    }

    fn texts(&mut self, key: &str, texts: &[String]) {
        let values =
            texts.iter().map(|text| AnyValue { value: Some(Value::StringValue(text.clone())) }).collect();
        self.add(key, (!texts.is_empty()).then_some(Value::ArrayValue(ArrayValue { values })));
    }
}

pub(crate) fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_found_where_each_family_keeps_them() {
        let all =
            json!({"temperature": 0.5, "topP": 0.9, "maxOutputTokens": 7, "seed": 1, "candidateCount": 2});
        let openai = json!({"temperature": 0.5, "top_p": 0.9, "max_completion_tokens": 7, "seed": 1, "n": 2});
        let listed = |parameters: &serde_json::Value| {
            let mut list = List::default();
            let parameters = parameters.as_object().cloned().unwrap();
            list.parameters(&DecodedCall { parameters, ..DecodedCall::default() });
            list.0
        };
        let expected = listed(&openai);
        assert_eq!(expected.len(), 5);
        assert_eq!(listed(&json!({ "generationConfig": all })), expected);
        assert_eq!(listed(&json!({ "options": {"num_predict": 7, "temperature": "warm"} })).len(), 1);
        assert!(listed(&json!({"n": 1})).is_empty());
    }
}
