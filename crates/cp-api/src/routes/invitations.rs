//! Invitations: made and withdrawn by whoever manages members, seen and taken by whoever has the link.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use cp_app::{App, NewInvitation};
use cp_base::{ErrorKind, Secret};
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::{CameFrom, InOrg, PerhapsKnown};
use crate::convert::account as convert;
use crate::cookie;
use crate::input::{Body, read_id};
use crate::problem::Refusal;
use crate::routes::keys::read_role;

/// List the invitations that nobody has taken yet, newest first.
#[utoipa::path(get, path = "/invitations", tag = "sign-in", responses(
    (status = 200, body = wire::Invitations, description = "The invitations, but for their links"),
))]
pub(crate) async fn list_invitations(
    InOrg(ctx): InOrg,
    State(app): State<App>,
) -> Result<Json<wire::Invitations>, Refusal> {
    let invitations = app.list_invitations(&ctx).await?.into_iter().map(convert::invitation).collect();
    Ok(Json(wire::Invitations { invitations }))
}

/// Invite somebody into the organisation, or into one project of it. The answer shows the link for the only time.
#[utoipa::path(post, path = "/invitations", tag = "sign-in", request_body = wire::NewInvitation, responses(
    (status = 201, body = wire::MadeInvitation, description = "The invitation; no e-mail is sent"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The address or role is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "They are there already"),
))]
pub(crate) async fn create_invitation(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Body(new): Body<wire::NewInvitation>,
) -> Result<(StatusCode, Json<wire::MadeInvitation>), Refusal> {
    let new = NewInvitation { role: read_role(&new.role)?, email: new.email, project: new.project };
    let made = app.create_invitation(&ctx, new).await?;
    Ok((StatusCode::CREATED, Json(convert::made_invitation(made))))
}

/// Withdraw an invitation.
#[utoipa::path(delete, path = "/invitations/{id}", tag = "sign-in",
    params(("id" = String, Path, description = "The invitation")), responses(
    (status = 204, description = "Its link leads nowhere any more"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "This is no id of an invitation"),
))]
pub(crate) async fn withdraw_invitation(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.withdraw_invitation(&ctx, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// See what a link invites to.
#[utoipa::path(post, path = "/invitation", tag = "sign-in", request_body = wire::InvitationToken, responses(
    (status = 200, body = wire::SeenInvitation, description = "The invitation"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The body does not read"),
))]
pub(crate) async fn see_invitation(
    CameFrom(origin): CameFrom,
    State(app): State<App>,
    Body(body): Body<wire::InvitationToken>,
) -> Result<Json<wire::SeenInvitation>, Refusal> {
    Ok(Json(convert::seen_invitation(app.see_invitation(&body.token, &origin).await?)))
}

/// Take an invitation: as whoever is signed in, or with a name and password for a new account, which is signed in.
#[utoipa::path(post, path = "/invitation/accept", tag = "sign-in", request_body = wire::AcceptInvitation, responses(
    (status = 201, body = wire::SignedIn, description = "The new account is signed in: the session is in a cookie"),
    (status = 204, description = "Whoever is signed in has joined"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The name or password does not do"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The address has an account, or is another's"),
))]
pub(crate) async fn accept_invitation(
    PerhapsKnown(caller): PerhapsKnown,
    CameFrom(origin): CameFrom,
    State(app): State<App>,
    headers: HeaderMap,
    Body(body): Body<wire::AcceptInvitation>,
) -> Result<Response, Refusal> {
    match (body.name, body.password, caller) {
        (Some(name), Some(password), _) => {
            let signed_in = app.accept_as_new(&body.token, name, Secret::new(password), &origin).await?;
            let cookie = cookie::keep(&headers, &signed_in);
            Ok((StatusCode::CREATED, cookie, Json(convert::signed_in(signed_in))).into_response())
        }
        (None, None, Some(caller)) => {
            app.accept_as(&caller, &body.token, &origin).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        _ => Err(Refusal::new(
            ErrorKind::InvalidInput,
            "sign in first, or give both `name` and `password` for a new account",
        )),
    }
}
