//! What people say of versions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use cp_app::App;
use cp_wire as wire;
use cp_wire::Problem;

use super::prompts::selector;
use crate::access::InProject;
use crate::convert::comment as convert;
use crate::convert::prompt::parsed;
use crate::input::Body;
use crate::problem::Refusal;
use crate::query::prompt as query;

/// Say something of a version, perhaps in answer to a comment.
#[utoipa::path(post, path = "/prompts/{prompt}/versions/{version}/comments", tag = "prompts", request_body = wire::NewComment,
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`"),
    ("version" = String, Path, description = "A number or a label; `@3` is the label `3`")), responses(
    (status = 201, body = wire::Comment, description = "The comment, with whom it mentions"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It says nothing, or answers what is elsewhere"),
))]
pub(crate) async fn create_comment(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path((prompt, version)): Path<(String, String)>,
    Body(new): Body<wire::NewComment>,
) -> Result<(StatusCode, Json<wire::Comment>), Refusal> {
    let version = selector(&version)?;
    let made = app.create_comment(&ctx, (&prompt, &version), new.text, new.reply_to).await?;
    Ok((StatusCode::CREATED, Json(convert::comment(made))))
}

/// List the comments on a prompt.
#[utoipa::path(get, path = "/prompts/{prompt}/comments", tag = "prompts", params(wire::CommentQuery,
    ("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`")), responses(
    (status = 200, body = wire::Comments, description = "A thousand of them at most"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name or a parameter is wrong"),
))]
pub(crate) async fn list_comments(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(prompt): Path<String>,
    uri: Uri,
) -> Result<Json<wire::Comments>, Refusal> {
    let version = query::comments(&uri)?.version.as_deref().map(selector).transpose()?;
    Ok(Json(convert::comments(app.list_comments(&ctx, &prompt, version.as_ref()).await?)))
}

/// Give a comment another text, resolve it, hide it, or take that back.
#[utoipa::path(patch, path = "/comments/{id}", tag = "prompts", request_body = wire::CommentChange,
    params(("id" = String, Path, description = "The comment")), responses(
    (status = 200, body = wire::Comment, description = "The comment"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no id, or no state"),
))]
pub(crate) async fn update_comment(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(change): Body<wire::CommentChange>,
) -> Result<Json<wire::Comment>, Refusal> {
    let id = parsed(&id)?;
    Ok(Json(convert::comment(app.update_comment(&ctx, id, convert::change(change)?).await?)))
}

/// List the comments that mention whoever asks, newest first.
#[utoipa::path(get, path = "/mentions", tag = "prompts", responses(
    (status = 200, body = wire::Comments, description = "Two hundred of them at most"),
))]
pub(crate) async fn list_mentions(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::Comments>, Refusal> {
    Ok(Json(convert::comments(app.list_mentions(&ctx).await?)))
}

/// Say how good whoever asks finds a version, in place of what they said before.
#[utoipa::path(put, path = "/prompts/{prompt}/versions/{version}/rating", tag = "prompts", request_body = wire::RateVersion,
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`"),
    ("version" = String, Path, description = "A number or a label; `@3` is the label `3`")), responses(
    (status = 200, body = wire::Rating, description = "The rating"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is not from 1 to 5"),
))]
pub(crate) async fn rate_version(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path((prompt, version)): Path<(String, String)>,
    Body(new): Body<wire::RateVersion>,
) -> Result<Json<wire::Rating>, Refusal> {
    let rating = app.rate_version(&ctx, &prompt, &selector(&version)?, new.stars).await?;
    Ok(Json(convert::rating(rating)))
}

/// List how good people find a version.
#[utoipa::path(get, path = "/prompts/{prompt}/versions/{version}/ratings", tag = "prompts",
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`"),
    ("version" = String, Path, description = "A number or a label; `@3` is the label `3`")), responses(
    (status = 200, body = wire::Ratings, description = "The ratings, with their mean"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
))]
pub(crate) async fn list_ratings(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path((prompt, version)): Path<(String, String)>,
) -> Result<Json<wire::Ratings>, Refusal> {
    Ok(Json(convert::ratings(app.list_ratings(&ctx, &prompt, &selector(&version)?).await?)))
}
