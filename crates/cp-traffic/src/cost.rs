//! Cost in sums: grouped by the database, never call by call.

use cp_base::{ProjectScope, Timestamp, UsdNanos};
use cp_db::{DbError, Row, args};
use cp_genai::CostByKind;

use crate::read::conditions;
use crate::store::StoreError;
use crate::{CallFilter, TrafficStore, sql};

/// The most groups of a report.
pub const MAX_GROUPS: usize = 10_000;

/// By what a report tells calls apart. Whether usage was measured, and why there is no cost, always are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostGrouping {
    /// The day on which the call started, UTC.
    pub day: bool,
    /// The provider.
    pub provider: bool,
    /// The model that answered, or else that was asked for.
    pub model: bool,
    /// The client.
    pub client: bool,
    /// The service tier.
    pub tier: bool,
    /// The price list.
    pub list: bool,
}

/// Calls that have the named things in common, in sums. A thing that was not asked for is absent, and so is one that the
/// calls do not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostGroup {
    /// The day's midnight, UTC.
    pub day: Option<Timestamp>,
    /// The provider.
    pub provider_name: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The client.
    pub client_fingerprint: Option<[u8; 16]>,
    /// The service tier; absent for standard service.
    pub service_tier: Option<String>,
    /// The price list.
    pub price_list: Option<String>,
    /// Whether tokens were counted by us, in part or in whole.
    pub estimated: bool,
    /// Why the calls have no cost; absent for those that have one.
    pub unpriced: Option<String>,
    /// How many calls.
    pub calls: u64,
    /// When the first of them began.
    pub first_at: Option<Timestamp>,
    /// When the last of them began.
    pub last_at: Option<Timestamp>,
    /// Their tokens.
    pub tokens: TokensByKind,
    /// Their cost.
    pub cost: UsdNanos,
    /// What it is made of.
    pub by_kind: CostByKind,
}

/// Tokens by the kinds of [`CostByKind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokensByKind {
    /// Input that was neither read from nor written to the cache.
    pub input: u64,
    /// Input read from the cache.
    pub cache_read: u64,
    /// Input written to the cache, but for an hour.
    pub cache_write: u64,
    /// Input written to the cache for an hour.
    pub cache_write_1h: u64,
    /// All output.
    pub output: u64,
    /// Of the output, reasoning.
    pub reasoning: u64,
}

const DAY_US: i64 = 86_400_000_000;

impl TrafficStore {
    /// The calls that pass `filter`, its text aside, in groups; none where there are more than [`MAX_GROUPS`].
    pub async fn sum_costs(
        &self,
        scope: ProjectScope,
        filter: &CallFilter,
        by: CostGrouping,
    ) -> Result<Option<Vec<CostGroup>>, StoreError> {
        let mut tx = self.db.begin_read(scope).await?;
        let most = MAX_GROUPS as u64 + 1;
        let args = args![scope, by.day, by.provider, by.model, by.client, by.tier, by.list, most];
        let rows =
            tx.fetch_filtered(sql::SUM_COSTS, args, conditions(&self.vault(scope)?, filter, None)).await?;
        if rows.len() > MAX_GROUPS {
            return Ok(None);
        }
        Ok(Some(rows.iter().map(group).collect::<Result<_, _>>()?))
    }
}

fn group(row: &Row) -> Result<CostGroup, DbError> {
    let cost: UsdNanos = row.get("cost")?;
    let mut by_kind = CostByKind {
        input: UsdNanos(0),
        cache_read: row.get("cost_cache_read")?,
        cache_write: row.get("cost_cache_write")?,
        cache_write_1h: row.get("cost_cache_write_1h")?,
        output: row.get("cost_output")?,
        reasoning: row.get("cost_reasoning")?,
        fees: row.get("cost_fees")?,
    };
    by_kind.input = UsdNanos(cost.0.saturating_sub(by_kind.total().0));
    Ok(CostGroup {
        day: row.get_optional::<i64>("day")?.map(|day| Timestamp(day.saturating_mul(DAY_US))),
        provider_name: row.get_optional("provider_name")?,
        model: row.get_optional("model")?,
        client_fingerprint: row.get_optional("client_fingerprint")?,
        service_tier: row.get_optional("service_tier")?,
        price_list: row.get_optional("price_list")?,
        estimated: row.get::<i64>("estimated")? != 0,
        unpriced: row.get_optional("unpriced")?,
        calls: row.get("calls")?,
        first_at: row.get_optional("first_at")?,
        last_at: row.get_optional("last_at")?,
        tokens: TokensByKind {
            input: row.get("tokens_input")?,
            cache_read: row.get("tokens_cache_read")?,
            cache_write: row.get("tokens_cache_write")?,
            cache_write_1h: row.get("tokens_cache_write_1h")?,
            output: row.get("tokens_output")?,
            reasoning: row.get("tokens_reasoning")?,
        },
        cost,
        by_kind,
    })
}
