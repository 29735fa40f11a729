//! Roles in a project.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cp_app::App;
use cp_wire as wire;
use cp_wire::Problem;

use super::keys::read_role;
use crate::access::InProject;
use crate::convert::org as convert;
use crate::input::Body;
use crate::problem::Refusal;

/// List who has a role in the project itself, beside those who have one in the whole organisation.
#[utoipa::path(get, path = "/project/grants", tag = "access", responses(
    (status = 200, body = wire::Grants, description = "The roles"),
))]
pub(crate) async fn list_grants(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::Grants>, Refusal> {
    let grants = app.list_grants(&ctx).await?;
    Ok(Json(wire::Grants { grants: grants.into_iter().map(convert::grant).collect() }))
}

/// Give a person, team or API key a role in the project, in place of the one there was.
#[utoipa::path(put, path = "/project/grants/{holder}", tag = "access", request_body = wire::NewGrant,
    params(("holder" = String, Path, description = "A person's id or e-mail address, a team's id or short name, or a key's id")),
    responses(
    (status = 200, body = wire::Grant, description = "The role"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "This is no role"),
))]
pub(crate) async fn set_grant(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(holder): Path<String>,
    Body(new): Body<wire::NewGrant>,
) -> Result<Json<wire::Grant>, Refusal> {
    Ok(Json(convert::grant(app.set_grant(&ctx, &holder, read_role(&new.role)?).await?)))
}

/// Take somebody's role in the project. One in the whole organisation stays.
#[utoipa::path(delete, path = "/project/grants/{holder}", tag = "access",
    params(("holder" = String, Path, description = "A person's id or e-mail address, a team's id or short name, or a key's id")),
    responses(
    (status = 204, description = "It is taken"),
))]
pub(crate) async fn remove_grant(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(holder): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.remove_grant(&ctx, &holder).await?;
    Ok(StatusCode::NO_CONTENT)
}
