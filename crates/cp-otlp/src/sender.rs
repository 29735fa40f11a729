//! OTLP/HTTP with binary protobuf (OpenTelemetry protocol specification 1.9, section OTLP/HTTP).

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;

/// What is read of a collector's answer.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Where spans go.
#[derive(Clone)]
pub struct Collector {
    /// The whole address, such as `http://localhost:4318/v1/traces`.
    pub url: Uri,
    /// Sent with each request; credentials among them.
    pub headers: HeaderMap,
    /// What one request may take.
    pub timeout: Duration,
    /// Attributes of the resource, `service.name` among them.
    pub resource: Vec<(String, String)>,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Why spans did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The collector may take them later.
    #[error("{reason}")]
    Later { reason: String, after: Option<Duration> },
    /// It never will.
    #[error("{0}")]
    Refused(String),
}

/// Sends to one collector.
pub(crate) struct Sender<C> {
    http: Client<C, Full<Bytes>>,
    collector: Collector,
}

impl<C: Connect + Clone + Send + Sync + 'static> Sender<C> {
    #[expect(clippy::disallowed_methods, reason = "a collector is no provider: it has a client of its own")]
    pub(crate) fn new(connector: C, collector: Collector) -> Self {
        Self { http: Client::builder(TokioExecutor::new()).build(connector), collector }
    }

    /// Sends, and returns how many of the spans the collector did not want.
    pub(crate) async fn send(&self, request: &ExportTraceServiceRequest) -> Result<u64, SendError> {
        let later = |reason: String| SendError::Later { reason, after: None };
        let mut message = Request::post(self.collector.url.clone())
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .body(Full::new(Bytes::from(request.encode_to_vec())))
            .map_err(|error| SendError::Refused(error.to_string()))?;
        message.headers_mut().extend(self.collector.headers.clone());
        let exchange = async {
            let response = self.http.request(message).await.map_err(|error| later(chain(&error)))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES)
                .collect()
                .await
                .map_err(|error| later(error.to_string()))?;
            Ok((head, body.to_bytes()))
        };
        let timeout = self.collector.timeout;
        let (head, body) = match tokio::time::timeout(timeout, exchange).await {
            Ok(exchanged) => exchanged?,
            Err(_) => return Err(later(format!("no answer within {} ms", timeout.as_millis()))),
        };
        if head.status.is_success() {
            let answer = ExportTraceServiceResponse::decode(body).unwrap_or_default();
            let rejected = answer.partial_success.map_or(0, |partial| partial.rejected_spans);
            return Ok(u64::try_from(rejected).unwrap_or_default());
        }
        let reason = format!("it answered {}", head.status);
        if is_retryable(head.status) {
            return Err(SendError::Later { reason, after: retry_after(&head.headers) });
        }
        Err(SendError::Refused(reason))
    }
}

fn is_retryable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// In seconds; a date is not understood, and then the wait is ours.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
