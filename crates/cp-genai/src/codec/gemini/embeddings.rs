//! Google's `embedContent` and `batchEmbedContents`.
//!
//! Of the vectors only the lengths are kept: they are large, and say nothing to a reader.

use serde_json::Value;

use super::super::fields::{Object, array, text};
use super::super::{Codec, Reassembled};
use super::{content, listed, target, usage};
use crate::{DecodedCall, OperationName};

pub(in super::super) const CODEC: Codec = Codec {
    operation: OperationName::Embeddings,
    serves: |path| matches!(target(path), Some((_, "embedContent" | "batchEmbedContents"))),
    request,
    reassemble: |chunks| Reassembled { response: chunks.last().unwrap_or_default(), finished: true },
    response,
};

fn request(request: &mut Object, path: &str, call: &mut DecodedCall) {
    call.request_model = target(path).map(|(model, _)| model.to_owned());
    let mut requests = array(request, "requests").unwrap_or_default();
    let contents = requests.iter_mut().filter_map(|each| each.as_object_mut()?.remove("content"));
    let contents: Vec<_> = request.remove("content").into_iter().chain(contents).collect();
    call.input_messages = contents.into_iter().map(|value| content(value, "user")).collect();
    // What is left of each request is, as a rule, the same for all: model, task and size.
    requests.dedup();
    if !requests.is_empty() {
        request.insert("requests".to_owned(), Value::Array(requests));
    }
}

fn response(response: &mut Object, call: &mut DecodedCall) {
    call.response_model = text(response, "modelVersion");
    call.usage = usage(response, false);
    let embeddings: Vec<_> =
        listed(response.remove("embedding")).chain(listed(response.remove("embeddings"))).collect();
    if !embeddings.is_empty() {
        response.insert("embeddings".to_owned(), embeddings.into_iter().map(without_vector).collect());
    }
}

fn without_vector(embedding: Value) -> Value {
    let Value::Object(mut fields) = embedding else { return embedding };
    if let Some(values) = array(&mut fields, "values") {
        fields.insert("dimensions".to_owned(), values.len().into());
    }
    Value::Object(fields)
}
