//! Prices, costs, and what changed of them.

use std::collections::BTreeMap;

use cp_base::{CallId, RepricingId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Cursor, UsageSource, Usd};

/// Which calls a report is about, and by what it tells them apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CostQuery {
    /// Started at or after: an RFC 3339 time, a day such as `2026-11-01`, or a duration ago such as `7d`.
    #[param(required = false, example = "2026-11-01")]
    pub since: Option<String>,
    /// Started before: like `since`.
    pub until: Option<String>,
    /// Provider's name, exact.
    pub provider: Option<String>,
    /// Model asked for or model that answered, exact.
    pub model: Option<String>,
    /// Client's fingerprint, 32 hexadecimal digits.
    pub client: Option<String>,
    /// End user, as the SDK's field names them, exact.
    pub user: Option<String>,
    /// An entry of the SDK's metadata, `name=value`, exact.
    #[param(example = "team=search")]
    pub metadata: Option<String>,
    /// Batch that served it, by the provider's id.
    pub batch: Option<String>,
    /// By what to tell calls apart, separated by commas: `day`, `provider`, `model`, `key`, `tier`, `list`.
    #[param(example = "day,model")]
    pub by: Option<String>,
}

/// What calls cost. The rows with a cost add up to `cost_usd`; calls without one are in `unpriced`, never in the sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostReport {
    /// By what calls are told apart.
    pub by: Vec<String>,
    /// Calls with a cost.
    pub rows: Vec<CostRow>,
    /// Calls without one.
    pub unpriced: Vec<UnpricedRow>,
    /// The cost of all rows.
    pub cost_usd: Usd,
    /// Of this, the cost of calls whose tokens the provider reported.
    pub reported_usd: Usd,
    /// Of this, the cost of calls whose tokens we counted, in part or in whole.
    pub estimated_usd: Usd,
    /// How many calls have no cost.
    pub unpriced_calls: u64,
}

/// What the calls of a row have in common; `null` for what was not asked for, and for what they do not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostGroup {
    /// The day on which they started, UTC.
    #[schema(example = "2026-11-22")]
    pub day: Option<String>,
    /// The provider.
    pub provider_name: Option<String>,
    /// The model that answered, or else that was asked for.
    pub model: Option<String>,
    /// The client: the fingerprint of its key.
    pub client: Option<String>,
    /// The service tier; `null` for standard service.
    pub service_tier: Option<String>,
    /// The price list.
    pub price_list: Option<String>,
}

/// Calls with a cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostRow {
    /// What they have in common.
    #[serde(flatten)]
    pub group: CostGroup,
    /// Who counted their tokens.
    pub source: UsageSource,
    /// How many.
    pub calls: u64,
    /// Their cost.
    pub cost_usd: Usd,
    /// What it is made of.
    pub kinds: CostKinds,
}

/// The parts of a cost. All but `reasoning`, which is within `output`, add up to it, and so do their tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostKinds {
    /// Input that was neither read from nor written to the provider's cache.
    pub input: CostKind,
    /// Input read from the cache.
    pub cache_read: CostKind,
    /// Input written to the cache, for five minutes or whatever else is not an hour.
    pub cache_write: CostKind,
    /// Input written to the cache for an hour.
    pub cache_write_1h: CostKind,
    /// All output.
    pub output: CostKind,
    /// Of the output, reasoning.
    pub reasoning: CostKind,
    /// Tools that the provider ran and charges for one by one; they have no tokens.
    pub fees: CostKind,
}

/// One part of a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostKind {
    /// Tokens.
    pub tokens: u64,
    /// Their cost.
    pub cost_usd: Usd,
}

/// Calls without a cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnpricedRow {
    /// What they have in common.
    #[serde(flatten)]
    pub group: CostGroup,
    /// Why: `opaque`, `failed`, `running`, `lost`, `no_usage`, `no_list`, `no_model`, `no_tier …`, `no_rate …`, `no_fee …`.
    #[schema(example = "no_model")]
    pub reason: String,
    /// How many.
    pub calls: u64,
    /// When the first of them began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_at: Option<Timestamp>,
    /// When the last of them began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Timestamp>,
    /// All their input tokens, as far as they are known.
    pub input_tokens: u64,
    /// All their output tokens, as far as they are known.
    pub output_tokens: u64,
}

/// Which prices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PriceQuery {
    /// Provider's name.
    pub provider: Option<String>,
    /// Model, as a call names it.
    pub model: Option<String>,
    /// Valid then: a day such as `2026-11-22`, or a time.
    pub at: Option<String>,
}

/// Prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Prices {
    /// By provider, list and model. Where several lists have a model's price of a day, the last one decides.
    pub prices: Vec<Price>,
}

/// A model's prices of some days, in US dollars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Price {
    /// The provider whose prices these are.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// The price list.
    pub price_list: String,
    /// The first day, UTC; `null` without a bound.
    pub valid_from: Option<String>,
    /// The day after the last one; `null` without a bound.
    pub valid_until: Option<String>,
    /// A million tokens, by kind.
    pub rates: BTreeMap<String, Usd>,
    /// For a whole call with more than `above_input_tokens`.
    pub long_context: Option<LongContextPrice>,
    /// The service tiers that have a price.
    pub tiers: BTreeMap<String, TierPrice>,
    /// A thousand uses, by tool.
    pub fees: BTreeMap<String, Usd>,
}

/// Prices of calls with long input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LongContextPrice {
    /// For calls with more input tokens than these.
    pub above_input_tokens: u64,
    /// A million tokens, by kind.
    pub rates: BTreeMap<String, Usd>,
}

/// How a service tier is priced: a factor for all rates, or rates of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TierPrice {
    /// Times the standard rates.
    #[schema(example = "0.5")]
    Factor(String),
    /// Rates of its own.
    Rates {
        /// A million tokens, by kind.
        rates: BTreeMap<String, Usd>,
        /// For calls with long input.
        long_context: Option<LongContextPrice>,
    },
}

/// Calls to which price commands are narrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PricedCallsQuery {
    /// Started at or after: an RFC 3339 time, a day such as `2026-11-01`, or a duration ago such as `7d`.
    pub since: Option<String>,
    /// Started before: like `since`.
    pub until: Option<String>,
    /// Provider's name, exact.
    pub provider: Option<String>,
    /// Model asked for or model that answered, exact.
    pub model: Option<String>,
}

/// The models whose calls have no cost, though they used something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PriceCheck {
    /// By provider, model, tier and reason; empty when all is well.
    pub unpriced: Vec<UnpricedModel>,
}

/// Calls of one model without a cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnpricedModel {
    /// The calls.
    #[serde(flatten)]
    pub calls: UnpricedRow,
    /// Whether the lists know the model by now, so that `codepromptu prices reprice` helps.
    pub listed_now: bool,
}

/// How a step of repricing goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RepriceQuery {
    /// `true`: look only.
    pub dry_run: Option<String>,
    /// Where to go on: `next` of the step before.
    pub after: Option<String>,
    /// The run to go on with: `repricing_id` of the step before.
    pub repricing: Option<String>,
}

/// What a step of repricing came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RepriceStep {
    /// The run.
    #[schema(value_type = String)]
    pub repricing_id: RepricingId,
    /// Calls looked at.
    pub examined: u64,
    /// Calls whose price changed, or would.
    pub changed: u64,
    /// What changed, by provider and model.
    pub models: Vec<RepricedModel>,
    /// Where to go on; `null` at the end.
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

/// Calls of a model whose price changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RepricedModel {
    /// The provider.
    pub provider_name: String,
    /// The model that answered, or else that was asked for.
    pub model: Option<String>,
    /// How many calls.
    pub calls: u64,
    /// Of these, those that have a cost now and had none.
    pub newly_priced: u64,
    /// Of these, those that had a cost and have none now.
    pub no_longer_priced: u64,
    /// What they cost before.
    pub old_cost_usd: Usd,
    /// What they cost now.
    pub new_cost_usd: Usd,
}

/// Which changes of costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ChangeQuery {
    /// Of this run.
    pub repricing: Option<String>,
    /// Of this call.
    pub call: Option<String>,
    /// How many changes: 1 to 500, 50 without it.
    pub limit: Option<String>,
    /// Where to go on: `next` of the page before.
    pub after: Option<String>,
}

/// A page of changes of costs, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangePage {
    /// The changes.
    pub changes: Vec<CostChange>,
    /// Where the next page begins: pass it as `after`; `null` at the end.
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

/// What repricing changed of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostChange {
    /// The run.
    #[schema(value_type = String)]
    pub repricing_id: RepricingId,
    /// When the run began.
    #[schema(value_type = String, format = DateTime)]
    pub begun_at: Timestamp,
    /// Who ran it; `local` is whoever reached this machine's loopback address.
    pub actor: String,
    /// Which calls were meant.
    pub filter: String,
    /// The call.
    #[schema(value_type = String)]
    pub call_id: CallId,
    /// When its cost changed.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
    /// Before.
    pub old: PriceOfCall,
    /// After.
    pub new: PriceOfCall,
}

/// What a call costs, by which list, or why it has no cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PriceOfCall {
    /// The cost.
    pub cost_usd: Option<Usd>,
    /// The list.
    pub price_list: Option<String>,
    /// Why there is no cost.
    pub unpriced: Option<String>,
}
