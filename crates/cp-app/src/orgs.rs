//! Organisations and projects.

use cp_base::Slug;
use cp_store::{Genesis, Org, Project};

use crate::access::Action;
use crate::act::Event;
use crate::ctx::{Caller, Ctx, OrgCtx};
use crate::{App, AppError};

impl App {
    /// The organisation.
    pub async fn get_org(&self, ctx: &OrgCtx) -> Result<Org, AppError> {
        ctx.require(Action::ReadOrg)?;
        self.org_of(ctx).await
    }

    /// The organisation that somebody is in: everybody knows that much.
    pub async fn org_of(&self, ctx: &OrgCtx) -> Result<Org, AppError> {
        let mut tx = self.parts.db.begin_read().await?;
        cp_store::find_org(&mut tx, ctx.scope)
            .await?
            .ok_or_else(|| AppError::absent("the organisation is gone"))
    }

    /// The organisations that somebody belongs to.
    pub async fn list_orgs(&self, caller: &Caller) -> Result<Vec<Org>, AppError> {
        let mut tx = self.parts.db.begin_read().await?;
        Ok(match (caller.home, caller.principal) {
            (Some((home, _)), _) => cp_store::find_org(&mut tx, home).await?.into_iter().collect(),
            (None, Some(cp_store::Principal::Person(person))) => {
                cp_store::list_orgs_of(&mut tx, person).await?
            }
            _ => cp_store::list_all_orgs(&mut tx).await?,
        })
    }

    /// Gives the organisation other names.
    pub async fn rename_org(&self, ctx: &OrgCtx, slug: &Slug, name: &str) -> Result<Org, AppError> {
        let before = self.get_org(ctx).await?;
        let name = named(name)?;
        let mut act = self.begin(ctx, Action::ManageOrg).await?;
        cp_store::rename_org(act.tx(), ctx.scope, slug, name).await?;
        let after = Org { slug: slug.clone(), name: name.to_owned(), ..before.clone() };
        act.commit(Event::new("org.rename", slug).before(&before).after(&after)).await?;
        Ok(after)
    }

    /// The projects of the organisation that the caller has a role in.
    pub async fn list_projects(&self, ctx: &OrgCtx) -> Result<Vec<Project>, AppError> {
        let mut tx = self.parts.db.begin_read().await?;
        let all = cp_store::list_projects(&mut tx, ctx.scope).await?;
        if ctx.roles.may(Action::ReadOrg) {
            return Ok(all);
        }
        let Some(principal) = ctx.caller.principal else { return Ok(Vec::new()) };
        let roles = cp_store::list_roles(&mut tx, ctx.scope, principal).await?;
        let theirs = |project: &Project| {
            roles.iter().any(|role| role.project.is_none_or(|id| id == project.scope.project()))
        };
        Ok(all.into_iter().filter(theirs).collect())
    }

    /// The project.
    pub async fn get_project(&self, ctx: &Ctx) -> Result<Project, AppError> {
        ctx.require(Action::ReadProject)?;
        let mut tx = self.parts.db.begin_read().await?;
        let found = cp_store::find_project(&mut tx, ctx.org.scope, ctx.scope.project()).await?;
        found.ok_or_else(|| AppError::absent("the project is gone"))
    }

    /// Makes a project, with a data key of its own.
    pub async fn create_project(
        &self,
        ctx: &OrgCtx,
        slug: Option<Slug>,
        name: &str,
    ) -> Result<Project, AppError> {
        let name = named(name)?;
        let slug = slug.or_else(|| Slug::from_name(name));
        let slug = slug.ok_or_else(|| AppError::invalid("give the project a short name for addresses"))?;
        let mut act = self.begin(ctx, Action::ManageProjects).await?;
        if cp_store::find_project_named(act.tx(), ctx.scope, &slug).await?.is_some() {
            return Err(taken("project", &slug));
        }
        let genesis = Genesis {
            master: &self.parts.master,
            ids: &self.parts.ids,
            random: &self.parts.random,
            clock: &*self.parts.clock,
        };
        let (project, keys) = cp_store::create_project(act.tx(), ctx.scope, &genesis, slug, name).await?;
        act.commit(
            Event::new("project.create", project.scope.project()).detail(&project.slug).after(&project),
        )
        .await?;
        self.parts.traffic.put_keys(project.scope, keys);
        Ok(project)
    }

    /// Gives a project other names.
    pub async fn rename_project(&self, ctx: &Ctx, slug: &Slug, name: &str) -> Result<Project, AppError> {
        let before = self.get_project(ctx).await?;
        let name = named(name)?;
        let mut act = self.begin(ctx, Action::ManageProjects).await?;
        let same = cp_store::find_project_named(act.tx(), ctx.org.scope, slug).await?;
        if same.is_some_and(|same| same.scope != ctx.scope) {
            return Err(taken("project", slug));
        }
        cp_store::rename_project(act.tx(), ctx.scope, slug, name).await?;
        let after = Project { slug: slug.clone(), name: name.to_owned(), ..before.clone() };
        act.commit(Event::new("project.rename", ctx.scope.project()).before(&before).after(&after)).await?;
        Ok(after)
    }
}

const MAX_NAME: usize = 120;

/// A name for people: something, and not too much of it.
pub(crate) fn named(name: &str) -> Result<&str, AppError> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) {
        return Err(AppError::invalid(format_args!(
            "a name takes 1 to {MAX_NAME} characters, none of them a control character"
        )));
    }
    Ok(name)
}

pub(crate) fn taken(what: &str, slug: &Slug) -> AppError {
    AppError::conflict(format_args!("there is a {what} `{slug}` already: choose another short name"))
}
