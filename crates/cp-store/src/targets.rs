//! Targets of the audit log outside of the store, and up to where each has every chain.

use cp_base::OrgScope;
use cp_db::{DbError, Row, Tx, args};

use crate::sql::audit as sql;

/// A chain that a target lacks something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsentChain {
    /// Whose it is.
    pub scope: OrgScope,
    /// Its last event.
    pub head: u64,
    /// The last event that the target has.
    pub sent: u64,
}

/// Up to `limit` chains that a target lacks something of: for the installation itself, which sends all of them.
pub async fn list_unsent(tx: &mut Tx, target: &str, limit: u64) -> Result<Vec<UnsentChain>, DbError> {
    let rows = tx.fetch_all(sql::LIST_UNSENT, args![target, limit]).await?;
    let chain = |row: &Row| {
        let scope = OrgScope::grant(row.get("org_id")?);
        Ok(UnsentChain { scope, head: row.get("head")?, sent: row.get("sent")? })
    };
    rows.iter().map(chain).collect()
}

/// A target has the chain up to an event, or further already.
pub async fn set_sent(tx: &mut Tx, scope: OrgScope, target: &str, sequence: u64) -> Result<(), DbError> {
    tx.execute(sql::SET_SENT, args![scope, target, sequence]).await?;
    Ok(())
}
