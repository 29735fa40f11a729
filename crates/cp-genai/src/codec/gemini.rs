//! Google's `generateContent` and `streamGenerateContent`, of the Gemini API and of Vertex AI, and their embeddings.
//!
//! Source: `python-genai`, `types.py` and `models.py`. The role `model` is `assistant` here, as in
//! the conventions.
//! Fields are read in both spellings of protobuf's JSON, `systemInstruction` and `system_instruction`, and a list of one
//! may come without its brackets.

mod embeddings;
mod partial_args;
mod stream;

use serde_json::Value;

pub(super) use self::embeddings::CODEC as EMBEDDINGS;
use super::Codec;
use super::fields::{Object, annotate, array, count, is_said, object, put_rest, string, text};
use crate::{DecodedCall, Message, OperationName, Part, Usage, UsageSource};

pub(super) const CODEC: Codec = Codec {
    operation: OperationName::GenerateContent,
    serves: |path| matches!(target(path), Some((_, "generateContent" | "streamGenerateContent"))),
    request,
    reassemble: stream::reassemble,
    response,
};

/// Model and method of a path such as `/v1beta/models/{model}:{method}`. A tuned model of Vertex AI is an endpoint.
fn target(path: &str) -> Option<(&str, &str)> {
    let (parent, last) = path.rsplit_once('/')?;
    let is_model = ["/models", "/tunedModels", "/endpoints"].iter().any(|kind| parent.ends_with(kind));
    last.rsplit_once(':').filter(|(model, _)| is_model && !model.is_empty())
}

fn request(request: &mut Object, path: &str, call: &mut DecodedCall) {
    if let Some((model, method)) = target(path) {
        call.request_model = Some(model.to_owned());
        call.stream = method == "streamGenerateContent";
    }
    spell(request, &["systemInstruction"]);
    if let Some(system) = request.remove("systemInstruction").filter(is_said) {
        call.system_instructions = content(system, "system").parts;
    }
    call.input_messages = messages(request.remove("contents"));
    call.tool_definitions = listed(request.remove("tools")).collect();
    call.metadata = object(request, "labels").unwrap_or_default();
}

fn response(response: &mut Object, call: &mut DecodedCall) {
    call.response_id = text(response, "responseId");
    call.response_model = text(response, "modelVersion");
    let mut candidates = array(response, "candidates").unwrap_or_default();
    candidates.sort_by_key(|candidate| candidate.get("index").and_then(Value::as_u64));
    call.output_messages = candidates.into_iter().map(candidate).collect();
    call.finish_reasons =
        call.output_messages.iter().filter_map(|message| message.finish_reason.clone()).collect();
    // A prompt that was blocked has no candidate that could say why there is no answer.
    if call.output_messages.is_empty() {
        call.finish_reasons.extend(block_reason(response).map(str::to_owned));
    }
    call.usage = usage(response, !call.finish_reasons.is_empty());
}

fn block_reason(response: &Object) -> Option<&str> {
    response.get("promptFeedback")?.get("blockReason")?.as_str()
}

/// Renames fields that are spelled in snake case.
fn spell(fields: &mut Object, names: &[&str]) {
    for name in names {
        let mut snake = String::with_capacity(name.len() + 2);
        for letter in name.chars() {
            if letter.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        if snake != *name
            && let Some(value) = fields.remove(&snake)
        {
            fields.entry(*name).or_insert(value);
        }
    }
}

/// The items of a list; a single one may stand for a list of one.
fn listed(value: Option<Value>) -> impl Iterator<Item = Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(item) => vec![item],
    }
    .into_iter()
}

/// The contents of a request. The official client's chat sends a streamed answer as the contents that it came in, one
/// for each chunk: together they are one message again.
fn messages(contents: Option<Value>) -> Vec<Message> {
    let mut messages = Vec::<Message>::new();
    for message in listed(contents).map(|value| content(value, "user")) {
        match messages.last_mut().filter(|last| last.role == ASSISTANT && message.role == ASSISTANT) {
            Some(last) => last.parts.extend(message.parts),
            None => messages.push(message),
        }
    }
    messages
}

fn candidate(value: Value) -> Message {
    let Value::Object(mut candidate) = value else { return content(value, ASSISTANT) };
    candidate.remove("index");
    let answer = candidate.remove("content").unwrap_or_else(|| Object::new().into());
    let mut answer = content(answer, ASSISTANT);
    answer.finish_reason = text(&mut candidate, "finishReason");
    annotate(&mut answer.parts, "candidate", candidate);
    answer
}

fn content(value: Value, default_role: &str) -> Message {
    let mut parts = Vec::new();
    let mut role = None;
    match value {
        Value::Object(mut fields) => {
            role = text(&mut fields, "role");
            listed(fields.remove("parts")).for_each(|value| part(value, &mut parts));
            annotate(&mut parts, "content", fields);
        }
        value => part(value, &mut parts),
    }
    let role = role.map_or_else(|| default_role.to_owned(), conventional);
    Message { role, parts, name: None, finish_reason: None }
}

/// The role that the conventions name `assistant`.
pub(super) const ASSISTANT: &str = "assistant";

pub(super) fn conventional(role: String) -> String {
    if role.eq_ignore_ascii_case("model") { ASSISTANT.to_owned() } else { role }
}

/// Fields of a part that this codec reads, and those within media.
const PART_NAMES: [&str; 6] =
    ["functionCall", "functionResponse", "inlineData", "fileData", "thoughtSignature", "partMetadata"];
const MEDIA_NAMES: [&str; 3] = ["mimeType", "fileUri", "displayName"];

fn part(value: Value, parts: &mut Vec<Part>) {
    let mut fields = match value {
        Value::Object(fields) => fields,
        Value::String(content) => return parts.push(Part::Text { content }),
        value => return parts.push(Part::Generic { value }),
    };
    spell(&mut fields, &PART_NAMES);
    if fields.get("text").is_some_and(Value::is_string) {
        let content = string(&mut fields, "text").unwrap_or_default();
        if fields.remove("thought") == Some(Value::Bool(true)) {
            parts.push(Part::Reasoning { content });
        } else if !content.is_empty() {
            parts.push(Part::Text { content });
        }
    } else if let Some(mut call) = object(&mut fields, "functionCall") {
        let arguments = call.remove("args").unwrap_or_default();
        let name = string(&mut call, "name").unwrap_or_default();
        parts.push(Part::ToolCall { id: text(&mut call, "id"), name, arguments });
        annotate(parts, "functionCall", call);
    } else if let Some(mut answer) = object(&mut fields, "functionResponse") {
        let response = answer.remove("response").unwrap_or_default();
        parts.push(Part::ToolCallResponse { id: text(&mut answer, "id"), response });
        annotate(parts, "functionResponse", answer);
    } else {
        // A signature comes back from the client with the part, but is no part of what was said.
        let signature = fields.remove("thoughtSignature");
        media(&mut fields);
        if !fields.is_empty() {
            parts.push(Part::Generic { value: Value::Object(std::mem::take(&mut fields)) });
        }
        fields.extend(signature.map(|signature| ("thoughtSignature".to_owned(), signature)));
    }
    annotate(parts, "part", fields);
}

/// Media in one spelling: clients send an image that they received in the other alphabet of base64.
fn media(part: &mut Object) {
    for kind in ["inlineData", "fileData"] {
        if let Some(Value::Object(media)) = part.get_mut(kind) {
            spell(media, &MEDIA_NAMES);
            if let Some(Value::String(data)) = media.get_mut("data")
                && data.contains(['-', '_'])
            {
                *data = data.replace('-', "+").replace('_', "/");
            }
        }
    }
}

/// Google counts cached tokens inside the prompt, and thoughts and the results of tools that it ran itself apart.
///
/// Vertex AI counts the thoughts of some models inside the candidates: the total tells. A count of zero is left out of
/// the JSON; once the answer has `ended`, the total tells that too.
fn usage(response: &mut Object, ended: bool) -> Option<Usage> {
    let mut counts = object(response, "usageMetadata")?;
    let prompt = count(&mut counts, "promptTokenCount");
    let tools = count(&mut counts, "toolUsePromptTokenCount");
    let thoughts = count(&mut counts, "thoughtsTokenCount");
    let total = count(&mut counts, "totalTokenCount");
    let input = prompt.map(|prompt| prompt.saturating_add(tools.unwrap_or(0)));
    let spoken = count(&mut counts, "candidatesTokenCount");
    let usage = Usage {
        input_tokens: input,
        output_tokens: output_tokens(input, spoken, thoughts, total)
            .or_else(|| total?.checked_sub(input?).filter(|_| ended)),
        cache_read_input_tokens: count(&mut counts, "cachedContentTokenCount"),
        cache_creation_input_tokens: None,
        cache_creation_1h_input_tokens: None,
        reasoning_output_tokens: thoughts,
        source: UsageSource::Reported,
    };
    put_rest(response, "usageMetadata", counts);
    (usage != Usage::default()).then_some(usage)
}

/// What was spoken and what was thought, which `spoken` includes where the total says so.
pub(super) fn output_tokens(
    input: Option<u64>,
    spoken: Option<u64>,
    thoughts: Option<u64>,
    total: Option<u64>,
) -> Option<u64> {
    let inside = spoken
        .is_some_and(|spoken| total.is_some_and(|total| total == input.unwrap_or(0).saturating_add(spoken)));
    match thoughts {
        Some(thoughts) if !inside => Some(spoken.unwrap_or(0).saturating_add(thoughts)),
        _ => spoken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_model_and_method() {
        for (path, expected) in [
            (
                "/v1beta/models/gemini-2.5-flash:generateContent",
                Some(("gemini-2.5-flash", "generateContent")),
            ),
            (
                "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:streamGenerateContent",
                Some(("gemini-2.5-pro", "streamGenerateContent")),
            ),
            ("/v1beta/tunedModels/mine:generateContent", Some(("mine", "generateContent"))),
            ("/v1/projects/p/locations/l/endpoints/42:generateContent", Some(("42", "generateContent"))),
            ("/v1internal:generateContent", None),
            ("/v1beta/models/:generateContent", None),
            ("/v1beta/models/gemini-2.5-flash", None),
        ] {
            assert_eq!(target(path), expected, "{path}");
        }
    }

    #[test]
    fn thoughts_are_inside_where_the_total_says_so() {
        let output = |spoken, thoughts, total| output_tokens(Some(10), spoken, thoughts, total);
        assert_eq!(output(Some(7), Some(3), Some(20)), Some(10));
        assert_eq!(output(Some(7), Some(3), Some(17)), Some(7));
        assert_eq!(output(Some(7), Some(3), None), Some(10));
        assert_eq!(output(None, Some(3), Some(13)), Some(3));
        assert_eq!(output(None, None, Some(10)), None);
    }
}
