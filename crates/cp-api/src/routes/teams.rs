//! Teams.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cp_app::App;
use cp_wire as wire;
use cp_wire::{Named, Problem};

use super::orgs::{needed_slug, slug};
use crate::access::InOrg;
use crate::convert::org as convert;
use crate::input::Body;
use crate::problem::Refusal;

/// List the teams of the organisation, each with who is in it.
#[utoipa::path(get, path = "/teams", tag = "access", responses(
    (status = 200, body = wire::Teams, description = "The teams"),
))]
pub(crate) async fn list_teams(
    InOrg(ctx): InOrg,
    State(app): State<App>,
) -> Result<Json<wire::Teams>, Refusal> {
    let teams = app.list_teams(&ctx).await?;
    Ok(Json(wire::Teams { teams: teams.into_iter().map(convert::team).collect() }))
}

/// Make a team.
#[utoipa::path(post, path = "/teams", tag = "access", request_body = Named, responses(
    (status = 201, body = wire::Team, description = "The team"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The name is taken"),
))]
pub(crate) async fn create_team(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Body(named): Body<Named>,
) -> Result<(StatusCode, Json<wire::Team>), Refusal> {
    let team = app.create_team(&ctx, slug(&named)?, &named.name).await?;
    Ok((StatusCode::CREATED, Json(convert::team(team))))
}

/// Get a team, with who is in it.
#[utoipa::path(get, path = "/teams/{team}", tag = "access",
    params(("team" = String, Path, description = "The team: an id or short name")), responses(
    (status = 200, body = wire::Team, description = "The team"),
))]
pub(crate) async fn get_team(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Path(team): Path<String>,
) -> Result<Json<wire::Team>, Refusal> {
    Ok(Json(convert::team(app.get_team(&ctx, &team).await?)))
}

/// Rename a team.
#[utoipa::path(put, path = "/teams/{team}", tag = "access", request_body = Named,
    params(("team" = String, Path, description = "The team: an id or short name")), responses(
    (status = 200, body = wire::Team, description = "The team"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The name is taken"),
))]
pub(crate) async fn rename_team(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Path(team): Path<String>,
    Body(named): Body<Named>,
) -> Result<Json<wire::Team>, Refusal> {
    let slug = needed_slug(&named)?;
    Ok(Json(convert::team(app.rename_team(&ctx, &team, &slug, &named.name).await?)))
}

/// Delete a team, and the roles that it gave.
#[utoipa::path(delete, path = "/teams/{team}", tag = "access",
    params(("team" = String, Path, description = "The team: an id or short name")), responses(
    (status = 204, description = "It is gone"),
))]
pub(crate) async fn delete_team(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Path(team): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.delete_team(&ctx, &team).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a member into a team.
#[utoipa::path(put, path = "/teams/{team}/members/{member}", tag = "access", params(
    ("team" = String, Path, description = "The team: an id or short name"),
    ("member" = String, Path, description = "The person: an id or e-mail address")), responses(
    (status = 204, description = "They are in it"),
))]
pub(crate) async fn join_team(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Path((team, member)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    app.join_team(&ctx, &team, &member).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a member out of a team.
#[utoipa::path(delete, path = "/teams/{team}/members/{member}", tag = "access", params(
    ("team" = String, Path, description = "The team: an id or short name"),
    ("member" = String, Path, description = "The person: an id or e-mail address")), responses(
    (status = 204, description = "They have left it"),
))]
pub(crate) async fn leave_team(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Path((team, member)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    app.leave_team(&ctx, &team, &member).await?;
    Ok(StatusCode::NO_CONTENT)
}
