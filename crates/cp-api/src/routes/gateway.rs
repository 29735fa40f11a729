//! Gateway keys, the vault, claims to fingerprints, and who may put calls into a project.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cp_app::App;
use cp_base::{ErrorKind, Secret};
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::InProject;
use crate::convert::gateway as convert;
use crate::input::{Body, read_id};
use crate::problem::Refusal;

/// List the gateway keys of the project, newest first, with what each has used.
#[utoipa::path(get, path = "/gateway-keys", tag = "gateway", responses(
    (status = 200, body = wire::GatewayKeys, description = "The keys, but for themselves"),
))]
pub(crate) async fn list_gateway_keys(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::GatewayKeys>, Refusal> {
    let keys = app.list_gateway_keys(&ctx).await?;
    Ok(Json(wire::GatewayKeys { keys: keys.into_iter().map(convert::used_key).collect() }))
}

/// Make a key that programs use at the gateway in place of a provider's. The answer shows it for the only time.
#[utoipa::path(post, path = "/gateway-keys", tag = "gateway", request_body = wire::NewGatewayKey, responses(
    (status = 201, body = wire::MadeGatewayKey, description = "The key"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The name, a provider, a limit or the time is wrong"),
))]
pub(crate) async fn create_gateway_key(
    InProject(ctx): InProject,
    State(app): State<App>,
    Body(new): Body<wire::NewGatewayKey>,
) -> Result<(StatusCode, Json<wire::MadeGatewayKey>), Refusal> {
    let made = app.create_gateway_key(&ctx, convert::read_new(new)?).await?;
    Ok((StatusCode::CREATED, Json(convert::made_key(made))))
}

/// End a gateway key. Every node has heard of it within a second.
#[utoipa::path(delete, path = "/gateway-keys/{id}", tag = "gateway", params(("id" = String, Path, description = "The key")), responses(
    (status = 204, description = "It has ended"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "This is no id of a gateway key"),
))]
pub(crate) async fn revoke_gateway_key(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.revoke_gateway_key(&ctx, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Set what a gateway key may use, in place of what was said before. What it has used already counts.
#[utoipa::path(put, path = "/gateway-keys/{id}/limits", tag = "gateway", request_body = wire::GatewayKeyLimits,
    params(("id" = String, Path, description = "The key")), responses(
    (status = 200, body = wire::GatewayKey, description = "The key with its limits"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The id or a limit is wrong"),
))]
pub(crate) async fn limit_gateway_key(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(body): Body<wire::GatewayKeyLimits>,
) -> Result<Json<wire::GatewayKey>, Refusal> {
    let limits = convert::read_limits(&body.limits)?;
    let key = app.limit_gateway_key(&ctx, read_id(&id)?, limits).await?;
    Ok(Json(convert::key(key, &[])))
}

/// List the providers' keys in the vault of the project. What they are nobody sees again.
#[utoipa::path(get, path = "/provider-keys", tag = "gateway", responses(
    (status = 200, body = wire::ProviderKeys, description = "The keys, but for themselves"),
))]
pub(crate) async fn list_provider_keys(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::ProviderKeys>, Refusal> {
    let keys = app.list_provider_keys(&ctx).await?;
    Ok(Json(wire::ProviderKeys { keys: keys.into_iter().map(convert::provider_key).collect() }))
}

/// Put a provider's key into the vault, in place of the one there was.
#[utoipa::path(put, path = "/provider-keys/{provider}", tag = "gateway", request_body = wire::NewProviderKey,
    params(("provider" = String, Path, description = "The provider's name")), responses(
    (status = 200, body = wire::ProviderKey, description = "The key, but for itself"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The provider or the key is wrong"),
))]
pub(crate) async fn set_provider_key(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(provider): Path<String>,
    Body(new): Body<wire::NewProviderKey>,
) -> Result<Json<wire::ProviderKey>, Refusal> {
    let (label, secret) = (new.label.unwrap_or_default(), Secret::new(new.key));
    Ok(Json(convert::provider_key(app.set_provider_key(&ctx, &provider, &label, &secret).await?)))
}

/// Take a provider's key out of the vault.
#[utoipa::path(delete, path = "/provider-keys/{provider}", tag = "gateway",
    params(("provider" = String, Path, description = "The provider's name")), responses(
    (status = 204, description = "It is gone"),
))]
pub(crate) async fn remove_provider_key(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(provider): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.remove_provider_key(&ctx, &provider).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the fingerprints of providers' keys: those that the project has claimed, and those that came unclaimed.
#[utoipa::path(get, path = "/fingerprints", tag = "gateway", responses(
    (status = 200, body = wire::Fingerprints, description = "The fingerprints"),
))]
pub(crate) async fn list_fingerprints(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::Fingerprints>, Refusal> {
    Ok(Json(convert::fingerprints(app.list_fingerprints(&ctx).await?)))
}

/// Claim the calls that come with a provider's key.
#[utoipa::path(post, path = "/fingerprints/claim", tag = "gateway", request_body = wire::ClaimRequest, responses(
    (status = 200, body = wire::Claim, description = "The claim"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "No fingerprint and no key can be read"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "Somebody has claimed it"),
))]
pub(crate) async fn claim_fingerprint(
    InProject(ctx): InProject,
    State(app): State<App>,
    Body(request): Body<wire::ClaimRequest>,
) -> Result<Json<wire::Claim>, Refusal> {
    let claim = app.claim_fingerprint(&ctx, convert::read_claim(request)?).await?;
    Ok(Json(convert::claim(claim)))
}

/// Give a claim up.
#[utoipa::path(delete, path = "/fingerprints/{fingerprint}", tag = "gateway",
    params(("fingerprint" = String, Path, description = "32 hexadecimal digits")), responses(
    (status = 204, description = "It is given up"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "This is no fingerprint"),
))]
pub(crate) async fn release_fingerprint(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(fingerprint): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.release_fingerprint(&ctx, convert::read_fingerprint(&fingerprint)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get who may put calls into the project.
#[utoipa::path(get, path = "/gateway-access", tag = "gateway", responses(
    (status = 200, body = wire::GatewayAccess, description = "Who may"),
))]
pub(crate) async fn get_gateway_access(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::GatewayAccess>, Refusal> {
    let access = app.get_project_access(&ctx).await?;
    Ok(Json(wire::GatewayAccess { access: access.as_str().to_owned() }))
}

/// Set who may put calls into the project.
#[utoipa::path(put, path = "/gateway-access", tag = "gateway", request_body = wire::GatewayAccess, responses(
    (status = 200, body = wire::GatewayAccess, description = "Who may"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It is neither open nor with_key"),
))]
pub(crate) async fn set_gateway_access(
    InProject(ctx): InProject,
    State(app): State<App>,
    Body(body): Body<wire::GatewayAccess>,
) -> Result<Json<wire::GatewayAccess>, Refusal> {
    let access = body.access.parse();
    let access = access.map_err(|error| Refusal::new(ErrorKind::InvalidInput, format!("{error}")))?;
    app.set_project_access(&ctx, access).await?;
    Ok(Json(body))
}
