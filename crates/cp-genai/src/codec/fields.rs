//! Taking a JSON object apart: what is not taken stays in it, and survives.

use serde_json::{Map, Value};

use crate::Part;

pub(super) type Object = Map<String, Value>;

/// Takes a text. A value of another type stays where it is; null is gone.
pub(super) fn string(from: &mut Object, key: &str) -> Option<String> {
    match from.remove(key)? {
        Value::String(text) => Some(text),
        other => put_back(from, key, other),
    }
}

/// Takes a text that is not empty.
pub(super) fn text(from: &mut Object, key: &str) -> Option<String> {
    string(from, key).filter(|text| !text.is_empty())
}

/// Takes an array.
pub(super) fn array(from: &mut Object, key: &str) -> Option<Vec<Value>> {
    match from.remove(key)? {
        Value::Array(items) => Some(items),
        other => put_back(from, key, other),
    }
}

/// Takes an object.
pub(super) fn object(from: &mut Object, key: &str) -> Option<Object> {
    match from.remove(key)? {
        Value::Object(object) => Some(object),
        other => put_back(from, key, other),
    }
}

/// Takes a count.
pub(super) fn count(from: &mut Object, key: &str) -> Option<u64> {
    match from.remove(key)? {
        Value::Number(number) if number.is_u64() => number.as_u64(),
        // Some servers write a whole number as 12.0.
        other => other.as_f64().and_then(whole).or_else(|| put_back(from, key, other)),
    }
}

fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0).then(|| format!("{number:.0}").parse().ok()).flatten()
}

fn put_back<T>(into: &mut Object, key: &str, value: Value) -> Option<T> {
    if !value.is_null() {
        into.insert(key.to_owned(), value);
    }
    None
}

/// Whether a value says anything: nulls and what is empty do not.
pub(super) fn is_said(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// Drops the fields that say nothing.
pub(super) fn keep_said(object: &mut Object) {
    object.retain(|_, value| is_said(value));
}

/// Puts an object that was taken apart back, if anything is left of it.
pub(super) fn put_rest(into: &mut Object, key: &str, mut rest: Object) {
    keep_said(&mut rest);
    if !rest.is_empty() {
        into.insert(key.to_owned(), Value::Object(rest));
    }
}

/// Appends what is left of a part or message as an annotation; see [`Part::Generic`].
pub(super) fn annotate(parts: &mut Vec<Part>, of: &str, mut rest: Object) {
    keep_said(&mut rest);
    if !rest.is_empty() {
        rest.insert("type".to_owned(), "annotation".into());
        rest.insert("of".to_owned(), of.into());
        parts.push(Part::Generic { value: Value::Object(rest) });
    }
}

/// Fields of a streamed object that are sent whole, once or again and again, and never in pieces.
const WHOLE: [&str; 6] = ["id", "type", "role", "name", "index", "format"];

/// Adds a piece of a streamed value: texts and arrays are appended, objects merged, numbers replaced.
pub(super) fn merge(into: &mut Value, piece: Value) {
    match (into, piece) {
        (_, Value::Null) => {}
        (Value::String(text), Value::String(more)) => text.push_str(&more),
        (Value::Array(items), Value::Array(more)) => items.extend(more),
        (Value::Object(fields), Value::Object(more)) => merge_fields(fields, more),
        (into, piece) => *into = piece,
    }
}

/// Adds the pieces of a streamed object.
pub(super) fn merge_fields(into: &mut Object, pieces: Object) {
    for (key, piece) in pieces {
        match into.get_mut(&key) {
            Some(held) if is_said(held) => {
                if !WHOLE.contains(&key.as_str()) {
                    merge(held, piece);
                }
            }
            _ => {
                into.insert(key, piece);
            }
        }
    }
}

/// Vertex AI's path names the place where the model runs, which the price can depend on.
pub(super) fn keep_location(request: &mut Object, path: &str) {
    let place = path.split_once("/locations/").and_then(|(_, rest)| rest.split('/').next());
    if let Some(place) = place {
        request.entry("location").or_insert_with(|| place.into());
    }
}

/// Fields in which a client hands a provider the credential of a third party, such as a tool server's.
const CREDENTIALS: [&str; 4] = ["access_token", "api_key", "authorization", "authorization_token"];

/// Replaces credentials, wherever in the values they stand.
pub(super) fn redact<'a>(values: impl IntoIterator<Item = &'a mut Value>) {
    for value in values {
        match value {
            Value::Array(items) => redact(items),
            Value::Object(fields) => {
                for (key, value) in fields.iter_mut() {
                    if value.is_string() && CREDENTIALS.iter().any(|name| key.eq_ignore_ascii_case(name)) {
                        *value = "REDACTED".into();
                    }
                }
                // What opens a tool server is among the headers that it is sent.
                if fields.get("type").is_some_and(|kind| kind == "mcp")
                    && let Some(Value::Object(headers)) = fields.get_mut("headers")
                {
                    headers.values_mut().for_each(|value| *value = "REDACTED".into());
                }
                redact(fields.values_mut());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_count_is_a_whole_number_however_it_is_written() {
        for (value, taken) in [
            (json!(12), Some(12)),
            (json!(12.0), Some(12)),
            (json!(0.0), Some(0)),
            (json!(12.5), None),
            (json!(-1), None),
            (json!(1e300), None),
            (json!("12"), None),
            (Value::Null, None),
        ] {
            let mut from = Object::from_iter([("n".to_owned(), value.clone())]);
            assert_eq!(count(&mut from, "n"), taken, "{value}");
            let is_kept = taken.is_none() && !value.is_null();
            assert_eq!(from.get("n"), is_kept.then_some(&value), "{value}");
        }
    }

    #[test]
    fn credentials_of_third_parties_are_replaced() {
        let mut servers =
            json!([{"url": "https://h", "authorization_token": "t", "tools": [{"Authorization": "t"}]}]);
        redact([&mut servers]);
        let left = json!([
            {"url": "https://h", "authorization_token": "REDACTED", "tools": [{"Authorization": "REDACTED"}]}
        ]);
        assert_eq!(servers, left);
        let mut server = json!({"type": "mcp", "headers": {"X-Key": "t"}});
        redact([&mut server]);
        assert_eq!(server, json!({"type": "mcp", "headers": {"X-Key": "REDACTED"}}));
        let mut schema = json!({"properties": {"api_key": {"type": "string"}}});
        redact([&mut schema]);
        assert_eq!(schema, json!({"properties": {"api_key": {"type": "string"}}}));
    }
}
