//! OpenAI's Responses API: `POST …/responses`, and `…/responses/compact`, which answers with items too.
//!
//! Source: `openai-python`, `types/responses`. Input and output are lists of items. The items of the model, one after the
//! other, are one message of the role `assistant`, so that an answer and the same items sent back are the same message;
//! every item of the client is a message of its own.

mod stream;

use serde_json::Value;

use super::Codec;
use super::fields::{Object, annotate, array, count, object, put_rest, redact, string, text};
use super::openai_chat::{parsed_arguments, user};
use crate::{DecodedCall, Message, OperationName, Part, Usage};

pub(super) const CODEC: Codec = Codec {
    operation: OperationName::Chat,
    serves: |path| path.ends_with("/responses") || path.ends_with("/responses/compact"),
    request,
    reassemble: stream::reassemble,
    response,
};

fn request(request: &mut Object, _path: &str, call: &mut DecodedCall) {
    call.request_model = text(request, "model");
    call.stream = request.remove("stream") == Some(Value::Bool(true));
    instructions(request, call);
    match request.remove("input") {
        Some(Value::Array(items)) => call.input_messages = messages(items),
        Some(Value::Null) | None => {}
        Some(other) => {
            let mut parts = Vec::new();
            content(other, &mut parts);
            call.input_messages.push(message("user", parts));
        }
    }
    call.tool_definitions = array(request, "tools").unwrap_or_default();
    call.user = user(request);
    call.metadata = object(request, "metadata").unwrap_or_default();
}

fn response(response: &mut Object, call: &mut DecodedCall) {
    response.remove("object");
    call.response_id = text(response, "id");
    call.response_model = text(response, "model");
    call.usage = usage(response);
    echo(response, call);
    let items = array(response, "output").unwrap_or_default();
    call.output_messages = messages(items);
    let status = text(response, "status");
    let details = object(response, "incomplete_details");
    let reason = details.and_then(|mut details| text(&mut details, "reason"));
    let ended = |status: &String| !matches!(status.as_str(), "queued" | "in_progress");
    if let Some(open) = status.as_ref().filter(|status| !ended(status)) {
        response.insert("status".to_owned(), open.as_str().into());
    }
    let finish_reason = reason.or(status.filter(ended));
    call.finish_reasons.extend(finish_reason.clone());
    if let Some(answer) = call.output_messages.last_mut() {
        answer.finish_reason = finish_reason;
    }
}

/// A response repeats what the request said. That is dropped where the request is known; a request that named a prompt
/// by its id said less, and the response tells what it stood for.
fn echo(response: &mut Object, call: &mut DecodedCall) {
    redact(response.values_mut());
    let (said, tools) =
        (std::mem::take(&mut call.system_instructions), std::mem::take(&mut call.tool_definitions));
    instructions(response, call);
    call.tool_definitions = array(response, "tools").unwrap_or_default();
    if !said.is_empty() {
        call.system_instructions = said;
    }
    if !tools.is_empty() {
        call.tool_definitions = tools;
    }
    if response.get("metadata").and_then(Value::as_object) == Some(&call.metadata) {
        response.remove("metadata");
    }
}

fn instructions(from: &mut Object, call: &mut DecodedCall) {
    match from.remove("instructions") {
        Some(Value::Array(items)) => {
            let said = messages(items).into_iter().flat_map(|message| message.parts);
            call.system_instructions.extend(said);
        }
        Some(value) => content(value, &mut call.system_instructions),
        None => {}
    }
}

const ASSISTANT: &str = "assistant";

/// Items that answer the model, of the client or of a tool that the provider runs. What else has no role of its own is
/// the model's.
const ANSWERS: [&str; 7] = [
    "apply_patch_call_output",
    "computer_call_output",
    "custom_tool_call_output",
    "function_call_output",
    "local_shell_call_output",
    "mcp_approval_response",
    "shell_call_output",
];

fn kind(item: &Value) -> &str {
    item.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn role(item: &Value) -> &str {
    match item.get("role").and_then(Value::as_str) {
        Some(role) => role,
        None if ANSWERS.contains(&kind(item)) => "tool",
        None => ASSISTANT,
    }
}

fn messages(items: Vec<Value>) -> Vec<Message> {
    let mut messages = Vec::<Message>::new();
    for value in items {
        let role = role(&value).to_owned();
        match messages.last_mut().filter(|last| role == ASSISTANT && last.role == ASSISTANT) {
            Some(last) => item(value, &mut last.parts),
            None => {
                let mut parts = Vec::new();
                item(value, &mut parts);
                messages.push(message(&role, parts));
            }
        }
    }
    messages
}

fn message(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.to_owned(), parts, name: None, finish_reason: None }
}

fn item(value: Value, parts: &mut Vec<Part>) {
    let kind = kind(&value).to_owned();
    let Value::Object(mut fields) = value else { return content(value, parts) };
    match kind.as_str() {
        "" | "message" if fields.contains_key("content") => {
            fields.remove("role");
            content(fields.remove("content").unwrap_or_default(), parts);
        }
        "reasoning" => parts.push(Part::Reasoning { content: reasoning(&mut fields) }),
        "function_call" => {
            let arguments = parsed_arguments(&mut fields);
            parts.push(tool_call(&mut fields, arguments));
        }
        "custom_tool_call" => {
            // Free text, and stays one even where it looks like JSON.
            let input = fields.remove("input").unwrap_or_default();
            parts.push(tool_call(&mut fields, input));
        }
        "function_call_output" | "custom_tool_call_output" => {
            let response = fields.remove("output").unwrap_or_default();
            parts.push(Part::ToolCallResponse { id: text(&mut fields, "call_id"), response });
        }
        _ => return parts.push(Part::Generic { value: Value::Object(fields) }),
    }
    fields.remove("type");
    annotate(parts, if kind.is_empty() { "message" } else { &kind }, fields);
}

fn tool_call(fields: &mut Object, arguments: Value) -> Part {
    let name = string(fields, "name").unwrap_or_default();
    Part::ToolCall { id: text(fields, "call_id"), name, arguments }
}

/// The reasoning itself where the model shows it, or else its summary.
fn reasoning(fields: &mut Object) -> String {
    let texts = |list: &[Value]| -> Vec<String> {
        list.iter().filter_map(|part| Some(part.get("text")?.as_str()?.to_owned())).collect()
    };
    let key = if fields.get("content").and_then(Value::as_array).is_some_and(|list| !texts(list).is_empty()) {
        "content"
    } else {
        "summary"
    };
    texts(&array(fields, key).unwrap_or_default()).join("\n\n")
}

fn content(value: Value, parts: &mut Vec<Part>) {
    match value {
        Value::Null => {}
        Value::String(content) if content.is_empty() => {}
        Value::String(content) => parts.push(Part::Text { content }),
        Value::Array(items) => items.into_iter().for_each(|item| content_part(item, parts)),
        value => content_part(value, parts),
    }
}

fn content_part(value: Value, parts: &mut Vec<Part>) {
    let kind = kind(&value).to_owned();
    let key = match kind.as_str() {
        "input_text" | "output_text" | "text" => "text",
        "refusal" => "refusal",
        _ => return parts.push(Part::Generic { value }),
    };
    match value {
        Value::Object(mut fields) if fields.get(key).is_some_and(Value::is_string) => {
            fields.remove("type");
            let content = string(&mut fields, key).unwrap_or_default();
            parts.push(if key == "text" { Part::Text { content } } else { Part::Refusal { content } });
            annotate(parts, key, fields);
        }
        value => parts.push(Part::Generic { value }),
    }
}

/// Cached tokens, read and written, are inside `input_tokens`; reasoning is inside `output_tokens`.
fn usage(response: &mut Object) -> Option<Usage> {
    let mut counts = object(response, "usage")?;
    let mut input = object(&mut counts, "input_tokens_details").unwrap_or_default();
    let mut output = object(&mut counts, "output_tokens_details").unwrap_or_default();
    counts.remove("total_tokens");
    let usage = Usage {
        input_tokens: count(&mut counts, "input_tokens"),
        output_tokens: count(&mut counts, "output_tokens"),
        cache_read_input_tokens: count(&mut input, "cached_tokens"),
        cache_creation_input_tokens: count(&mut input, "cache_write_tokens"),
        reasoning_output_tokens: count(&mut output, "reasoning_tokens"),
        ..Usage::default()
    };
    put_rest(&mut counts, "input_tokens_details", input);
    put_rest(&mut counts, "output_tokens_details", output);
    put_rest(response, "usage", counts);
    (usage != Usage::default()).then_some(usage)
}
