//! Anthropic's messages.
//!
//! Source: `anthropic-sdk-python`, `types`, and `lib/vertex` for the paths of Vertex AI, which name the model. Tool
//! results keep the role `user` that they are sent with.

mod stream;

use serde_json::Value;

use super::Codec;
use super::fields::{Object, annotate, array, count, object, put_rest, string, text};
use crate::{DecodedCall, Message, OperationName, Part, Usage, UsageSource};

pub(super) const CODEC: Codec = Codec {
    operation: OperationName::Chat,
    serves: |path| path.ends_with("/v1/messages") || vertex_model(path).is_some(),
    request,
    reassemble: stream::reassemble,
    response,
};

/// The model of `…/publishers/anthropic/models/{model}:rawPredict` or `:streamRawPredict`.
fn vertex_model(path: &str) -> Option<&str> {
    let (_, target) = path.split_once("/publishers/anthropic/models/")?;
    let model = target.strip_suffix(":rawPredict").or_else(|| target.strip_suffix(":streamRawPredict"))?;
    (model != "count-tokens").then_some(model)
}

fn request(request: &mut Object, path: &str, call: &mut DecodedCall) {
    call.request_model = text(request, "model").or_else(|| vertex_model(path).map(str::to_owned));
    call.stream = request.remove("stream") == Some(Value::Bool(true));
    content(request.remove("system"), &mut call.system_instructions);
    call.input_messages = array(request, "messages").into_iter().flatten().map(message).collect();
    call.tool_definitions = array(request, "tools").unwrap_or_default();
    call.metadata = object(request, "metadata").unwrap_or_default();
    call.user = text(&mut call.metadata, "user_id");
}

fn response(response: &mut Object, call: &mut DecodedCall) {
    response.remove("type");
    call.response_id = text(response, "id");
    call.response_model = text(response, "model");
    call.usage = usage(response);
    let role = string(response, "role");
    let finish_reason = text(response, "stop_reason");
    call.finish_reasons.extend(finish_reason.clone());
    let answered = response.get("content").is_some_and(|content| !content.is_null());
    if answered || role.is_some() {
        let role = role.unwrap_or_else(|| "assistant".to_owned());
        let mut parts = Vec::new();
        content(response.remove("content"), &mut parts);
        call.output_messages.push(Message { role, parts, name: None, finish_reason });
    }
}

fn message(value: Value) -> Message {
    let mut parts = Vec::new();
    let Value::Object(mut fields) = value else {
        parts.push(Part::Generic { value });
        return Message { role: String::new(), parts, name: None, finish_reason: None };
    };
    let role = string(&mut fields, "role").unwrap_or_default();
    content(fields.remove("content"), &mut parts);
    annotate(&mut parts, "message", fields);
    Message { role, parts, name: None, finish_reason: None }
}

fn content(value: Option<Value>, parts: &mut Vec<Part>) {
    match value {
        None | Some(Value::Null) => {}
        Some(Value::String(content)) => {
            if !content.is_empty() {
                parts.push(Part::Text { content });
            }
        }
        Some(Value::Array(blocks)) => {
            for value in blocks {
                block(value, parts);
            }
        }
        Some(value) => parts.push(Part::Generic { value }),
    }
}

fn block(value: Value, parts: &mut Vec<Part>) {
    let Value::Object(mut fields) = value else { return parts.push(Part::Generic { value }) };
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let part = match kind.as_str() {
        "text" => string(&mut fields, "text").map(|content| Part::Text { content }),
        "thinking" => string(&mut fields, "thinking").map(|content| Part::Reasoning { content }),
        "redacted_thinking" => Some(Part::Reasoning { content: String::new() }),
        "tool_use" => string(&mut fields, "name").map(|name| {
            let arguments = fields.remove("input").unwrap_or_default();
            Part::ToolCall { id: text(&mut fields, "id"), name, arguments }
        }),
        "tool_result" => {
            let response = fields.remove("content").unwrap_or_default();
            Some(Part::ToolCallResponse { id: text(&mut fields, "tool_use_id"), response })
        }
        _ => None,
    };
    let Some(part) = part else { return parts.push(Part::Generic { value: Value::Object(fields) }) };
    parts.push(part);
    fields.remove("type");
    annotate(parts, &kind, fields);
}

/// Anthropic counts cached tokens beside `input_tokens`; [`Usage`] counts them inside. What it took to compact the
/// context is in the iterations alone, and is charged for like the rest.
///
/// The totals of a stream can grow after its beginning, where alone the lifetimes of cache writes are told (tools that
/// the provider runs read and write the cache too). What is beyond the known lifetimes is taken as written for five
/// minutes, and the usage is marked as estimated.
fn usage(response: &mut Object) -> Option<Usage> {
    let mut counts = object(response, "usage")?;
    let mut lifetimes = object(&mut counts, "cache_creation").unwrap_or_default();
    let mut output = object(&mut counts, "output_tokens_details").unwrap_or_default();
    let iterations = counts.get("iterations").cloned().unwrap_or_default();
    let all = |from: &mut Object, name: &str, path: &str| {
        let compacting =
            iterations.as_array().into_iter().flatten().filter(|each| kind(each) == "compaction");
        let more = compacting.filter_map(|each| each.pointer(path)?.as_u64()).reduce(u64::saturating_add);
        match (count(from, name), more) {
            (Some(count), more) => Some(count.saturating_add(more.unwrap_or(0))),
            (None, more) => more.filter(|more| *more > 0),
        }
    };
    let read = all(&mut counts, "cache_read_input_tokens", "/cache_read_input_tokens");
    let created = all(&mut counts, "cache_creation_input_tokens", "/cache_creation_input_tokens");
    let [created_5m, created_1h] = ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"]
        .map(|name| all(&mut lifetimes, name, &format!("/cache_creation/{name}")));
    let input = all(&mut counts, "input_tokens", "/input_tokens")
        .map(|input| input.saturating_add(read.unwrap_or(0)).saturating_add(created.unwrap_or(0)));
    let output_tokens = all(&mut counts, "output_tokens", "/output_tokens");
    let known = created_5m.unwrap_or(0).saturating_add(created_1h.unwrap_or(0));
    let is_split = created_5m.is_some() || created_1h.is_some();
    let estimated = is_split && known != created.unwrap_or(0);
    let usage = Usage {
        input_tokens: input,
        output_tokens,
        cache_read_input_tokens: read,
        cache_creation_input_tokens: created,
        cache_creation_1h_input_tokens: created_1h,
        reasoning_output_tokens: count(&mut output, "thinking_tokens"),
        source: if estimated { UsageSource::Estimated } else { UsageSource::Reported },
    };
    put_rest(&mut counts, "cache_creation", lifetimes);
    put_rest(&mut counts, "output_tokens_details", output);
    put_rest(response, "usage", counts);
    (usage != Usage::default()).then_some(usage)
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or_default()
}
