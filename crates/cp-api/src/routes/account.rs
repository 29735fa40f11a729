//! One's own account: sessions, password, second factor.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use cp_app::App;
use cp_base::Secret;
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::Known;
use crate::convert::account as convert;
use crate::cookie;
use crate::input::{Body, read_id};
use crate::problem::Refusal;

/// Get one's own account, and where one is signed in.
#[utoipa::path(get, path = "/account", tag = "sign-in", responses(
    (status = 200, body = wire::Account, description = "The account"),
))]
pub(crate) async fn get_account(
    Known(caller): Known,
    State(app): State<App>,
) -> Result<Json<wire::Account>, Refusal> {
    Ok(Json(convert::account(app.get_account(&caller).await?)))
}

/// End a session of one's own.
#[utoipa::path(delete, path = "/account/sessions/{id}", tag = "sign-in",
    params(("id" = String, Path, description = "The session")), responses(
    (status = 204, description = "It has ended"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "This is no id of a session"),
))]
pub(crate) async fn end_session(
    Known(caller): Known,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.end_session(&caller, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out everywhere: all sessions of one's own end, the one that asks among them.
#[utoipa::path(delete, path = "/account/sessions", tag = "sign-in", responses(
    (status = 204, description = "They have ended"),
))]
pub(crate) async fn sign_out_everywhere(
    Known(caller): Known,
    State(app): State<App>,
) -> Result<impl IntoResponse, Refusal> {
    app.sign_out_everywhere(&caller).await?;
    Ok((StatusCode::NO_CONTENT, cookie::forget()))
}

/// Change the password. All other sessions end.
#[utoipa::path(put, path = "/account/password", tag = "sign-in", request_body = wire::NewPassword, responses(
    (status = 204, description = "It is changed"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The present one is wrong, or the new one does not do"),
))]
pub(crate) async fn change_password(
    Known(caller): Known,
    State(app): State<App>,
    Body(body): Body<wire::NewPassword>,
) -> Result<StatusCode, Refusal> {
    app.change_password(&caller, Secret::new(body.current), Secret::new(body.new)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begin with a second factor: what an authenticator app is to be told. Nothing is asked for until it is confirmed.
#[utoipa::path(post, path = "/account/second-factor", tag = "sign-in", request_body = wire::PasswordAgain, responses(
    (status = 200, body = wire::Enrolment, description = "The secret, for the only time"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The password is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "There is one already"),
))]
pub(crate) async fn begin_second_factor(
    Known(caller): Known,
    State(app): State<App>,
    Body(body): Body<wire::PasswordAgain>,
) -> Result<Json<wire::Enrolment>, Refusal> {
    let enrolment = app.begin_second_factor(&caller, Secret::new(body.password)).await?;
    Ok(Json(convert::enrolment(enrolment)))
}

/// Confirm the second factor with a code: from now on one is asked for at sign-in.
#[utoipa::path(post, path = "/account/second-factor/confirm", tag = "sign-in", request_body = wire::Code, responses(
    (status = 200, body = wire::RecoveryCodes, description = "Recovery codes, for the only time"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The code is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "There is nothing to confirm"),
))]
pub(crate) async fn confirm_second_factor(
    Known(caller): Known,
    State(app): State<App>,
    Body(body): Body<wire::Code>,
) -> Result<Json<wire::RecoveryCodes>, Refusal> {
    Ok(Json(wire::RecoveryCodes { codes: app.confirm_second_factor(&caller, &body.code).await? }))
}

/// Remove the second factor, and the recovery codes with it.
#[utoipa::path(post, path = "/account/second-factor/remove", tag = "sign-in", request_body = wire::PasswordAgain, responses(
    (status = 204, description = "No code is asked for any more"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The password is wrong"),
))]
pub(crate) async fn remove_second_factor(
    Known(caller): Known,
    State(app): State<App>,
    Body(body): Body<wire::PasswordAgain>,
) -> Result<StatusCode, Refusal> {
    app.remove_second_factor(&caller, Secret::new(body.password)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show a second factor in a session that began without one, as an organisation may require.
#[utoipa::path(post, path = "/session/second-factor", tag = "sign-in", request_body = wire::Code, responses(
    (status = 204, description = "The session has a second factor"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The code is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "There is no second factor yet"),
))]
pub(crate) async fn show_second_factor(
    Known(caller): Known,
    State(app): State<App>,
    Body(body): Body<wire::Code>,
) -> Result<StatusCode, Refusal> {
    app.show_second_factor(&caller, &body.code).await?;
    Ok(StatusCode::NO_CONTENT)
}
