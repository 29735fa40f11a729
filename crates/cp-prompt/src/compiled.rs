//! A version, ready to be rendered.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::content::what;
use crate::template::{Template, TemplateError, Variable};
use crate::{Content, Document, LimitError, Limits, Part, Position, Values, VariableName, VariableType};

/// A version, ready to be rendered. Cloning it costs nothing.
#[derive(Clone, Debug)]
pub struct Compiled(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    body: Body,
    variables: Vec<Variable>,
}

#[derive(Debug)]
enum Body {
    Text(Template),
    Chat(Vec<Entry>),
}

#[derive(Debug)]
enum Entry {
    Message { role: String, template: Template, extra: Map<String, Value> },
    Placeholder(VariableName),
}

/// Why a version cannot be rendered, whatever it is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A text in it is no template.
    #[error("{}{source}", in_message(*.message))]
    Template {
        /// Which message, counted from 1.
        message: Option<usize>,
        /// What is wrong.
        source: TemplateError,
    },
    /// A name for both.
    #[error("`{0}` names a placeholder and a variable: rename one of them")]
    Clash(VariableName),
    /// Over a limit.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

/// Why a version cannot be rendered with what it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A text in it cannot be rendered.
    #[error("{}{source}", in_message(*.message))]
    Template {
        /// Which message, counted from 1.
        message: Option<usize>,
        /// What is wrong.
        source: TemplateError,
    },
    /// No messages for a placeholder.
    #[error("the placeholder `{0}` was not given: give it messages, or an empty array")]
    Missing(VariableName),
    /// Something else than messages for a placeholder.
    #[error(
        "the placeholder `{name}` takes an array of messages with `role` and `content`, and {got} was given"
    )]
    Placeholder {
        /// The placeholder.
        name: VariableName,
        /// What was given, with its article.
        got: &'static str,
    },
}

fn in_message(message: Option<usize>) -> String {
    message.map_or_else(String::new, |number| format!("message {number}, "))
}

/// What a version says, with values in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Rendered {
    /// A text.
    Text(String),
    /// Messages: their roles and contents, and whatever else they carry.
    Chat(Vec<Value>),
}

impl Compiled {
    /// Parses every text of a version.
    ///
    /// # Errors
    ///
    /// Where one is no template, where one name is that of a variable and of a placeholder, or where there are too many.
    pub fn new(document: &Document) -> Result<Self, CompileError> {
        let parse = |message, source: &str| {
            let wrong = |source| CompileError::Template { message, source };
            Template::parse(document.syntax, source).map_err(wrong)
        };
        let body = match &document.content {
            Content::Text(text) => Body::Text(parse(None, text)?),
            Content::Chat(parts) => {
                let entry = |(index, part): (usize, &Part)| match part {
                    Part::Placeholder { name } => Ok(Entry::Placeholder(name.clone())),
                    Part::Message(message) => Ok(Entry::Message {
                        role: message.role.clone(),
                        template: parse(Some(index + 1), &message.content)?,
                        extra: message.extra.clone(),
                    }),
                };
                Body::Chat(parts.iter().enumerate().map(entry).collect::<Result<_, CompileError>>()?)
            }
        };
        let variables = variables(&body)?;
        Limits::DEFAULT.check_variables(variables.len())?;
        Ok(Self(Arc::new(Parsed { body, variables })))
    }

    /// The variables and placeholders, in the order of their first uses.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.0.variables
    }

    /// Renders it. Messages that are given for a placeholder stand there as they are: what somebody said in a
    /// conversation is no template.
    ///
    /// # Errors
    ///
    /// Where a value is missing or cannot be used so, or where rendering takes too much.
    pub fn render(&self, values: &Values) -> Result<Rendered, RenderError> {
        let entries = match &self.0.body {
            Body::Text(template) => {
                let wrong = |source| RenderError::Template { message: None, source };
                return template.render(values).map(Rendered::Text).map_err(wrong);
            }
            Body::Chat(entries) => entries,
        };
        let mut messages = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            match entry {
                Entry::Placeholder(name) => messages.extend_from_slice(given_messages(name, values)?),
                Entry::Message { role, template, extra } => {
                    let wrong = |source| RenderError::Template { message: Some(index + 1), source };
                    let content = template.render(values).map_err(wrong)?;
                    let mut message = extra.clone();
                    message.insert("role".into(), role.clone().into());
                    message.insert("content".into(), content.into());
                    messages.push(Value::Object(message));
                }
            }
        }
        Ok(Rendered::Chat(messages))
    }
}

fn given_messages<'a>(name: &VariableName, values: &'a Values) -> Result<&'a [Value], RenderError> {
    let given = values.get(name.as_str()).ok_or_else(|| RenderError::Missing(name.clone()))?;
    let wrong = |value| RenderError::Placeholder { name: name.clone(), got: what(Some(value)) };
    let messages = given.as_array().ok_or_else(|| wrong(given))?;
    match messages.iter().find(|message| !VariableType::is_message(message)) {
        Some(other) => Err(wrong(other)),
        None => Ok(messages),
    }
}

/// The variables of every text together.
fn variables(body: &Body) -> Result<Vec<Variable>, CompileError> {
    let entries = match body {
        Body::Text(template) => return Ok(template.variables().to_vec()),
        Body::Chat(entries) => entries,
    };
    let mut together: Vec<Variable> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for entry in entries {
        let of_entry = match entry {
            Entry::Message { template, .. } => template.variables().to_vec(),
            Entry::Placeholder(name) => vec![placeholder(name)],
        };
        for variable in of_entry {
            let place = *places.entry(variable.name.clone()).or_insert(together.len());
            match together.get_mut(place) {
                None => together.push(variable),
                Some(known) => unite(known, variable)?,
            }
        }
    }
    Ok(together)
}

fn placeholder(name: &VariableName) -> Variable {
    Variable {
        name: name.to_string(),
        kind: Some(VariableType::Messages),
        fields: std::collections::BTreeSet::new(),
        optional: false,
        position: Position { line: 1, column: 1 },
    }
}

fn unite(known: &mut Variable, other: Variable) -> Result<(), CompileError> {
    let is_placeholder = |variable: &Variable| variable.kind == Some(VariableType::Messages);
    if is_placeholder(known) != is_placeholder(&other)
        && let Ok(name) = known.name.parse()
    {
        return Err(CompileError::Clash(name));
    }
    known.kind = match (known.kind, other.kind) {
        (Some(one), Some(two)) if one != two => None,
        (one, two) => one.or(two),
    };
    known.optional &= other.optional;
    known.fields.extend(other.fields);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compiled(content: Value) -> Result<Compiled, CompileError> {
        Compiled::new(&serde_json::from_value(json!({ "content": content })).unwrap())
    }

    fn render(content: Value, values: Value) -> Result<Value, String> {
        let Value::Object(values) = values else { panic!("values are an object") };
        let rendered = compiled(content).unwrap().render(&values).map_err(|error| error.to_string())?;
        Ok(serde_json::to_value(rendered).unwrap())
    }

    #[test]
    fn messages_are_rendered_and_placeholders_filled() {
        let content = json!([
            { "role": "system", "content": "Be {{ tone }}.", "cache": true },
            { "type": "placeholder", "name": "history" },
            { "role": "user", "content": "{{ question }}" },
        ]);
        let said = json!([{ "role": "user", "content": "{{ tone }}", "id": 7 }]);
        let values = json!({ "tone": "kind", "question": "Why?", "history": said });
        assert_eq!(
            render(content, values).unwrap(),
            json!([
                { "role": "system", "content": "Be kind.", "cache": true },
                { "role": "user", "content": "{{ tone }}", "id": 7 },
                { "role": "user", "content": "Why?" },
            ])
        );
    }

    #[test]
    fn errors_tell_the_message() {
        let content = json!([{ "role": "system", "content": "" }, { "role": "user", "content": "{{ x }}" }]);
        assert_eq!(render(content, json!({})).unwrap_err(), "message 2, line 1, column 4: `x` was not given");
        let history = json!([{ "type": "placeholder", "name": "history" }]);
        assert_eq!(
            render(history.clone(), json!({})).unwrap_err(),
            "the placeholder `history` was not given: give it messages, or an empty array"
        );
        assert_eq!(
            render(history, json!({ "history": "x" })).unwrap_err(),
            "the placeholder `history` takes an array of messages with `role` and `content`, and a string was given"
        );
    }

    #[test]
    fn variables_of_all_messages_are_told_together() {
        let content = json!([
            { "role": "system", "content": "{{ a|default(1) }}{{ b }}" },
            { "type": "placeholder", "name": "history" },
            { "role": "user", "content": "{{ a }}{% for x in b %}{% endfor %}" },
        ]);
        let compiled = compiled(content).unwrap();
        let told: Vec<_> = compiled
            .variables()
            .iter()
            .map(|variable| (variable.name.as_str(), variable.kind, variable.optional))
            .collect();
        assert_eq!(
            told,
            [
                ("a", None, false),
                ("b", Some(VariableType::Array), false),
                ("history", Some(VariableType::Messages), false)
            ]
        );
    }

    #[test]
    fn a_name_is_a_variable_or_a_placeholder() {
        let content =
            json!([{ "role": "user", "content": "{{ x }}" }, { "type": "placeholder", "name": "x" }]);
        let error = compiled(content).unwrap_err().to_string();
        assert_eq!(error, "`x` names a placeholder and a variable: rename one of them");
    }

    #[test]
    fn variables_are_limited() {
        let many = |count: usize| {
            let text: String = (0..count).map(|number| format!("{{{{ v{number} }}}}")).collect();
            compiled(json!(text)).map(|compiled| compiled.variables().len())
        };
        assert_eq!(many(500), Ok(500));
        assert!(matches!(many(501), Err(CompileError::Limit(LimitError::Variables { variables: 501, .. }))));
    }
}
