//! API keys.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cp_app::{App, NewApiKey, Role};
use cp_base::ErrorKind;
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::{InOrg, InProject};
use crate::convert::org as convert;
use crate::input::{Body, read_id};
use crate::problem::Refusal;

const DEFAULT_OVERLAP_HOURS: u32 = 24;

/// List the API keys of the organisation, newest first.
#[utoipa::path(get, path = "/keys", tag = "access", responses(
    (status = 200, body = wire::ApiKeys, description = "The keys, but for themselves"),
))]
pub(crate) async fn list_api_keys(
    InOrg(ctx): InOrg,
    State(app): State<App>,
) -> Result<Json<wire::ApiKeys>, Refusal> {
    let keys = app.list_api_keys(&ctx).await?;
    Ok(Json(wire::ApiKeys { keys: keys.into_iter().map(|(key, role)| convert::key(key, role)).collect() }))
}

/// List the API keys that reach the project of the request and nothing else, newest first.
#[utoipa::path(get, path = "/project/keys", tag = "access", responses(
    (status = 200, body = wire::ApiKeys, description = "The keys, but for themselves"),
))]
pub(crate) async fn list_project_keys(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::ApiKeys>, Refusal> {
    let keys = app.list_project_keys(&ctx).await?;
    Ok(Json(wire::ApiKeys { keys: keys.into_iter().map(|(key, role)| convert::key(key, role)).collect() }))
}

/// Make an API key that reaches the whole organisation. The answer shows it for the only time.
#[utoipa::path(post, path = "/keys", tag = "access", request_body = wire::NewApiKey, responses(
    (status = 201, body = wire::MadeApiKey, description = "The key"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The name, role or time is wrong"),
))]
pub(crate) async fn create_api_key(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Body(new): Body<wire::NewApiKey>,
) -> Result<(StatusCode, Json<wire::MadeApiKey>), Refusal> {
    let made = app.create_api_key(&ctx, read(new)?).await?;
    Ok((StatusCode::CREATED, Json(convert::made_key(made))))
}

/// Make an API key that reaches the project of the request and nothing else. The answer shows it for the only time.
#[utoipa::path(post, path = "/project/keys", tag = "access", request_body = wire::NewApiKey, responses(
    (status = 201, body = wire::MadeApiKey, description = "The key"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The name, role or time is wrong"),
))]
pub(crate) async fn create_project_key(
    InProject(ctx): InProject,
    State(app): State<App>,
    Body(new): Body<wire::NewApiKey>,
) -> Result<(StatusCode, Json<wire::MadeApiKey>), Refusal> {
    let made = app.create_project_key(&ctx, read(new)?).await?;
    Ok((StatusCode::CREATED, Json(convert::made_key(made))))
}

fn read(new: wire::NewApiKey) -> Result<NewApiKey, Refusal> {
    Ok(NewApiKey { role: read_role(&new.role)?, name: new.name, expires_at: new.expires_at })
}

/// End an API key at once.
#[utoipa::path(delete, path = "/keys/{id}", tag = "access", params(("id" = String, Path, description = "The key")), responses(
    (status = 204, description = "It has ended"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "This is no id of a key"),
))]
pub(crate) async fn revoke_api_key(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.revoke_api_key(&ctx, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make another key like one, which goes on working for a while. The answer shows the new one for the only time.
#[utoipa::path(post, path = "/keys/{id}/rotate", tag = "access", request_body = wire::Rotation,
    params(("id" = String, Path, description = "The key")), responses(
    (status = 201, body = wire::MadeApiKey, description = "The new key"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The id or the overlap is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The key has ended"),
))]
pub(crate) async fn rotate_api_key(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(rotation): Body<wire::Rotation>,
) -> Result<(StatusCode, Json<wire::MadeApiKey>), Refusal> {
    let made = app.rotate_api_key(&ctx, read_id(&id)?, overlap(rotation)).await?;
    Ok((StatusCode::CREATED, Json(convert::made_key(made))))
}

/// End an API key of the project of the request at once.
#[utoipa::path(delete, path = "/project/keys/{id}", tag = "access", params(("id" = String, Path, description = "The key")), responses(
    (status = 204, description = "It has ended"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "This is no id of a key"),
))]
pub(crate) async fn revoke_project_key(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.revoke_project_key(&ctx, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make another key like one of the project of the request, which goes on working for a while. The answer shows the new
/// one for the only time.
#[utoipa::path(post, path = "/project/keys/{id}/rotate", tag = "access", request_body = wire::Rotation,
    params(("id" = String, Path, description = "The key")), responses(
    (status = 201, body = wire::MadeApiKey, description = "The new key"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The id or the overlap is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The key has ended"),
))]
pub(crate) async fn rotate_project_key(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(rotation): Body<wire::Rotation>,
) -> Result<(StatusCode, Json<wire::MadeApiKey>), Refusal> {
    let made = app.rotate_project_key(&ctx, read_id(&id)?, overlap(rotation)).await?;
    Ok((StatusCode::CREATED, Json(convert::made_key(made))))
}

fn overlap(rotation: wire::Rotation) -> Duration {
    Duration::from_secs(u64::from(rotation.overlap_hours.unwrap_or(DEFAULT_OVERLAP_HOURS)) * 3600)
}

/// A role by its name.
pub(crate) fn read_role(text: &str) -> Result<Role, Refusal> {
    text.parse().map_err(|error| Refusal::new(ErrorKind::InvalidInput, format!("{error}")))
}
