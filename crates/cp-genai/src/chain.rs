//! What makes two messages the same message.
//!
//! A client sends the whole conversation with each call. A call continues an earlier one when its messages begin with
//! the messages and the answer of that one. The answer comes back from the client in another dress than it left the
//! provider in: fields set to null, citations and reasoning left out or added, arguments parsed and written again.
//! [`identity_bytes`] is equal for all of these.
//!
//! What counts: the role, the text, refusals, tool calls, tool responses, and other content such as images, in this
//! order. What does not: reasoning, annotations, names, finish reasons, cache marks, white space around the text, and
//! into how many parts the text is divided.

use serde_json::{Number, Value};

use crate::{Message, Part};

/// The canonical form of a message, to be hashed with a keyed digest. Its bytes have no other meaning.
#[must_use]
pub fn identity_bytes(message: &Message) -> Vec<u8> {
    let mut text = String::new();
    let mut refusal = String::new();
    let mut rest = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text { content } => text.push_str(content),
            Part::Refusal { content } => refusal.push_str(content),
            Part::ToolCall { id, name, arguments } => {
                rest.push(("call", id.as_deref(), name.as_str(), arguments));
            }
            Part::ToolCallResponse { id, response } => rest.push(("response", id.as_deref(), "", response)),
            Part::Generic { value } if !is_annotation(value) => rest.push(("other", None, "", value)),
            Part::Reasoning { .. } | Part::Generic { .. } => {}
        }
    }
    let mut out = String::new();
    for field in [message.role.as_str(), text.trim(), refusal.trim()] {
        write_text(&mut out, field);
    }
    for (kind, id, name, value) in rest {
        out.push_str(kind);
        write_text(&mut out, id.unwrap_or_default());
        write_text(&mut out, name);
        match plain_text(value) {
            Some(text) => write_text(&mut out, text.trim()),
            None => write_value(&mut out, value),
        }
    }
    out.into_bytes()
}

fn is_annotation(value: &Value) -> bool {
    value.get("type").and_then(Value::as_str) == Some("annotation")
}

/// The text of a tool response, sent as a string or as a list of text blocks. Nothing, and arguments that are an
/// object without fields, are the empty text: a client may send `{}` for the empty arguments that it received.
fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Object(fields) if fields.is_empty() => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Array(blocks) => blocks.iter().map(block_text).collect(),
        _ => None,
    }
}

fn block_text(block: &Value) -> Option<&str> {
    let is_text = block.get("type").and_then(Value::as_str) == Some("text");
    block.get("text").and_then(Value::as_str).filter(|_| is_text)
}

/// Texts are quoted, so that no two sequences of fields read the same.
fn write_text(out: &mut String, text: &str) {
    out.push_str(&Value::from(text).to_string());
}

/// JSON with sorted keys, without nulls, cache marks and callers, and with whole numbers written as such: a client in
/// JavaScript sends 1 for the 1.0 that it received.
fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Object(fields) => {
            let ignored = |key: &str| matches!(key, "cache_control" | "caller");
            let mut fields: Vec<_> =
                fields.iter().filter(|(key, value)| !value.is_null() && !ignored(key)).collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (key, value) in fields {
                write_text(out, key);
                write_value(out, value);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_value(out, item);
                out.push(',');
            }
            out.push(']');
        }
        Value::Number(number) => out.push_str(&canonical(number)),
        other => out.push_str(&other.to_string()),
    }
}

fn canonical(number: &Number) -> String {
    // Beyond 2⁵³ a float holds no more fractions, and its digits are not exact. Adding zero makes -0 to 0.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => {
            format!("{:.0}", float + 0.0)
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn assistant(parts: Vec<Part>) -> Message {
        Message { role: "assistant".into(), parts, name: None, finish_reason: None }
    }

    fn text(content: &str) -> Part {
        Part::Text { content: content.into() }
    }

    fn call(arguments: Value) -> Message {
        assistant(vec![Part::ToolCall { id: Some("c".into()), name: "f".into(), arguments }])
    }

    #[test]
    fn dress_does_not_matter() {
        let bare = assistant(vec![text("Hello world")]);
        let dressed = Message {
            finish_reason: Some("stop".into()),
            name: Some("bot".into()),
            ..assistant(vec![
                Part::Reasoning { content: "hm".into() },
                text(" Hello "),
                Part::Generic { value: json!({ "type": "annotation", "of": "text", "citations": [1] }) },
                text(""),
                text("world\n"),
            ])
        };
        assert_eq!(identity_bytes(&bare), identity_bytes(&dressed));
    }

    #[test]
    fn arguments_are_compared_by_value() {
        let received = call(serde_json::from_str(r#"{"b": 1.0, "a": {"y": null, "x": "é"}}"#).unwrap());
        let sent_again = call(serde_json::from_str(r#"{"a":{"x":"\u00e9"},"b":1}"#).unwrap());
        assert_eq!(identity_bytes(&received), identity_bytes(&sent_again));
        assert_eq!(identity_bytes(&call(json!(""))), identity_bytes(&call(json!({}))));
        assert_eq!(canonical(&Number::from_f64(-0.0).unwrap()), "0");
    }

    #[test]
    fn what_counts_differs() {
        let image =
            |data: &str| assistant(vec![Part::Generic { value: json!({ "type": "image", "data": data }) }]);
        let messages = [
            assistant(vec![]),
            assistant(vec![text("a")]),
            Message { role: "user".into(), ..assistant(vec![text("a")]) },
            assistant(vec![Part::Refusal { content: "a".into() }]),
            call(json!("")),
            call(json!({ "a": 1 })),
            call(json!({ "a": "1" })),
            call(json!({ "a": 1.5 })),
            image("x"),
            image("y"),
        ];
        for (place, message) in messages.iter().enumerate() {
            for other in &messages[place + 1..] {
                assert_ne!(identity_bytes(message), identity_bytes(other), "{message:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_cache_mark_that_moved_changes_nothing() {
        let result = |response| assistant(vec![Part::ToolCallResponse { id: Some("c".into()), response }]);
        let plain = result(json!("42"));
        let marked =
            result(json!([{ "type": "text", "text": "42", "cache_control": { "type": "ephemeral" } }]));
        assert_eq!(identity_bytes(&plain), identity_bytes(&marked));
    }

    proptest! {
        #[test]
        fn texts_that_differ_are_told_apart(a in "[ab\"\\\\]{0,6}", b in "[ab\"\\\\]{0,6}") {
            let of = |content: &str| identity_bytes(&assistant(vec![text(content)]));
            prop_assert_eq!(a == b, of(&a) == of(&b));
        }
    }
}
