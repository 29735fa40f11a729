//! Roles in one project, beside those that people and keys have in the whole organisation.

use cp_base::ApiKeyId;
use cp_db::Tx;
use cp_store::{Principal, ProjectGrant};

use crate::access::{Action, Role};
use crate::act::Event;
use crate::members::{find_member, read_role};
use crate::teams::find_team;
use crate::{App, AppError, Ctx};

impl App {
    /// Who has a role in the project itself.
    pub async fn list_grants(&self, ctx: &Ctx) -> Result<Vec<ProjectGrant>, AppError> {
        ctx.require(Action::ManageGrants)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        Ok(cp_store::list_project_grants(&mut tx, ctx.scope).await?)
    }

    /// Gives a role in the project, in place of the one there was: to a person (by id or e-mail address), a team (by id
    /// or short name) or an API key (by id).
    pub async fn set_grant(&self, ctx: &Ctx, holder: &str, role: Role) -> Result<ProjectGrant, AppError> {
        let mut act = self.begin(ctx, Action::ManageGrants).await?;
        let (principal, name) = find_holder(act.tx(), ctx, holder).await?;
        let before = find_grant(act.tx(), ctx, principal).await?;
        if let Some(before) = &before {
            ctx.org.require_cover(read_role(&before.role)?)?;
        }
        ctx.org.require_cover(role)?;
        let now = self.parts.clock.now();
        cp_store::grant_in_project(act.tx(), ctx.scope, principal, role.as_str(), now).await?;
        let after = ProjectGrant { principal, name, role: role.to_string(), granted_at: now };
        let event = Event::new("grant.set", id(principal)).detail(format_args!("{} as {role}", after.name));
        act.commit(event.before(&before).after(&after)).await?;
        self.shelve_own_change().await;
        Ok(after)
    }

    /// Takes a role in the project. Roles in the whole organisation stay.
    pub async fn remove_grant(&self, ctx: &Ctx, holder: &str) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageGrants).await?;
        let (principal, _) = find_holder(act.tx(), ctx, holder).await?;
        let before = find_grant(act.tx(), ctx, principal).await?;
        let before = before.ok_or_else(|| {
            AppError::absent(format_args!(
                "`{holder}` has no role in this project itself; `codepromptu project grants` shows who has"
            ))
        })?;
        ctx.org.require_cover(read_role(&before.role)?)?;
        cp_store::revoke_in_project(act.tx(), ctx.scope, principal).await?;
        let described = format!("{} as {}", before.name, before.role);
        act.commit(Event::new("grant.remove", id(principal)).detail(described).before(&before)).await?;
        self.shelve_own_change().await;
        Ok(())
    }
}

/// Whom a text means, and what they are called. A key of another project is not to be had here.
async fn find_holder(tx: &mut Tx, ctx: &Ctx, text: &str) -> Result<(Principal, String), AppError> {
    if let Ok(id) = text.parse::<ApiKeyId>() {
        let key = cp_store::find_api_key(tx, ctx.org.scope, id).await?;
        let here = |home| home == ctx.scope.project();
        let key = key.filter(|key| key.project.is_none_or(here)).ok_or_else(|| crate::keys::no_key(id))?;
        return Ok((Principal::ApiKey(id), key.name));
    }
    if text.contains('@') || text.parse::<cp_base::PersonId>().is_ok() {
        let member = find_member(tx, &ctx.org, text).await?;
        return Ok((Principal::Person(member.person), member.email));
    }
    let team = find_team(tx, &ctx.org, text).await?;
    Ok((Principal::Team(team.id), team.slug.to_string()))
}

async fn find_grant(tx: &mut Tx, ctx: &Ctx, holder: Principal) -> Result<Option<ProjectGrant>, AppError> {
    let grants = cp_store::list_project_grants(tx, ctx.scope).await?;
    Ok(grants.into_iter().find(|grant| grant.principal == holder))
}

fn id(principal: Principal) -> String {
    match principal {
        Principal::Person(id) => id.to_string(),
        Principal::Team(id) => id.to_string(),
        Principal::ApiKey(id) => id.to_string(),
    }
}
