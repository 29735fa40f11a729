//! What a prompt is rendered with, held against what its author and its template say of the variables.

use std::fmt;

use serde_json::{Map, Value};

use crate::content::what;
use crate::template::{Variable, nearest};
use crate::{VariableName, VariableSpec, VariableType};

/// What a prompt is rendered with: variables and placeholders by name.
pub type Values = Map<String, Value>;

/// A value that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not given.
    #[error("`{0}` was not given, and has no default")]
    Missing(VariableName),
    /// Of another type.
    #[error("`{name}` is to be of type {wanted}, and {got} was given")]
    Type {
        /// The variable.
        name: VariableName,
        /// Its type.
        wanted: VariableType,
        /// What was given, with its article.
        got: &'static str,
    },
    /// Used nowhere.
    #[error("the prompt has no variable `{name}`{}", perhaps(.nearest.as_deref()))]
    Unknown {
        /// What was given.
        name: String,
        /// One that was perhaps meant.
        nearest: Option<String>,
    },
}

fn perhaps(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(": did you mean `{nearest}`?"))
}

/// Every value that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueErrors(pub Vec<ValueError>);

impl fmt::Display for ValueErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ValueErrors {}

/// Checks what is given, and adds the defaults. `variables` are those that the prompt uses, and `specs` what is said of
/// them; a variable of which nothing is said may be anything, and is missed by the template where it needs it.
///
/// # Errors
///
/// Everything that does not fit.
pub fn check_values(
    specs: &[VariableSpec],
    variables: &[Variable],
    mut values: Values,
) -> Result<Values, ValueErrors> {
    let mut errors = Vec::new();
    for spec in specs {
        let name = spec.name.as_str();
        match (values.get(name), &spec.default) {
            (Some(Value::Null), _) if !spec.required => {}
            (Some(value), _) if spec.kind.holds(value) => {}
            (Some(value), _) => errors.push(ValueError::Type {
                name: spec.name.clone(),
                wanted: spec.kind,
                got: what(Some(value)),
            }),
            (None, Some(default)) => {
                values.insert(name.to_owned(), default.clone());
            }
            (None, None) if spec.required && variables.iter().any(|variable| variable.name == name) => {
                errors.push(ValueError::Missing(spec.name.clone()));
            }
            // The author says that it need not be given, so that it is nothing where it is not.
            (None, None) if variables.iter().any(|variable| variable.name == name && !variable.optional) => {
                values.insert(name.to_owned(), Value::Null);
            }
            (None, None) => {}
        }
    }
    let known = || {
        let specified = specs.iter().map(|spec| spec.name.as_str());
        variables.iter().map(|variable| variable.name.as_str()).chain(specified)
    };
    let is_known: std::collections::HashSet<&str> = known().collect();
    for name in values.keys().filter(|name| !is_known.contains(name.as_str())) {
        errors.push(ValueError::Unknown { name: crate::text::shown(name), nearest: nearest(name, known()) });
    }
    if errors.is_empty() { Ok(values) } else { Err(ValueErrors(errors)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Syntax, Template};

    fn check(specs: Value, source: &str, values: Value) -> Result<Value, String> {
        let specs: Vec<VariableSpec> = serde_json::from_value(specs).unwrap();
        let template = Template::parse(Syntax::Jinja, source).unwrap();
        let Value::Object(values) = values else { panic!("values are an object") };
        check_values(&specs, template.variables(), values)
            .map(Value::Object)
            .map_err(|errors| errors.to_string())
    }

    #[test]
    fn every_value_that_does_not_fit_is_named() {
        let specs = json!([{ "name": "count", "type": "integer" }, { "name": "tone" }]);
        assert_eq!(
            check(specs, "{{ count }}{{ tone }}{{ x }}", json!({ "count": "3", "tine": 1 })).unwrap_err(),
            "`count` is to be of type integer, and a string was given; `tone` was not given, and has no default; \
             the prompt has no variable `tine`: did you mean `tone`?"
        );
    }

    #[test]
    fn defaults_stand_in() {
        let specs = json!([
            { "name": "tone", "default": "calm" },
            { "name": "note", "required": false },
            { "name": "unused" },
        ]);
        let checked = check(specs, "{{ tone }}{{ note }}", json!({})).unwrap();
        assert_eq!(checked, json!({ "tone": "calm", "note": null }));
    }
}
