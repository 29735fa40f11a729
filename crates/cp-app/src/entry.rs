//! What an organisation asks of those who come in with a session: single sign-on, a second factor. Keys are not asked.

use cp_base::{OrgScope, PersonId, ProjectId, Slug};
use cp_db::{DbError, Tx};
use cp_store::{Org, Principal};

use crate::access::{Action, Role};
use crate::act::Event;
use crate::ctx::{Caller, OrgCtx, Via};
use crate::{App, AppError};

/// Nothing, or what is missing.
pub(crate) async fn admit(
    tx: &mut Tx,
    caller: &Caller,
    org: &Org,
    roles: &[(Option<ProjectId>, Role)],
) -> Result<(), AppError> {
    if !matches!(caller.via, Via::Session(_)) {
        return Ok(());
    }
    let Some(rules) = cp_store::find_entry_rules(tx, org.scope).await? else { return Ok(()) };
    if rules.refuses_passwords && caller.home.is_none() && !roles.contains(&(None, Role::Owner)) {
        return Err(AppError::only_by_provider(&rules.slug));
    }
    if rules.requires_second_factor && !caller.has_second_factor {
        return Err(AppError::needs_second_factor(&rules.slug));
    }
    Ok(())
}

/// An organisation of a person whose password opens none: all of theirs take single sign-on alone.
pub(crate) async fn only_by_provider(tx: &mut Tx, person: PersonId) -> Result<Option<Slug>, DbError> {
    let mut refusing = None;
    for org in cp_store::list_orgs_of(tx, person).await? {
        let roles = cp_store::list_roles(tx, org.scope, Principal::Person(person)).await?;
        let owns = roles.iter().any(|role| role.project.is_none() && role.role == Role::Owner.as_str());
        let rules = cp_store::find_entry_rules(tx, org.scope).await?;
        if owns || rules.is_none_or(|rules| !rules.refuses_passwords) {
            return Ok(None);
        }
        refusing = Some(org.slug);
    }
    Ok(refusing)
}

/// Whether one of the organisations that a session is good for requires a second factor.
pub(crate) async fn needs_second_factor(
    tx: &mut Tx,
    person: PersonId,
    home: Option<OrgScope>,
) -> Result<bool, DbError> {
    for org in cp_store::list_orgs_of(tx, person).await? {
        let is_meant = home.is_none_or(|home| home == org.scope);
        let rules = if is_meant { cp_store::find_entry_rules(tx, org.scope).await? } else { None };
        if rules.is_some_and(|rules| rules.requires_second_factor) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl App {
    /// Whether the organisation requires a second factor.
    pub async fn requires_second_factor(&self, ctx: &OrgCtx) -> Result<bool, AppError> {
        ctx.require(Action::ManageSignIn)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        let rules = cp_store::find_entry_rules(&mut tx, ctx.scope).await?;
        Ok(rules.is_some_and(|rules| rules.requires_second_factor))
    }

    /// From now on whoever is signed in without a second factor can set one up, and nothing else here.
    pub async fn require_second_factor(&self, ctx: &OrgCtx) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageSignIn).await?;
        cp_store::require_second_factor(act.tx(), ctx.scope).await?;
        act.commit(Event::new("org.require_second_factor", ctx.scope.org())).await
    }

    /// A second factor is everybody's own decision again.
    pub async fn waive_second_factor(&self, ctx: &OrgCtx) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageSignIn).await?;
        cp_store::waive_second_factor(act.tx(), ctx.scope).await?;
        act.commit(Event::new("org.waive_second_factor", ctx.scope.org())).await
    }
}
