//! Serving prompts to applications.
//!
//! A name goes on to the end of the path, with its `/` as they are or as `%2F`.

use std::convert::Infallible;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use axum::{Extension, Json, Router};
use cp_app::library::Changes;
use cp_app::{App, Serving};
use cp_base::ErrorKind;
use cp_wire as wire;
use cp_wire::Problem;
use futures_util::{Stream, StreamExt, stream};
use utoipa::OpenApi;

use crate::access::{InProject, ToServe};
use crate::convert::serving as convert;
use crate::events;
use crate::guard::MayBeKept;
use crate::input::Body;
use crate::problem::Refusal;
use crate::query::prompt as query;

#[derive(OpenApi)]
#[openapi(paths(serve_prompt, serve_rendered, follow_changes))]
struct Served;

/// The operations whose paths end in a name, as they are told of.
pub(crate) fn documents() -> utoipa::openapi::OpenApi {
    Served::openapi()
}

/// The operations whose paths end in a name. They take no more than what is in memory.
pub(crate) fn router(serving: Serving) -> Router {
    let routes = Router::new()
        .route("/serve/{*name}", get(serve_prompt).post(serve_rendered))
        .route("/changes", get(follow_changes));
    Router::new().nest("/api/v1", routes).with_state(serving)
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
    ToServe(ctx): ToServe,
    State(serving): State<Serving>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<(Extension<MayBeKept>, Response), Refusal> {
    let served = serving.serve(&ctx, &name, &query::served(&uri)?).await?;
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
    ToServe(ctx): ToServe,
    State(serving): State<Serving>,
    Path(path): Path<String>,
    uri: Uri,
    Body(given): Body<wire::RenderPrompt>,
) -> Result<(HeaderMap, Json<wire::ServedRendering>), Refusal> {
    let name = path.strip_suffix("/render").ok_or_else(|| {
        let detail = format!("what is rendered is called so: POST …/serve/{path}/render");
        Refusal::new(ErrorKind::NotFound, detail)
    })?;
    let (served, rendered) =
        serving.serve_rendered(&ctx, name, &query::served(&uri)?, given.variables).await?;
    Ok((convert::headers(&served), Json(convert::rendered(&served, &rendered)?)))
}

/// Follow the changes of the library.
///
/// Event `prompt`: a prompt that is another now, since it was changed or something that it includes was. Its `id` is the
/// revision of the change. Whoever comes back with it as `Last-Event-ID` hears of every change since; whoever comes without it
/// is told by event `ready` from which revision on it hears.
#[utoipa::path(get, path = "/changes", tag = "serving", params(
    ("last-event-id" = Option<i64>, Header, description = "The last revision that is known")), responses(
    (status = 200, body = wire::ChangedPrompt, content_type = "text/event-stream", description = "Events without end"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no revision"),
))]
pub(crate) async fn follow_changes(
    ToServe(ctx): ToServe,
    State(serving): State<Serving>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let changes = serving.changes(&ctx, query::last_event(&headers)?)?;
    let ready = wire::LibraryRevision { revision: changes.known() };
    let ready = events::json("ready", &ready).id(ready.revision.to_string());
    let changes = stream::unfold(changes, next_change);
    Ok(events::endless(stream::iter([Ok(ready)]).chain(changes)))
}

async fn next_change(mut changes: Changes) -> Option<(Result<Event, Infallible>, Changes)> {
    let changed = changes.next().await?;
    let id = changed.revision.to_string();
    Some((Ok(events::json("prompt", &convert::changed(changed)).id(id)), changes))
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
