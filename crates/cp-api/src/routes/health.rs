//! For machines that watch this one: is the process there, can it work, what does it count.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use cp_app::App;
use cp_wire::Ready;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::problem::Refusal;

pub(crate) fn router(app: App, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/readyz", get(ready))
        .with_state(app)
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(async move || render(&metrics)))
}

/// Whether this node can really write and read; a problem that names what is down where it can't.
async fn ready(State(app): State<App>) -> Result<Json<Ready>, Refusal> {
    app.ready().await?;
    Ok(Json(Ready { status: "ready".to_owned() }))
}

fn render(metrics: &PrometheusHandle) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}
