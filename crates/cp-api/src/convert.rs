//! Domain values as wire types.

pub(crate) mod account;
pub(crate) mod comment;
pub(crate) mod gateway;
pub(crate) mod money;
pub(crate) mod org;
pub(crate) mod prompt;
pub(crate) mod reference;
pub(crate) mod retention;
pub(crate) mod review;
pub(crate) mod score;
pub(crate) mod serving;

use cp_app::model as domain;
use cp_base::CaptureMark;
use cp_wire as wire;

pub(crate) fn page(page: domain::CallPage) -> wire::CallPage {
    wire::CallPage {
        calls: page.calls.into_iter().map(summary).collect(),
        next: page.next.map(|next| wire::Cursor { started_at: next.started_at, call: next.call }),
        scan_stopped: page.scan_stopped,
    }
}

pub(crate) fn summary(call: domain::CallSummary) -> wire::CallSummary {
    wire::CallSummary {
        id: call.call,
        started_at: call.started_at,
        provider_name: call.provider_name,
        operation_name: call.operation_name.map(|name| name.as_str().to_owned()),
        method: call.method,
        path: call.path,
        request_model: call.request_model,
        response_model: call.response_model,
        outcome: call.outcome,
        status: call.status,
        error_code: call.error_code,
        stream: call.stream,
        finish_reasons: call.finish_reasons,
        usage: call.usage.map(usage),
        cost_usd: call.cost.map(wire::Usd),
        price_list: call.price_list,
        service_tier: call.billing.terms.service_tier(),
        unpriced: call.billing.unpriced,
        duration_us: call.duration_us,
        time_to_first_chunk_us: call.time_to_first_chunk_us,
        overhead_us: call.overhead_us,
        conversation_id: call.conversation,
        client: call.client_fingerprint.map(fingerprint),
        gateway_key: call.gateway_key,
        source: call.source.as_str().to_owned(),
        prompt_version_id: call.prompt_version,
        node_id: call.node,
        request_bytes: call.request_bytes,
        response_bytes: call.response_bytes,
    }
}

fn capture(mark: CaptureMark) -> wire::CallCapture {
    wire::CallCapture {
        mode: mark.mode.as_str().to_owned(),
        reason: mark.reason.as_str().to_owned(),
        policy_version: mark.policy_version,
    }
}

fn fingerprint(bytes: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes))
}

pub(crate) fn detail(call: domain::CallDetail) -> wire::CallDetail {
    let capture = call.document.as_ref().map(|document| capture(document.capture));
    let document = call.document.unwrap_or_default();
    let decoded = document.decoded;
    let traceparent = document.request_headers.iter().find(|(name, _)| name == "traceparent");
    wire::CallDetail {
        summary: summary(call.summary),
        system_instructions: decoded.system_instructions.into_iter().map(part).collect(),
        input_messages: call.messages.input.into_iter().map(message).collect(),
        output_messages: call.messages.output.into_iter().map(message).collect(),
        tool_definitions: decoded.tool_definitions,
        parameters: decoded.parameters,
        user: decoded.user,
        metadata: decoded.metadata,
        response_id: decoded.response_id,
        response_extra: decoded.response_extra,
        error: decoded.error.map(|error| wire::ProviderError {
            kind: error.kind,
            message: error.message,
            code: error.code,
        }),
        warnings: decoded.warnings,
        batch: document.batch.map(|batch| wire::BatchRef {
            batch_id: batch.batch_id,
            custom_id: batch.custom_id,
            sent_by: batch.sent_by,
            fetched_by: batch.fetched_by,
        }),
        traceparent: traceparent.map(|(_, value)| value.clone()),
        request_headers: headers(document.request_headers),
        response_headers: headers(document.response_headers),
        query: document.query,
        truncated: document.truncated,
        capture,
        raw: call.raw.map(|raw| wire::RawBodies { request: body(raw.request), response: body(raw.response) }),
    }
}

pub(crate) fn status(status: cp_app::Status) -> wire::Status {
    let cp_app::NodeStatus { version, node, started_at, engine, master_key_source, log, pipeline, providers } =
        status.node;
    let traffic = status.traffic.as_ref().ok();
    wire::Status {
        version,
        node_id: node,
        started_at,
        store: wire::StoreStatus {
            engine,
            calls: traffic.map(|traffic| traffic.calls),
            running: traffic.map(|traffic| traffic.running),
            latest_call_at: traffic.and_then(|traffic| traffic.latest_started_at),
            last_error: status.traffic.err(),
        },
        log: wire::LogStatus {
            written: log.written,
            backlog_bytes: log.backlog_bytes,
            disk_bytes: log.disk_bytes,
            max_bytes: log.max_bytes,
            lost_records: log.lost_records,
            refused: log.refused,
            last_error: log.last_error,
        },
        pipeline: wire::PipelineStatus {
            last_stored_at: pipeline.last_stored_at,
            behind_bytes: pipeline.behind_bytes,
            last_error: pipeline.last_error,
        },
        providers: providers
            .into_iter()
            .map(|row| wire::ProviderStatus { name: row.name, family: row.family, base_url: row.base_url })
            .collect(),
        master_key_source,
    }
}

fn usage(usage: domain::Usage) -> wire::Usage {
    wire::Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cache_read_input_tokens: usage.cache_read_input_tokens,
        cache_creation_input_tokens: usage.cache_creation_input_tokens,
        cache_creation_1h_input_tokens: usage.cache_creation_1h_input_tokens,
        reasoning_output_tokens: usage.reasoning_output_tokens,
        source: match usage.source {
            domain::UsageSource::Reported => wire::UsageSource::Reported,
            domain::UsageSource::Estimated => wire::UsageSource::Estimated,
        },
    }
}

fn message(message: domain::Message) -> wire::Message {
    wire::Message {
        role: message.role,
        parts: message.parts.into_iter().map(part).collect(),
        name: message.name,
        finish_reason: message.finish_reason,
    }
}

fn part(part: domain::Part) -> wire::Part {
    match part {
        domain::Part::Text { content } => wire::Part::Text { content },
        domain::Part::ToolCall { id, name, arguments } => wire::Part::ToolCall { id, name, arguments },
        domain::Part::ToolCallResponse { id, response } => wire::Part::ToolCallResponse { id, response },
        domain::Part::Reasoning { content } => wire::Part::Reasoning { content },
        domain::Part::Refusal { content } => wire::Part::Refusal { content },
        domain::Part::Generic { value } => wire::Part::Generic { value },
    }
}

fn headers(headers: Vec<(String, String)>) -> Vec<wire::Header> {
    headers.into_iter().map(|(name, value)| wire::Header { name, value }).collect()
}

fn body(bytes: Vec<u8>) -> wire::RawBody {
    match String::from_utf8(bytes) {
        Ok(text) => wire::RawBody::Utf8(text),
        Err(error) => wire::RawBody::Base64(base64(error.as_bytes())),
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .zip([16, 8, 0])
            .fold(0_usize, |word, (byte, shift)| word | usize::from(*byte) << shift);
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = ALPHABET.get(word >> shift & 63).copied().filter(|_| place <= chunk.len());
            text.push(char::from(digit.unwrap_or(b'=')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_the_rfc_has_it() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(body(vec![0xff, 0xfe]), wire::RawBody::Base64("//4=".to_owned()));
        assert_eq!(body("é".into()), wire::RawBody::Utf8("é".to_owned()));
    }
}
