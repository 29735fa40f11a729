//! Scores.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use cp_app::App;
use cp_wire as wire;
use cp_wire::{Problem, ScoreQuery};

use crate::access::InProject;
use crate::convert::score as convert;
use crate::input::{Body, read_id};
use crate::problem::Refusal;
use crate::query::score as query;

/// The most scores that are shown with a call.
const MAX_OF_A_CALL: u64 = 500;

/// List scores, newest first.
#[utoipa::path(get, path = "/scores", tag = "scores", params(ScoreQuery), responses(
    (status = 200, body = wire::ScorePage, description = "A page of scores"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn list_scores(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<wire::ScorePage>, Refusal> {
    let (filter, limit) = query::read(&uri, app.clock().now())?;
    let scores = app.list_scores(&ctx, &filter, 0, limit + 1).await?;
    Ok(Json(convert::page(scores, limit)))
}

/// Give a score. One with the same id of the client's is replaced.
#[utoipa::path(post, path = "/scores", tag = "scores", request_body = wire::NewScore, responses(
    (status = 201, body = wire::Score, description = "The score"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The score is wrong"),
))]
pub(crate) async fn create_score(
    InProject(ctx): InProject,
    State(app): State<App>,
    Body(new): Body<wire::NewScore>,
) -> Result<(StatusCode, Json<wire::Score>), Refusal> {
    let score = app.give_score(&ctx, convert::new_score(new)?).await?;
    Ok((StatusCode::CREATED, Json(convert::score(score))))
}

/// Get one score.
#[utoipa::path(get, path = "/scores/{id}", tag = "scores", params(("id" = String, Path, description = "The score")), responses(
    (status = 200, body = wire::Score, description = "The score"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The id is none"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such score"),
))]
pub(crate) async fn get_score(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<wire::Score>, Refusal> {
    Ok(Json(convert::score(app.get_score(&ctx, read_id(&id)?).await?)))
}

/// Delete a score.
#[utoipa::path(delete, path = "/scores/{id}", tag = "scores", params(("id" = String, Path, description = "The score")), responses(
    (status = 204, description = "It is gone"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The id is none"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such score"),
))]
pub(crate) async fn delete_score(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.delete_score(&ctx, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List what is thought of a call, of its trace and of its session, newest first: at most 500.
#[utoipa::path(get, path = "/calls/{id}/scores", tag = "scores", params(("id" = String, Path, description = "The call")), responses(
    (status = 200, body = wire::ScorePage, description = "The scores"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The id is none"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such call"),
))]
pub(crate) async fn list_call_scores(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<wire::ScorePage>, Refusal> {
    let scores = app.list_scores_of_call(&ctx, read_id(&id)?, MAX_OF_A_CALL).await?;
    Ok(Json(convert::page(scores, MAX_OF_A_CALL)))
}
