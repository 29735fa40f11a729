//! Failures as problem documents (RFC 9457).

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use cp_app::{AppError, NotReady, chain};
use cp_base::ErrorKind;
use cp_wire::{Failing, Problem};

use crate::query::BadParameter;

/// A problem on its way out.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) Box<Problem>);

impl Refusal {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(kind, detail)))
    }

    /// Whether it is of this kind.
    pub(crate) fn is(&self, kind: ErrorKind) -> bool {
        self.0.status == kind.status()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let media_type = HeaderValue::from_static("application/problem+json");
        (status, [(header::CONTENT_TYPE, media_type)], Json(self.0)).into_response()
    }
}

/// The one place where failures of use cases are logged, each with its whole chain.
impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        if error.kind.status() >= 500 {
            tracing::error!(error = %chain(&error), "a request failed");
        }
        Self::new(error.kind, error.public)
    }
}

impl From<BadParameter> for Refusal {
    fn from(bad: BadParameter) -> Self {
        let mut problem = Problem::new(ErrorKind::InvalidInput, bad.to_string());
        problem.parameter = Some(bad.parameter);
        problem.value = Some(bad.value);
        problem.valid = bad.valid;
        Self(Box::new(problem))
    }
}

impl From<NotReady> for Refusal {
    fn from(down: NotReady) -> Self {
        let failing: Vec<_> = down
            .failing
            .into_iter()
            .map(|(part, detail)| Failing { part: part.to_owned(), detail })
            .collect();
        let parts: Vec<_> = failing.iter().map(|failing| failing.part.as_str()).collect();
        let mut problem =
            Problem::new(ErrorKind::Unavailable, format!("not ready: {} is down", parts.join(", ")));
        problem.failing = failing;
        Self(Box::new(problem))
    }
}

pub(crate) async fn unknown_route(uri: Uri) -> Refusal {
    Refusal::new(
        ErrorKind::NotFound,
        format!("there is nothing at `{}`; the API is described at /docs", uri.path()),
    )
}

pub(crate) async fn database_away() -> (HeaderMap, Refusal) {
    let detail = "this node started while its database is away: prompts are served as they were last known, and everything \
                  else waits; try again";
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    (headers, Refusal::new(ErrorKind::Unavailable, detail))
}

pub(crate) async fn wrong_method(method: Method, uri: Uri) -> Response {
    let mut problem =
        Problem::new(ErrorKind::InvalidInput, format!("`{}` does not take {method}; see /docs", uri.path()));
    problem.status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
    "Method not allowed".clone_into(&mut problem.title);
    "about:blank".clone_into(&mut problem.r#type);
    Refusal(Box::new(problem)).into_response()
}
