//! How long things are kept, holds, and people's rights.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cp_app::model::RetentionPolicy;
use cp_app::{App, NewHold};
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::InProject;
use crate::convert::retention as convert;
use crate::input::{Body, read_id};
use crate::problem::Refusal;

/// Get how long the project keeps what.
#[utoipa::path(get, path = "/retention", tag = "retention", responses(
    (status = 200, body = wire::RetentionPolicy, description = "The policy"),
))]
pub(crate) async fn get_retention(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::RetentionPolicy>, Refusal> {
    Ok(Json(convert::policy(app.get_retention(&ctx).await?)))
}

/// Change how long the project keeps what. What is too old by then goes within about a minute.
#[utoipa::path(put, path = "/retention", tag = "retention", request_body = wire::RetentionPolicy, responses(
    (status = 200, body = wire::RetentionPolicy, description = "The policy"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A number is wrong"),
))]
pub(crate) async fn set_retention(
    InProject(ctx): InProject,
    State(app): State<App>,
    Body(policy): Body<wire::RetentionPolicy>,
) -> Result<Json<wire::RetentionPolicy>, Refusal> {
    let wire::RetentionPolicy { bodies_days, metadata_days, scores_days } = policy;
    let policy = RetentionPolicy { bodies_days, metadata_days, scores_days };
    let policy = app.set_retention(&ctx, policy).await?;
    Ok(Json(convert::policy(policy)))
}

/// List the legal holds in force, latest first.
#[utoipa::path(get, path = "/holds", tag = "retention", responses(
    (status = 200, body = wire::Holds, description = "The holds"),
))]
pub(crate) async fn list_holds(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::Holds>, Refusal> {
    let holds = app.list_holds(&ctx).await?;
    Ok(Json(wire::Holds { holds: holds.into_iter().map(convert::hold).collect() }))
}

/// Place a legal hold: what it holds is neither erased nor deleted for its age.
#[utoipa::path(post, path = "/holds", tag = "retention", request_body = wire::NewHold, responses(
    (status = 201, body = wire::Hold, description = "The hold"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The hold is wrong"),
))]
pub(crate) async fn create_hold(
    InProject(ctx): InProject,
    State(app): State<App>,
    Body(new): Body<wire::NewHold>,
) -> Result<(StatusCode, Json<wire::Hold>), Refusal> {
    let wire::NewHold { user, call_id, reason } = new;
    let hold = app.create_hold(&ctx, NewHold { user, call: call_id, reason }).await?;
    Ok((StatusCode::CREATED, Json(convert::hold(hold))))
}

/// Release a legal hold.
#[utoipa::path(delete, path = "/holds/{id}", tag = "retention", params(("id" = String, Path, description = "The hold")), responses(
    (status = 204, description = "It holds nothing any more"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "This is no id of a hold"),
))]
pub(crate) async fn release_hold(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.release_hold(&ctx, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell what there is of an end user. `GET /calls/export?user=…` exports it.
#[utoipa::path(get, path = "/subjects/{user}", tag = "retention", params(("user" = String, Path, description = "The end user, as calls name them")), responses(
    (status = 200, body = wire::Subject, description = "What there is"),
))]
pub(crate) async fn get_subject(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(user): Path<String>,
) -> Result<Json<wire::Subject>, Refusal> {
    Ok(Json(convert::subject(app.count_person(&ctx, &user).await?)))
}

/// Have everything of an end user erased, in the background. Refused under a legal hold.
#[utoipa::path(delete, path = "/subjects/{user}", tag = "retention", params(("user" = String, Path, description = "The end user, as calls name them")), responses(
    (status = 202, body = wire::Erasure, description = "It is under way"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The user is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "A legal hold keeps it"),
))]
pub(crate) async fn erase_subject(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(user): Path<String>,
) -> Result<(StatusCode, Json<wire::Erasure>), Refusal> {
    let erasure = app.erase_person(&ctx, &user).await?;
    Ok((StatusCode::ACCEPTED, Json(convert::erasure(erasure))))
}

/// Get an erasure, with its certificate once it is done.
#[utoipa::path(get, path = "/erasures/{id}", tag = "retention", params(("id" = String, Path, description = "The erasure")), responses(
    (status = 200, body = wire::Erasure, description = "The erasure"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "This is no id of an erasure"),
))]
pub(crate) async fn get_erasure(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<wire::Erasure>, Refusal> {
    Ok(Json(convert::erasure(app.get_erasure(&ctx, read_id(&id)?).await?)))
}

/// List the keys that the project's data is sealed with, those destroyed too.
#[utoipa::path(get, path = "/data-keys", tag = "retention", responses(
    (status = 200, body = wire::DataKeys, description = "The keys, but for themselves"),
))]
pub(crate) async fn list_data_keys(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::DataKeys>, Refusal> {
    let keys = app.list_data_keys(&ctx).await?;
    Ok(Json(wire::DataKeys { keys: keys.into_iter().map(convert::data_key).collect() }))
}

/// Give the project a new data key and seal what there is with it, a bounded number of values in each step.
///
/// Go on until `destroyed` is there: then nothing opens with the old key any more. Broken off anywhere, it goes on with the
/// next call.
#[utoipa::path(post, path = "/data-keys/rotate", tag = "retention", responses(
    (status = 200, body = wire::RotationStep, description = "What the step came to"),
))]
pub(crate) async fn rotate_data_key(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::RotationStep>, Refusal> {
    let step = app.rotate_data_key(&ctx).await?;
    Ok(Json(wire::RotationStep {
        key: step.key,
        generation: step.generation,
        resealed: step.resealed,
        total: step.total,
        destroyed: step.destroyed,
    }))
}
