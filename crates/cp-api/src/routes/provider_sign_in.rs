//! To a provider and back: pages that a browser is sent through, and no part of the REST API.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use cp_app::model::Returned;
use cp_app::{App, AppError, SignedIn};
use serde::Deserialize;

use crate::access::CameFrom;
use crate::cookie::{self, Connection};
use crate::problem::Refusal;
use crate::site::Site;

/// Where a provider sends people back.
const CALLBACK: &str = "/login/sso/callback";
const PAGE: &str = include_str!("../../assets/refused.html");

pub(crate) fn router(app: App, site: Site) -> Router {
    Router::new()
        .route(CALLBACK, get(finish))
        .route("/login/sso/{org}", get(begin))
        .layer(Extension(site))
        .with_state(app)
}

/// What a provider sends back. What else it sends is its own business.
#[derive(Deserialize)]
struct Answer {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

async fn begin(
    CameFrom(origin): CameFrom,
    State(app): State<App>,
    Extension(site): Extension<Site>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let base = site.base(host);
    match app.begin_sso(&org, format!("{base}{CALLBACK}"), &origin).await {
        Ok(departure) => {
            let kept = cookie::keep_departure(Connection::of(&base), &departure.kept);
            (kept, to(&departure.location)).into_response()
        }
        Err(error) => refused(error),
    }
}

async fn finish(
    CameFrom(origin): CameFrom,
    State(app): State<App>,
    Extension(site): Extension<Site>,
    Query(answer): Query<Answer>,
    headers: HeaderMap,
) -> Response {
    let Answer { code, state, error, iss } = answer;
    let returned = Returned { code, state, error, issuer: iss };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let connection = Connection::of(&site.base(host));
    let kept = cookie::departure(connection, &headers).unwrap_or_default();
    // Whatever it comes to, the browser has nothing to bring back a second time.
    let gone = cookie::forget_departure(connection);
    match app.finish_sso(&returned, &kept, &origin).await {
        Ok(signed_in) => {
            (gone, cookie::keep_at(connection, &signed_in), to(next(&signed_in))).into_response()
        }
        Err(error) => (gone, refused(error)).into_response(),
    }
}

const fn next(signed_in: &SignedIn) -> &'static str {
    if signed_in.needs_second_factor { "/account" } else { "/" }
}

/// Nothing that a request says decides where it leads.
fn to(location: &str) -> impl IntoResponse {
    (StatusCode::SEE_OTHER, AppendHeaders([(header::LOCATION, location.to_owned())]))
}

/// Why nobody is signed in, as a page.
fn refused(error: AppError) -> Response {
    let Refusal(problem) = error.into();
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let reason = problem.detail.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    (status, Html(PAGE.replace("{reason}", &reason.replace('"', "&quot;")))).into_response()
}
