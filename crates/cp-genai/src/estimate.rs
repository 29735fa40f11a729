//! Tokens counted here, where the provider counted none: of a stream without usage, and of one that was cut off or given
//! up, which is charged for all the same.
//!
//! Only with the model's own tokenizer: OpenAI's are known, and of other providers nothing is guessed. What the provider did
//! report stays, and a call that is billed by our counts is told apart by [`UsageSource::Estimated`]. There is no count of
//! what is not there to be counted: input of which the provider remembers a part, content other than text. Text that the
//! model reasoned without showing it is not in the count.
//!
//! Source of the formulas: OpenAI's cookbook, "How to count tokens with tiktoken" (messages, functions); what it says of a
//! function's properties is applied to nested ones too. The provider's own count differs from them by a few tokens a call.

mod tokenizer;

use serde_json::{Map, Value};

use self::tokenizer::Tokenizer;
use crate::{DecodedCall, Message, OperationName, Part, Usage, UsageSource};

/// Fills in what the provider did not count, and marks what it could not finish counting.
pub fn estimate_usage(call: &mut DecodedCall) {
    // The provider goes on without the client, and counts for whoever fetches the end.
    if call.in_background() && call.finish_reasons.is_empty() {
        call.usage = None;
        return;
    }
    let Some(operation) = call.operation_name.filter(|operation| was_answered(*operation, call)) else {
        return;
    };
    let usage = call.usage.clone().unwrap_or_default();
    let known = usage.input_tokens.is_some()
        && (usage.output_tokens.is_some() || operation == OperationName::Embeddings);
    if known {
        // What a stream says of its tokens before its end is the count so far.
        let cut = call.stream && call.finish_reasons.is_empty();
        if let Some(usage) = call.usage.as_mut().filter(|_| cut) {
            usage.source = UsageSource::Estimated;
        }
        return;
    }
    let models = [&call.response_model, &call.request_model];
    let Some(tokenizer) = models.into_iter().flatten().find_map(|model| Tokenizer::of(model)) else { return };
    let mut counter = Counter(tokenizer);
    let counted = Usage {
        input_tokens: usage.input_tokens.or_else(|| counter.input(operation, call)),
        output_tokens: usage.output_tokens.or_else(|| match operation {
            OperationName::Embeddings => None,
            _ => counter.output(&call.output_messages),
        }),
        source: UsageSource::Estimated,
        ..usage.clone()
    };
    if (counted.input_tokens, counted.output_tokens) != (usage.input_tokens, usage.output_tokens) {
        call.usage = Some(counted);
    }
}

fn was_answered(operation: OperationName, call: &DecodedCall) -> bool {
    match operation {
        OperationName::Embeddings => call.error.is_none() && !call.response_extra.is_empty(),
        _ => !call.output_messages.is_empty(),
    }
}

/// Fields that name what the provider remembers, and reads beside what was sent.
const REMEMBERED: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// Counts one call.
struct Counter(Tokenizer);

impl Counter {
    fn input(&mut self, operation: OperationName, call: &DecodedCall) -> Option<u64> {
        let is_remembered = REMEMBERED.iter().any(|key| call.parameters.contains_key(*key));
        if call.input_messages.is_empty() || is_remembered {
            return None;
        }
        if operation != OperationName::Chat {
            return self.output(&call.input_messages);
        }
        let mut tokens = PRIMING + self.functions(&call.tool_definitions)?;
        if !call.system_instructions.is_empty() {
            tokens += PER_MESSAGE + self.text("system")? + self.parts(&call.system_instructions)?;
        }
        for message in &call.input_messages {
            tokens += PER_MESSAGE + self.text(&message.role)? + self.parts(&message.parts)?;
            if let Some(name) = &message.name {
                tokens += PER_NAME + self.text(name)?;
            }
        }
        Some(tokens)
    }

    fn output(&mut self, messages: &[Message]) -> Option<u64> {
        messages.iter().map(|message| self.parts(&message.parts)).sum()
    }

    /// None where a part is something else than text.
    fn parts(&mut self, parts: &[Part]) -> Option<u64> {
        parts.iter().map(|part| self.part(part)).sum()
    }

    fn part(&mut self, part: &Part) -> Option<u64> {
        match part {
            Part::Text { content } | Part::Refusal { content } | Part::Reasoning { content } => {
                self.text(content)
            }
            Part::ToolCall { name, arguments, .. } => Some(self.text(name)? + self.value(arguments)?),
            Part::ToolCallResponse { response, .. } => self.value(response),
            Part::Generic { value } => match value {
                Value::Array(ids) if ids.iter().all(Value::is_u64) => u64::try_from(ids.len()).ok(),
                Value::Object(fields) if said(fields, "type") == "annotation" => Some(0),
                _ => None,
            },
        }
    }

    /// A text, a list of parts, or JSON as the model reads and writes it.
    fn value(&mut self, value: &Value) -> Option<u64> {
        match value {
            Value::Null => Some(0),
            Value::String(text) => self.text(text),
            Value::Array(parts) if parts.iter().any(|part| part.get("type").is_some()) => {
                parts.iter().map(|part| self.text(part.get("text")?.as_str()?)).sum()
            }
            value => self.text(&value.to_string()),
        }
    }

    /// None where a tool is no function.
    fn functions(&mut self, tools: &[Value]) -> Option<u64> {
        if tools.is_empty() {
            return Some(0);
        }
        let tokens: Option<u64> = tools.iter().map(|tool| self.function(tool)).sum();
        Some(tokens? + FUNCTIONS_END)
    }

    fn function(&mut self, tool: &Value) -> Option<u64> {
        if tool.get("type").is_some_and(|kind| kind != "function") {
            return None;
        }
        let function = tool.get("function").unwrap_or(tool).as_object()?;
        let parameters = function.get("parameters").unwrap_or(&Value::Null);
        let line = line(&[said(function, "name"), described(function)]);
        Some(self.0.function_begin() + self.text(&line)? + self.properties(parameters)?)
    }

    fn properties(&mut self, schema: &Value) -> Option<u64> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let Some(properties) = properties.filter(|properties| !properties.is_empty()) else { return Some(0) };
        let mut tokens = PROPERTIES_BEGIN;
        for (name, schema) in properties {
            let Some(property) = schema.as_object() else { continue };
            tokens += PROPERTY + self.text(&line(&[name, &kind(property), described(property)]))?;
            if let Some(values) = property.get("enum").and_then(Value::as_array) {
                for value in values {
                    tokens += ENUM_VALUE + self.value(value)?;
                }
                tokens = tokens.saturating_sub(ENUM_SAVES);
            }
            let items = property.get("items").unwrap_or(&Value::Null);
            tokens += self.properties(schema)? + self.properties(items)?;
        }
        Some(tokens)
    }

    fn text(&mut self, text: &str) -> Option<u64> {
        self.0.count(text)
    }
}

const PRIMING: u64 = 3;
const PER_MESSAGE: u64 = 3;
const PER_NAME: u64 = 1;
const PROPERTIES_BEGIN: u64 = 3;
const PROPERTY: u64 = 3;
const ENUM_SAVES: u64 = 3;
const ENUM_VALUE: u64 = 3;
const FUNCTIONS_END: u64 = 12;

fn said<'a>(fields: &'a Map<String, Value>, key: &str) -> &'a str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A type, or a choice of types.
fn kind(property: &Map<String, Value>) -> String {
    match property.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(kinds) => kinds.to_string(),
        None => String::new(),
    }
}

fn described(fields: &Map<String, Value>) -> &str {
    let text = said(fields, "description");
    text.strip_suffix('.').unwrap_or(text)
}

fn line(words: &[&str]) -> String {
    words.join(":")
}

#[cfg(test)]
mod tests;
