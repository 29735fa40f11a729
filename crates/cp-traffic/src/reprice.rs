//! Pricing stored calls again, with an audit of every change.

use cp_base::{CallId, ProjectScope, RepricingId, Timestamp, UsdNanos};
use cp_db::{DbError, Filter, Row, Tx, args};
use cp_genai::CostByKind;

use crate::columns::{said, short};
use crate::read::{conditions, page};
use crate::store::StoreError;
use crate::{CallCursor, CallFilter, CallPage, CallSummary, TrafficStore, columns, sql};

/// The most calls that are looked at in one step.
pub const MAX_REPRICED: usize = 1_000;

/// One run of the command: what its changes are filed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repricing {
    /// The run.
    pub id: RepricingId,
    /// When it began.
    pub begun_at: Timestamp,
    /// Who ran it.
    pub actor: String,
    /// Which calls were meant, for people.
    pub filter: String,
}

/// A call's new price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPrice {
    /// The call as it was read.
    pub call: CallId,
    /// Its cost until now.
    pub old: PriceOfCall,
    /// Its cost from now on.
    pub new: PriceOfCall,
    /// What the new cost is made of.
    pub by_kind: CostByKind,
}

/// What a call costs, by which list, or why it has no cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceOfCall {
    /// The cost.
    pub cost: Option<UsdNanos>,
    /// The list.
    pub price_list: Option<String>,
    /// Why there is no cost.
    pub unpriced: Option<String>,
}

/// A change as the audit has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostChange {
    /// The run that made it.
    pub repricing: Repricing,
    /// The call.
    pub call: CallId,
    /// When.
    pub changed_at: Timestamp,
    /// Before.
    pub old: PriceOfCall,
    /// After.
    pub new: PriceOfCall,
}

/// Which changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Of this run.
    pub repricing: Option<RepricingId>,
    /// Of this call.
    pub call: Option<CallId>,
}

/// A page of changes, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// The changes.
    pub changes: Vec<CostChange>,
    /// Where the next page begins: after this time and call.
    pub next: Option<(Timestamp, CallId)>,
}

impl TrafficStore {
    /// A page of calls that can be priced again, oldest first: those that have ended, have a cost or, being neither
    /// opaque nor failed, a reason for having none, and pass the filter, its text aside.
    pub async fn list_repriceable(
        &self,
        scope: ProjectScope,
        filter: &CallFilter,
        after: Option<CallCursor>,
    ) -> Result<CallPage, StoreError> {
        let mut conditions = conditions(&self.vault(scope)?, filter, None);
        if let Some(after) = after {
            conditions.and("(started_at, call_id) > ($1, $2)", args![after.started_at, after.call]);
        }
        let mut tx = self.db.begin_read(scope).await?;
        let args = args![scope, MAX_REPRICED as u64 + 1];
        let rows = tx.fetch_filtered(sql::LIST_REPRICEABLE, args, conditions).await?;
        let calls: Vec<CallSummary> = rows.iter().map(columns::from_row).collect::<Result<_, _>>()?;
        Ok(page(calls, MAX_REPRICED))
    }

    /// Gives calls their new prices and files each change, all or nothing. A call whose price has changed since it was
    /// read is left alone: the next run sees it. Returns how many changed.
    pub async fn reprice(
        &self,
        scope: ProjectScope,
        repricing: &Repricing,
        prices: Vec<NewPrice>,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        if prices.is_empty() {
            return Ok(0);
        }
        let mut tx = self.db.begin_write(scope).await?;
        let Repricing { id, begun_at, actor, filter } = repricing;
        let run = args![scope.org(), scope, *id, *begun_at, short(actor), short(filter)];
        tx.execute(sql::STORE_REPRICING, run).await?;
        let mut changed = 0;
        for price in prices {
            if set_price(&mut tx, scope, &price).await? {
                let NewPrice { call, old, new, .. } = price;
                tx.execute(
                    sql::STORE_COST_CHANGE,
                    args![
                        scope.org(),
                        scope,
                        *id,
                        call,
                        at,
                        old.cost,
                        new.cost,
                        old.price_list.as_deref().map(short),
                        new.price_list.as_deref().map(short),
                        old.unpriced.as_deref().map(short),
                        new.unpriced.as_deref().map(short),
                    ],
                )
                .await?;
                changed += 1;
            }
        }
        tx.commit().await?;
        Ok(changed)
    }

    /// A page of the audit, newest first.
    pub async fn list_cost_changes(
        &self,
        scope: ProjectScope,
        filter: ChangeFilter,
        after: Option<(Timestamp, CallId)>,
        limit: usize,
    ) -> Result<ChangePage, StoreError> {
        let limit = limit.clamp(1, crate::MAX_CALLS);
        let mut conditions = Filter::default();
        conditions.and_if("c.repricing_id = $1", filter.repricing);
        conditions.and_if("c.call_id = $1", filter.call);
        if let Some((changed_at, call)) = after {
            conditions.and("(c.changed_at, c.call_id) < ($1, $2)", args![changed_at, call]);
        }
        let mut tx = self.db.begin_read(scope).await?;
        let args = args![scope, limit as u64 + 1];
        let rows = tx.fetch_filtered(sql::LIST_COST_CHANGES, args, conditions).await?;
        let mut changes: Vec<CostChange> = rows.iter().map(change).collect::<Result<_, _>>()?;
        let more = changes.len() > limit;
        changes.truncate(limit);
        let next = if more { changes.last().map(|last| (last.changed_at, last.call)) } else { None };
        Ok(ChangePage { changes, next })
    }
}

async fn set_price(tx: &mut Tx, scope: ProjectScope, price: &NewPrice) -> Result<bool, StoreError> {
    let NewPrice { call, old, new, by_kind } = price;
    let args = args![
        scope,
        *call,
        old.cost,
        old.price_list.as_deref().map(short),
        new.cost,
        new.price_list.as_deref().map(short),
        new.unpriced.as_deref().map(short),
        said(by_kind.cache_read),
        said(by_kind.cache_write),
        said(by_kind.cache_write_1h),
        said(by_kind.output),
        said(by_kind.reasoning),
        said(by_kind.fees),
    ];
    Ok(tx.execute(sql::SET_PRICE, args).await? > 0)
}

fn change(row: &Row) -> Result<CostChange, DbError> {
    let price = |which: &str| {
        Ok::<_, DbError>(PriceOfCall {
            cost: row.get_optional(&format!("{which}_cost_usd_nanos"))?,
            price_list: row.get_optional(&format!("{which}_price_list"))?,
            unpriced: row.get_optional(&format!("{which}_unpriced"))?,
        })
    };
    Ok(CostChange {
        repricing: Repricing {
            id: row.get("repricing_id")?,
            begun_at: row.get("begun_at")?,
            actor: row.get("actor")?,
            filter: row.get("filter")?,
        },
        call: row.get("call_id")?,
        changed_at: row.get("changed_at")?,
        old: price("old")?,
        new: price("new")?,
    })
}
