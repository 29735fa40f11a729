//! Proposals to move a label.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use cp_app::App;
use cp_app::library::Decision;
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::InProject;
use crate::convert::prompt::parsed;
use crate::convert::review;
use crate::input::Body;
use crate::problem::Refusal;
use crate::query::prompt as query;

/// Propose to move a label of a prompt to a version.
#[utoipa::path(post, path = "/prompts/{prompt}/labels/{label}/proposals", tag = "prompts", request_body = wire::ProposeMove,
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`"),
    ("label" = String, Path, description = "The label")), responses(
    (status = 201, body = wire::ProposalDetail, description = "The proposal"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The label is elsewhere, or there already"),
))]
pub(crate) async fn propose_move(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path((prompt, label)): Path<(String, String)>,
    Body(to): Body<wire::ProposeMove>,
) -> Result<(StatusCode, Json<wire::ProposalDetail>), Refusal> {
    let proposed = app.propose_move(&ctx, &prompt, &review::proposed(&label, to)?).await?;
    Ok((StatusCode::CREATED, Json(review::detail(proposed))))
}

/// List proposals to move labels, newest first.
#[utoipa::path(get, path = "/proposals", tag = "prompts", params(wire::ProposalQuery), responses(
    (status = 200, body = wire::Proposals, description = "The proposals"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn list_proposals(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<wire::Proposals>, Refusal> {
    let asked = query::proposals(&uri)?;
    let state = review::state(asked.state.as_deref())?;
    let found = app.list_proposals(&ctx, asked.prompt.as_deref(), state).await?;
    Ok(Json(wire::Proposals { proposals: found.into_iter().map(review::proposal).collect() }))
}

/// Get a proposal, with what was said of it.
#[utoipa::path(get, path = "/proposals/{id}", tag = "prompts",
    params(("id" = String, Path, description = "The proposal")), responses(
    (status = 200, body = wire::ProposalDetail, description = "The proposal"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no id"),
))]
pub(crate) async fn get_proposal(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<wire::ProposalDetail>, Refusal> {
    let id = parsed(&id)?;
    Ok(Json(review::detail(app.get_proposal(&ctx, id).await?)))
}

/// Say something of a proposal.
#[utoipa::path(post, path = "/proposals/{id}/comments", tag = "prompts", request_body = wire::ProposalComment,
    params(("id" = String, Path, description = "The proposal")), responses(
    (status = 200, body = wire::ProposalDetail, description = "The proposal"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no id"),
))]
pub(crate) async fn comment_on_proposal(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(what): Body<wire::ProposalComment>,
) -> Result<Json<wire::ProposalDetail>, Refusal> {
    let id = parsed(&id)?;
    Ok(Json(review::detail(app.comment_on_proposal(&ctx, id, what.text).await?)))
}

/// Approve a proposal. With the last approval that it takes, the label moves.
#[utoipa::path(post, path = "/proposals/{id}/approve", tag = "prompts", request_body = wire::Approval,
    params(("id" = String, Path, description = "The proposal")), responses(
    (status = 200, body = wire::ProposalDetail, description = "The proposal"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no id"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "It has ended, or the label cannot move so any more"),
))]
pub(crate) async fn approve_proposal(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(what): Body<wire::Approval>,
) -> Result<Json<wire::ProposalDetail>, Refusal> {
    let id = parsed(&id)?;
    let decision = Decision { note: what.note, override_reason: what.override_reason };
    Ok(Json(review::detail(app.approve_proposal(&ctx, id, decision).await?)))
}

/// Reject a proposal, which ends it.
#[utoipa::path(post, path = "/proposals/{id}/reject", tag = "prompts", request_body = wire::Decision,
    params(("id" = String, Path, description = "The proposal")), responses(
    (status = 200, body = wire::ProposalDetail, description = "The proposal"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no id"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "It has ended, or the label cannot move so any more"),
))]
pub(crate) async fn reject_proposal(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(what): Body<wire::Decision>,
) -> Result<Json<wire::ProposalDetail>, Refusal> {
    let id = parsed(&id)?;
    Ok(Json(review::detail(app.reject_proposal(&ctx, id, what.note).await?)))
}

/// Take a proposal back.
#[utoipa::path(post, path = "/proposals/{id}/withdraw", tag = "prompts", request_body = wire::Decision,
    params(("id" = String, Path, description = "The proposal")), responses(
    (status = 200, body = wire::ProposalDetail, description = "The proposal"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no id"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "It has ended, or the label cannot move so any more"),
))]
pub(crate) async fn withdraw_proposal(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(what): Body<wire::Decision>,
) -> Result<Json<wire::ProposalDetail>, Refusal> {
    let id = parsed(&id)?;
    Ok(Json(review::detail(app.withdraw_proposal(&ctx, id, what.note).await?)))
}
