//! Organisations and projects.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cp_app::{App, NewOrg};
use cp_base::{ErrorKind, Slug};
use cp_wire as wire;
use cp_wire::{Named, Problem};

use crate::access::{InOrg, InProject, Known};
use crate::convert::org as convert;
use crate::input::Body;
use crate::problem::Refusal;

/// Tell who asks, and as what.
#[utoipa::path(get, path = "/me", tag = "access", responses(
    (status = 200, body = wire::Me, description = "Who asks"),
))]
pub(crate) async fn get_me(InOrg(ctx): InOrg, State(app): State<App>) -> Result<Json<wire::Me>, Refusal> {
    let org = app.org_of(&ctx).await?;
    let (caller, roles) = (ctx.caller(), ctx.roles().names());
    Ok(Json(wire::Me {
        name: caller.name().to_owned(),
        via: caller.via().as_str().to_owned(),
        org: convert::org(org),
        roles: roles.into_iter().map(str::to_owned).collect(),
    }))
}

/// List the organisations that the caller belongs to.
#[utoipa::path(get, path = "/orgs", tag = "access", responses(
    (status = 200, body = wire::Orgs, description = "The organisations"),
))]
pub(crate) async fn list_orgs(
    Known(caller): Known,
    State(app): State<App>,
) -> Result<Json<wire::Orgs>, Refusal> {
    let orgs = app.list_orgs(&caller).await?;
    Ok(Json(wire::Orgs { orgs: orgs.into_iter().map(convert::org).collect() }))
}

/// Make an organisation, with a first project. It takes an owner of the installation's first organisation.
#[utoipa::path(post, path = "/orgs", tag = "access", request_body = wire::NewOrg, responses(
    (status = 201, body = wire::MadeOrg, description = "The organisation and its first project"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The name is taken"),
))]
pub(crate) async fn create_org(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Body(new): Body<wire::NewOrg>,
) -> Result<(StatusCode, Json<wire::MadeOrg>), Refusal> {
    let slug = read_slug(new.slug.as_deref())?;
    let (org, project) = app.create_org(&ctx, NewOrg { name: new.name, slug, owner: new.owner }).await?;
    let made = wire::MadeOrg { org: convert::org(org), project: convert::project(project) };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Rename the organisation.
#[utoipa::path(put, path = "/org", tag = "access", request_body = Named, responses(
    (status = 200, body = wire::Org, description = "The organisation"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The name is taken"),
))]
pub(crate) async fn rename_org(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Body(named): Body<Named>,
) -> Result<Json<wire::Org>, Refusal> {
    let slug = needed_slug(&named)?;
    Ok(Json(convert::org(app.rename_org(&ctx, &slug, &named.name).await?)))
}

/// List the projects of the organisation that the caller has a role in.
#[utoipa::path(get, path = "/projects", tag = "access", responses(
    (status = 200, body = wire::Projects, description = "The projects"),
))]
pub(crate) async fn list_projects(
    InOrg(ctx): InOrg,
    State(app): State<App>,
) -> Result<Json<wire::Projects>, Refusal> {
    let projects = app.list_projects(&ctx).await?;
    Ok(Json(wire::Projects { projects: projects.into_iter().map(convert::project).collect() }))
}

/// Make a project.
#[utoipa::path(post, path = "/projects", tag = "access", request_body = Named, responses(
    (status = 201, body = wire::Project, description = "The project"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The name is taken"),
))]
pub(crate) async fn create_project(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    Body(named): Body<Named>,
) -> Result<(StatusCode, Json<wire::Project>), Refusal> {
    let project = app.create_project(&ctx, slug(&named)?, &named.name).await?;
    Ok((StatusCode::CREATED, Json(convert::project(project))))
}

/// Get the project that the request is about.
#[utoipa::path(get, path = "/project", tag = "access", responses(
    (status = 200, body = wire::Project, description = "The project"),
))]
pub(crate) async fn get_project(
    InProject(ctx): InProject,
    State(app): State<App>,
) -> Result<Json<wire::Project>, Refusal> {
    Ok(Json(convert::project(app.get_project(&ctx).await?)))
}

/// Rename the project that the request is about.
#[utoipa::path(put, path = "/project", tag = "access", request_body = Named, responses(
    (status = 200, body = wire::Project, description = "The project"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A name is wrong"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The name is taken"),
))]
pub(crate) async fn rename_project(
    InProject(ctx): InProject,
    State(app): State<App>,
    Body(named): Body<Named>,
) -> Result<Json<wire::Project>, Refusal> {
    let slug = needed_slug(&named)?;
    Ok(Json(convert::project(app.rename_project(&ctx, &slug, &named.name).await?)))
}

/// The short name, where one is given.
pub(crate) fn slug(named: &Named) -> Result<Option<Slug>, Refusal> {
    read_slug(named.slug.as_deref())
}

fn read_slug(text: Option<&str>) -> Result<Option<Slug>, Refusal> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|error: cp_base::SlugError| Refusal::new(ErrorKind::InvalidInput, error.to_string()))
}

pub(crate) fn needed_slug(named: &Named) -> Result<Slug, Refusal> {
    let slug = slug(named)?.or_else(|| Slug::from_name(&named.name));
    slug.ok_or_else(|| Refusal::new(ErrorKind::InvalidInput, "give a short name for addresses: `slug`"))
}
