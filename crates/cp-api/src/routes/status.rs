//! The state of the service.

use axum::Json;
use axum::extract::State;
use cp_app::App;
use cp_base::ErrorKind;
use cp_wire::Status;

use crate::access::{AtTheMachine, InProject};
use crate::convert;
use crate::problem::Refusal;

/// Get the state of this node and its store.
///
/// While the store does not answer nobody can be known; then whoever asks at the machine itself is told of the node.
#[utoipa::path(get, path = "/status", tag = "system", responses(
    (status = 200, body = Status, description = "The state"),
))]
pub(crate) async fn get_status(
    AtTheMachine(at_the_machine): AtTheMachine,
    asker: Result<InProject, Refusal>,
    State(app): State<App>,
) -> Result<Json<Status>, Refusal> {
    let status = match asker {
        Ok(InProject(ctx)) => app.status(&ctx).await?,
        Err(refusal) if at_the_machine && refusal.is(ErrorKind::Unavailable) => app.status_of_node().await,
        Err(refusal) => return Err(refusal),
    };
    Ok(Json(convert::status(status)))
}
