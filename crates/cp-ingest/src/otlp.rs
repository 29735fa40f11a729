//! Spans as OTLP/HTTP carries them (OpenTelemetry protocol specification 1.9): protobuf or JSON, perhaps compressed.

use std::io::Read as _;

use cp_base::{Timestamp, hex};
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Told;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span as OtlpSpan};
use prost::Message as _;
use serde_json::{Map, Value};

use crate::attributes::Attributes;
use crate::span::Span;

/// What a compressed body may unfold to.
const MAX_UNFOLDED_BYTES: u64 = 32 * 1024 * 1024;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtlpFormat {
    /// Binary protobuf.
    Protobuf,
    /// JSON.
    Json,
}

/// Why a body is not read.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// It does not decompress.
    #[error("the body is no gzip")]
    Compressed(#[source] std::io::Error),
    /// It is larger than is read.
    #[error("the body unfolds to more than {MAX_UNFOLDED_BYTES} bytes")]
    TooLarge,
    /// It is no request of OTLP.
    #[error("the body is no ExportTraceServiceRequest in protobuf: {0}")]
    Protobuf(#[source] prost::DecodeError),
    /// It is no request of OTLP.
    #[error("the body is no ExportTraceServiceRequest in JSON: {0}")]
    Json(#[source] serde_json::Error),
}

/// Reads the spans of a body; `encoding` is its `content-encoding`.
///
/// # Errors
/// When it cannot be read.
pub fn read_spans(body: &[u8], format: OtlpFormat, encoding: Option<&str>) -> Result<Vec<Span>, OtlpError> {
    let is_compressed = encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip"));
    let unfolded = if is_compressed { Some(unfold(body)?) } else { None };
    let body = unfolded.as_deref().unwrap_or(body);
    let request: ExportTraceServiceRequest = match format {
        OtlpFormat::Protobuf => ExportTraceServiceRequest::decode(body).map_err(OtlpError::Protobuf)?,
        OtlpFormat::Json => serde_json::from_slice(body).map_err(OtlpError::Json)?,
    };
    Ok(request.resource_spans.into_iter().flat_map(of_resource).collect())
}

/// The answer to a request, of which so many spans were refused.
#[must_use]
pub fn answer(format: OtlpFormat, rejected: usize, why: &str) -> Vec<u8> {
    let partial_success = (rejected > 0).then(|| ExportTracePartialSuccess {
        rejected_spans: i64::try_from(rejected).unwrap_or(i64::MAX),
        error_message: why.to_owned(),
    });
    match (format, &partial_success) {
        (OtlpFormat::Protobuf, _) => ExportTraceServiceResponse { partial_success }.encode_to_vec(),
        (OtlpFormat::Json, None) => b"{}".to_vec(),
        (OtlpFormat::Json, Some(_)) => {
            let told = serde_json::json!({ "rejectedSpans": rejected.to_string(), "errorMessage": why });
            serde_json::json!({ "partialSuccess": told }).to_string().into_bytes()
        }
    }
}

fn unfold(body: &[u8]) -> Result<Vec<u8>, OtlpError> {
    let mut bytes = Vec::new();
    let mut decoder = GzDecoder::new(body).take(MAX_UNFOLDED_BYTES + 1);
    decoder.read_to_end(&mut bytes).map_err(OtlpError::Compressed)?;
    if bytes.len() as u64 > MAX_UNFOLDED_BYTES { Err(OtlpError::TooLarge) } else { Ok(bytes) }
}

fn of_resource(resource: ResourceSpans) -> Vec<Span> {
    let attributes = attributes(resource.resource.map(|resource| resource.attributes).unwrap_or_default());
    let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(|span| of_span(span, &attributes)).collect()
}

fn of_span(span: OtlpSpan, resource: &Attributes) -> Span {
    let failed = span.status.filter(|status| status.code == i32::from(StatusCode::Error));
    Span {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: Some(hex(&span.parent_span_id)).filter(|parent| !parent.is_empty()),
        name: span.name,
        started_at: time(span.start_time_unix_nano),
        ended_at: time(span.end_time_unix_nano),
        error: failed.map(|status| status.message),
        attributes: attributes(span.attributes),
        resource: resource.clone(),
    }
}

fn time(nanos: u64) -> Option<Timestamp> {
    (nanos > 0).then(|| Timestamp(i64::try_from(nanos / 1_000).unwrap_or(i64::MAX)))
}

fn attributes(list: Vec<KeyValue>) -> Attributes {
    Attributes(list.into_iter().filter_map(|entry| Some((entry.key, value(entry.value?)))).collect())
}

fn value(told: AnyValue) -> Value {
    match told.value {
        Some(Told::StringValue(text)) => text.into(),
        Some(Told::BoolValue(yes)) => yes.into(),
        Some(Told::IntValue(number)) => number.into(),
        Some(Told::DoubleValue(number)) => number.into(),
        Some(Told::ArrayValue(array)) => array.values.into_iter().map(value).collect(),
        Some(Told::KvlistValue(list)) => {
            let entries = list.values.into_iter().filter_map(|entry| Some((entry.key, value(entry.value?))));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Some(Told::BytesValue(bytes)) => hex(&bytes).into(),
        _ => Value::Null,
    }
}
