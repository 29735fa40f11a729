//! Metrics of the API itself.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use cp_app::App;

/// Counts each request and measures the time to its answer's head, by route and status.
pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = app.clock().ticks();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    let seconds = app.clock().ticks().since(begun).as_secs_f64();
    metrics::counter!("codepromptu_api_requests_total", "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("codepromptu_api_request_seconds", "route" => route).record(seconds);
    response
}
