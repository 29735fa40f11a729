//! How the members of an organisation sign in: its provider, and whether a second factor is required.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cp_app::model::{GroupRole, SsoDocument};
use cp_app::{App, NewGroupRole, NewSso, Role, Sso};
use cp_base::{ErrorKind, Secret};
use cp_wire as wire;
use cp_wire::Problem;

use crate::access::InOrg;
use crate::input::Body;
use crate::problem::Refusal;

/// Get the provider that the organisation signs its people in with.
#[utoipa::path(get, path = "/sso", tag = "sign-in", responses(
    (status = 200, body = wire::SingleSignOn, description = "The provider, but for the client's secret"),
))]
pub(crate) async fn get_sso(
    InOrg(ctx): InOrg,
    State(app): State<App>,
) -> Result<Json<wire::SingleSignOn>, Refusal> {
    Ok(Json(shown(app.get_sso(&ctx).await?)))
}

/// Set the provider that the organisation signs its people in with.
#[utoipa::path(put, path = "/sso", tag = "sign-in", request_body = wire::NewSingleSignOn, responses(
    (status = 200, body = wire::SingleSignOn, description = "The provider, but for the client's secret"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "It cannot be used; the problem says why"),
))]
pub(crate) async fn set_sso(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Body(new): Body<wire::NewSingleSignOn>,
) -> Result<Json<wire::SingleSignOn>, Refusal> {
    Ok(Json(shown(app.set_sso(&ctx, read(new)?).await?)))
}

/// Have no provider any more. Roles by groups and sessions by single sign-on end with it.
#[utoipa::path(delete, path = "/sso", tag = "sign-in", responses(
    (status = 204, description = "There is none any more"),
))]
pub(crate) async fn remove_sso(InOrg(ctx): InOrg, State(app): State<App>) -> Result<StatusCode, Refusal> {
    app.remove_sso(&ctx).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask the provider for what it publishes.
#[utoipa::path(get, path = "/sso/check", tag = "sign-in", responses(
    (status = 200, body = wire::SingleSignOnCheck, description = "Whether people can sign in, or why not"),
))]
pub(crate) async fn check_sso(
    InOrg(ctx): InOrg,
    State(app): State<App>,
) -> Result<Json<wire::SingleSignOnCheck>, Refusal> {
    let check = app.check_sso(&ctx).await?;
    let (problem, authorization_endpoint) = (check.problem, check.authorization_endpoint);
    Ok(Json(wire::SingleSignOnCheck { problem, authorization_endpoint, keys: check.keys as u64 }))
}

/// Tell whether the organisation requires a second factor.
#[utoipa::path(get, path = "/org/second-factor", tag = "sign-in", responses(
    (status = 200, body = wire::SecondFactorRule, description = "Whether it does"),
))]
pub(crate) async fn get_second_factor_rule(
    InOrg(ctx): InOrg,
    State(app): State<App>,
) -> Result<Json<wire::SecondFactorRule>, Refusal> {
    Ok(Json(wire::SecondFactorRule { required: app.requires_second_factor(&ctx).await? }))
}

/// Require a second factor, or no longer. Whoever is signed in without one can then only set one up.
#[utoipa::path(put, path = "/org/second-factor", tag = "sign-in", request_body = wire::SecondFactorRule, responses(
    (status = 200, body = wire::SecondFactorRule, description = "It is so now"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "The body does not read"),
))]
pub(crate) async fn set_second_factor_rule(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Body(rule): Body<wire::SecondFactorRule>,
) -> Result<Json<wire::SecondFactorRule>, Refusal> {
    match rule.required {
        true => app.require_second_factor(&ctx).await?,
        false => app.waive_second_factor(&ctx).await?,
    }
    Ok(Json(rule))
}

fn role(text: &str) -> Result<Role, Refusal> {
    text.parse().map_err(|error| Refusal::new(ErrorKind::InvalidInput, format!("{error}")))
}

fn read(new: wire::NewSingleSignOn) -> Result<NewSso, Refusal> {
    let group = |given: wire::GroupRole| {
        Ok(NewGroupRole { group: given.group, role: role(&given.role)?, project: given.project })
    };
    Ok(NewSso {
        issuer: new.issuer,
        client_id: new.client_id,
        client_secret: new.client_secret.map(Secret::new),
        scopes: new.scopes,
        domains: new.domains,
        group_claim: new.group_claim,
        groups: new.groups.into_iter().map(group).collect::<Result<_, Refusal>>()?,
        admits_unknown: new.admits_unknown,
        default_role: new.default_role.as_deref().map(role).transpose()?,
        refuses_passwords: new.refuses_passwords,
        is_second_factor: new.is_second_factor,
    })
}

fn shown(sso: Sso) -> wire::SingleSignOn {
    let SsoDocument { v: _, issuer, client_id, scopes, domains, group_claim, groups, .. } = sso.document;
    let given =
        |GroupRole { group, role, project }: GroupRole| wire::GivenRole { group, role, project_id: project };
    wire::SingleSignOn {
        issuer,
        client_id,
        scopes,
        domains,
        group_claim,
        groups: groups.into_iter().map(given).collect(),
        admits_unknown: sso.document.admits_unknown,
        default_role: sso.document.default_role,
        refuses_passwords: sso.refuses_passwords,
        is_second_factor: sso.document.is_second_factor,
        changed_at: sso.changed_at,
    }
}
