//! The members of an organisation: who they are, what they are, and that one of them is its owner.

use cp_base::PersonId;
use cp_db::{DbError, Tx};
use cp_store::{Member, Principal};

use crate::access::{Action, Role};
use crate::act::Event;
use crate::ctx::OrgCtx;
use crate::{App, AppError};

impl App {
    /// The members, in the order of their addresses.
    pub async fn list_members(&self, ctx: &OrgCtx) -> Result<Vec<Member>, AppError> {
        ctx.require(Action::ReadMembers)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        Ok(cp_store::list_members(&mut tx, ctx.scope).await?)
    }

    /// Gives a member, named by id or e-mail address, another role in the organisation itself; or none.
    pub async fn set_member_role(
        &self,
        ctx: &OrgCtx,
        member: &str,
        role: Option<Role>,
    ) -> Result<Member, AppError> {
        let mut act = self.begin(ctx, Action::ManageMembers).await?;
        cp_store::lock_org(act.tx(), ctx.scope).await?;
        let before = find_member(act.tx(), ctx, member).await?;
        let held = before.role.as_deref().map(read_role).transpose()?;
        if held == role {
            return Ok(before);
        }
        for role in [held, role].into_iter().flatten() {
            ctx.require_cover(role)?;
        }
        if held == Some(Role::Owner) {
            keep_an_owner(act.tx(), ctx, &before).await?;
        }
        let (principal, now) = (Principal::Person(before.person), self.parts.clock.now());
        match role {
            Some(role) => {
                cp_store::grant_in_org(act.tx(), ctx.scope, principal, role.as_str(), now).await?;
            }
            None => drop(cp_store::revoke_in_org(act.tx(), ctx.scope, principal).await?),
        }
        let after = Member { role: role.map(|role| role.to_string()), ..before.clone() };
        let described = format!("{}: {} → {}", after.email, shown(held), shown(role));
        let event = Event::new("member.role", after.person).detail(described);
        act.commit(event.before(&before).after(&after)).await?;
        Ok(after)
    }

    /// A member leaves the organisation, its teams and its projects.
    pub async fn remove_member(&self, ctx: &OrgCtx, member: &str) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageMembers).await?;
        cp_store::lock_org(act.tx(), ctx.scope).await?;
        let before = find_member(act.tx(), ctx, member).await?;
        require_cover_of(act.tx(), ctx, Principal::Person(before.person)).await?;
        if before.role.as_deref() == Some(Role::Owner.as_str()) {
            keep_an_owner(act.tx(), ctx, &before).await?;
        }
        cp_store::remove_member(act.tx(), ctx.scope, before.person).await?;
        act.commit(Event::new("member.remove", before.person).detail(&before.email).before(&before)).await
    }
}

/// The member that an id or e-mail address means.
pub(crate) async fn find_member(tx: &mut Tx, ctx: &OrgCtx, name: &str) -> Result<Member, AppError> {
    let person = match name.parse::<PersonId>() {
        Ok(id) => Some(id),
        Err(_) => cp_store::find_person_by_email(tx, name).await?.map(|person| person.id),
    };
    let found = match person {
        Some(person) => cp_store::find_member(tx, ctx.scope, person).await?,
        None => None,
    };
    found.ok_or_else(|| {
        AppError::absent(format_args!(
            "there is no member `{name}` in this organisation; `codepromptu member list` shows those there are"
        ))
    })
}

/// Nothing where the caller may take every role that somebody has in the organisation and its projects.
pub(crate) async fn require_cover_of(
    tx: &mut Tx,
    ctx: &OrgCtx,
    principal: Principal,
) -> Result<(), AppError> {
    for granted in cp_store::list_roles(tx, ctx.scope, principal).await? {
        ctx.require_cover(read_role(&granted.role)?)?;
    }
    Ok(())
}

/// A role as it is stored.
pub(crate) fn read_role(text: &str) -> Result<Role, DbError> {
    text.parse().map_err(|_| DbError::decode("role"))
}

async fn keep_an_owner(tx: &mut Tx, ctx: &OrgCtx, member: &Member) -> Result<(), AppError> {
    if cp_store::count_other_holders(tx, ctx.scope, Role::Owner.as_str(), member.person).await? > 0 {
        return Ok(());
    }
    Err(AppError::conflict(format_args!(
        "{} is the last owner: make another one first, with `codepromptu member role ADDRESS owner`",
        member.email
    )))
}

fn shown(role: Option<Role>) -> &'static str {
    role.map_or("none", Role::as_str)
}
