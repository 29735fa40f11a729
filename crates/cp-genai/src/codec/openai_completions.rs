//! OpenAI's completions of plain text: `POST …/completions`, and the servers compatible with them.
//!
//! Source: `openai-python`, `types/completion.py`. Each prompt is a message of the role `user`; one of token ids is kept
//! as it was sent.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{Object, annotate, array, count, is_said, merge_fields, object, text};
use super::openai_chat::{usage, user};
use super::{Codec, Reassembled};
use crate::{DecodedCall, Message, OperationName, Part};

pub(super) const CODEC: Codec = Codec {
    operation: OperationName::TextCompletion,
    serves: |path| path.ends_with("/completions") && !path.ends_with("/chat/completions"),
    request,
    reassemble,
    response,
};

fn request(request: &mut Object, path: &str, call: &mut DecodedCall) {
    call.request_model = super::openai_chat::model(request, path);
    call.stream = request.remove("stream") == Some(Value::Bool(true));
    call.input_messages = texts(request.remove("prompt"));
    call.user = user(request);
    call.metadata = object(request, "metadata").unwrap_or_default();
}

/// The messages of a text, a list of texts, the token ids of a text, or a list of such.
pub(super) fn texts(value: Option<Value>) -> Vec<Message> {
    let values = match value {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(values)) if !values.iter().any(Value::is_number) => values,
        Some(value) => vec![value],
    };
    let parts = values.into_iter().map(|value| match value {
        Value::String(content) => Part::Text { content },
        value => Part::Generic { value },
    });
    parts
        .map(|part| Message { role: "user".to_owned(), parts: vec![part], name: None, finish_reason: None })
        .collect()
}

fn response(response: &mut Object, call: &mut DecodedCall) {
    response.remove("object");
    call.response_id = text(response, "id");
    call.response_model = text(response, "model");
    call.usage = usage(response, call.response_model.as_deref());
    let mut choices = array(response, "choices").unwrap_or_default();
    choices.sort_by_key(|choice| choice.get("index").and_then(Value::as_u64));
    call.output_messages = choices.into_iter().map(choice).collect();
    call.finish_reasons =
        call.output_messages.iter().filter_map(|message| message.finish_reason.clone()).collect();
}

fn choice(choice: Value) -> Message {
    let mut answer =
        Message { role: "assistant".to_owned(), parts: Vec::new(), name: None, finish_reason: None };
    let Value::Object(mut choice) = choice else {
        answer.parts.push(Part::Generic { value: choice });
        return answer;
    };
    choice.remove("index");
    // Mistral answers to a prompt and a suffix with messages.
    if let Some(message) = ["message", "delta"].iter().find_map(|key| choice.remove(*key)) {
        answer.parts = super::openai_chat::message(message).parts;
    }
    answer.parts.extend(text(&mut choice, "text").map(|content| Part::Text { content }));
    answer.finish_reason = text(&mut choice, "finish_reason");
    annotate(&mut answer.parts, "choice", choice);
    answer
}

fn reassemble(chunks: &mut dyn Iterator<Item = Object>) -> Reassembled {
    let mut response = Object::new();
    let mut choices = BTreeMap::<u64, Object>::new();
    for mut chunk in chunks {
        for choice in array(&mut chunk, "choices").into_iter().flatten() {
            if let Value::Object(mut piece) = choice {
                let index = count(&mut piece, "index").unwrap_or(0);
                merge_fields(choices.entry(index).or_default(), piece);
            }
        }
        chunk.retain(|_, value| is_said(value));
        response.extend(chunk);
    }
    let finished = !choices.is_empty()
        && choices.values().all(|choice| choice.get("finish_reason").is_some_and(is_said));
    let choices: Vec<_> = choices.into_iter().map(indexed).collect();
    if !choices.is_empty() {
        response.insert("choices".to_owned(), Value::Array(choices));
    }
    Reassembled { response, finished }
}

fn indexed((index, mut choice): (u64, Object)) -> Value {
    choice.insert("index".to_owned(), index.into());
    Value::Object(choice)
}
