//! Ollama's own API: `/api/chat` and `/api/generate`, and `/api/embed` with its older form `/api/embeddings`.
//!
//! Source: `ollama-python` 0.6, `ollama/_types.py`. An answer streams, one object a line, unless `stream` is false. Counts of
//! zero are left out by the server: one that is absent, such as that of a prompt found in the cache, is not known.

mod embeddings;

use serde_json::{Value, json};

pub(super) use self::embeddings::{CODEC as EMBEDDINGS, LEGACY as LEGACY_EMBEDDINGS};
use super::fields::{Object, annotate, array, count, is_said, merge, object, string, text};
use super::{Codec, Reassembled};
use crate::{DecodedCall, Message, OperationName, Part, Usage};

pub(super) const CODEC: Codec = Codec {
    operation: OperationName::Chat,
    serves: |path| path.ends_with("/api/chat"),
    request: |request, _, call| {
        model(request, call);
        call.input_messages = array(request, "messages").into_iter().flatten().map(message).collect();
        call.tool_definitions = array(request, "tools").unwrap_or_default();
    },
    reassemble,
    response,
};

pub(super) const GENERATE: Codec = Codec {
    operation: OperationName::TextCompletion,
    serves: |path| path.ends_with("/api/generate"),
    request: |request, _, call| {
        model(request, call);
        call.system_instructions.extend(text(request, "system").map(|content| Part::Text { content }));
        let fields = [("content", "prompt"), ("images", "images")];
        call.input_messages.push(as_message("user", request, &fields));
    },
    reassemble,
    response: |fields, call| {
        let parts = [("content", "response"), ("thinking", "thinking"), ("tool_calls", "tool_calls")];
        let mut answer = as_message("assistant", fields, &parts);
        answer.parts.extend(text(fields, "image").map(|data| image(data.into())));
        if !answer.parts.is_empty() || fields.contains_key("done") {
            call.output_messages.push(answer);
        }
        response(fields, call);
    },
};

fn model(request: &mut Object, call: &mut DecodedCall) {
    call.request_model = text(request, "model");
    call.stream = request.remove("stream") != Some(Value::Bool(false));
}

/// What the formats have in common.
fn response(response: &mut Object, call: &mut DecodedCall) {
    call.response_model = text(response, "model");
    call.usage = usage(response);
    call.output_messages.extend(response.remove("message").filter(is_said).map(message));
    response.remove("done");
    let finish_reason = text(response, "done_reason");
    call.finish_reasons.extend(finish_reason.clone());
    if let Some(answer) = call.output_messages.last_mut() {
        answer.finish_reason = finish_reason;
    }
}

fn usage(response: &mut Object) -> Option<Usage> {
    let usage = Usage {
        input_tokens: count(response, "prompt_eval_count"),
        output_tokens: count(response, "eval_count"),
        ..Usage::default()
    };
    (usage != Usage::default()).then_some(usage)
}

/// The pieces of a text are appended; everything else is said once, or again and again.
fn reassemble(chunks: &mut dyn Iterator<Item = Object>) -> Reassembled {
    const PIECES: [&str; 5] = ["message", "response", "thinking", "tool_calls", "logprobs"];
    let mut response = Object::new();
    let mut finished = false;
    for chunk in chunks {
        finished |= chunk.get("done") == Some(&Value::Bool(true));
        for (key, piece) in chunk {
            match response.get_mut(&key) {
                Some(held) if PIECES.contains(&key.as_str()) => merge_piece(held, piece),
                _ => {
                    response.insert(key, piece);
                }
            }
        }
    }
    Reassembled { response, finished }
}

fn merge_piece(held: &mut Value, piece: Value) {
    match (held, piece) {
        (Value::Object(message), Value::Object(pieces)) => super::fields::merge_fields(message, pieces),
        (held, piece) => merge(held, piece),
    }
}

/// Fields that stand beside others in a request or response, as the message that they make up.
fn as_message(role: &str, from: &mut Object, fields: &[(&str, &str)]) -> Message {
    let taken = fields.iter().filter_map(|(name, key)| Some(((*name).to_owned(), from.remove(*key)?)));
    let mut fields: Object = taken.collect();
    fields.insert("role".to_owned(), role.into());
    message(Value::Object(fields))
}

fn message(value: Value) -> Message {
    let mut parts = Vec::new();
    let Value::Object(mut fields) = value else {
        parts.push(Part::Generic { value });
        return Message { role: String::new(), parts, name: None, finish_reason: None };
    };
    let role = string(&mut fields, "role").unwrap_or_default();
    let name = text(&mut fields, "tool_name").or_else(|| text(&mut fields, "name"));
    parts.extend(text(&mut fields, "thinking").map(|content| Part::Reasoning { content }));
    if role == "tool" {
        let response = fields.remove("content").unwrap_or_default();
        parts.push(Part::ToolCallResponse { id: text(&mut fields, "tool_call_id"), response });
    } else {
        parts.extend(text(&mut fields, "content").map(|content| Part::Text { content }));
    }
    parts.extend(array(&mut fields, "images").into_iter().flatten().map(image));
    for value in array(&mut fields, "tool_calls").into_iter().flatten() {
        tool_call(value, &mut parts);
    }
    annotate(&mut parts, "message", fields);
    Message { role, parts, name, finish_reason: None }
}

fn image(data: Value) -> Part {
    Part::Generic { value: json!({ "type": "image", "data": data }) }
}

/// A tool call's id is an annotation and no [`Part::ToolCall::id`]: clients leave it out when they send the message again,
/// and a tool's answer names the tool.
fn tool_call(value: Value, parts: &mut Vec<Part>) {
    let Value::Object(mut fields) = value else { return parts.push(Part::Generic { value }) };
    let Some(mut function) = object(&mut fields, "function") else {
        return parts.push(Part::Generic { value: Value::Object(fields) });
    };
    function.remove("index");
    let arguments = function.remove("arguments").unwrap_or_default();
    parts.push(Part::ToolCall {
        id: None,
        name: string(&mut function, "name").unwrap_or_default(),
        arguments,
    });
    annotate(parts, "function", function);
    annotate(parts, "tool_call", fields);
}
