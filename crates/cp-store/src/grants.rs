//! Grants: the role that a principal has in an organisation or in one of its projects. What a role may do is not known
//! here; a role is a word.

use cp_base::{ApiKeyId, OrgScope, PersonId, ProjectId, ProjectScope, TeamId, Timestamp};
use cp_db::{DbError, Row, Tx, Value, args};

use crate::gateway::touch;
use crate::sql::access as sql;

/// Who holds a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A person.
    Person(PersonId),
    /// Everybody in a team.
    Team(TeamId),
    /// An API key.
    ApiKey(ApiKeyId),
}

impl From<Principal> for Value {
    fn from(principal: Principal) -> Self {
        match principal {
            Principal::Person(id) => id.into(),
            Principal::Team(id) => id.into(),
            Principal::ApiKey(id) => id.into(),
        }
    }
}

/// A role somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedRole {
    /// In which project; in the organisation and all its projects where there is none.
    pub project: Option<ProjectId>,
    /// The role.
    pub role: String,
}

/// A grant of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectGrant {
    /// Who.
    pub principal: Principal,
    /// The person's address, or the name of the team or key.
    pub name: String,
    /// The role.
    pub role: String,
    /// Since when.
    pub granted_at: Timestamp,
}

/// Gives a role in the organisation and all its projects, in place of the one there was.
pub async fn grant_in_org(
    tx: &mut Tx,
    scope: OrgScope,
    principal: Principal,
    role: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    revoke_in_org(tx, scope, principal).await?;
    tx.execute(sql::GRANT, args![scope, None::<ProjectId>, principal, role, now]).await?;
    touch_for(tx, principal).await
}

/// Gives a role in a project, in place of the one there was.
pub async fn grant_in_project(
    tx: &mut Tx,
    scope: ProjectScope,
    principal: Principal,
    role: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    revoke_in_project(tx, scope, principal).await?;
    tx.execute(sql::GRANT, args![scope.org_scope(), scope, principal, role, now]).await?;
    touch_for(tx, principal).await
}

/// Takes the role in the organisation itself. Whether there was one.
pub async fn revoke_in_org(tx: &mut Tx, scope: OrgScope, principal: Principal) -> Result<bool, DbError> {
    touch_for(tx, principal).await?;
    Ok(tx.execute(sql::REVOKE_IN_ORG, args![scope, principal]).await? > 0)
}

/// Takes the role in a project. Whether there was one.
pub async fn revoke_in_project(
    tx: &mut Tx,
    scope: ProjectScope,
    principal: Principal,
) -> Result<bool, DbError> {
    touch_for(tx, principal).await?;
    Ok(tx.execute(sql::REVOKE_IN_PROJECT, args![scope.org_scope(), scope, principal]).await? > 0)
}

/// What keys may do is kept in memory by those who serve.
async fn touch_for(tx: &mut Tx, principal: Principal) -> Result<(), DbError> {
    if matches!(principal, Principal::ApiKey(_)) { touch(tx).await } else { Ok(()) }
}

/// All roles of a principal in the organisation, those of a person's teams included.
pub async fn list_roles(
    tx: &mut Tx,
    scope: OrgScope,
    principal: Principal,
) -> Result<Vec<GrantedRole>, DbError> {
    let rows = tx.fetch_all(sql::LIST_ROLES, args![scope, principal]).await?;
    let role =
        |row: &Row| Ok(GrantedRole { project: row.get_optional("project_id")?, role: row.get("role")? });
    rows.iter().map(role).collect()
}

/// Who has a role in a project itself.
pub async fn list_project_grants(tx: &mut Tx, scope: ProjectScope) -> Result<Vec<ProjectGrant>, DbError> {
    let rows = tx.fetch_all(sql::LIST_PROJECT_GRANTS, args![scope.org_scope(), scope]).await?;
    let grant = |row: &Row| {
        Ok(ProjectGrant {
            principal: principal(row)?,
            name: row.get("name")?,
            role: row.get("role")?,
            granted_at: row.get("granted_at")?,
        })
    };
    rows.iter().map(grant).collect()
}

fn principal(row: &Row) -> Result<Principal, DbError> {
    let person = row.get_optional("person_id")?.map(Principal::Person);
    let team = row.get_optional("team_id")?.map(Principal::Team);
    let key = row.get_optional("api_key_id")?.map(Principal::ApiKey);
    person.or(team).or(key).ok_or_else(|| DbError::decode("principal_id"))
}

/// How many other people hold a role in the organisation itself.
pub async fn count_other_holders(
    tx: &mut Tx,
    scope: OrgScope,
    role: &str,
    person: PersonId,
) -> Result<u64, DbError> {
    let row = tx.fetch_optional(sql::COUNT_OTHER_HOLDERS, args![scope, role, person]).await?;
    row.map_or(Ok(0), |row| row.get("others"))
}
