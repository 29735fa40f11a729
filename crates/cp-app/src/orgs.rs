//! Organisations and projects.

use cp_base::{InstallationScope, Slug};
use cp_db::{DbError, Tx};
use cp_store::{Org, Principal, Project};

use crate::access::{Action, Role};
use crate::act::Event;
use crate::ctx::{Caller, Ctx, OrgCtx, Via};
use crate::{App, AppError};

/// What an organisation is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrg {
    /// The name for people.
    pub name: String,
    /// The name in addresses; made from the other one where it is absent.
    pub slug: Option<Slug>,
    /// The e-mail address of its owner; whoever makes it where it is absent.
    pub owner: Option<String>,
}

impl App {
    /// The organisation.
    pub async fn get_org(&self, ctx: &OrgCtx) -> Result<Org, AppError> {
        ctx.require(Action::ReadOrg)?;
        self.org_of(ctx).await
    }

    /// The organisation that somebody is in: everybody knows that much.
    pub async fn org_of(&self, ctx: &OrgCtx) -> Result<Org, AppError> {
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        cp_store::find_org(&mut tx, ctx.scope)
            .await?
            .ok_or_else(|| AppError::absent("the organisation is gone"))
    }

    /// The organisations that somebody belongs to.
    pub async fn list_orgs(&self, caller: &Caller) -> Result<Vec<Org>, AppError> {
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        Ok(match (caller.home, caller.principal) {
            (Some((home, _)), _) => cp_store::find_org(&mut tx, home).await?.into_iter().collect(),
            (None, Some(cp_store::Principal::Person(person))) => {
                cp_store::list_orgs_of(&mut tx, person).await?
            }
            _ => cp_store::list_all_orgs(&mut tx).await?,
        })
    }

    /// Makes an organisation, with an owner, a chain of events of its own and a first project. It takes an owner of the
    /// installation's own organisation, in it; or whoever sits at the machine, before anybody has signed up.
    pub async fn create_org(&self, ctx: &OrgCtx, new: NewOrg) -> Result<(Org, Project), AppError> {
        let name = named(&new.name)?;
        let slug = new.slug.or_else(|| Slug::from_name(name));
        let slug =
            slug.ok_or_else(|| AppError::invalid("give the organisation a short name for addresses"))?;
        let mut act = self.begin_beyond(ctx, Action::CreateOrgs).await?;
        if ctx.scope != self.parts.scope.org_scope() {
            return Err(AppError::only_the_installation());
        }
        let owner = find_owner(act.tx(), &ctx.caller, new.owner.as_deref()).await?;
        let (id, now) = (self.parts.ids.mint(), self.parts.clock.now());
        let org = cp_store::create_org(act.tx(), id, slug.clone(), name, now).await;
        let org = org.map_err(|error| clash(error, "organisation", &slug))?;
        let first = Slug::from_name(FIRST_PROJECT).ok_or_else(|| DbError::decode("slug"))?;
        let (project, keys) =
            cp_store::create_project(act.tx(), org.scope, &self.genesis(), first, FIRST_PROJECT).await?;
        if let Some(owner) = owner {
            cp_store::add_member(act.tx(), org.scope, owner, now).await?;
            let owner = Principal::Person(owner);
            cp_store::grant_in_org(act.tx(), org.scope, owner, Role::Owner.as_str(), now).await?;
        }
        let event = Event::new("org.create", id).detail(&slug).after(&org);
        // Each of the two finds the beginning in its own chain.
        self.record(act.tx(), &OrgCtx { scope: org.scope, ..ctx.clone() }, event.clone()).await?;
        act.commit(event).await?;
        self.parts.traffic.put_keys(project.scope, keys);
        Ok((org, project))
    }

    /// Gives the organisation other names.
    pub async fn rename_org(&self, ctx: &OrgCtx, slug: &Slug, name: &str) -> Result<Org, AppError> {
        let before = self.get_org(ctx).await?;
        let name = named(name)?;
        let mut act = self.begin(ctx, Action::ManageOrg).await?;
        let renamed = cp_store::rename_org(act.tx(), ctx.scope, slug, name).await;
        renamed.map_err(|error| clash(error, "organisation", slug))?;
        let after = Org { slug: slug.clone(), name: name.to_owned(), ..before.clone() };
        act.commit(Event::new("org.rename", slug).before(&before).after(&after)).await?;
        Ok(after)
    }

    /// The projects of the organisation that the caller has a role in.
    pub async fn list_projects(&self, ctx: &OrgCtx) -> Result<Vec<Project>, AppError> {
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
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
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
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
        let (project, keys) =
            cp_store::create_project(act.tx(), ctx.scope, &self.genesis(), slug, name).await?;
        act.commit(
            Event::new("project.create", project.scope.project()).detail(&project.slug).after(&project),
        )
        .await?;
        self.parts.traffic.put_keys(project.scope, keys);
        self.parts.gateway.tell();
        Ok(project)
    }

    /// Gives a project other names.
    pub async fn rename_project(&self, ctx: &Ctx, slug: &Slug, name: &str) -> Result<Project, AppError> {
        let before = self.get_project(ctx).await?;
        let name = named(name)?;
        let mut act = self.begin(ctx, Action::ManageProject).await?;
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

/// The project that an organisation begins with.
const FIRST_PROJECT: &str = "default";
const MAX_NAME: usize = 120;

/// Who is to own a new organisation; nobody where nobody has signed up, and it is the machine's.
async fn find_owner(
    tx: &mut Tx,
    caller: &Caller,
    email: Option<&str>,
) -> Result<Option<cp_base::PersonId>, AppError> {
    match (email, caller.principal) {
        (Some(email), _) => match cp_store::find_person_by_email(tx, email).await? {
            Some(person) => Ok(Some(person.id)),
            None => Err(AppError::absent(format_args!(
                "nobody signs in as `{email}`: an owner has to be known before the organisation is made"
            ))),
        },
        (None, Some(Principal::Person(person))) => Ok(Some(person)),
        (None, _) if caller.via == Via::Local => Ok(None),
        (None, _) => Err(AppError::invalid("a key owns no organisation: name a person as its `owner`")),
    }
}

fn clash(error: DbError, what: &str, slug: &Slug) -> AppError {
    if matches!(error, DbError::Constraint(_)) { taken(what, slug) } else { error.into() }
}

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
