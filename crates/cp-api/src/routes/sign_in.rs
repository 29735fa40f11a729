//! The first person, signing in and signing out.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use cp_app::{App, NewPerson, Origin, SignInStep, SignedIn};
use cp_base::{ErrorKind, Secret};
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::{CameFrom, Known};
use crate::convert::account as convert;
use crate::cookie;
use crate::input::Body;
use crate::problem::Refusal;

/// Make the first person, who owns the installation, with the link that the program printed; and sign them in.
#[utoipa::path(post, path = "/setup", tag = "sign-in", request_body = wire::SetUp, responses(
    (status = 201, body = wire::SignedIn, description = "The owner is signed in: the session is in a cookie"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The address, name or password does not do"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "Somebody was faster"),
))]
pub(crate) async fn set_up(
    CameFrom(origin): CameFrom,
    State(app): State<App>,
    headers: HeaderMap,
    Body(body): Body<wire::SetUp>,
) -> Result<impl IntoResponse, Refusal> {
    let new = NewPerson { email: body.email, name: body.name, password: Secret::new(body.password) };
    let signed_in = app.set_up(&body.token, new, &origin).await?;
    let cookie = cookie::keep(&headers, &signed_in);
    Ok((StatusCode::CREATED, cookie, Json(convert::signed_in(signed_in))))
}

/// Sign in. Where a code of the second factor is needed, the answer names the parameter `code`.
#[utoipa::path(post, path = "/session", tag = "sign-in", request_body = wire::SignIn, responses(
    (status = 200, body = wire::SignedIn, description = "The session is in a cookie"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The body does not read"),
))]
pub(crate) async fn sign_in(
    CameFrom(origin): CameFrom,
    State(app): State<App>,
    headers: HeaderMap,
    Body(body): Body<wire::SignIn>,
) -> Result<impl IntoResponse, Refusal> {
    let signed_in = sign_in_with(&app, body, &origin).await?;
    let cookie = cookie::keep(&headers, &signed_in);
    Ok((cookie, Json(convert::signed_in(signed_in))))
}

/// Sign in a program, such as the command line, which keeps the session's token itself.
#[utoipa::path(post, path = "/session/token", tag = "sign-in", request_body = wire::SignIn, responses(
    (status = 200, body = wire::SessionToken, description = "The token, for the only time"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The body does not read"),
))]
pub(crate) async fn sign_in_for_token(
    CameFrom(origin): CameFrom,
    State(app): State<App>,
    Body(body): Body<wire::SignIn>,
) -> Result<Json<wire::SessionToken>, Refusal> {
    Ok(Json(convert::session_token(sign_in_with(&app, body, &origin).await?)))
}

async fn sign_in_with(app: &App, body: wire::SignIn, origin: &Origin) -> Result<SignedIn, Refusal> {
    let asked = cp_app::SignIn { email: body.email, password: Secret::new(body.password), code: body.code };
    match app.sign_in(asked, origin).await? {
        SignInStep::Done(signed_in) => Ok(*signed_in),
        SignInStep::CodeNeeded => {
            let mut refusal =
                Refusal::new(ErrorKind::Unauthenticated, "a code of your authenticator app is needed too");
            refusal.0.parameter = Some("code".to_owned());
            Err(refusal)
        }
    }
}

/// Sign out: the session that asks ends.
#[utoipa::path(delete, path = "/session", tag = "sign-in", responses(
    (status = 204, description = "The session has ended"),
))]
pub(crate) async fn sign_out(
    Known(caller): Known,
    State(app): State<App>,
) -> Result<impl IntoResponse, Refusal> {
    app.sign_out(&caller).await?;
    Ok((StatusCode::NO_CONTENT, cookie::forget()))
}
