//! Teams, and who is in them.
//!
//! Whoever is in a team has its roles: who may not give these may not let anybody in, or out.

use cp_base::{Slug, TeamId};
use cp_db::Tx;
use cp_store::{Principal, Team, TeamMember};

use crate::access::Action;
use crate::act::Event;
use crate::ctx::OrgCtx;
use crate::members::{find_member, require_cover_of};
use crate::orgs::{named, taken};
use crate::{App, AppError};

impl App {
    /// The teams, each with who is in it, in the order of their names.
    pub async fn list_teams(&self, ctx: &OrgCtx) -> Result<Vec<(Team, Vec<TeamMember>)>, AppError> {
        ctx.require(Action::ReadOrg)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        let teams = cp_store::list_teams(&mut tx, ctx.scope).await?;
        let everybody = cp_store::list_team_members(&mut tx, ctx.scope).await?;
        Ok(teams.into_iter().map(|team| with_members(team, &everybody)).collect())
    }

    /// A team, named by id or short name, with who is in it.
    pub async fn get_team(&self, ctx: &OrgCtx, name: &str) -> Result<(Team, Vec<TeamMember>), AppError> {
        ctx.require(Action::ReadOrg)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        let team = find_team(&mut tx, ctx, name).await?;
        Ok(with_members(team, &cp_store::list_team_members(&mut tx, ctx.scope).await?))
    }

    /// Makes a team.
    pub async fn create_team(
        &self,
        ctx: &OrgCtx,
        slug: Option<Slug>,
        name: &str,
    ) -> Result<(Team, Vec<TeamMember>), AppError> {
        let name = named(name)?.to_owned();
        let slug = slug.or_else(|| Slug::from_name(&name));
        let slug = slug.ok_or_else(|| AppError::invalid("give the team a short name for addresses"))?;
        let mut act = self.begin(ctx, Action::ManageTeams).await?;
        if cp_store::find_team_named(act.tx(), ctx.scope, &slug).await?.is_some() {
            return Err(taken("team", &slug));
        }
        let team = Team { id: self.parts.ids.mint(), slug, name, created_at: self.parts.clock.now() };
        cp_store::create_team(act.tx(), ctx.scope, &team).await?;
        act.commit(Event::new("team.create", team.id).detail(&team.slug).after(&team)).await?;
        Ok((team, Vec::new()))
    }

    /// Gives a team other names.
    pub async fn rename_team(
        &self,
        ctx: &OrgCtx,
        team: &str,
        slug: &Slug,
        name: &str,
    ) -> Result<(Team, Vec<TeamMember>), AppError> {
        let name = named(name)?;
        let mut act = self.begin(ctx, Action::ManageTeams).await?;
        let before = find_team(act.tx(), ctx, team).await?;
        let same = cp_store::find_team_named(act.tx(), ctx.scope, slug).await?;
        if same.is_some_and(|same| same.id != before.id) {
            return Err(taken("team", slug));
        }
        cp_store::rename_team(act.tx(), ctx.scope, before.id, slug, name).await?;
        let after = Team { slug: slug.clone(), name: name.to_owned(), ..before.clone() };
        let everybody = cp_store::list_team_members(act.tx(), ctx.scope).await?;
        act.commit(Event::new("team.rename", after.id).before(&before).after(&after)).await?;
        Ok(with_members(after, &everybody))
    }

    /// A team goes, and the roles that it gave.
    pub async fn delete_team(&self, ctx: &OrgCtx, team: &str) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageTeams).await?;
        let team = find_team(act.tx(), ctx, team).await?;
        require_cover_of(act.tx(), ctx, Principal::Team(team.id)).await?;
        cp_store::delete_team(act.tx(), ctx.scope, team.id).await?;
        act.commit(Event::new("team.delete", team.id).detail(&team.slug).before(&team)).await
    }

    /// A member, named by id or e-mail address, joins a team.
    pub async fn join_team(&self, ctx: &OrgCtx, team: &str, member: &str) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageTeams).await?;
        let team = find_team(act.tx(), ctx, team).await?;
        require_cover_of(act.tx(), ctx, Principal::Team(team.id)).await?;
        let member = find_member(act.tx(), ctx, member).await?;
        cp_store::join_team(act.tx(), ctx.scope, team.id, member.person).await?;
        let described = format!("{} joins {}", member.email, team.slug);
        act.commit(Event::new("team.join", team.id).detail(described).after(&member.person)).await
    }

    /// A member, named by id or e-mail address, leaves a team.
    pub async fn leave_team(&self, ctx: &OrgCtx, team: &str, member: &str) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageTeams).await?;
        let team = find_team(act.tx(), ctx, team).await?;
        require_cover_of(act.tx(), ctx, Principal::Team(team.id)).await?;
        let member = find_member(act.tx(), ctx, member).await?;
        if !cp_store::leave_team(act.tx(), ctx.scope, team.id, member.person).await? {
            return Err(AppError::absent(format_args!("{} is not in team {}", member.email, team.slug)));
        }
        let described = format!("{} leaves {}", member.email, team.slug);
        act.commit(Event::new("team.leave", team.id).detail(described).before(&member.person)).await
    }
}

/// The team that an id or short name means. An id holds a `_`, and a short name none.
pub(crate) async fn find_team(tx: &mut Tx, ctx: &OrgCtx, name: &str) -> Result<Team, AppError> {
    let found = match (name.parse::<TeamId>(), name.parse::<Slug>()) {
        (Ok(id), _) => cp_store::find_team(tx, ctx.scope, id).await?,
        (Err(_), Ok(slug)) => cp_store::find_team_named(tx, ctx.scope, &slug).await?,
        (Err(_), Err(_)) => None,
    };
    found.ok_or_else(|| {
        AppError::absent(format_args!(
            "there is no team `{name}` in this organisation; `codepromptu team list` shows those there are"
        ))
    })
}

fn with_members(team: Team, everybody: &[TeamMember]) -> (Team, Vec<TeamMember>) {
    let members = everybody.iter().filter(|member| member.team == team.id).cloned().collect();
    (team, members)
}
