//! Spans over OTLP/HTTP: those that are calls of models become calls, the others say what their traces are.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cp_app::model::Observation;
use cp_app::{App, AppError};
use cp_base::ErrorKind;
use cp_ingest::{OtlpError, OtlpFormat, Traces, answer, read_spans};

use super::{Failure, InProject};

/// The largest request, as it is sent.
pub(super) const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
const PATH: &str = "/api/public/otel/v1/traces";

/// Takes spans.
pub(super) async fn take_spans(
    InProject(ctx): InProject,
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failure> {
    let body = body.map_err(|_| {
        Failure::new(ErrorKind::TooLarge, format!("a request has at most {MAX_BODY_BYTES} bytes"))
    })?;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (format, shown) = format(text(header::CONTENT_TYPE).unwrap_or_default())?;
    let calls = calls(&body, format, text(header::CONTENT_ENCODING))?;
    let mut refused: Vec<AppError> = Vec::new();
    if !calls.is_empty() {
        for kept in app.tell_calls(&ctx, PATH, calls).await? {
            match kept {
                Ok(_) => {}
                // Whoever exports spans sends them again then.
                Err(error) if error.kind == ErrorKind::Unavailable => return Err(error.into()),
                Err(error) => refused.push(error),
            }
        }
    }
    let why = refused.first().map(|error| error.public.as_str()).unwrap_or_default();
    let answer = answer(format, refused.len(), why);
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, HeaderValue::from_static(shown))], answer).into_response())
}

fn format(content_type: &str) -> Result<(OtlpFormat, &'static str), Failure> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind {
        "application/x-protobuf" => Ok((OtlpFormat::Protobuf, "application/x-protobuf")),
        "application/json" => Ok((OtlpFormat::Json, "application/json")),
        _ => Err(Failure::invalid(
            "spans come as OTLP/HTTP: `content-type: application/x-protobuf` or `application/json`",
        )),
    }
}

fn calls(body: &[u8], format: OtlpFormat, encoding: Option<&str>) -> Result<Vec<Observation>, Failure> {
    let spans = read_spans(body, format, encoding).map_err(|error| match error {
        OtlpError::TooLarge => Failure::new(ErrorKind::TooLarge, error.to_string()),
        error => Failure::invalid(error),
    })?;
    let mut traces = Traces::default();
    for span in &spans {
        traces.add(&span.trace, span.facts());
    }
    let mut calls: Vec<_> = spans.iter().filter_map(cp_ingest::Span::call).collect();
    calls.iter_mut().for_each(|call| traces.complete(call));
    Ok(calls)
}
