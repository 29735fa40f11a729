//! The members of an organisation.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cp_app::App;
use cp_wire as wire;
use cp_wire::Problem;

use super::keys::read_role;
use crate::access::InOrg;
use crate::convert::org as convert;
use crate::input::Body;
use crate::problem::Refusal;

/// List the members of the organisation, in the order of their addresses.
#[utoipa::path(get, path = "/members", tag = "access", responses(
    (status = 200, body = wire::Members, description = "The members, each with the role in the organisation"),
))]
pub(crate) async fn list_members(
    InOrg(ctx): InOrg,
    State(app): State<App>,
) -> Result<Json<wire::Members>, Refusal> {
    let members = app.list_members(&ctx).await?;
    Ok(Json(wire::Members { members: members.into_iter().map(convert::member).collect() }))
}

/// Give a member another role in the organisation. The last owner stays one.
#[utoipa::path(put, path = "/members/{member}", tag = "access", request_body = wire::MemberRole,
    params(("member" = String, Path, description = "The person: an id or e-mail address")), responses(
    (status = 200, body = wire::Member, description = "The member"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "This is no role"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The organisation would have no owner"),
))]
pub(crate) async fn set_member_role(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Path(member): Path<String>,
    Body(new): Body<wire::MemberRole>,
) -> Result<Json<wire::Member>, Refusal> {
    let role = new.role.as_deref().map(read_role).transpose()?;
    Ok(Json(convert::member(app.set_member_role(&ctx, &member, role).await?)))
}

/// Remove a member from the organisation, its teams and its projects. The last owner stays.
#[utoipa::path(delete, path = "/members/{member}", tag = "access",
    params(("member" = String, Path, description = "The person: an id or e-mail address")), responses(
    (status = 204, description = "They have left"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The organisation would have no owner"),
))]
pub(crate) async fn remove_member(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Path(member): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.remove_member(&ctx, &member).await?;
    Ok(StatusCode::NO_CONTENT)
}
