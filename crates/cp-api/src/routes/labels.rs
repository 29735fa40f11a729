//! Labels of prompts.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cp_app::App;
use cp_app::library::{LabelChange, RollBack};
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::InProject;
use crate::convert::{prompt as convert, review};
use crate::input::Body;
use crate::problem::Refusal;

/// Move a label of a prompt to a version.
#[utoipa::path(put, path = "/prompts/{prompt}/labels/{label}", tag = "prompts", request_body = wire::MoveLabel, params(
    ("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`"),
    ("label" = String, Path, description = "The label")), responses(
    (status = 200, body = wire::Prompt, description = "The prompt"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The label is elsewhere by now, or the version does not meet what the label asks"),
))]
pub(crate) async fn move_label(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path((prompt, label)): Path<(String, String)>,
    Body(to): Body<wire::MoveLabel>,
) -> Result<Json<wire::Prompt>, Refusal> {
    let change = review::change(&label, to)?;
    Ok(Json(convert::prompt(app.move_label(&ctx, &prompt, &change).await?)?))
}

/// Take a label of a prompt away.
#[utoipa::path(delete, path = "/prompts/{prompt}/labels/{label}", tag = "prompts", params(
    ("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`"),
    ("label" = String, Path, description = "The label")), responses(
    (status = 204, description = "It is gone"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
))]
pub(crate) async fn remove_label(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path((prompt, label)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let label = convert::parsed(&label)?;
    let change = LabelChange { label, to: None, from: None, reason: String::new(), override_reason: None };
    app.move_label(&ctx, &prompt, &change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Move a label back to where it was before its last move.
#[utoipa::path(post, path = "/prompts/{prompt}/labels/{label}/rollback", tag = "prompts", request_body = wire::Reason,
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`"),
    ("label" = String, Path, description = "The label")), responses(
    (status = 200, body = wire::Prompt, description = "The prompt"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "It was nowhere before"),
))]
pub(crate) async fn roll_back_label(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path((prompt, label)): Path<(String, String)>,
    Body(why): Body<wire::Reason>,
) -> Result<Json<wire::Prompt>, Refusal> {
    let label = convert::parsed(&label)?;
    let why = RollBack { reason: why.reason, override_reason: why.override_reason };
    Ok(Json(convert::prompt(app.roll_back_label(&ctx, &prompt, &label, why).await?)?))
}

/// List where the labels of a prompt have been, newest move first.
#[utoipa::path(get, path = "/prompts/{prompt}/label-moves", tag = "prompts",
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`")), responses(
    (status = 200, body = wire::LabelMoves, description = "The last thousand moves"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no name"),
))]
pub(crate) async fn list_label_moves(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(prompt): Path<String>,
) -> Result<Json<wire::LabelMoves>, Refusal> {
    let moves = app.list_label_moves(&ctx, &prompt, None).await?;
    Ok(Json(wire::LabelMoves { moves: moves.into_iter().map(convert::label_move).collect() }))
}

/// List the labels that ask something of a move.
#[utoipa::path(get, path = "/protected-labels", tag = "prompts", responses(
    (status = 200, body = wire::ProtectedLabels, description = "The labels, with what each asks"),
))]
pub(crate) async fn list_protected_labels(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::ProtectedLabels>, Refusal> {
    let labels = app.list_protected_labels(&ctx).await?;
    Ok(Json(wire::ProtectedLabels { labels: labels.into_iter().map(review::protected).collect() }))
}

/// Say what a label asks of a move, of every prompt of the project: a role, approvals, criteria that are met.
#[utoipa::path(put, path = "/protected-labels/{label}", tag = "prompts", request_body = wire::ProtectLabel,
    params(("label" = String, Path, description = "The label")), responses(
    (status = 200, body = wire::ProtectedLabel, description = "The label, with what it asks"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
))]
pub(crate) async fn protect_label(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(label): Path<String>,
    Body(rule): Body<wire::ProtectLabel>,
) -> Result<Json<wire::ProtectedLabel>, Refusal> {
    let protected = app.protect_label(&ctx, &convert::parsed(&label)?, &review::rule(&rule)?).await?;
    Ok(Json(review::protected(protected)))
}

/// Let whoever may write prompts move a label again, without anybody's approval.
#[utoipa::path(delete, path = "/protected-labels/{label}", tag = "prompts",
    params(("label" = String, Path, description = "The label")), responses(
    (status = 204, description = "It is protected no more"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no label"),
))]
pub(crate) async fn unprotect_label(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(label): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.unprotect_label(&ctx, &convert::parsed(&label)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
