//! The page at `/`: how to point a client here, and the calls as they come; and the pages on which people sign up, sign in
//! and see to their account. Their files are in the program.

use axum::Router;
use axum::http::header;
use axum::routing::{MethodRouter, get};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(crate) fn router() -> Router {
    let icon = || file("image/svg+xml", include_str!("../assets/icon.svg"));
    Router::new()
        .route("/", file(HTML, include_str!("../assets/index.html")))
        .route("/account", file(HTML, include_str!("../assets/account.html")))
        .route("/invite", file(HTML, include_str!("../assets/invite.html")))
        .route("/login", file(HTML, include_str!("../assets/login.html")))
        .route("/setup", file(HTML, include_str!("../assets/setup.html")))
        .route("/assets/page.js", file(SCRIPT, include_str!("../assets/page.js")))
        .route("/assets/forms.js", file(SCRIPT, include_str!("../assets/forms.js")))
        .route("/assets/account.js", file(SCRIPT, include_str!("../assets/account.js")))
        .route("/assets/invite.js", file(SCRIPT, include_str!("../assets/invite.js")))
        .route("/assets/login.js", file(SCRIPT, include_str!("../assets/login.js")))
        .route("/assets/setup.js", file(SCRIPT, include_str!("../assets/setup.js")))
        .route("/assets/page.css", file("text/css; charset=utf-8", include_str!("../assets/page.css")))
        .route("/assets/icon.svg", icon())
        .route("/favicon.ico", icon())
}

fn file(media_type: &'static str, text: &'static str) -> MethodRouter {
    get(async move || ([(header::CONTENT_TYPE, media_type)], text))
}
