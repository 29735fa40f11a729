//! What a prompt's author says of its variables.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::VariableName;
use crate::content::what;
use crate::text::named_values;

/// What a variable holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VariableType {
    /// A text.
    #[default]
    String,
    /// Any number.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A list.
    Array,
    /// Fields with names.
    Object,
    /// Messages, for a placeholder.
    Messages,
}

named_values!(VariableType, VariableTypeParseError, "type of a variable", {
    String = "string",
    Number = "number",
    Integer = "integer",
    Boolean = "boolean",
    Array = "array",
    Object = "object",
    Messages = "messages",
});

impl VariableType {
    /// Whether a value is of this type.
    #[must_use]
    pub fn holds(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Boolean => value.is_boolean(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
            Self::Messages => value.as_array().is_some_and(|items| items.iter().all(Self::is_message)),
        }
    }

    /// Whether a value is a message: an object with a role and a content of whatever kind.
    pub(crate) fn is_message(value: &Value) -> bool {
        value.get("role").is_some_and(Value::is_string) && value.get("content").is_some()
    }
}

/// What a prompt's author says of one of its variables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariableSpec {
    /// What the template calls it.
    pub name: VariableName,
    /// What it holds.
    #[serde(rename = "type", default)]
    pub kind: VariableType,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether whoever renders must give it. A variable with a default need not be given.
    #[serde(default = "yes")]
    pub required: bool,
    /// What stands in where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What it may look like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Value>,
}

const fn yes() -> bool {
    true
}

/// A specification that contradicts itself, or another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableSpecError {
    /// A default of another type.
    #[error("the default of the variable `{name}` is {found}, and its type is {kind}: change one of them")]
    Default {
        /// The variable.
        name: VariableName,
        /// Its type.
        kind: VariableType,
        /// What the default is.
        found: &'static str,
    },
    /// An example of another type.
    #[error("an example of the variable `{name}` is {found}, and its type is {kind}: change one of them")]
    Example {
        /// The variable.
        name: VariableName,
        /// Its type.
        kind: VariableType,
        /// What the example is.
        found: &'static str,
    },
    /// Two of one name.
    #[error("the variable `{0}` is described twice: keep one")]
    Twice(VariableName),
}

impl VariableSpec {
    /// A required text of which nothing else is said.
    #[must_use]
    pub const fn new(name: VariableName) -> Self {
        Self {
            name,
            kind: VariableType::String,
            description: String::new(),
            required: true,
            default: None,
            examples: Vec::new(),
        }
    }

    /// Checks that each agrees with itself, and that none is there twice.
    ///
    /// # Errors
    ///
    /// The first that does not.
    pub fn check_all(specs: &[Self]) -> Result<(), VariableSpecError> {
        for (index, spec) in specs.iter().enumerate() {
            spec.check()?;
            if specs.iter().take(index).any(|earlier| earlier.name == spec.name) {
                return Err(VariableSpecError::Twice(spec.name.clone()));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), VariableSpecError> {
        let (name, kind) = (&self.name, self.kind);
        if let Some(default) = self.default.as_ref().filter(|value| !kind.holds(value)) {
            return Err(VariableSpecError::Default { name: name.clone(), kind, found: what(Some(default)) });
        }
        match self.examples.iter().find(|value| !kind.holds(value)) {
            Some(example) => {
                Err(VariableSpecError::Example { name: name.clone(), kind, found: what(Some(example)) })
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(value: Value) -> VariableSpec {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn types_hold_their_values_alone() {
        let values = [
            (json!("x"), vec![VariableType::String]),
            (json!(1), vec![VariableType::Number, VariableType::Integer]),
            (json!(1.5), vec![VariableType::Number]),
            (json!(true), vec![VariableType::Boolean]),
            (json!([1]), vec![VariableType::Array]),
            (json!({}), vec![VariableType::Object]),
            (json!([{ "role": "user", "content": "x" }]), vec![VariableType::Array, VariableType::Messages]),
            (Value::Null, vec![]),
        ];
        for (value, types) in values {
            let holding = VariableType::ALL.iter().copied().filter(|kind| kind.holds(&value));
            assert_eq!(holding.collect::<Vec<_>>(), types, "{value}");
        }
    }

    #[test]
    fn little_needs_to_be_said() {
        let name: VariableName = "tone".parse().unwrap();
        assert_eq!(spec(json!({ "name": "tone" })), VariableSpec::new(name.clone()));
        let written = serde_json::to_value(VariableSpec::new(name)).unwrap();
        assert_eq!(written, json!({ "name": "tone", "type": "string", "required": true }));
    }

    #[test]
    fn contradictions_are_named() {
        let error = |specs: &[Value]| {
            let specs: Vec<_> = specs.iter().cloned().map(spec).collect();
            VariableSpec::check_all(&specs).unwrap_err().to_string()
        };
        assert_eq!(
            error(&[json!({ "name": "n", "type": "integer", "default": "3" })]),
            "the default of the variable `n` is a string, and its type is integer: change one of them"
        );
        assert!(error(&[json!({ "name": "n", "examples": ["a", 1] })]).starts_with("an example of"));
        let twice = json!({ "name": "n" });
        assert_eq!(error(&[twice.clone(), twice]), "the variable `n` is described twice: keep one");
    }
}
