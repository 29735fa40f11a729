//! Embeddings. Of each vector its length is kept: the numbers are many, and say nothing to a person.

use serde_json::{Value, json};

use super::super::fields::{Object, array, text};
use super::super::{Codec, Reassembled};
use super::usage;
use crate::{DecodedCall, Message, OperationName, Part};

pub(in super::super) const CODEC: Codec = Codec {
    operation: OperationName::Embeddings,
    serves: |path| path.ends_with("/api/embed"),
    request,
    reassemble,
    response,
};

pub(in super::super) const LEGACY: Codec =
    Codec { serves: |path| path.ends_with("/api/embeddings"), ..CODEC };

fn request(request: &mut Object, _path: &str, call: &mut DecodedCall) {
    call.request_model = text(request, "model");
    let texts = array(request, "input").unwrap_or_default().into_iter();
    let one = ["input", "prompt"].into_iter().filter_map(|key| request.remove(key));
    call.input_messages = texts.chain(one).map(message).collect();
}

fn message(value: Value) -> Message {
    let part = match value {
        Value::String(content) => Part::Text { content },
        value => Part::Generic { value },
    };
    Message { role: "user".to_owned(), parts: vec![part], name: None, finish_reason: None }
}

fn reassemble(chunks: &mut dyn Iterator<Item = Object>) -> Reassembled {
    Reassembled { response: chunks.last().unwrap_or_default(), finished: true }
}

fn response(response: &mut Object, call: &mut DecodedCall) {
    call.response_model = text(response, "model");
    call.usage = usage(response);
    let many = array(response, "embeddings").unwrap_or_default();
    let one = array(response, "embedding").map(Value::Array);
    let dimensions = |vector: Value| json!({ "dimensions": vector.as_array().map_or(0, Vec::len) });
    let embeddings: Vec<_> = many.into_iter().chain(one).map(dimensions).collect();
    if !embeddings.is_empty() {
        response.insert("embeddings".to_owned(), Value::Array(embeddings));
    }
}
