//! Between a `CallSummary` and its columns.

use cp_base::{CallId, Digest, ProjectScope};
use cp_db::{Args, DbError, Row, args};
use cp_genai::{OperationName, Usage, UsageSource};

use crate::CallSummary;

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
        chain_tip,
        parent,
    ]
}

/// The call of a row that has the columns of `summary!`.
pub(crate) fn from_row(row: &Row) -> Result<CallSummary, DbError> {
    let reasons: String = row.get("finish_reasons")?;
    let operation: Option<String> = row.get_optional("operation_name")?;
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
        cost: row.get_optional("cost_usd_nanos")?,
        price_list: row.get_optional("price_list")?,
        conversation: row.get_optional("conversation_id")?,
        request_bytes: row.get("request_bytes")?,
        response_bytes: row.get("response_bytes")?,
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
