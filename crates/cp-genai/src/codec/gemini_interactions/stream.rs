//! Events of an interaction, put together to the interaction.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::Reassembled;
use super::super::fields::{Object, array, count, is_said, merge_fields, object, string};

#[derive(Default)]
struct Stream {
    interaction: Object,
    /// The last totals that came before the interaction's own.
    usage: Object,
    steps: BTreeMap<u64, Step>,
    unknown: Vec<Value>,
}

#[derive(Default)]
struct Step {
    fields: Object,
    content: Vec<Value>,
    summary: Vec<Value>,
    /// The pieces of `arguments`, which are JSON only when they are whole.
    arguments: String,
}

pub(super) fn reassemble(events: &mut dyn Iterator<Item = Object>) -> Reassembled {
    let mut stream = Stream::default();
    for event in events {
        stream.add(event);
    }
    stream.finish()
}

impl Stream {
    fn add(&mut self, mut event: Object) {
        let kind = event.get("event_type").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(usage) = running_total(&mut event) {
            self.usage = usage;
        }
        match kind.as_str() {
            "interaction.created" | "interaction.completed" => {
                let interaction = object(&mut event, "interaction").unwrap_or_default();
                self.interaction.extend(interaction.into_iter().filter(|(_, value)| is_said(value)));
            }
            "interaction.status_update" => {
                let said = ["status", "continuation_token"].iter().filter_map(|key| event.remove_entry(*key));
                self.interaction.extend(said);
            }
            "step.start" => {
                let step = Step::begin(object(&mut event, "step").unwrap_or_default());
                *self.step(&mut event) = step;
            }
            "step.delta" => {
                let delta = object(&mut event, "delta").unwrap_or_default();
                self.step(&mut event).add(delta);
            }
            "step.stop" => {}
            "error" => self.interaction.extend(event.remove_entry("error")),
            _ if event.contains_key("error") => self.interaction.extend(event),
            _ => self.unknown.push(Value::Object(event)),
        }
    }

    fn step(&mut self, event: &mut Object) -> &mut Step {
        self.steps.entry(count(event, "index").unwrap_or(0)).or_default()
    }

    fn finish(mut self) -> Reassembled {
        let status = self.interaction.get("status").and_then(Value::as_str);
        let finished = status.is_some_and(|status| !matches!(status, "queued" | "in_progress"));
        if !self.usage.is_empty() && !self.interaction.contains_key("usage") {
            self.interaction.insert("usage".to_owned(), Value::Object(self.usage));
        }
        if !self.steps.is_empty() && !self.interaction.get("steps").is_some_and(is_said) {
            self.interaction.insert("steps".to_owned(), self.steps.into_values().map(Step::finish).collect());
        }
        if !self.unknown.is_empty() {
            self.interaction.insert("unknown_events".to_owned(), Value::Array(self.unknown));
        }
        Reassembled { response: self.interaction, finished }
    }
}

/// The totals so far: of a status update, of the end of a step, or beside a delta.
fn running_total(event: &mut Object) -> Option<Object> {
    let beside = event.get_mut("metadata").and_then(Value::as_object_mut);
    let beside = beside.and_then(|metadata| object(metadata, "total_usage"));
    beside.or_else(|| object(event, "usage")).filter(|usage| !usage.is_empty())
}

impl Step {
    fn begin(mut fields: Object) -> Self {
        let content = array(&mut fields, "content").unwrap_or_default();
        let summary = array(&mut fields, "summary").unwrap_or_default();
        Self { fields, content, summary, arguments: String::new() }
    }

    fn add(&mut self, mut delta: Object) {
        let kind = string(&mut delta, "type").unwrap_or_default();
        let step = match kind.as_str() {
            "text" | "text_annotation_delta" => {
                add_text(&mut self.content, delta);
                "model_output"
            }
            "image" | "audio" | "document" | "video" => {
                delta.insert("type".to_owned(), kind.as_str().into());
                self.content.push(Value::Object(delta));
                "model_output"
            }
            "thought_summary" => {
                let mut item = object(&mut delta, "content").unwrap_or_default();
                if string(&mut item, "type").is_none_or(|kind| kind == "text") {
                    add_text(&mut self.summary, item);
                }
                "thought"
            }
            "thought_signature" => {
                merge_fields(&mut self.fields, delta);
                "thought"
            }
            "arguments_delta" => {
                self.arguments.push_str(&string(&mut delta, "arguments").unwrap_or_default());
                "function_call"
            }
            kind => {
                merge_fields(&mut self.fields, delta);
                kind
            }
        };
        // Where the start of the step says nothing, the delta tells what it is.
        self.fields.entry("type").or_insert_with(|| step.into());
    }

    fn finish(mut self) -> Value {
        for (key, items) in [("content", self.content), ("summary", self.summary)] {
            if !items.is_empty() {
                self.fields.insert(key.to_owned(), Value::Array(items));
            }
        }
        if !self.arguments.is_empty() {
            let arguments = serde_json::from_str(&self.arguments).unwrap_or(Value::String(self.arguments));
            self.fields.insert("arguments".to_owned(), arguments);
        }
        Value::Object(self.fields)
    }
}

/// Goes on with the text that is last, or begins one.
fn add_text(items: &mut Vec<Value>, piece: Object) {
    match items.last_mut() {
        Some(Value::Object(last)) if last.get("type").is_some_and(|kind| kind == "text") => {
            merge_fields(last, piece);
        }
        _ => {
            let mut text = Object::from_iter([("type".to_owned(), "text".into())]);
            text.extend(piece);
            items.push(Value::Object(text));
        }
    }
}
