//! Teams: groups of members, which hold grants and own prompts together.

use cp_base::{OrgScope, PersonId, Slug, TeamId, Timestamp};
use cp_db::{DbError, Row, Tx, args};

use crate::orgs::slug;
use crate::sql::{access, people as sql, prompts};

/// A team of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// The id.
    pub id: TeamId,
    /// Its name in addresses, unique in its organisation.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Somebody in a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamMember {
    /// The team.
    pub team: TeamId,
    /// Who.
    pub person: PersonId,
    /// The address that signs in.
    pub email: String,
    /// What others see.
    pub name: String,
}

fn team(row: &Row) -> Result<Team, DbError> {
    Ok(Team {
        id: row.get("team_id")?,
        slug: slug(row)?,
        name: row.get("name")?,
        created_at: row.get("created_at")?,
    })
}

/// A new team.
pub async fn create_team(tx: &mut Tx, scope: OrgScope, team: &Team) -> Result<(), DbError> {
    let row = args![scope, team.id, team.slug.as_str(), team.name.as_str(), team.created_at];
    tx.execute(sql::CREATE_TEAM, row).await?;
    Ok(())
}

/// The teams, in the order of their names.
pub async fn list_teams(tx: &mut Tx, scope: OrgScope) -> Result<Vec<Team>, DbError> {
    tx.fetch_all(sql::LIST_TEAMS, args![scope]).await?.iter().map(team).collect()
}

/// A team of the organisation.
pub async fn find_team(tx: &mut Tx, scope: OrgScope, id: TeamId) -> Result<Option<Team>, DbError> {
    tx.fetch_optional(sql::FIND_TEAM, args![scope, id]).await?.as_ref().map(team).transpose()
}

/// The team of the organisation that a name means.
pub async fn find_team_named(tx: &mut Tx, scope: OrgScope, slug: &Slug) -> Result<Option<Team>, DbError> {
    let row = tx.fetch_optional(sql::FIND_TEAM_NAMED, args![scope, slug.as_str()]).await?;
    row.as_ref().map(team).transpose()
}

/// Other names for a team.
pub async fn rename_team(
    tx: &mut Tx,
    scope: OrgScope,
    id: TeamId,
    slug: &Slug,
    name: &str,
) -> Result<(), DbError> {
    tx.execute(sql::RENAME_TEAM, args![scope, id, slug.as_str(), name]).await?;
    Ok(())
}

/// A team goes, with its grants.
pub async fn delete_team(tx: &mut Tx, scope: OrgScope, id: TeamId) -> Result<(), DbError> {
    tx.execute(prompts::LEAVE_BEHIND, args![scope, id]).await?;
    tx.execute(sql::EMPTY_TEAM, args![scope, id]).await?;
    tx.execute(access::REVOKE_EVERYWHERE, args![scope, id]).await?;
    tx.execute(sql::DELETE_TEAM, args![scope, id]).await?;
    Ok(())
}

/// A member joins a team. Fails with a constraint for whoever is no member of the organisation.
pub async fn join_team(tx: &mut Tx, scope: OrgScope, team: TeamId, person: PersonId) -> Result<(), DbError> {
    tx.execute(sql::JOIN_TEAM, args![scope, team, person]).await?;
    Ok(())
}

/// A member leaves a team. Whether they were in it.
pub async fn leave_team(
    tx: &mut Tx,
    scope: OrgScope,
    team: TeamId,
    person: PersonId,
) -> Result<bool, DbError> {
    Ok(tx.execute(sql::LEAVE_TEAM, args![scope, team, person]).await? > 0)
}

/// Who is in the organisation's teams.
pub async fn list_team_members(tx: &mut Tx, scope: OrgScope) -> Result<Vec<TeamMember>, DbError> {
    let rows = tx.fetch_all(sql::LIST_TEAM_MEMBERS, args![scope]).await?;
    let member = |row: &Row| {
        Ok(TeamMember {
            team: row.get("team_id")?,
            person: row.get("person_id")?,
            email: row.get("email")?,
            name: row.get("name")?,
        })
    };
    rows.iter().map(member).collect()
}
