//! Serving prompts to applications.
//!
//! A name goes on to the end of the path, with its `/` as they are or as `%2F`.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Json};
use cp_app::App;
use cp_base::ErrorKind;
use cp_wire as wire;
use cp_wire::Problem;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::access::InProject;
use crate::convert::serving as convert;
use crate::guard::MayBeKept;
use crate::input::Body;
use crate::problem::Refusal;
use crate::query::prompt as query;

/// The operations whose paths end in a name, as they are told of.
#[derive(OpenApi)]
#[openapi(paths(serve_prompt, serve_rendered))]
struct Served;

/// The operations whose paths end in a name.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Served::openapi())
        .route("/serve/{*name}", get(serve_prompt).post(serve_rendered))
}

/// Get a version of a prompt as applications use it, with everything that it includes.
#[utoipa::path(get, path = "/serve/{name}", tag = "serving", params(
    ("name" = String, Path, description = "The prompt's name, its `/` as they are or as `%2F`"),
    ("if-none-match" = Option<String>, Header, description = "The `ETag` of an answer that is at hand"),
    wire::ServeQuery), responses(
    (status = 200, body = wire::ServedPrompt, description = "The version", headers(
        ("etag" = String, description = "Another one as soon as the answer is another"),
        ("codepromptu-prompt-version" = String, description = "The number of the version"),
        ("codepromptu-prompt-version-id" = String, description = "The version"))),
    (status = 304, description = "It is what is at hand"),
    (status = 400, body = Problem, content_type = "application/problem+json",
        description = "A name is wrong, or the version cannot be put together"),
))]
pub(crate) async fn serve_prompt(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<(Extension<MayBeKept>, Response), Refusal> {
    let served = app.serve(&ctx, &name, &query::served(&uri)?).await?;
    Ok((Extension(MayBeKept), convert::answer(&served, &headers)))
}

/// Render a version of a prompt with values.
#[utoipa::path(post, path = "/serve/{name}/render", tag = "serving", request_body = wire::RenderPrompt, params(
    ("name" = String, Path, description = "The prompt's name, its `/` as they are or as `%2F`"),
    wire::ServeQuery), responses(
    (status = 200, body = wire::ServedRendering, description = "What it says with these values", headers(
        ("codepromptu-prompt-version" = String, description = "The number of the version"),
        ("codepromptu-prompt-version-id" = String, description = "The version"))),
    (status = 400, body = Problem, content_type = "application/problem+json",
        description = "A value is missing or of another type, or the template fails"),
))]
pub(crate) async fn serve_rendered(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(path): Path<String>,
    uri: Uri,
    Body(given): Body<wire::RenderPrompt>,
) -> Result<(HeaderMap, Json<wire::ServedRendering>), Refusal> {
    let name = path.strip_suffix("/render").ok_or_else(|| {
        let detail = format!("what is rendered is called so: POST …/serve/{path}/render");
        Refusal::new(ErrorKind::NotFound, detail)
    })?;
    let (served, rendered) = app.serve_rendered(&ctx, name, &query::served(&uri)?, given.variables).await?;
    Ok((convert::headers(&served), Json(convert::rendered(&served, &rendered)?)))
}

/// See how often the versions of a prompt were served, by day.
#[utoipa::path(get, path = "/prompts/{prompt}/usage", tag = "serving",
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`")), responses(
    (status = 200, body = wire::PromptUsage, description = "How often, by day and version"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no name"),
))]
pub(crate) async fn list_usage(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(prompt): Path<String>,
) -> Result<Json<wire::PromptUsage>, Refusal> {
    let serves = app.list_serves(&ctx, &prompt).await?;
    Ok(Json(wire::PromptUsage { usage: serves.into_iter().map(convert::usage).collect() }))
}
