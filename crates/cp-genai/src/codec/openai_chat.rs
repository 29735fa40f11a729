//! OpenAI's chat completions, and the dialects of the providers compatible with them.
//!
//! Source: `openai-python`, `types/chat`. Dialects covered: `reasoning_content` and `reasoning` (DeepSeek, vLLM,
//! OpenRouter), thinking as a part of the content (Mistral), `prompt_cache_hit_tokens` (DeepSeek), usage in `x_groq` or
//! in the choice (Groq, Moonshot), reasoning tokens counted apart (xAI, Gemini), the model in Azure's path.

mod content;
mod stream;

use serde_json::Value;

use super::Codec;
use super::fields::{Object, annotate, array, count, is_said, object, put_rest, string, text};
use crate::{DecodedCall, Message, OperationName, Part, Usage, UsageSource};

pub(super) const CODEC: Codec = Codec {
    operation: OperationName::Chat,
    serves: |path| path.ends_with("/chat/completions") || path.ends_with("/agents/completions"),
    request,
    reassemble: stream::reassemble,
    response,
};

fn request(request: &mut Object, path: &str, call: &mut DecodedCall) {
    call.request_model = model(request, path);
    call.stream = request.remove("stream") == Some(Value::Bool(true));
    call.input_messages = array(request, "messages").into_iter().flatten().map(message).collect();
    call.tool_definitions =
        ["tools", "functions"].iter().filter_map(|key| array(request, key)).flatten().collect();
    call.user = user(request);
    call.metadata = object(request, "metadata").unwrap_or_default();
}

/// The model that the request names. Azure names the deployment in the path:
/// `/openai/deployments/{deployment}/chat/completions`.
pub(super) fn model(request: &mut Object, path: &str) -> Option<String> {
    text(request, "model").or_else(|| {
        let (_, rest) = path.split_once("/deployments/")?;
        rest.split('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
    })
}

/// The end user. `safety_identifier` is the newer name of `user`; where both are sent, it stays with the parameters.
pub(super) fn user(request: &mut Object) -> Option<String> {
    text(request, "user").or_else(|| text(request, "safety_identifier"))
}

fn response(response: &mut Object, call: &mut DecodedCall) {
    response.remove("object");
    call.response_id = text(response, "id");
    call.response_model = text(response, "model");
    let mut choices = array(response, "choices").unwrap_or_default();
    if let [Value::Object(only)] = choices.as_mut_slice()
        && !response.get("usage").is_some_and(is_said)
    {
        response.extend(only.remove_entry("usage"));
    }
    call.usage = usage(response, call.response_model.as_deref());
    choices.sort_by_key(|choice| choice.get("index").and_then(Value::as_u64));
    call.output_messages = choices.into_iter().map(choice).collect();
    call.finish_reasons =
        call.output_messages.iter().filter_map(|message| message.finish_reason.clone()).collect();
}

fn choice(choice: Value) -> Message {
    let Value::Object(mut choice) = choice else { return message(choice) };
    choice.remove("index");
    let mut answer = message(choice.remove("message").unwrap_or_default());
    if answer.role.is_empty() {
        "assistant".clone_into(&mut answer.role);
    }
    answer.finish_reason = text(&mut choice, "finish_reason");
    annotate(&mut answer.parts, "choice", choice);
    answer
}

pub(crate) fn message(value: Value) -> Message {
    let mut parts = Vec::new();
    let mut fields = match value {
        Value::Object(fields) => fields,
        Value::Null => Object::new(),
        other => {
            parts.push(Part::Generic { value: other });
            Object::new()
        }
    };
    let role = string(&mut fields, "role").unwrap_or_default();
    let name = text(&mut fields, "name");
    if matches!(role.as_str(), "tool" | "function") {
        let response = fields.remove("content").unwrap_or_default();
        parts.push(Part::ToolCallResponse { id: text(&mut fields, "tool_call_id"), response });
    } else {
        reasoning(&mut fields, &mut parts);
        content(fields.remove("content"), &mut parts);
        parts.extend(text(&mut fields, "refusal").map(|content| Part::Refusal { content }));
        for tool_call in array(&mut fields, "tool_calls").into_iter().flatten() {
            self::tool_call(tool_call, &mut parts);
        }
        if let Some(mut function) = object(&mut fields, "function_call") {
            parts.push(function_call(None, &mut function));
            annotate(&mut parts, "function_call", function);
        }
    }
    annotate(&mut parts, "message", fields);
    Message { role, parts, name, finish_reason: None }
}

/// Some servers send the reasoning under both of its names; a repetition is dropped.
fn reasoning(fields: &mut Object, parts: &mut Vec<Part>) {
    for key in ["reasoning_content", "reasoning"] {
        if let Some(content) = text(fields, key) {
            let part = Part::Reasoning { content };
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
    }
}

fn content(value: Option<Value>, parts: &mut Vec<Part>) {
    match value {
        None | Some(Value::Null) => {}
        Some(Value::String(content)) => {
            if !content.is_empty() {
                parts.push(Part::Text { content });
            }
        }
        Some(Value::Array(items)) => {
            for item in items {
                content_part(item, parts);
            }
        }
        Some(value) => parts.push(Part::Generic { value }),
    }
}

fn content_part(value: Value, parts: &mut Vec<Part>) {
    let key = match value.get("type").and_then(Value::as_str) {
        Some("text") => "text",
        Some("refusal") => "refusal",
        Some("thinking") if value.get("thinking").is_some_and(Value::is_array) => {
            return thinking(value, parts);
        }
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

fn thinking(value: Value, parts: &mut Vec<Part>) {
    let Value::Object(mut fields) = value else { return parts.push(Part::Generic { value }) };
    let said = array(&mut fields, "thinking").unwrap_or_default();
    let texts = said.iter().filter_map(|item| item.get("text")?.as_str());
    parts.push(Part::Reasoning { content: texts.collect() });
    fields.remove("type");
    annotate(parts, "thinking", fields);
}

fn tool_call(value: Value, parts: &mut Vec<Part>) {
    let Value::Object(mut fields) = value else { return parts.push(Part::Generic { value }) };
    fields.remove("index");
    let kind = text(&mut fields, "type");
    let id = text(&mut fields, "id");
    if let Some(mut function) = object(&mut fields, "function") {
        parts.push(function_call(id, &mut function));
        annotate(parts, "function", function);
    } else if let Some(mut custom) = object(&mut fields, "custom") {
        // The input of a custom tool is free text, and stays one even where it looks like JSON.
        let arguments = custom.remove("input").unwrap_or_default();
        parts.push(Part::ToolCall { id, name: string(&mut custom, "name").unwrap_or_default(), arguments });
        annotate(parts, "custom", custom);
    } else {
        fields.extend(kind.map(|kind| ("type".to_owned(), kind.into())));
        fields.extend(id.map(|id| ("id".to_owned(), id.into())));
        return parts.push(Part::Generic { value: Value::Object(fields) });
    }
    annotate(parts, "tool_call", fields);
}

fn function_call(id: Option<String>, function: &mut Object) -> Part {
    let arguments = parsed_arguments(function);
    Part::ToolCall { id, name: string(function, "name").unwrap_or_default(), arguments }
}

/// The arguments of a function, which are JSON in a text; a text that is none stays one.
pub(super) fn parsed_arguments(function: &mut Object) -> Value {
    match function.remove("arguments") {
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        other => other.unwrap_or_default(),
    }
}

/// OpenAI counts cached tokens inside `prompt_tokens`, as [`Usage`] does.
pub(super) fn usage(response: &mut Object, model: Option<&str>) -> Option<Usage> {
    let mut counts = counts(response)?;
    let mut input = object(&mut counts, "prompt_tokens_details").unwrap_or_default();
    let mut output = object(&mut counts, "completion_tokens_details").unwrap_or_default();
    let total = count(&mut counts, "total_tokens");
    let mut usage = Usage {
        input_tokens: count(&mut counts, "prompt_tokens"),
        output_tokens: count(&mut counts, "completion_tokens"),
        cache_read_input_tokens: count(&mut input, "cached_tokens").or_else(|| {
            let names = ["prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens"];
            names.iter().find_map(|name| count(&mut counts, name))
        }),
        cache_creation_input_tokens: count(&mut input, "cache_write_tokens")
            .or_else(|| count(&mut counts, "cache_creation_input_tokens")),
        cache_creation_1h_input_tokens: None,
        reasoning_output_tokens: count(&mut output, "reasoning_tokens"),
        source: UsageSource::Reported,
    };
    usage.output_tokens = output_tokens(&usage, total, model);
    put_rest(&mut counts, "prompt_tokens_details", input);
    put_rest(&mut counts, "completion_tokens_details", output);
    put_rest(response, "usage", counts);
    (usage != Usage::default()).then_some(usage)
}

/// Groq sends the counts of a stream with its own fields.
fn counts(response: &mut Object) -> Option<Object> {
    object(response, "usage").or_else(|| object(response.get_mut("x_groq")?.as_object_mut()?, "usage"))
}

/// Some providers count reasoning beside `completion_tokens` instead of inside it: the total tells. Google does so
/// without telling how much of it there was.
fn output_tokens(usage: &Usage, total: Option<u64>, model: Option<&str>) -> Option<u64> {
    let (Some(input), Some(output), Some(total)) = (usage.input_tokens, usage.output_tokens, total) else {
        return usage.output_tokens;
    };
    let with_reasoning = output.saturating_add(usage.reasoning_output_tokens.unwrap_or(0));
    let is_gemini =
        model.is_some_and(|model| model.rsplit('/').next().unwrap_or(model).starts_with("gemini-"));
    match total.checked_sub(input) {
        Some(apart) if apart == with_reasoning => Some(apart),
        Some(apart) if is_gemini && usage.reasoning_output_tokens.is_none() => Some(apart.max(output)),
        _ => Some(output),
    }
}
