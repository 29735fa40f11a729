//! The page at `/`: how to point a client here, and the calls as they come. Its files are in the program.

use axum::Router;
use axum::http::header;
use axum::routing::{MethodRouter, get};

pub(crate) fn router() -> Router {
    let icon = || file("image/svg+xml", include_str!("../assets/icon.svg"));
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("../assets/index.html")))
        .route("/assets/page.js", file("text/javascript; charset=utf-8", include_str!("../assets/page.js")))
        .route("/assets/page.css", file("text/css; charset=utf-8", include_str!("../assets/page.css")))
        .route("/assets/icon.svg", icon())
        .route("/favicon.ico", icon())
}

fn file(media_type: &'static str, text: &'static str) -> MethodRouter {
    get(async move || ([(header::CONTENT_TYPE, media_type)], text))
}
