//! Organisations and projects.

use cp_base::{DataKeys, OrgId, OrgScope, ProjectId, ProjectScope, Slug, Timestamp};
use cp_db::{DbError, Row, Tx, args};

use crate::bootstrap::Genesis;
use crate::data_keys::create_data_keys;
use crate::gateway::touch;
use crate::sql::{self, people};

/// An organisation: the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    /// Proof of it, for whoever was allowed to look it up.
    pub scope: OrgScope,
    /// Its name in addresses, unique in the installation.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A project of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Proof of it, for whoever was allowed to look it up.
    pub scope: ProjectScope,
    /// Its name in addresses, unique in its organisation.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A column that holds a slug.
pub(crate) fn slug(row: &Row) -> Result<Slug, DbError> {
    row.get::<String>("slug")?.parse().map_err(|_| DbError::decode("slug"))
}

fn org(row: &Row) -> Result<Org, DbError> {
    Ok(Org {
        scope: OrgScope::grant(row.get("org_id")?),
        slug: slug(row)?,
        name: row.get("name")?,
        created_at: row.get("created_at")?,
    })
}

fn project(scope: OrgScope, row: &Row) -> Result<Project, DbError> {
    Ok(Project {
        scope: ProjectScope::grant(scope.org(), row.get("project_id")?),
        slug: slug(row)?,
        name: row.get("name")?,
        created_at: row.get("created_at")?,
    })
}

/// A new organisation without anybody in it.
pub async fn create_org(
    tx: &mut Tx,
    id: OrgId,
    slug: Slug,
    name: &str,
    now: Timestamp,
) -> Result<Org, DbError> {
    tx.execute(sql::CREATE_ORG, args![id, slug.as_str(), name, now]).await?;
    Ok(Org { scope: OrgScope::grant(id), slug, name: name.to_owned(), created_at: now })
}

/// The organisation.
pub async fn find_org(tx: &mut Tx, scope: OrgScope) -> Result<Option<Org>, DbError> {
    tx.fetch_optional(people::FIND_ORG, args![scope]).await?.as_ref().map(org).transpose()
}

/// The organisation that a name means: for whoever signs in there, and is nobody yet.
pub async fn find_org_named(tx: &mut Tx, slug: &Slug) -> Result<Option<OrgScope>, DbError> {
    let row = tx.fetch_optional(people::FIND_ORG_NAMED, args![slug.as_str()]).await?;
    row.map(|row| Ok(OrgScope::grant(row.get("org_id")?))).transpose()
}

/// Every organisation: for the installation itself, which acts for all of them.
pub async fn list_all_orgs(tx: &mut Tx) -> Result<Vec<Org>, DbError> {
    tx.fetch_all(people::LIST_ALL_ORGS, args![]).await?.iter().map(org).collect()
}

/// The organisations that a person belongs to.
pub async fn list_orgs_of(tx: &mut Tx, person: cp_base::PersonId) -> Result<Vec<Org>, DbError> {
    tx.fetch_all(people::LIST_ORGS, args![person]).await?.iter().map(org).collect()
}

/// Others who do this wait until the transaction is over: what is seen of the organisation's people stays true.
pub async fn lock_org(tx: &mut Tx, scope: OrgScope) -> Result<(), DbError> {
    tx.execute(people::LOCK_ORG, args![scope]).await?;
    Ok(())
}

/// Other names for the organisation.
pub async fn rename_org(tx: &mut Tx, scope: OrgScope, slug: &Slug, name: &str) -> Result<(), DbError> {
    tx.execute(people::RENAME_ORG, args![scope, slug.as_str(), name]).await?;
    touch(tx).await
}

/// A new project of an organisation, with its keys.
pub async fn create_project(
    tx: &mut Tx,
    scope: OrgScope,
    genesis: &Genesis<'_>,
    slug: Slug,
    name: &str,
) -> Result<(Project, DataKeys), DbError> {
    let (project, now) = (genesis.ids.mint(), genesis.clock.now());
    tx.execute(sql::CREATE_PROJECT, args![scope, project, slug.as_str(), name, now]).await?;
    touch(tx).await?;
    let scope = ProjectScope::grant(scope.org(), project);
    let keys = create_data_keys(tx, genesis, scope).await?;
    Ok((Project { scope, slug, name: name.to_owned(), created_at: now }, keys))
}

/// The projects of the organisation, in the order of their names.
pub async fn list_projects(tx: &mut Tx, scope: OrgScope) -> Result<Vec<Project>, DbError> {
    tx.fetch_all(people::LIST_PROJECTS, args![scope]).await?.iter().map(|row| project(scope, row)).collect()
}

/// A project of the organisation.
pub async fn find_project(tx: &mut Tx, scope: OrgScope, id: ProjectId) -> Result<Option<Project>, DbError> {
    let row = tx.fetch_optional(people::FIND_PROJECT, args![scope, id]).await?;
    row.as_ref().map(|row| project(scope, row)).transpose()
}

/// The project of the organisation that a name means.
pub async fn find_project_named(
    tx: &mut Tx,
    scope: OrgScope,
    slug: &Slug,
) -> Result<Option<Project>, DbError> {
    let row = tx.fetch_optional(people::FIND_PROJECT_NAMED, args![scope, slug.as_str()]).await?;
    row.as_ref().map(|row| project(scope, row)).transpose()
}

/// Other names for a project.
pub async fn rename_project(
    tx: &mut Tx,
    scope: ProjectScope,
    slug: &Slug,
    name: &str,
) -> Result<(), DbError> {
    let row = args![scope.org_scope(), scope, slug.as_str(), name];
    tx.execute(people::RENAME_PROJECT, row).await?;
    touch(tx).await
}
