//! The attributes of a span, which tracers flatten: objects into names with dots, lists into names with numbers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Attributes by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(pub(crate) BTreeMap<String, Value>);

impl Attributes {
    /// The first of these attributes that is there.
    pub(crate) fn find(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.0.get(*name)).filter(|value| !value.is_null())
    }

    /// The same as a text.
    pub(crate) fn text(&self, names: &[&str]) -> Option<String> {
        match self.find(names)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The same as an object, which may be written as JSON into a text.
    pub(crate) fn object(&self, names: &[&str]) -> Option<Map<String, Value>> {
        match self.find(names).cloned().map(unquoted)? {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    /// What begins with `prefix`, without it.
    pub(crate) fn beginning<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.0
            .range(prefix.to_owned()..)
            .map_while(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
    }

    /// A list that was flattened under `prefix`: each number's fields as an object.
    pub(crate) fn list(&self, prefix: &str) -> Vec<Value> {
        let mut items: BTreeMap<usize, Map<String, Value>> = BTreeMap::new();
        for (rest, value) in self.beginning(prefix) {
            let Some((number, field)) = rest.split_once('.') else { continue };
            let Ok(number) = number.parse() else { continue };
            let field = field.strip_prefix("message.").unwrap_or(field);
            items.entry(number).or_default().insert(field.to_owned(), value.clone());
        }
        items.into_values().map(Value::Object).collect()
    }
}

/// A value that may be written as JSON into a text.
pub(crate) fn unquoted(value: Value) -> Value {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[', '"']) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        value => value,
    }
}
