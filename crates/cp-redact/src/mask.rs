//! Masking: of each text its length, and nothing of what it says. The structure stays: roles, kinds, names of fields and
//! tools, numbers that steer a model.

use serde_json::{Map, Value};

/// Fields whose short strings are of a provider's making and not of a person's.
const STRUCTURE: [&str; 22] = [
    "type",
    "object",
    "role",
    "status",
    "model",
    "name",
    "id",
    "of",
    "effort",
    "format",
    "verbosity",
    "tool_choice",
    "truncation",
    "service_tier",
    "system_fingerprint",
    "finish_reason",
    "stop_reason",
    "mode",
    "quality",
    "size",
    "encoding_format",
    "media_type",
];

/// The length of a text in characters, in its stead. A mask stays as it is.
#[must_use]
pub fn mask_text(text: &str) -> String {
    let inner = text.strip_prefix("‹text:").and_then(|rest| rest.strip_suffix('›'));
    if inner.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return text.to_owned();
    }
    format!("‹text:{}›", text.chars().count())
}

/// Masks JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masker {
    /// What a person or a model wrote: every string and number.
    Content,
    /// What steers a call or comes beside an answer: every string but the structure's.
    Settings,
}

impl Masker {
    /// Masks a value.
    pub fn value(self, value: &mut Value) {
        match value {
            Value::String(text) => *text = mask_text(text),
            Value::Number(_) if self == Self::Content => *value = Value::from(0),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) => self.fields(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Masks an object's fields.
    pub fn fields(self, fields: &mut Map<String, Value>) {
        for (name, value) in fields.iter_mut() {
            let is_structure = self == Self::Settings
                && STRUCTURE.contains(&name.as_str())
                && value.as_str().is_some_and(is_token);
            if !is_structure {
                self.value(value);
            }
        }
        if self == Self::Content {
            mask_names(fields);
        }
    }
}

/// The name of a field is of whoever wrote the schema, unless it does not look like one.
fn mask_names(fields: &mut Map<String, Value>) {
    let is_name = |name: &str| {
        name.len() <= 64 && !name.bytes().any(|byte| !byte.is_ascii_alphabetic() && byte != b'_')
    };
    let others: Vec<String> = fields.keys().filter(|name| !is_name(name)).cloned().collect();
    for name in others {
        if let Some(value) = fields.remove(&name) {
            fields.insert(mask_text(&name), value);
        }
    }
}

/// A word such as `json_schema` or `gpt-5.2`.
fn is_token(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn structure_stays_and_text_goes() {
        let mut settings =
            json!({"type": "function", "description": "Ann's", "n": 2, "name": "Ann Lee", "tags": ["a"]});
        Masker::Settings.value(&mut settings);
        let masked = json!({"type": "function", "description": "‹text:5›", "n": 2, "name": "‹text:7›", "tags": ["‹text:1›"]});
        assert_eq!(settings, masked);
        let mut content = json!({"type": "a", "age": 47, "is": true, "none": null, "a@b.io": [1]});
        Masker::Content.value(&mut content);
        assert_eq!(content, json!({"type": "‹text:1›", "age": 0, "is": true, "none": null, "‹text:6›": [0]}));
    }

    #[test]
    fn a_mask_stays() {
        assert_eq!(mask_text(&mask_text("naïve")), "‹text:5›");
        assert_eq!(mask_text("‹text:x›"), "‹text:8›");
        assert_eq!(mask_text(""), "‹text:0›");
    }
}
