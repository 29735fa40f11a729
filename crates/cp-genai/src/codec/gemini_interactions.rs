//! Google's Interactions API: `POST /v1beta/interactions`, to a model or to an agent.
//!
//! Source: `python-genai`, `_gaos/types/interactions`. An interaction is a list of steps. Those of the model, one after
//! the other, are one message of the role `assistant`; each input and each result that the client sends is one of `user`.

mod stream;

use serde_json::Value;

use super::Codec;
use super::fields::{Object, annotate, array, count, object, put_rest, redact, string, text};
use super::gemini::{ASSISTANT, conventional, output_tokens};
use crate::{DecodedCall, Message, OperationName, Part, ProviderError, Usage, UsageSource};

pub(super) const CODEC: Codec = Codec {
    operation: OperationName::Chat,
    serves: |path| path.ends_with("/interactions"),
    request,
    reassemble: stream::reassemble,
    response,
};

fn request(request: &mut Object, _path: &str, call: &mut DecodedCall) {
    call.request_model = text(request, "model");
    if request.contains_key("agent") {
        call.operation_name = Some(OperationName::InvokeAgent);
    }
    call.stream = request.remove("stream") == Some(Value::Bool(true));
    for part in listed(request.remove("system_instruction")) {
        content(part, &mut call.system_instructions);
    }
    call.input_messages = messages(listed(request.remove("input")));
    call.tool_definitions = array(request, "tools").unwrap_or_default();
    call.metadata = object(request, "labels").unwrap_or_default();
}

fn response(response: &mut Object, call: &mut DecodedCall) {
    response.remove("object");
    call.response_id = text(response, "id");
    call.response_model = text(response, "model");
    call.usage = usage(response);
    // An interaction echoes the tools that it was given, with what opens them.
    redact(response.values_mut());
    let steps = ["steps", "outputs"].iter().filter_map(|key| array(response, key)).flatten().collect();
    call.output_messages = messages(steps);
    let status = text(response, "status");
    let ended = |status: &String| !matches!(status.as_str(), "queued" | "in_progress");
    call.finish_reasons.extend(status.clone().filter(ended));
    match call.output_messages.last_mut().filter(|last| last.role == ASSISTANT) {
        Some(answer) => answer.finish_reason = status.filter(ended),
        None => response.extend(status.map(|status| ("status".to_owned(), status.into()))),
    }
    if call.error.is_none() {
        call.error = array(response, "errors").into_iter().flatten().next().and_then(error);
    }
}

const USER: &str = "user";

/// Types of content, which may stand where steps do. An input of content alone is one message.
const CONTENT: [&str; 6] = ["text", "image", "audio", "document", "video", "file"];

fn listed(value: Option<Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(item) => vec![item],
    }
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn messages(steps: Vec<Value>) -> Vec<Message> {
    let mut messages = Vec::<Message>::new();
    let mut after_content = false;
    for value in steps {
        let kind = kind(&value);
        let is_content = value.is_string() || CONTENT.contains(&kind);
        let role = match (kind, value.get("role").and_then(Value::as_str)) {
            // Before it had steps, the API took turns.
            ("", Some(role)) => conventional(role.to_owned()),
            ("user_input" | "function_result", _) => USER.to_owned(),
            _ if is_content => USER.to_owned(),
            _ => ASSISTANT.to_owned(),
        };
        let goes_on = role == ASSISTANT || (is_content && after_content);
        after_content = is_content;
        match messages.last_mut().filter(|last| goes_on && last.role == role) {
            Some(last) => step(value, &mut last.parts),
            None => {
                let mut parts = Vec::new();
                step(value, &mut parts);
                messages.push(Message { role, parts, name: None, finish_reason: None });
            }
        }
    }
    messages
}

fn step(value: Value, parts: &mut Vec<Part>) {
    let kind = kind(&value).to_owned();
    let Value::Object(mut fields) = value else { return content(value, parts) };
    match kind.as_str() {
        "" | "model_output" | "user_input" => {
            fields.remove("role");
            for item in listed(fields.remove("content")) {
                content(item, parts);
            }
        }
        "thought" => {
            let summary = array(&mut fields, "summary").unwrap_or_default();
            let texts: Vec<_> = summary.iter().filter_map(|item| item.get("text")?.as_str()).collect();
            parts.push(Part::Reasoning { content: texts.join("\n") });
        }
        "function_call" if fields.get("name").is_some_and(Value::is_string) => {
            let arguments = fields.remove("arguments").unwrap_or_default();
            let name = string(&mut fields, "name").unwrap_or_default();
            parts.push(Part::ToolCall { id: text(&mut fields, "id"), name, arguments });
        }
        "function_result" => {
            let response = fields.remove("result").unwrap_or_default();
            parts.push(Part::ToolCallResponse { id: text(&mut fields, "call_id"), response });
        }
        _ => return content(Value::Object(fields), parts),
    }
    fields.remove("type");
    annotate(parts, &kind, fields);
}

fn content(value: Value, parts: &mut Vec<Part>) {
    match value {
        Value::String(content) => parts.push(Part::Text { content }),
        Value::Object(mut fields)
            if fields.get("type").is_none_or(|kind| kind == "text")
                && fields.get("text").is_some_and(Value::is_string) =>
        {
            fields.remove("type");
            let content = string(&mut fields, "text").unwrap_or_default();
            if !content.is_empty() {
                parts.push(Part::Text { content });
            }
            annotate(parts, "text", fields);
        }
        value => parts.push(Part::Generic { value }),
    }
}

fn error(value: Value) -> Option<ProviderError> {
    let Value::Object(mut error) = value else { return None };
    let message = string(&mut error, "message").unwrap_or_default();
    Some(ProviderError { kind: None, message, code: text(&mut error, "code") })
}

/// Cached tokens are inside `total_input_tokens`. Thoughts, and what tools of the provider's added to the input, are
/// counted apart: `total_tokens` is the sum of the four, as with `generateContent`.
fn usage(response: &mut Object) -> Option<Usage> {
    let mut counts = object(response, "usage")?;
    let tools = count(&mut counts, "total_tool_use_tokens");
    let input =
        count(&mut counts, "total_input_tokens").map(|input| input.saturating_add(tools.unwrap_or(0)));
    let spoken = count(&mut counts, "total_output_tokens");
    let thoughts = count(&mut counts, "total_thought_tokens");
    let total = count(&mut counts, "total_tokens");
    let usage = Usage {
        input_tokens: input,
        output_tokens: output_tokens(input, spoken, thoughts, total),
        cache_read_input_tokens: count(&mut counts, "total_cached_tokens"),
        cache_creation_input_tokens: None,
        cache_creation_1h_input_tokens: None,
        reasoning_output_tokens: thoughts,
        source: UsageSource::Reported,
    };
    put_rest(response, "usage", counts);
    (usage != Usage::default()).then_some(usage)
}
