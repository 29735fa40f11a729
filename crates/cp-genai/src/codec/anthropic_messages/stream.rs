//! Events of a message, put together to the message.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::super::Reassembled;
use super::super::fields::{Object, count, is_said, merge_fields, object, string};

#[derive(Default)]
struct Stream {
    message: Object,
    usage: Object,
    /// By index, and by how many of the same index began before.
    blocks: BTreeMap<(u64, u32), Block>,
    /// How many of an index began before the one that is being written.
    earlier: HashMap<u64, u32>,
    unknown: Vec<Value>,
    counted: bool,
    stopped: bool,
}

#[derive(Default)]
struct Block {
    fields: Object,
    /// The pieces of `input`, which is JSON only when it is whole.
    input: String,
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
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        match kind.as_str() {
            "message_start" => {
                self.message = object(&mut event, "message").unwrap_or_default();
                self.usage = object(&mut self.message, "usage").unwrap_or_default();
            }
            "content_block_start" => {
                let fields = object(&mut event, "content_block").unwrap_or_default();
                let index = count(&mut event, "index").unwrap_or(0);
                // Some servers give each block the same index: one that begins is another than one that was written.
                if self.block(index).is_begun() {
                    *self.earlier.entry(index).or_default() += 1;
                }
                self.block(index).fields = fields;
            }
            "content_block_delta" => {
                let delta = object(&mut event, "delta").unwrap_or_default();
                self.block(count(&mut event, "index").unwrap_or(0)).add(delta);
            }
            "message_delta" => self.message_delta(event),
            "message_stop" => self.stopped = true,
            "error" => {
                event.remove("type");
                self.message.extend(event);
            }
            "content_block_stop" | "ping" => {}
            _ => self.unknown.push(Value::Object(event)),
        }
    }

    fn block(&mut self, index: u64) -> &mut Block {
        let earlier = self.earlier.get(&index).copied().unwrap_or(0);
        self.blocks.entry((index, earlier)).or_default()
    }

    /// The counts here are running totals, and replace earlier ones.
    fn message_delta(&mut self, mut event: Object) {
        event.remove("type");
        if let Some(usage) = object(&mut event, "usage") {
            self.counted |= usage.get("output_tokens").is_some_and(is_said);
            self.usage.extend(usage.into_iter().filter(|(_, value)| is_said(value)));
        }
        let delta = object(&mut event, "delta").unwrap_or_default();
        self.message.extend(delta.into_iter().chain(event).filter(|(_, value)| is_said(value)));
    }

    fn finish(mut self) -> Reassembled {
        // The count at the beginning is a placeholder: nothing has been written yet.
        if !self.counted {
            self.usage.remove("output_tokens");
        }
        let finished = self.stopped || self.message.get("stop_reason").is_some_and(is_said);
        let mut response = self.message;
        if !self.usage.is_empty() {
            response.insert("usage".to_owned(), Value::Object(self.usage));
        }
        if !self.blocks.is_empty() {
            response.insert("content".to_owned(), self.blocks.into_values().map(Block::finish).collect());
        }
        if !self.unknown.is_empty() {
            response.insert("unknown_events".to_owned(), Value::Array(self.unknown));
        }
        Reassembled { response, finished }
    }
}

impl Block {
    fn is_begun(&self) -> bool {
        !self.fields.is_empty() || !self.input.is_empty()
    }

    fn add(&mut self, mut delta: Object) {
        let kind = string(&mut delta, "type").unwrap_or_default();
        let block_type = match kind.as_str() {
            "text_delta" => "text",
            "thinking_delta" | "signature_delta" => "thinking",
            "input_json_delta" => {
                self.input.push_str(&string(&mut delta, "partial_json").unwrap_or_default());
                "tool_use"
            }
            "citations_delta" => {
                if let Some(citation) = delta.remove("citation") {
                    delta.insert("citations".to_owned(), Value::Array(vec![citation]));
                }
                "text"
            }
            _ => "",
        };
        if !block_type.is_empty() {
            self.fields.entry("type").or_insert_with(|| block_type.into());
        }
        merge_fields(&mut self.fields, delta);
    }

    fn finish(mut self) -> Value {
        if !self.input.is_empty() {
            let input = serde_json::from_str(&self.input).unwrap_or(Value::String(self.input));
            self.fields.insert("input".to_owned(), input);
        }
        Value::Object(self.fields)
    }
}
