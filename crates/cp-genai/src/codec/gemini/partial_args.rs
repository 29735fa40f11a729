//! Arguments of a function call that are streamed in pieces: each piece is a value, or the next part of a text, and the
//! place where it belongs, such as `$.city` or `$.stops[0].name`.
//!
//! Source: `python-genai`, `types.PartialArg`.

use serde_json::Value;

use super::super::fields::{Object, string};

#[derive(Default)]
pub(super) struct Arguments {
    arguments: Value,
    will_continue: bool,
}

impl Arguments {
    /// Takes the pieces of the next part of the call, and whether more parts follow.
    pub(super) fn add(&mut self, pieces: Option<(Vec<Value>, bool)>) {
        let Some((pieces, will_continue)) = pieces else { return };
        self.will_continue = will_continue;
        for piece in pieces {
            if let Value::Object(piece) = piece {
                self.add_piece(piece);
            }
        }
    }

    /// Whether the next function call is the rest of this one.
    pub(super) const fn continue_on(&self) -> bool {
        self.will_continue
    }

    /// Puts the arguments into the call, unless it came with all of them.
    pub(super) fn finish(self, call: &mut Object) {
        if !self.arguments.is_null() && !call.contains_key("args") {
            call.insert("args".to_owned(), self.arguments);
        }
    }

    fn add_piece(&mut self, mut piece: Object) {
        let path = string(&mut piece, "jsonPath").unwrap_or_default();
        let value = ["stringValue", "numberValue", "boolValue"].iter().find_map(|kind| piece.remove(*kind));
        match (place(&mut self.arguments, &path), value.unwrap_or_default()) {
            (Some(Value::String(text)), Value::String(more)) => text.push_str(&more),
            (Some(place), value) => *place = value,
            (None, _) => {}
        }
    }
}

/// The value at a path, made where there is none. None where the path leads through something else.
fn place<'a>(root: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    let mut value = root;
    for step in steps(path) {
        value = match step {
            Step::Field(name) => {
                if value.is_null() {
                    *value = Value::Object(Object::new());
                }
                value.as_object_mut()?.entry(name).or_insert(Value::Null)
            }
            Step::Item(index) => {
                if value.is_null() {
                    *value = Value::Array(Vec::new());
                }
                let items = value.as_array_mut()?;
                // Items come in order: an index far beyond the end is no place.
                if index == items.len() {
                    items.push(Value::Null);
                }
                items.get_mut(index)?
            }
        };
    }
    Some(value)
}

enum Step {
    Field(String),
    Item(usize),
}

/// `$.a.b[0]['c d']`
fn steps(path: &str) -> Vec<Step> {
    let path = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    for (position, piece) in path.split('[').enumerate() {
        let (bracketed, fields) = match piece.split_once(']') {
            Some((inside, fields)) if position > 0 => (Some(inside), fields),
            _ => (None, piece),
        };
        steps.extend(bracketed.map(|inside| {
            inside
                .parse()
                .map_or_else(|_| Step::Field(inside.trim_matches(['\'', '"']).to_owned()), Step::Item)
        }));
        steps.extend(
            fields.split('.').filter(|name| !name.is_empty()).map(|name| Step::Field(name.to_owned())),
        );
    }
    steps
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_fall_into_place() {
        let mut arguments = Arguments::default();
        let pieces = [
            json!({"jsonPath": "$.city", "stringValue": "Zü", "willContinue": true}),
            json!({"jsonPath": "$.city", "stringValue": "rich"}),
            json!({"jsonPath": "$.stops[0].name", "stringValue": "a"}),
            json!({"jsonPath": "$.stops[1]['long name']", "boolValue": true}),
            json!({"jsonPath": "$.stops[9].name", "stringValue": "nowhere"}),
            json!({"jsonPath": "$.city.part", "numberValue": 1}),
            json!({"jsonPath": "$.days", "numberValue": 2}),
            json!({"jsonPath": "$.note", "nullValue": "NULL_VALUE"}),
        ];
        arguments.add(Some((pieces.to_vec(), true)));
        assert!(arguments.continue_on());
        arguments.add(Some((Vec::new(), false)));
        assert!(!arguments.continue_on());
        let mut call = Object::new();
        arguments.finish(&mut call);
        let whole = json!({
            "city": "Zürich", "stops": [{"name": "a"}, {"long name": true}], "days": 2, "note": null,
        });
        assert_eq!(call["args"], whole);
    }
}
