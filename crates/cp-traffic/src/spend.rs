//! What gateway keys used, in sums: for the limits that the gateway keeps in memory.

use cp_base::{GatewayKeyId, InstallationScope, NodeId, Spend, Timestamp};
use cp_db::{Args, Row, Statement, args};

use crate::store::StoreError;
use crate::{TrafficStore, sql};

impl TrafficStore {
    /// What a node's calls used since `since`, by the gateway key that they came with. Of all projects: a system's question,
    /// whose answer is numbers.
    pub async fn key_spends_of(
        &self,
        node: NodeId,
        since: Timestamp,
    ) -> Result<Vec<(GatewayKeyId, Spend)>, StoreError> {
        self.key_spends(sql::SUM_KEY_SPENDS_HERE, args![since, node]).await
    }

    /// The same of all other nodes' calls.
    pub async fn key_spends_but_of(
        &self,
        node: NodeId,
        since: Timestamp,
    ) -> Result<Vec<(GatewayKeyId, Spend)>, StoreError> {
        self.key_spends(sql::SUM_KEY_SPENDS_ELSEWHERE, args![since, node]).await
    }

    async fn key_spends(
        &self,
        statement: Statement,
        args: Args,
    ) -> Result<Vec<(GatewayKeyId, Spend)>, StoreError> {
        let mut tx = self.db.begin_read(InstallationScope::grant()).await?;
        tx.fetch_all(statement, args).await?.iter().map(spend).collect()
    }
}

fn spend(row: &Row) -> Result<(GatewayKeyId, Spend), StoreError> {
    let spend = Spend {
        requests: row.get("requests")?,
        tokens: row.get("tokens")?,
        usd_nanos: row.get("usd_nanos")?,
    };
    Ok((row.get("gateway_key_id")?, spend))
}
