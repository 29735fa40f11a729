//! Query strings.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

/// A query string of the text fields of `parameters`.
pub(crate) fn of(parameters: &impl Serialize) -> String {
    let mut query = String::new();
    append(&mut query, parameters);
    query
}

/// Appends the text fields of `parameters` that are there to a query string, percent-encoded (RFC 3986).
pub(crate) fn append(query: &mut String, parameters: &impl Serialize) {
    let Ok(Value::Object(fields)) = serde_json::to_value(parameters) else { return };
    for (name, value) in fields {
        let Value::String(value) = value else { continue };
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(&name);
        query.push('=');
        query.push_str(&encoded(&value));
    }
}

/// The text, percent-encoded (RFC 3986): for a value of a query, and for a segment of a path.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use cp_wire::{CallQuery, PageQuery};

    use super::*;

    #[test]
    fn what_is_there_is_encoded_and_the_rest_left_out() {
        let mut query = String::new();
        append(&mut query, &CallQuery { text: Some("a b&c=é".to_owned()), ..CallQuery::default() });
        append(&mut query, &PageQuery { limit: Some("5".to_owned()), after: None });
        assert_eq!(query, "?text=a%20b%26c%3D%C3%A9&limit=5");
    }
}
