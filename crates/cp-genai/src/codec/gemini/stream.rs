//! Chunks of a streamed answer, put together to the answer. Each chunk is a whole response with the next parts in it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::Reassembled;
use super::super::fields::{Object, array, count, is_said, merge, merge_fields, object};
use super::partial_args::Arguments;
use super::{block_reason, listed};

#[derive(Default)]
struct Candidate {
    role: Value,
    parts: Vec<Part>,
    /// `finishReason`, `groundingMetadata` and what else stands beside the content.
    rest: Object,
}

#[derive(Default)]
struct Part {
    fields: Object,
    /// The arguments of a function call that comes in pieces.
    arguments: Arguments,
}

pub(super) fn reassemble(chunks: &mut dyn Iterator<Item = Object>) -> Reassembled {
    let mut response = Object::new();
    let mut candidates = BTreeMap::<u64, Candidate>::new();
    let mut usage = Object::new();
    for mut chunk in chunks {
        for candidate in array(&mut chunk, "candidates").into_iter().flatten() {
            if let Value::Object(mut piece) = candidate {
                candidates.entry(count(&mut piece, "index").unwrap_or(0)).or_default().add(piece);
            }
        }
        // The counts are running totals.
        usage.extend(object(&mut chunk, "usageMetadata").unwrap_or_default());
        chunk.retain(|_, value| is_said(value));
        response.extend(chunk);
    }
    let finished = if candidates.is_empty() {
        block_reason(&response).is_some()
    } else {
        candidates.values().all(|candidate| candidate.rest.get("finishReason").is_some_and(is_said))
    };
    if !usage.is_empty() {
        response.insert("usageMetadata".to_owned(), Value::Object(usage));
    }
    let candidates: Vec<_> =
        candidates.into_iter().map(|(index, candidate)| candidate.finish(index)).collect();
    if !candidates.is_empty() {
        response.insert("candidates".to_owned(), Value::Array(candidates));
    }
    Reassembled { response, finished }
}

impl Candidate {
    fn add(&mut self, mut piece: Object) {
        if let Some(mut content) = object(&mut piece, "content") {
            if let Some(role) = content.remove("role").filter(is_said) {
                self.role = role;
            }
            listed(content.remove("parts")).for_each(|part| self.add_part(part));
        }
        for (key, value) in piece {
            if !is_said(&value) {
                continue;
            }
            match (key.as_str(), self.rest.get_mut(&key)) {
                ("groundingMetadata" | "citationMetadata" | "urlContextMetadata", Some(held)) => {
                    gather(held, value);
                }
                ("logprobsResult", Some(held)) => merge(held, value),
                _ => {
                    self.rest.insert(key, value);
                }
            }
        }
    }

    /// A text goes on until a part of another kind comes, or the signature that closes it.
    fn add_part(&mut self, part: Value) {
        let Value::Object(mut fields) = part else { return };
        let arguments = partial_arguments(&mut fields);
        match self.parts.last_mut().filter(|last| last.continues_with(&fields)) {
            Some(last) => merge_fields(&mut last.fields, fields),
            None => self.parts.push(Part { fields, arguments: Arguments::default() }),
        }
        if let Some(last) = self.parts.last_mut() {
            last.arguments.add(arguments);
        }
    }

    fn finish(mut self, index: u64) -> Value {
        let parts = self.parts.into_iter().map(Part::finish).collect();
        let mut content = Object::new();
        if is_said(&self.role) {
            content.insert("role".to_owned(), self.role);
        }
        content.insert("parts".to_owned(), parts);
        self.rest.insert("index".to_owned(), index.into());
        self.rest.insert("content".to_owned(), Value::Object(content));
        Value::Object(self.rest)
    }
}

impl Part {
    fn continues_with(&self, piece: &Object) -> bool {
        if self.fields.contains_key("text") && piece.contains_key("text") {
            let is_thought = |fields: &Object| fields.get("thought") == Some(&Value::Bool(true));
            return is_thought(&self.fields) == is_thought(piece)
                && !self.fields.contains_key("thoughtSignature");
        }
        piece.contains_key("functionCall") && self.arguments.continue_on()
    }

    fn finish(mut self) -> Value {
        if let Some(Value::Object(call)) = self.fields.get_mut("functionCall") {
            self.arguments.finish(call);
        }
        Value::Object(self.fields)
    }
}

/// Takes what a function call says of arguments in pieces.
fn partial_arguments(part: &mut Object) -> Option<(Vec<Value>, bool)> {
    let Some(Value::Object(call)) = part.get_mut("functionCall") else { return None };
    let will_continue = call.remove("willContinue") == Some(Value::Bool(true));
    Some((array(call, "partialArgs").unwrap_or_default(), will_continue))
}

/// Adds what a chunk says of its sources. Some models send only what is new, others everything again.
fn gather(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(fields), Value::Object(more)) => {
            for (key, value) in more {
                match fields.get_mut(&key) {
                    Some(held) => gather(held, value),
                    None => {
                        fields.insert(key, value);
                    }
                }
            }
        }
        (Value::Array(items), Value::Array(more)) if !more.starts_with(items) => items.extend(more),
        (_, Value::Null) => {}
        (into, more) => *into = more,
    }
}
