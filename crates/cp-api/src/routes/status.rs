//! The state of the service.

use axum::Json;
use axum::extract::State;
use cp_app::App;
use cp_wire::Status;

use crate::access::Local;
use crate::convert;

/// Get the state of this node and its store.
#[utoipa::path(get, path = "/status", tag = "system", responses(
    (status = 200, body = Status, description = "The state"),
))]
pub(crate) async fn get_status(Local(ctx): Local, State(app): State<App>) -> Json<Status> {
    Json(convert::status(app.status(&ctx).await))
}
