//! What the gateway goes by, read as a whole: it keeps all of it in memory, and asks nobody while calls pass.

use std::collections::HashMap;

use cp_base::{DataKeys, Digest, OrgId, ProjectAccess, ProjectId, ProjectScope, Slug};
use cp_db::{DbError, Row, Tx, args};

use crate::gateway_keys::{self, GatewayKey};
use crate::sql::gateway as sql;
use crate::vault::{self, OpenProviderKey};

/// A project, as the gateway knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayProject {
    /// The project.
    pub scope: ProjectScope,
    /// Its organisation's name in addresses.
    pub org: Slug,
    /// Its own.
    pub slug: Slug,
    /// Who may put calls into it.
    pub access: ProjectAccess,
}

/// All that the gateway goes by, of every organisation.
#[derive(Clone, Debug)]
pub struct GatewayRegistry {
    /// The organisation that the installation began with.
    pub first_org: OrgId,
    /// Every project.
    pub projects: Vec<GatewayProject>,
    /// The vaults of projects whose data keys are at hand.
    pub provider_keys: Vec<OpenProviderKey>,
    /// Every gateway key that was not revoked, with its digest.
    pub gateway_keys: Vec<(GatewayKey, Digest)>,
    /// Claimed fingerprints.
    pub claims: Vec<([u8; 16], ProjectId)>,
}

/// Tells that something changed that the gateway goes by.
pub(crate) async fn touch(tx: &mut Tx) -> Result<(), DbError> {
    tx.execute(sql::TOUCH, args![]).await?;
    Ok(())
}

/// A number that is another one after every change.
pub async fn find_gateway_revision(tx: &mut Tx) -> Result<i64, DbError> {
    let row = tx.fetch_optional(sql::FIND_REVISION, args![]).await?;
    row.map_or(Ok(0), |row| row.get("revision"))
}

/// Reads everything. For the gateway, which serves all organisations.
pub async fn read_gateway(
    tx: &mut Tx,
    data_keys: &HashMap<ProjectId, DataKeys>,
) -> Result<GatewayRegistry, DbError> {
    let rows = tx.fetch_all(sql::LIST_PROJECTS, args![]).await?;
    let first_org = rows.first().ok_or_else(|| DbError::decode("installation"))?.get("first_org_id")?;
    let projects = rows.iter().map(project).collect::<Result<_, _>>()?;
    let claims = tx.fetch_all(sql::LIST_ALL_CLAIMS, args![]).await?;
    let claims = claims.iter().map(|row| Ok((row.get("fingerprint")?, row.get("project_id")?)));
    Ok(GatewayRegistry {
        first_org,
        projects,
        provider_keys: vault::open_all(tx, data_keys).await?,
        gateway_keys: gateway_keys::list_all(tx).await?,
        claims: claims.collect::<Result<_, DbError>>()?,
    })
}

/// Who may put calls into the project.
pub async fn find_project_access(tx: &mut Tx, scope: ProjectScope) -> Result<ProjectAccess, DbError> {
    let row = tx.fetch_optional(sql::FIND_ACCESS, args![scope.org(), scope]).await?;
    row.map_or(Ok(ProjectAccess::Open), |row| access(row.get("access")?))
}

/// Sets who may put calls into the project.
pub async fn set_project_access(
    tx: &mut Tx,
    scope: ProjectScope,
    access: ProjectAccess,
) -> Result<(), DbError> {
    tx.execute(sql::SET_ACCESS, args![scope.org(), scope, access.as_str()]).await?;
    touch(tx).await
}

/// Every project.
pub(crate) async fn list_projects(tx: &mut Tx) -> Result<Vec<GatewayProject>, DbError> {
    tx.fetch_all(sql::LIST_PROJECTS, args![]).await?.iter().map(project).collect()
}

fn project(row: &Row) -> Result<GatewayProject, DbError> {
    let slug = |column: &str| row.get::<String>(column)?.parse::<Slug>().map_err(|_| DbError::decode(column));
    let stored: Option<String> = row.get_optional("access")?;
    Ok(GatewayProject {
        scope: scope_of(row)?,
        org: slug("org_slug")?,
        slug: slug("slug")?,
        access: stored.map_or(Ok(ProjectAccess::Open), access)?,
    })
}

/// Whose row it is, for the gateway, which serves every project.
pub(crate) fn scope_of(row: &Row) -> Result<ProjectScope, DbError> {
    Ok(ProjectScope::grant(row.get("org_id")?, row.get("project_id")?))
}

fn access(stored: String) -> Result<ProjectAccess, DbError> {
    stored.parse().map_err(|_| DbError::decode("access"))
}
