//! A value that is valid for a JSON schema, as a model with structured output gives it.
//!
//! Reads what the providers allow in strict schemas: types, `enum`, `const`, `anyOf`, `oneOf`, `allOf`, `$ref` into the
//! same document, common formats, bounds of numbers and arrays. Depth is bounded: a recursive schema ends in `null`.

use serde_json::{Map, Value, json};

use crate::text::{draw, hash, pick};

const MAX_DEPTH: usize = 12;

/// A value for `schema`, a function of both arguments.
pub(crate) fn instance(schema: &Value, seed: u64) -> Value {
    Writer { root: schema, seed }.value(schema, "", 0)
}

struct Writer<'a> {
    root: &'a Value,
    seed: u64,
}

impl Writer<'_> {
    fn value(&self, schema: &Value, name: &str, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(options) = schema.get("enum").and_then(Value::as_array) {
            let options: Vec<Option<&Value>> = options.iter().map(Some).collect();
            return pick(&options, self.seed, hash(name.as_bytes())).cloned().unwrap_or_default();
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return target.map_or(Value::Null, |target| self.value(target, name, depth + 1));
        }
        for union in ["anyOf", "oneOf"] {
            if let Some(first) = schema.get(union).and_then(|options| options.get(0)) {
                return self.value(first, name, depth + 1);
            }
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return self.all_of(parts, name, depth);
        }
        match type_of(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, name, depth),
            "string" => Value::String(self.string(schema, name)),
            "integer" => json!(self.integer(schema, name)),
            "number" => json!(self.number(schema, name)),
            "boolean" => Value::Bool(draw(self.seed, hash(name.as_bytes())).is_multiple_of(2)),
            _ => Value::Null,
        }
    }

    fn all_of(&self, parts: &[Value], name: &str, depth: usize) -> Value {
        let mut merged = Map::new();
        for part in parts {
            match self.value(part, name, depth + 1) {
                Value::Object(fields) => merged.extend(fields),
                other => return other,
            }
        }
        Value::Object(merged)
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let fields = properties.into_iter().flatten();
        Value::Object(
            fields.map(|(name, field)| (name.clone(), self.value(field, name, depth + 1))).collect(),
        )
    }

    fn array(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let Some(item) = schema.get("items") else { return Value::Array(Vec::new()) };
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let most = schema.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let count = 2.max(least).min(most).min(64);
        let items = (0..count).map(|index| {
            let writer = Writer { root: self.root, seed: draw(self.seed, index) };
            writer.value(item, name, depth + 1)
        });
        Value::Array(items.collect())
    }

    fn integer(&self, schema: &Value, name: &str) -> i64 {
        let least = schema.get("minimum").and_then(Value::as_i64);
        let least = least.or_else(|| schema.get("exclusiveMinimum")?.as_i64()?.checked_add(1)).unwrap_or(1);
        let most = schema.get("maximum").and_then(Value::as_i64);
        let most = most.or_else(|| schema.get("exclusiveMaximum")?.as_i64()?.checked_sub(1));
        let span =
            most.unwrap_or_else(|| least.saturating_add(99)).saturating_sub(least).max(0).unsigned_abs();
        let step = draw(self.seed, hash(name.as_bytes())) % span.saturating_add(1);
        least.saturating_add_unsigned(step)
    }

    fn number(&self, schema: &Value, name: &str) -> f64 {
        let least = schema.get("minimum").and_then(Value::as_f64).unwrap_or(0.0);
        let most = schema.get("maximum").and_then(Value::as_f64).unwrap_or(least + 100.0);
        let step = u32::try_from(draw(self.seed, hash(name.as_bytes())) % 101).unwrap_or_default();
        least + (most - least) * f64::from(step) / 100.0
    }

    fn string(&self, schema: &Value, name: &str) -> String {
        let seed = draw(self.seed, hash(name.as_bytes()));
        let (day, hour) = (seed % 28 + 1, seed % 24);
        match schema.get("format").and_then(Value::as_str) {
            Some("date") => format!("2026-10-{day:02}"),
            Some("date-time") => format!("2026-10-{day:02}T{hour:02}:30:00Z"),
            Some("time") => format!("{hour:02}:30:00Z"),
            Some("email") => String::from("first@example.com"),
            Some("uuid") => format!("{:08x}-0000-4000-8000-{:012x}", seed >> 32, seed & 0xffff_ffff_ffff),
            Some("uri") => format!("https://example.com/{day}"),
            _ => plausible(name, seed),
        }
    }
}

fn type_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        // A nullable type, `["string", "null"]`: the first is the interesting one.
        Some(Value::Array(names)) => names.first().and_then(Value::as_str).unwrap_or_default(),
        _ if schema.get("properties").is_some() => "object",
        _ => "",
    }
}

/// A string as the name of its field suggests.
fn plausible(name: &str, seed: u64) -> String {
    let name = name.to_lowercase();
    let choices: &[&str] = match name.as_str() {
        name if name.contains("city") || name.contains("location") => {
            &["Lisbon", "Oslo", "Kraków", "São Paulo"]
        }
        name if name.contains("currency") => &["EUR", "USD", "GBP"],
        name if name.contains("date") => &["2026-10-02", "2026-10-19", "2026-11-05"],
        name if name.contains("path") || name.contains("file") => {
            &["src/cart.py", "src/session.rs", "api/orders.ts"]
        }
        name if name.contains("vendor") || name.contains("company") => {
            &["Northwind", "Fabrikam", "Tailspin Toys"]
        }
        name if name.contains("email") => &["first@example.com", "second@example.org"],
        name if name.contains("name") => &["First Customer", "Second Customer", "Third Cüstomer"],
        name if name.contains("unit") => &["celsius"],
        _ => &["as described in the message", "see the second paragraph", "not stated"],
    };
    pick(choices, seed, 0).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_types_bounds_references_and_unions() {
        let schema = json!({
            "type": "object",
            "$defs": { "line": { "type": "object", "properties": { "quantity": { "type": "integer", "minimum": 3, "maximum": 4 } } } },
            "properties": {
                "city": { "type": "string" },
                "kind": { "enum": ["a", "b"] },
                "fixed": { "const": 7 },
                "maybe": { "anyOf": [{ "type": "boolean" }, { "type": "null" }] },
                "lines": { "type": "array", "items": { "$ref": "#/$defs/line" }, "minItems": 3 },
                "id": { "type": "string", "format": "uuid" },
            },
        });
        let value = instance(&schema, 1);
        assert_eq!(value, instance(&schema, 1));
        assert!(value["city"].is_string() && value["maybe"].is_boolean());
        assert!(["a", "b"].contains(&value["kind"].as_str().unwrap()));
        assert_eq!(value["fixed"], 7);
        assert_eq!(value["id"].as_str().unwrap().len(), 36);
        let lines = value["lines"].as_array().unwrap();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| matches!(line["quantity"].as_i64(), Some(3 | 4))));
    }

    #[test]
    fn a_recursive_schema_ends() {
        let schema = json!({ "type": "object", "properties": { "child": { "$ref": "#" } } });
        assert!(instance(&schema, 0)["child"].is_object());
    }
}
