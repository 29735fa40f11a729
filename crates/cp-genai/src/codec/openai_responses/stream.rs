//! Events of a response, put together to the response.
//!
//! The last event holds the whole response. What came before it counts where a stream was cut off.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::Reassembled;
use super::super::fields::{Object, array, is_said, object, string};

/// An item that is being written.
#[derive(Default)]
struct Item {
    fields: Object,
    content: BTreeMap<u64, Object>,
    summary: BTreeMap<u64, Object>,
}

pub(super) fn reassemble(events: &mut dyn Iterator<Item = Object>) -> Reassembled {
    let mut response = Object::new();
    let mut items = BTreeMap::<u64, Item>::new();
    let mut finished = false;
    for mut event in events {
        let kind = string(&mut event, "type").unwrap_or_default();
        match kind.as_str() {
            "error" => {
                let error = object(&mut event, "error").unwrap_or(event);
                response.insert("error".to_owned(), Value::Object(error));
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                response.extend(object(&mut event, "response").unwrap_or_default());
                finished = true;
            }
            "response.created" | "response.queued" | "response.in_progress" => {
                response.extend(object(&mut event, "response").unwrap_or_default());
            }
            _ => add(&mut items, &kind, event),
        }
    }
    if !response.get("output").is_some_and(is_said) && !items.is_empty() {
        let output = items.into_values().map(Item::finish).collect();
        response.insert("output".to_owned(), Value::Array(output));
    }
    Reassembled { response, finished }
}

/// Adds an event of an item: `response.{what}.{added|delta|done}`.
fn add(items: &mut BTreeMap<u64, Item>, kind: &str, mut event: Object) {
    let Some((what, step)) = kind.strip_prefix("response.").and_then(|kind| kind.rsplit_once('.')) else {
        return;
    };
    let place = |key: &str| event.get(key).and_then(Value::as_u64);
    let Some(item) = place("output_index").map(|index| items.entry(index).or_default()) else { return };
    let (content, summary) = (place("content_index").unwrap_or(0), place("summary_index").unwrap_or(0));
    match what {
        "output_item" => *item = Item::begin(object(&mut event, "item").unwrap_or_default()),
        "content_part" => {
            item.content.insert(content, object(&mut event, "part").unwrap_or_default());
        }
        "reasoning_summary_part" => {
            item.summary.insert(summary, object(&mut event, "part").unwrap_or_default());
        }
        "output_text.annotation" => {
            let annotation = event.remove("annotation").unwrap_or_default();
            let part = item.content.entry(content).or_default();
            if let Value::Array(list) = part.entry("annotations").or_insert_with(|| Value::Array(Vec::new()))
            {
                list.push(annotation);
            }
        }
        "output_text" | "reasoning_text" => {
            write(typed(item.content.entry(content).or_default(), what), "text", step, event);
        }
        "refusal" => write(typed(item.content.entry(content).or_default(), what), "refusal", step, event),
        "reasoning_summary_text" => {
            write(typed(item.summary.entry(summary).or_default(), "summary_text"), "text", step, event);
        }
        "function_call_arguments" | "mcp_call_arguments" => write(&mut item.fields, "arguments", step, event),
        "custom_tool_call_input" => write(&mut item.fields, "input", step, event),
        "code_interpreter_call_code" => write(&mut item.fields, "code", step, event),
        // The state of a tool that the provider runs.
        _ => {}
    }
}

/// A part whose beginning was not seen has the type of its pieces.
fn typed<'a>(part: &'a mut Object, kind: &str) -> &'a mut Object {
    part.entry("type").or_insert_with(|| kind.into());
    part
}

/// Appends a piece of a text, or replaces the pieces by the whole.
fn write(into: &mut Object, key: &str, step: &str, mut event: Object) {
    let (piece, whole) = (string(&mut event, "delta"), string(&mut event, key));
    match (step, into.get_mut(key)) {
        ("delta", Some(Value::String(text))) => text.push_str(&piece.unwrap_or_default()),
        _ => {
            if let Some(text) = piece.or(whole) {
                into.insert(key.to_owned(), text.into());
            }
        }
    }
}

impl Item {
    fn begin(mut fields: Object) -> Self {
        let mut parts = |key| {
            let parts = array(&mut fields, key).into_iter().flatten();
            let objects = parts.filter_map(|part| match part {
                Value::Object(part) => Some(part),
                _ => None,
            });
            (0..).zip(objects).collect()
        };
        let (content, summary) = (parts("content"), parts("summary"));
        Self { fields, content, summary }
    }

    fn finish(mut self) -> Value {
        for (key, parts) in [("content", self.content), ("summary", self.summary)] {
            if !parts.is_empty() {
                let parts = parts.into_values().map(Value::Object).collect();
                self.fields.insert(key.to_owned(), Value::Array(parts));
            }
        }
        Value::Object(self.fields)
    }
}
