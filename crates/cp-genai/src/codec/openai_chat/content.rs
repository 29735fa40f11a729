//! Content in pieces: text, or parts of which each is in pieces too (Mistral's thinking).

use serde_json::Value;

use super::super::fields::{Object, array, is_said, merge_fields};

#[derive(Default)]
pub(super) struct Content {
    parts: Vec<Value>,
    /// Whether it came as parts, and not as a text alone.
    in_parts: bool,
}

impl Content {
    pub(super) fn add(&mut self, piece: Value) {
        match piece {
            Value::Array(parts) => {
                self.in_parts |= !parts.is_empty();
                parts.into_iter().for_each(|piece| append(&mut self.parts, piece));
            }
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => append(&mut self.parts, part(text)),
            other => {
                self.in_parts = true;
                self.parts.push(other);
            }
        }
    }

    pub(super) fn finish(self) -> Option<Value> {
        let parts = Value::Array(self.parts);
        match parts.pointer("/0/text") {
            Some(text) if !self.in_parts => Some(text.clone()),
            _ => Some(parts).filter(is_said),
        }
    }
}

fn part(text: String) -> Value {
    Value::Object(Object::from_iter([("type".to_owned(), "text".into()), ("text".to_owned(), text.into())]))
}

/// Goes on with the last part where the piece is of the same kind.
fn append(parts: &mut Vec<Value>, piece: Value) {
    let piece = match piece {
        Value::String(text) => part(text),
        piece => piece,
    };
    let kind = |value: &Value| value.get("type").and_then(Value::as_str).map(str::to_owned);
    let goes_on = kind(&piece).filter(|kind| matches!(kind.as_str(), "text" | "thinking"));
    match (parts.last_mut().filter(|last| goes_on.is_some() && kind(last) == goes_on), piece) {
        (Some(Value::Object(last)), Value::Object(mut piece)) => {
            if let Some(Value::Array(held)) = last.get_mut("thinking") {
                array(&mut piece, "thinking").into_iter().flatten().for_each(|item| append(held, item));
            }
            merge_fields(last, piece);
        }
        (_, piece) => parts.push(piece),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(pieces: Value) -> Option<Value> {
        let mut content = Content::default();
        pieces.as_array().unwrap().iter().for_each(|piece| content.add(piece.clone()));
        content.finish()
    }

    #[test]
    fn pieces_of_one_kind_are_one_part() {
        assert_eq!(of(json!(["", "He", null, "llo"])), Some(json!("Hello")));
        assert_eq!(of(json!([null])), None);
        assert_eq!(of(json!([[]])), None);
        let thought =
            |text: &str| json!([{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]);
        let pieces =
            json!(["", thought("Let me"), thought(" see."), "4", "2", [{"type": "text", "text": "!"}]]);
        assert_eq!(
            of(pieces),
            Some(json!([
                {"type": "thinking", "thinking": [{"type": "text", "text": "Let me see."}]},
                {"type": "text", "text": "42!"},
            ]))
        );
        let image = json!({"type": "image_url", "image_url": "u"});
        let text = json!({"type": "text", "text": "a"});
        assert_eq!(of(json!(["a", [image], [image]])), Some(json!([text, image, image])));
        assert_eq!(of(json!([{"odd": 1}])), Some(json!([{"odd": 1}])));
    }
}
