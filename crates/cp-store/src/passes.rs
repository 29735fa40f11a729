//! API keys with what they open, of every organisation: read as a whole by whoever keeps them in memory.
//!
//! Whatever changes one of them changes the gateway's revision too ([`crate::find_gateway_revision`]).

use std::collections::HashMap;

use cp_base::{ApiKeyId, Digest, OrgScope, ProjectId, Timestamp};
use cp_db::{DbError, Row, Tx, args};

use crate::gateway::{self, GatewayProject};
use crate::grants::GrantedRole;
use crate::sql::access as sql;

/// An API key and what it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Whose it is.
    pub scope: OrgScope,
    /// The key.
    pub id: ApiKeyId,
    /// The one project that it reaches; all of the organisation where there is none.
    pub project: Option<ProjectId>,
    /// What it is for.
    pub name: String,
    /// What it is looked up by.
    pub digest: Digest,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// What it may do where.
    pub roles: Vec<GrantedRole>,
}

/// Every key that was not revoked, and every project.
pub async fn list_passes(tx: &mut Tx) -> Result<(Vec<Pass>, Vec<GatewayProject>), DbError> {
    let mut roles: HashMap<ApiKeyId, Vec<GrantedRole>> = HashMap::new();
    for row in tx.fetch_all(sql::LIST_PASS_ROLES, args![]).await? {
        let role = GrantedRole { project: row.get_optional("project_id")?, role: row.get("role")? };
        roles.entry(row.get("principal_id")?).or_default().push(role);
    }
    let mut pass = |row: &Row| {
        let id = row.get("api_key_id")?;
        Ok(Pass {
            scope: OrgScope::grant(row.get("org_id")?),
            id,
            project: row.get_optional("project_id")?,
            name: row.get("name")?,
            digest: row.get("digest")?,
            expires_at: row.get_optional("expires_at")?,
            roles: roles.remove(&id).unwrap_or_default(),
        })
    };
    let rows = tx.fetch_all(sql::LIST_PASSES, args![]).await?;
    let passes = rows.iter().map(&mut pass).collect::<Result<_, DbError>>()?;
    Ok((passes, gateway::list_projects(tx).await?))
}
