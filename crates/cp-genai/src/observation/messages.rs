//! What was said, in the forms that tracers write it in: a text, messages as OpenAI and most others write them, messages of
//! OpenTelemetry's GenAI conventions, or whatever a program hands its tracer.

use serde_json::{Map, Value};

use crate::codec::chat_message;
use crate::{Message, Part};

/// Messages, and the tools that stood beside them.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) messages: Vec<Message>,
    pub(super) tools: Vec<Value>,
}

impl Said {
    /// Reads what was said; `role` said it where nobody is named.
    pub(super) fn read(value: Option<Value>, role: &str) -> Self {
        match value {
            None | Some(Value::Null) => Self::default(),
            Some(Value::String(text)) => match structured(&text) {
                Some(value) => Self::read(Some(value), role),
                None => Self::one(role, Part::Text { content: text }),
            },
            Some(Value::Array(items)) if items.iter().any(is_message) => {
                let messages = items.into_iter().map(|item| message(item, role)).collect();
                Self { messages, tools: Vec::new() }
            }
            Some(Value::Array(items)) if !items.is_empty() && items.iter().all(is_part) => {
                let parts = items.into_iter().map(part).collect();
                Self { messages: vec![plain(role, parts)], tools: Vec::new() }
            }
            Some(Value::Object(fields)) => Self::of_object(fields, role),
            Some(value) => Self::one(role, Part::Generic { value }),
        }
    }

    fn of_object(mut fields: Map<String, Value>, role: &str) -> Self {
        let has_messages = fields
            .get("messages")
            .is_some_and(|messages| messages.as_array().is_some_and(|list| list.iter().any(is_message)));
        if has_messages {
            let mut said = Self::read(fields.remove("messages"), role);
            if let Some(Value::Array(tools)) = fields.remove("tools") {
                said.tools = tools;
            }
            return said;
        }
        let value = Value::Object(fields);
        if is_message(&value) {
            return Self { messages: vec![message(value, role)], tools: Vec::new() };
        }
        Self::one(role, Part::Generic { value })
    }

    fn one(role: &str, part: Part) -> Self {
        Self { messages: vec![plain(role, vec![part])], tools: Vec::new() }
    }
}

/// Messages that were written as JSON into a text; a text that merely reads as JSON stays one.
fn structured(text: &str) -> Option<Value> {
    if !text.trim_start().starts_with(['[', '{']) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let has_messages = match &value {
        Value::Array(items) => {
            items.iter().any(is_message) || (!items.is_empty() && items.iter().all(is_part))
        }
        Value::Object(fields) => fields.contains_key("messages") || is_message(&value),
        _ => false,
    };
    has_messages.then_some(value)
}

fn plain(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.to_owned(), parts, name: None, finish_reason: None }
}

fn is_message(value: &Value) -> bool {
    value.get("role").is_some_and(Value::is_string)
        && ["content", "parts", "tool_calls", "function_call", "refusal"]
            .iter()
            .any(|field| value.get(field).is_some())
}

/// A part of the conventions, without a message around it.
fn is_part(value: &Value) -> bool {
    value.get("type").is_some_and(Value::is_string)
        && ["content", "text", "response", "arguments"].iter().any(|field| value.get(field).is_some())
}

fn message(value: Value, role: &str) -> Message {
    match value {
        Value::Object(mut fields) if fields.get("parts").is_some_and(Value::is_array) => {
            let parts = match fields.remove("parts") {
                Some(Value::Array(parts)) => parts.into_iter().map(part).collect(),
                _ => Vec::new(),
            };
            let mut text = |name: &str| match fields.remove(name) {
                Some(Value::String(text)) => Some(text),
                _ => None,
            };
            Message {
                role: text("role").unwrap_or_else(|| role.to_owned()),
                parts,
                name: text("name"),
                finish_reason: text("finish_reason"),
            }
        }
        value @ Value::Object(_) => {
            let mut message = chat_message(value);
            if message.role.is_empty() {
                role.clone_into(&mut message.role);
            }
            message
        }
        value => plain(role, vec![Part::Generic { value }]),
    }
}

/// A part as the conventions write it, which is as ours is written; anything else is kept as it is.
fn part(value: Value) -> Part {
    if let (Some("text"), Some(text)) =
        (value.get("type").and_then(Value::as_str), value.get("text").and_then(Value::as_str))
    {
        return Part::Text { content: text.to_owned() };
    }
    match serde_json::from_value(value.clone()) {
        Ok(Part::Generic { .. }) | Err(_) => Part::Generic { value },
        Ok(part) => part,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Vec<(String, Vec<Part>)> {
        Said::read(Some(value), "user").messages.into_iter().map(|said| (said.role, said.parts)).collect()
    }

    fn text(content: &str) -> Part {
        Part::Text { content: content.to_owned() }
    }

    fn one(role: &str, part: Part) -> Vec<(String, Vec<Part>)> {
        vec![(role.to_owned(), vec![part])]
    }

    #[test]
    fn each_form_is_read() {
        assert_eq!(read(json!("hi")), one("user", text("hi")));
        assert_eq!(read(json!("{\"city\": \"Lima\"}")), one("user", text("{\"city\": \"Lima\"}")));
        assert_eq!(
            read(json!([{ "role": "system", "content": "Be brief." }])),
            one("system", text("Be brief."))
        );
        assert_eq!(read(json!("[{\"role\": \"tool\", \"parts\": []}]")), [("tool".to_owned(), Vec::new())]);
        let parts = json!([{ "role": "assistant", "parts": [{ "type": "text", "content": "yes" }] }]);
        assert_eq!(read(parts), one("assistant", text("yes")));
        assert_eq!(read(json!([{ "type": "text", "content": "Be brief." }])), one("user", text("Be brief.")));
        assert_eq!(read(json!({ "role": "assistant", "content": "yes" })), one("assistant", text("yes")));
        assert_eq!(
            read(json!({ "city": "Lima" })),
            one("user", Part::Generic { value: json!({ "city": "Lima" }) })
        );
        assert_eq!(read(json!([1, 2])), one("user", Part::Generic { value: json!([1, 2]) }));
        assert_eq!(read(Value::Null), []);
        let uri = json!({ "type": "uri", "uri": "https://x.example/a.png", "content": "" });
        let with_image = json!([{ "role": "user", "parts": [uri] }]);
        assert_eq!(read(with_image), one("user", Part::Generic { value: uri }));
    }

    #[test]
    fn tool_calls_and_tools_are_found() {
        let call =
            json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{\"a\": 1}" } });
        let asked = json!({ "messages": [{ "role": "assistant", "tool_calls": [call] }], "tools": [{ "name": "f" }] });
        let said = Said::read(Some(asked), "user");
        assert_eq!(said.tools, [json!({ "name": "f" })]);
        let part =
            Part::ToolCall { id: Some("c1".to_owned()), name: "f".to_owned(), arguments: json!({ "a": 1 }) };
        assert_eq!(said.messages[0].parts, [part]);
    }
}
