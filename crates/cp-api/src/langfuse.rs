//! The API of Langfuse for prompts, ingestion and scores, for its client libraries as they are: with this program's address and an API key for the
//! secret key, they read and write this library. What is answered, and what is not, stands in `docs/langfuse.md`.
//!
//! Not in the OpenAPI document, which describes the API of this program.

mod ingestion;
mod otel;
mod parameters;
mod prompts;
mod scores;
mod shapes;

use axum::extract::{DefaultBodyLimit, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cp_app::{API_KEY_PREFIX, App, AppError, Credential, Ctx};
use cp_base::ErrorKind;
use serde_json::json;

use crate::access::{self, Known};
use crate::problem::Refusal;

pub(crate) fn router(app: App) -> Router {
    let prompts = get(prompts::list).post(prompts::create);
    let legacy = get(prompts::get_by_query).post(prompts::create);
    let routes = Router::new()
        .route("/v2/prompts", prompts)
        .route("/v2/prompts/{name}", get(prompts::get).delete(prompts::delete))
        .route("/v2/prompts/{name}/versions/{version}", patch(prompts::update_labels))
        .route("/prompts", legacy)
        .route("/ingestion", post(ingestion::ingest).layer(DefaultBodyLimit::max(ingestion::MAX_BODY_BYTES)))
        .route("/otel/v1/traces", post(otel::take_spans).layer(DefaultBodyLimit::max(otel::MAX_BODY_BYTES)))
        .route("/scores", post(scores::create).get(scores::list_by_page))
        .route("/scores/{id}", get(scores::get).delete(scores::delete))
        .route("/v2/scores", get(scores::list_by_page))
        .route("/v2/scores/{id}", get(scores::get))
        .route("/v3/scores", get(scores::list))
        .route("/projects", get(projects))
        .route("/health", get(async || Json(json!({ "status": "OK", "version": env!("CARGO_PKG_VERSION") }))))
        .route("/ready", get(ready))
        .fallback(unsupported)
        .method_not_allowed_fallback(unsupported)
        .with_state(app);
    Router::new().nest("/api/public", routes)
}

/// A failure in the shape that the client libraries read.
#[derive(Debug)]
pub(crate) struct Failure(Box<cp_wire::Problem>);

impl Failure {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Refusal::new(kind, message).into()
    }

    /// What is wrong with what was sent.
    pub(crate) fn invalid(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidInput, message.to_string())
    }

    /// There is no such prompt, in the words of the original.
    pub(crate) fn not_found(name: &str, selector: &str) -> Self {
        Self::new(ErrorKind::NotFound, format!("Prompt not found: '{name}' with {selector}"))
    }

    /// What is told of it beside other things: its status, and its words.
    pub(crate) fn told(&self) -> (u16, &str) {
        (self.0.status, &self.0.detail)
    }

    /// Whether it is that something is not there.
    pub(crate) fn is_absence(&self) -> bool {
        self.0.status == ErrorKind::NotFound.status()
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.0)
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        Refusal::from(error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = match status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => {
                json!({ "message": "Invalid request data", "error": [{ "message": self.0.detail }] })
            }
            _ => json!({ "message": self.0.detail, "error": name_of(status) }),
        };
        (status, Json(body)).into_response()
    }
}

fn name_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "UnauthorizedError",
        StatusCode::FORBIDDEN => "ForbiddenError",
        StatusCode::NOT_FOUND => "LangfuseNotFoundError",
        StatusCode::CONFLICT => "LangfuseConflictError",
        StatusCode::TOO_MANY_REQUESTS => "RateLimitError",
        StatusCode::METHOD_NOT_ALLOWED => "MethodNotAllowedError",
        _ => "InternalServerError",
    }
}

/// Somebody in a project, as the client libraries tell it: the secret key is an API key; the public key says nothing.
pub(crate) struct InProject(pub(crate) Ctx);

impl FromRequestParts<App> for InProject {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let caller = match basic(&parts.headers) {
            Some(key) if key.starts_with(API_KEY_PREFIX) => {
                app.authenticate(Some(Credential::ApiKey(key)), access::address(parts)).await?
            }
            // The libraries send keys, whatever they are: at the machine itself, before anybody has signed up, none is needed.
            Some(_) => {
                parts.headers.remove(header::AUTHORIZATION);
                Known::from_request_parts(parts, app).await?.0
            }
            None => Known::from_request_parts(parts, app).await?.0,
        };
        Ok(Self(app.in_project(&caller, &access::wanted(&parts.headers)).await?))
    }
}

/// The secret key of `Authorization: Basic` (RFC 7617).
fn basic(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, pair) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(pair.trim()).ok()?).ok()?;
    Some(pair.split_once(':').map_or_else(String::new, |(_, secret)| secret.to_owned()))
}

/// The project, by which the libraries check their keys.
async fn projects(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<serde_json::Value>, Failure> {
    let (project, org) = (app.get_project(&ctx).await?, app.org_of(ctx.org()).await?);
    Ok(Json(json!({ "data": [{
        "id": project.scope.project(),
        "name": project.name,
        "organization": { "id": org.scope.org(), "name": org.name },
        "metadata": {},
    }] })))
}

async fn ready(State(app): State<App>) -> Result<Json<serde_json::Value>, Failure> {
    app.ready().await.map_err(Refusal::from)?;
    Ok(Json(json!({ "status": "OK", "version": env!("CARGO_PKG_VERSION") })))
}

/// Everything else of that API.
async fn unsupported(uri: Uri) -> Response {
    let message = format!(
        "`/api/public{}` is no part of Langfuse's API that CodePromptu answers: prompts, ingestion and scores are, see \
         docs/langfuse.md; calls are read at /api/v1/calls",
        uri.path()
    );
    let body = json!({ "message": message, "error": "NotSupportedError" });
    let json = HeaderValue::from_static("application/json");
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_key_is_what_counts() {
        let shown = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            basic(&HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
        };
        // pk-lf-x:cpa_secret
        assert_eq!(shown("Basic cGstbGYteDpjcGFfc2VjcmV0").as_deref(), Some("cpa_secret"));
        assert_eq!(shown("basic eA==").as_deref(), Some(""));
        assert_eq!(shown("Basic %%"), None);
        assert_eq!(shown("Bearer cpa_x"), None);
    }
}
