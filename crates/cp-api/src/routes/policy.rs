//! Capture policies.

use axum::Json;
use axum::extract::State;
use cp_app::{App, PolicyState};
use cp_base::ErrorKind;
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::InProject;
use crate::input::Body;
use crate::problem::Refusal;

/// Get what is captured and redacted of the project's calls.
#[utoipa::path(get, path = "/capture-policy", tag = "privacy", responses(
    (status = 200, body = wire::CapturePolicy, description = "The policy"),
))]
pub(crate) async fn get_capture_policy(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::CapturePolicy>, Refusal> {
    shown(app.get_capture_policy(&ctx).await?)
}

/// Set what is captured and redacted of the project's calls. It holds for calls that are admitted afterwards.
#[utoipa::path(put, path = "/capture-policy", tag = "privacy", request_body = wire::SetCapturePolicy, responses(
    (status = 200, body = wire::CapturePolicy, description = "The policy"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The policy cannot be used; the problem says why"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "Another version is there by now"),
))]
pub(crate) async fn set_capture_policy(
    InProject(ctx): InProject,
    State(app): State<App>,
    Body(set): Body<wire::SetCapturePolicy>,
) -> Result<Json<wire::CapturePolicy>, Refusal> {
    shown(app.set_capture_policy(&ctx, set.version, &json(&set.policy)?).await?)
}

/// Try what redaction does to a text. Nothing is kept of it.
#[utoipa::path(post, path = "/capture-policy/preview", tag = "privacy", request_body = wire::PreviewRedaction, responses(
    (status = 200, body = wire::RedactionPreview, description = "The text with placeholders"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The policy cannot be used; the problem says why"),
    (status = 413, body = Problem, content_type = "application/problem+json", description = "The text is too long"),
))]
pub(crate) async fn preview_redaction(
    InProject(ctx): InProject,
    State(app): State<App>,
    Body(asked): Body<wire::PreviewRedaction>,
) -> Result<Json<wire::RedactionPreview>, Refusal> {
    let policy = asked.policy.as_ref().map(json).transpose()?;
    let preview = app.preview_redaction(&ctx, &asked.text, policy.as_deref()).await?;
    let found = preview.found.into_iter().map(|found| wire::FoundData {
        kind: found.name,
        start: found.range.start as u64,
        end: found.range.end as u64,
        placeholder: found.placeholder,
    });
    Ok(Json(wire::RedactionPreview { redacted: preview.redacted, found: found.collect() }))
}

/// The policy's text is the same here and in the store; whoever reads it there checks it.
fn json(policy: &wire::PolicyDocument) -> Result<String, Refusal> {
    serde_json::to_string(policy).map_err(|error| Refusal::new(ErrorKind::InvalidInput, error.to_string()))
}

fn shown(state: PolicyState) -> Result<Json<wire::CapturePolicy>, Refusal> {
    let policy = serde_json::from_str(&state.document.to_json())
        .map_err(|error| Refusal::new(ErrorKind::Internal, error.to_string()))?;
    Ok(Json(wire::CapturePolicy { version: state.version, changed_at: state.changed_at, policy }))
}
