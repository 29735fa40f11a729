//! Between a `CallSummary` and its columns.

use cp_base::{CallId, CallSource, Digest, ProjectScope, UsdNanos};
use cp_db::{Args, DbError, Row, args};
use cp_genai::{BillingTerms, CostByKind, OperationName, Usage, UsageSource};

use crate::{Billing, CallSummary};

/// The longest text that a column keeps, in bytes. The sealed document has all of it.
const MAX_TEXT_BYTES: usize = 1_024;
/// The most finish reasons that a column keeps.
const MAX_FINISH_REASONS: usize = 128;

/// The arguments of `store_calls!`, in the order of its columns.
pub(crate) fn to_args(
    scope: ProjectScope,
    call: &CallSummary,
    chain_tip: Option<Digest>,
    parent: Option<CallId>,
) -> Args {
    let usage = call.usage.clone().unwrap_or_default();
    let reasons: Vec<String> =
        call.finish_reasons.iter().take(MAX_FINISH_REASONS).map(|reason| short(reason)).collect();
    args![
        scope.org(),
        scope.project(),
        call.call,
        call.node,
        call.started_at,
        short(&call.provider_name),
        call.operation_name.map(OperationName::as_str),
        short(&call.method),
        short(&call.path),
        call.client_fingerprint,
        call.outcome,
        call.status,
        call.error_code.as_deref().map(short),
        call.duration_us,
        call.time_to_first_chunk_us,
        call.overhead_us,
        call.request_model.as_deref().map(short),
        call.response_model.as_deref().map(short),
        call.stream,
        serde_json::Value::from(reasons).to_string(),
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_input_tokens,
        usage.cache_creation_input_tokens,
        usage.cache_creation_1h_input_tokens,
        usage.reasoning_output_tokens,
        call.usage.as_ref().map(|usage| source_name(usage.source)),
        call.cost,
        call.price_list.as_deref().map(short),
        call.conversation,
        call.request_bytes,
        call.response_bytes,
        call.billing.terms.service_tier().as_deref().map(short),
        billing_units(&call.billing.terms),
        call.billing.unpriced.as_deref().map(short),
        said(call.billing.by_kind.cache_read),
        said(call.billing.by_kind.cache_write),
        said(call.billing.by_kind.cache_write_1h),
        said(call.billing.by_kind.output),
        said(call.billing.by_kind.reasoning),
        said(call.billing.by_kind.fees),
        call.gateway_key,
        Some(call.source).filter(|source| !source.is_gateway()).map(CallSource::as_str),
        call.prompt_version,
        chain_tip,
        parent,
    ]
}

/// Most calls have no cost of most kinds, and a null takes no room.
pub(crate) fn said(cost: UsdNanos) -> Option<UsdNanos> {
    Some(cost).filter(|cost| *cost != UsdNanos(0))
}

/// The terms but for the tiers, which have a column of their own.
fn billing_units(terms: &BillingTerms) -> Option<String> {
    let BillingTerms { tiers: _, tokens, uses } = terms;
    let units = BillingTerms { tiers: Vec::new(), tokens: tokens.clone(), uses: uses.clone() };
    if units == BillingTerms::default() { None } else { serde_json::to_string(&units).ok() }
}

fn billing_from_row(row: &Row, cost: Option<UsdNanos>) -> Result<Billing, DbError> {
    let units: Option<String> = row.get_optional("billing_units")?;
    let mut terms: BillingTerms = match units {
        Some(units) => serde_json::from_str(&units).map_err(|_| DbError::decode("billing_units"))?,
        None => BillingTerms::default(),
    };
    if let Some(tier) = row.get_optional::<String>("service_tier")? {
        terms.tiers = tier.split('+').map(str::to_owned).collect();
    }
    let part = |column| Ok::<_, DbError>(row.get_optional(column)?.unwrap_or(UsdNanos(0)));
    let mut by_kind = CostByKind {
        input: UsdNanos(0),
        cache_read: part("cost_cache_read_usd_nanos")?,
        cache_write: part("cost_cache_write_usd_nanos")?,
        cache_write_1h: part("cost_cache_write_1h_usd_nanos")?,
        output: part("cost_output_usd_nanos")?,
        reasoning: part("cost_reasoning_usd_nanos")?,
        fees: part("cost_fees_usd_nanos")?,
    };
    // What the other parts leave of the cost.
    by_kind.input = UsdNanos(cost.unwrap_or_default().0.saturating_sub(by_kind.total().0));
    Ok(Billing { terms, by_kind, unpriced: row.get_optional("unpriced")? })
}

/// The call of a row that has the columns of `summary!`.
pub(crate) fn from_row(row: &Row) -> Result<CallSummary, DbError> {
    let reasons: String = row.get("finish_reasons")?;
    let operation: Option<String> = row.get_optional("operation_name")?;
    let cost = row.get_optional("cost_usd_nanos")?;
    Ok(CallSummary {
        call: row.get("call_id")?,
        node: row.get("node_id")?,
        started_at: row.get("started_at")?,
        provider_name: row.get("provider_name")?,
        operation_name: operation
            .map(|name| serde_json::from_value(name.into()).map_err(|_| DbError::decode("operation_name")))
            .transpose()?,
        method: row.get("method")?,
        path: row.get("path")?,
        client_fingerprint: row.get_optional("client_fingerprint")?,
        gateway_key: row.get_optional("gateway_key_id")?,
        source: source_from_row(row)?,
        prompt_version: row.get_optional("prompt_version_id")?,
        outcome: row.get_optional("outcome")?,
        status: row.get_optional("status")?,
        error_code: row.get_optional("error_code")?,
        duration_us: row.get_optional("duration_us")?,
        time_to_first_chunk_us: row.get_optional("time_to_first_chunk_us")?,
        overhead_us: row.get_optional("overhead_us")?,
        request_model: row.get_optional("request_model")?,
        response_model: row.get_optional("response_model")?,
        stream: row.get("stream")?,
        finish_reasons: serde_json::from_str(&reasons).map_err(|_| DbError::decode("finish_reasons"))?,
        usage: usage_from_row(row)?,
        cost,
        price_list: row.get_optional("price_list")?,
        billing: billing_from_row(row, cost)?,
        conversation: row.get_optional("conversation_id")?,
        request_bytes: row.get("request_bytes")?,
        response_bytes: row.get("response_bytes")?,
    })
}

/// Most calls pass the gateway, and a null takes no room.
fn source_from_row(row: &Row) -> Result<CallSource, DbError> {
    let name: Option<String> = row.get_optional("source")?;
    name.map_or(Ok(CallSource::Gateway), |name| {
        CallSource::parse(&name).ok_or_else(|| DbError::decode("source"))
    })
}

fn usage_from_row(row: &Row) -> Result<Option<Usage>, DbError> {
    let Some(source) = row.get_optional::<String>("usage_source")? else { return Ok(None) };
    Ok(Some(Usage {
        input_tokens: row.get_optional("input_tokens")?,
        output_tokens: row.get_optional("output_tokens")?,
        cache_read_input_tokens: row.get_optional("cache_read_input_tokens")?,
        cache_creation_input_tokens: row.get_optional("cache_creation_input_tokens")?,
        cache_creation_1h_input_tokens: row.get_optional("cache_creation_1h_input_tokens")?,
        reasoning_output_tokens: row.get_optional("reasoning_output_tokens")?,
        source: [UsageSource::Reported, UsageSource::Estimated]
            .into_iter()
            .find(|known| source_name(*known) == source)
            .ok_or_else(|| DbError::decode("usage_source"))?,
    }))
}

const fn source_name(source: UsageSource) -> &'static str {
    match source {
        UsageSource::Reported => "reported",
        UsageSource::Estimated => "estimated",
    }
}

/// What a column keeps of a text that comes from outside.
pub(crate) fn short(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or_default().to_owned()
}
