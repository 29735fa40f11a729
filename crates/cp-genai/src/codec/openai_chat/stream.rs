//! Chunks of a chat completion, put together to the completion.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::super::Reassembled;
use super::super::fields::{Object, array, count, is_said, merge_fields, object};
use super::content::Content;

#[derive(Default)]
struct Choice {
    message: Object,
    content: Content,
    tool_calls: ToolCalls,
    /// `finish_reason`, `logprobs` and what else stands beside the message.
    rest: Object,
}

#[derive(Default)]
struct ToolCalls {
    /// Each with its index, or else with its place.
    calls: Vec<(u64, Object)>,
    by_index: HashMap<u64, usize>,
}

pub(super) fn reassemble(chunks: &mut dyn Iterator<Item = Object>) -> Reassembled {
    let mut response = Object::new();
    let mut choices = BTreeMap::<u64, Choice>::new();
    for mut chunk in chunks {
        for choice in array(&mut chunk, "choices").into_iter().flatten() {
            if let Value::Object(mut delta) = choice {
                choices.entry(count(&mut delta, "index").unwrap_or(0)).or_default().add(delta);
            }
        }
        // Padding against traffic analysis.
        chunk.remove("obfuscation");
        chunk.retain(|_, value| is_said(value));
        response.extend(chunk);
    }
    let finished = !choices.is_empty()
        && choices.values().all(|choice| choice.rest.get("finish_reason").is_some_and(is_said));
    let choices: Vec<_> = choices.into_iter().map(|(index, choice)| choice.finish(index)).collect();
    if !choices.is_empty() {
        response.insert("choices".to_owned(), Value::Array(choices));
    }
    Reassembled { response, finished }
}

impl Choice {
    fn add(&mut self, mut choice: Object) {
        if let Some(mut delta) = object(&mut choice, "delta") {
            for tool_call in array(&mut delta, "tool_calls").into_iter().flatten() {
                if let Value::Object(piece) = tool_call {
                    self.tool_calls.add(piece);
                }
            }
            self.content.add(delta.remove("content").unwrap_or_default());
            merge_fields(&mut self.message, delta);
        }
        if choice.get("finish_reason").is_some_and(is_said) {
            self.rest.remove("finish_reason");
        }
        merge_fields(&mut self.rest, choice);
    }

    fn finish(mut self, index: u64) -> Value {
        let mut tool_calls = self.tool_calls.calls;
        tool_calls.sort_by_key(|(index, _)| *index);
        if !tool_calls.is_empty() {
            let tool_calls = tool_calls.into_iter().map(|(_, call)| Value::Object(call)).collect();
            self.message.insert("tool_calls".to_owned(), Value::Array(tool_calls));
        }
        self.message.extend(self.content.finish().map(|content| ("content".to_owned(), content)));
        self.rest.insert("index".to_owned(), index.into());
        self.rest.insert("message".to_owned(), Value::Object(self.message));
        Value::Object(self.rest)
    }
}

impl ToolCalls {
    /// Pieces belong together by `index`. Some providers leave it out, and some send 0 for each parallel call: an id
    /// that differs from the one held begins another call, and a piece without either continues the last one.
    fn add(&mut self, mut piece: Object) {
        let index = count(&mut piece, "index");
        let place = match index {
            Some(index) => self.by_index.get(&index).copied(),
            None => self.calls.len().checked_sub(1),
        };
        match place.and_then(|place| self.calls.get_mut(place)) {
            Some((_, call)) if !begins_another(call, &piece) => merge_fields(call, piece),
            _ => {
                if let Some(index) = index {
                    self.by_index.insert(index, self.calls.len());
                }
                let place = u64::try_from(self.calls.len()).unwrap_or(u64::MAX);
                self.calls.push((index.unwrap_or(place), piece));
            }
        }
    }
}

fn begins_another(call: &Object, piece: &Object) -> bool {
    let id = |object: &Object| object.get("id").filter(|id| is_said(id)).cloned();
    match (id(call), id(piece)) {
        (Some(held), Some(new)) => held != new,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tool_calls_stand_in_the_order_of_their_index() {
        let piece = |index: u64, id: &str, arguments: &str| {
            let call = json!({"index": index, "id": id, "function": {"name": "f", "arguments": arguments}});
            json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
        };
        let chunks = [piece(1, "b", "{}"), piece(0, "a", "{"), piece(0, "a", "}")];
        let mut chunks = chunks.into_iter().filter_map(|chunk| chunk.as_object().cloned());
        let response = reassemble(&mut chunks).response;
        let calls = &response["choices"][0]["message"]["tool_calls"];
        assert_eq!((&calls[0]["id"], &calls[0]["function"]["arguments"]), (&json!("a"), &json!("{}")));
        assert_eq!(calls[1]["id"], "b");
    }
}
