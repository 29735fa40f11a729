//! The REST API, its documents and the page at `/`.
//!
//! A handler reads its input, calls one use case and shapes the answer; nothing here knows the store. Every failure is a
//! problem document (RFC 9457). Who asks, and where, is found by [`access`]; what is answered at all, by [`guard`].

mod access;
mod convert;
mod cookie;
mod docs;
mod events;
mod guard;
mod input;
mod langfuse;
mod observe;
mod page;
mod problem;
mod query;
mod routes;
mod site;

pub use access::tell_peer;
pub use axum::Router;
pub use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use cp_app::{App, Serving};
use metrics_exporter_prometheus::PrometheusHandle;

pub use self::site::{Site, SiteError};

/// Everything that this crate serves. The program puts the gateway beside it: see [`serves`].
pub fn router(app: App, metrics: PrometheusHandle, site: Site) -> Router {
    let (api, openapi) = docs::api().split_for_parts();
    api.with_state(app.clone())
        .merge(docs::router(openapi))
        .merge(page::router())
        .merge(routes::provider_sign_in::router(app.clone(), site.clone()))
        .merge(langfuse::router(app.clone()))
        .merge(routes::serving::router(app.serving()))
        .merge(routes::health::router(app.clone(), metrics))
        .fallback(problem::unknown_route)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(from_fn_with_state(site, guard::guard))
        .layer(from_fn_with_state(app, observe::observe))
}

/// What a node serves while its database is away: prompts out of memory, and that everything else waits.
pub fn waiting_router(serving: Serving, site: Site) -> Router {
    routes::serving::router(serving)
        .route("/healthz", get(async || "ok\n"))
        .fallback(problem::database_away)
        .layer(from_fn_with_state(site, guard::guard))
}

/// First path segments that are this crate's.
const SEGMENTS: [&str; 12] = [
    "",
    "account",
    "api",
    "assets",
    "docs",
    "favicon.ico",
    "healthz",
    "invite",
    "login",
    "metrics",
    "readyz",
    "setup",
];

/// Whether a path belongs to [`router`]. Every other path is the gateway's: its first segment names a provider.
#[must_use]
pub fn serves(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    SEGMENTS.contains(&first)
}

/// The OpenAPI document, as JSON.
#[must_use]
pub fn openapi_json() -> String {
    docs::render(&docs::api().into_openapi())
}

/// Upper bounds of the buckets of `codepromptu_api_request_seconds`, for the metrics recorder.
pub const REQUEST_SECONDS_BUCKETS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_gets_what_the_api_does_not_serve() {
        for path in ["/", "/api/v1/calls", "/api", "/docs/", "/assets/page.js", "/healthz", "/login"] {
            assert!(serves(path), "{path}");
        }
        for path in ["/openai/v1/chat/completions", "/anthropic", "/apis", "/docs2"] {
            assert!(!serves(path), "{path}");
        }
    }
}
