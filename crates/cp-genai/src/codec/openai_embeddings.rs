//! OpenAI's embeddings: `POST …/embeddings`, and the servers compatible with them.
//!
//! Of the vectors only the lengths are kept: they are large, and say nothing to a reader.

use serde_json::Value;

use super::fields::{Object, array, text};
use super::openai_chat::{model, usage, user};
use super::openai_completions::texts;
use super::{Codec, Reassembled};
use crate::{DecodedCall, OperationName};

pub(super) const CODEC: Codec = Codec {
    operation: OperationName::Embeddings,
    serves: |path| path.ends_with("/embeddings") && !path.ends_with("/api/embeddings"),
    request: |request, path, call| {
        call.request_model = model(request, path);
        call.input_messages = texts(request.remove("input"));
        call.user = user(request);
    },
    reassemble: |chunks| Reassembled { response: chunks.last().unwrap_or_default(), finished: true },
    response,
};

fn response(response: &mut Object, call: &mut DecodedCall) {
    response.remove("object");
    call.response_id = text(response, "id");
    call.response_model = text(response, "model");
    call.usage = usage(response, None);
    let embeddings = array(response, "data").unwrap_or_default();
    if !embeddings.is_empty() {
        response.insert("data".to_owned(), embeddings.into_iter().map(without_vector).collect());
    }
}

/// Four bytes a dimension, in base 64, where the client asked for that.
fn without_vector(embedding: Value) -> Value {
    let Value::Object(mut fields) = embedding else { return embedding };
    let dimensions = match fields.get("embedding") {
        Some(Value::Array(values)) => Some(values.len()),
        Some(Value::String(encoded)) => Some(encoded.trim_end_matches('=').len() * 3 / 4 / 4),
        _ => None,
    };
    if let Some(dimensions) = dimensions {
        fields.remove("embedding");
        fields.remove("object");
        fields.insert("dimensions".to_owned(), dimensions.into());
    }
    Value::Object(fields)
}
