//! Prompts and their versions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use cp_app::App;
use cp_app::library::{LabelName, Selector, VersionNumber};
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::InProject;
use crate::convert::prompt as convert;
use crate::input::Body;
use crate::problem::Refusal;
use crate::query::prompt as query;

/// List the prompts of the project, by name.
#[utoipa::path(get, path = "/prompts", tag = "prompts", params(wire::PromptQuery), responses(
    (status = 200, body = wire::PromptPage, description = "A page of prompts"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn list_prompts(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<wire::PromptPage>, Refusal> {
    let request = query::prompts(&uri)?;
    let page = app.list_prompts(&ctx, &request.filter, request.after.as_ref(), request.limit).await?;
    Ok(Json(convert::page(page)?))
}

/// Make a prompt, with its first version.
#[utoipa::path(post, path = "/prompts", tag = "prompts", request_body = wire::NewPrompt, responses(
    (status = 201, body = wire::SavedPrompt, description = "The prompt and its first version"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "Something in it is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The name is taken"),
))]
pub(crate) async fn create_prompt(
    InProject(ctx): InProject,
    State(app): State<App>,
    Body(new): Body<wire::NewPrompt>,
) -> Result<(StatusCode, Json<wire::SavedPrompt>), Refusal> {
    let made = app.create_prompt(&ctx, convert::new_prompt(new)?).await?;
    Ok((StatusCode::CREATED, Json(convert::saved(made)?)))
}

/// Get a prompt.
#[utoipa::path(get, path = "/prompts/{prompt}", tag = "prompts",
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`")), responses(
    (status = 200, body = wire::Prompt, description = "The prompt"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no name"),
))]
pub(crate) async fn get_prompt(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(prompt): Path<String>,
) -> Result<Json<wire::Prompt>, Refusal> {
    Ok(Json(convert::prompt(app.get_prompt(&ctx, &prompt).await?)?))
}

/// Change what is said of a prompt, its name, or whether it is in use.
#[utoipa::path(patch, path = "/prompts/{prompt}", tag = "prompts", request_body = wire::PromptChange,
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`")), responses(
    (status = 200, body = wire::Prompt, description = "The prompt"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "Something in it is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json",
        description = "It has changed, the name is taken, or other prompts include it"),
))]
pub(crate) async fn update_prompt(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(prompt): Path<String>,
    Body(change): Body<wire::PromptChange>,
) -> Result<Json<wire::Prompt>, Refusal> {
    let change = convert::change(change)?;
    Ok(Json(convert::prompt(app.update_prompt(&ctx, &prompt, change).await?)?))
}

/// List the versions of a prompt, newest first.
#[utoipa::path(get, path = "/prompts/{prompt}/versions", tag = "prompts",
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`"),
        wire::VersionQuery), responses(
    (status = 200, body = wire::PromptVersions, description = "A page of versions"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn list_versions(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(prompt): Path<String>,
    uri: Uri,
) -> Result<Json<wire::PromptVersions>, Refusal> {
    let (before, limit) = query::versions(&uri)?;
    let (view, versions) = app.list_versions(&ctx, &prompt, before, limit).await?;
    let last = versions.last().map(|version| i64::from(version.number.get()));
    let next = last.filter(|last| *last > i64::from(VersionNumber::FIRST.get()));
    let versions = versions.into_iter().map(|version| convert::version(&view, version)).collect();
    Ok(Json(wire::PromptVersions { versions, next }))
}

/// Save a version of a prompt. What it said before is found, and not made again.
#[utoipa::path(post, path = "/prompts/{prompt}/versions", tag = "prompts", request_body = wire::NewPromptVersion,
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`")), responses(
    (status = 200, body = wire::SavedPrompt, description = "The prompt says this already: this is the version"),
    (status = 201, body = wire::SavedPrompt, description = "The prompt and its new version"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "Something in it is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json",
        description = "Another version came in between, or the prompt is archived"),
))]
pub(crate) async fn create_version(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(prompt): Path<String>,
    Body(new): Body<wire::NewPromptVersion>,
) -> Result<(StatusCode, Json<wire::SavedPrompt>), Refusal> {
    let saved = app.create_version(&ctx, &prompt, convert::draft(new)?).await?;
    let status = if saved.1.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(convert::saved(saved)?)))
}

/// Get a version of a prompt, by its number or a label.
#[utoipa::path(get, path = "/prompts/{prompt}/versions/{version}", tag = "prompts", params(
    ("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`"),
    ("version" = String, Path, description = "A number or a label; `@3` is the label `3`")), responses(
    (status = 200, body = wire::PromptVersion, description = "The version"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
))]
pub(crate) async fn get_version(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path((prompt, version)): Path<(String, String)>,
) -> Result<Json<wire::PromptVersion>, Refusal> {
    let (view, found) = app.get_version(&ctx, &prompt, &selector(&version)?).await?;
    Ok(Json(convert::version(&view, found)))
}

/// Render a version of a prompt, with everything that it includes.
#[utoipa::path(post, path = "/prompts/{prompt}/versions/{version}/render", tag = "prompts",
    request_body = wire::RenderPrompt, params(
    ("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`"),
    ("version" = String, Path, description = "A number or a label; `@3` is the label `3`")), responses(
    (status = 200, body = wire::RenderedPrompt, description = "What it says with these values"),
    (status = 400, body = Problem, content_type = "application/problem+json",
        description = "A value is missing or of another type, or the template fails"),
))]
pub(crate) async fn render_version(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path((prompt, version)): Path<(String, String)>,
    Body(given): Body<wire::RenderPrompt>,
) -> Result<Json<wire::RenderedPrompt>, Refusal> {
    let found = app.render_version(&ctx, &prompt, &selector(&version)?, given.variables).await?;
    Ok(Json(convert::rendered(found)?))
}

/// A number, or else a label.
pub(super) fn selector(text: &str) -> Result<Selector, Refusal> {
    match (text.strip_prefix('@'), text.parse::<VersionNumber>()) {
        (None, Ok(number)) => Ok(Selector::Version(number)),
        (label, _) => Ok(Selector::Label(convert::parsed::<LabelName>(label.unwrap_or(text))?)),
    }
}

/// See who includes a prompt: what would change if it did.
#[utoipa::path(get, path = "/prompts/{prompt}/includers", tag = "prompts",
    params(("prompt" = String, Path, description = "The prompt: an id, or a name with its `/` written `%2F`")), responses(
    (status = 200, body = wire::Includers, description = "Versions in use that include it"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is no name"),
))]
pub(crate) async fn list_includers(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(prompt): Path<String>,
) -> Result<Json<wire::Includers>, Refusal> {
    let includers = app.list_includers(&ctx, &prompt).await?;
    Ok(Json(wire::Includers { includers: includers.into_iter().map(convert::includer).collect() }))
}
