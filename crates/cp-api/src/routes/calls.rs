//! Lists of calls, one call, one conversation.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use cp_app::App;
use cp_wire as wire;
use cp_wire::{CallPage, CallQuery, PageQuery, Problem};

use crate::access::InProject;
use crate::convert;
use crate::input::read_id;
use crate::problem::Refusal;
use crate::query::{self, Takes};

/// List calls, newest first.
#[utoipa::path(get, path = "/calls", tag = "calls", params(CallQuery, PageQuery), responses(
    (status = 200, body = CallPage, description = "A page of calls"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn list_calls(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<CallPage>, Refusal> {
    let asked = query::read(&uri, Takes::FiltersAndPage, app.clock().now())?;
    let page = app.list_calls(&ctx, &asked.filter, asked.after, asked.limit).await?;
    Ok(Json(convert::page(page)))
}

/// Get one call, whole.
#[utoipa::path(get, path = "/calls/{id}", tag = "calls", params(("id" = String, Path, description = "The call")), responses(
    (status = 200, body = wire::CallDetail, description = "The call"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The id is none, or a parameter is wrong"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such call"),
))]
pub(crate) async fn get_call(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<wire::CallDetail>, Refusal> {
    query::read(&uri, Takes::Nothing, app.clock().now())?;
    let call = app.get_call(&ctx, read_id(&id)?).await?;
    Ok(Json(convert::detail(call)))
}

/// List the calls of a conversation, oldest first.
#[utoipa::path(get, path = "/conversations/{id}", tag = "calls",
    params(("id" = String, Path, description = "The conversation"), PageQuery), responses(
    (status = 200, body = CallPage, description = "A page of its calls"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The id is none, or a parameter is wrong"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such conversation"),
))]
pub(crate) async fn get_conversation(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<CallPage>, Refusal> {
    let asked = query::read(&uri, Takes::Page, app.clock().now())?;
    let page = app.list_conversation(&ctx, read_id(&id)?, asked.after, asked.limit).await?;
    Ok(Json(convert::page(page)))
}
