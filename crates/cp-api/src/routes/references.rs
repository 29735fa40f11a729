//! What prompts have to do with each other.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cp_app::App;
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::InProject;
use crate::convert::prompt::parsed;
use crate::convert::reference as convert;
use crate::input::Body;
use crate::problem::Refusal;

/// List what a prompt has to do with others, as it sees it.
#[utoipa::path(get, path = "/prompts/{prompt}/references", tag = "prompts",
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`")), responses(
    (status = 200, body = wire::CrossReferences, description = "A thousand of them at most"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no name"),
))]
pub(crate) async fn list_references(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(prompt): Path<String>,
) -> Result<Json<wire::CrossReferences>, Refusal> {
    let found = app.list_references(&ctx, &prompt).await?;
    Ok(Json(wire::CrossReferences { references: found.into_iter().map(convert::seen).collect() }))
}

/// Say what a prompt has to do with another.
#[utoipa::path(post, path = "/prompts/{prompt}/references", tag = "prompts", request_body = wire::NewCrossReference,
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`")), responses(
    (status = 201, body = wire::CrossReference, description = "The reference"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is not to what it can be to"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "It is there already"),
))]
pub(crate) async fn create_reference(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(prompt): Path<String>,
    Body(new): Body<wire::NewCrossReference>,
) -> Result<(StatusCode, Json<wire::CrossReference>), Refusal> {
    let made = app.create_reference(&ctx, &prompt, convert::new(new)?).await?;
    Ok((StatusCode::CREATED, Json(convert::seen(made))))
}

/// Take a reference away.
#[utoipa::path(delete, path = "/references/{id}", tag = "prompts",
    params(("id" = String, Path, description = "The reference")), responses(
    (status = 204, description = "It is gone"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no id"),
))]
pub(crate) async fn delete_reference(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.delete_reference(&ctx, parsed(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
