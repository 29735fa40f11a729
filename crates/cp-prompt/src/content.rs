//! What a version says to a model: a text or messages, and the model's configuration.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::VariableName;
use crate::text::{named_values, shown};

/// Whether a prompt is one text or a list of messages. A prompt never changes its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// One text.
    Text,
    /// Messages with roles.
    Chat,
}

named_values!(Kind, KindParseError, "kind of prompt", { Text = "text", Chat = "chat" });

/// What a version says. On the wire a string, or an array of [`Part`]s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Value", try_from = "Value")]
pub enum Content {
    /// One text.
    Text(String),
    /// Messages and places for messages, in order.
    Chat(Vec<Part>),
}

/// An entry of a chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Value", try_from = "Value")]
pub enum Part {
    /// A message.
    Message(Message),
    /// A place where whoever renders puts messages, such as the conversation so far.
    Placeholder {
        /// What the place is called.
        name: VariableName,
    },
}

/// A message of a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant` and so on.
    pub role: String,
    /// A template.
    pub content: String,
    /// Every other field, as it came.
    pub extra: Map<String, Value>,
}

/// What is no content of a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Neither a text nor a list.
    #[error("a prompt is a string, or an array of messages: this is {0}")]
    Shape(&'static str),
    /// An entry that is no object.
    #[error("a message is an object with `role` and `content`: this is {0}")]
    NoObject(&'static str),
    /// A message without one of its fields, or with another type in it.
    #[error("a message needs `{field}`, a string: this one has {found} there")]
    Field {
        /// `role`, `content` or `name`.
        field: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A role of no or too many letters.
    #[error("`{0}` is no role: it takes 1 to 64 characters, such as `system`, `user` or `assistant`")]
    Role(String),
    /// A placeholder with another name than it can have.
    #[error("a placeholder's name is that of a variable")]
    Placeholder(#[from] crate::VariableNameError),
    /// An entry, by its place.
    #[error("message {number}: {source}")]
    Entry {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        source: Box<ContentError>,
    },
}

/// What a value is, with its article.
pub(crate) const fn what(value: Option<&Value>) -> &'static str {
    match value {
        None => "nothing",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "a string",
        Some(Value::Array(_)) => "an array",
        Some(Value::Object(_)) => "an object",
    }
}

impl Content {
    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Chat(_) => Kind::Chat,
        }
    }

    /// Every text in it that is a template, in order.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        let (text, parts) = match self {
            Self::Text(text) => (Some(text.as_str()), &[][..]),
            Self::Chat(parts) => (None, parts.as_slice()),
        };
        text.into_iter().chain(parts.iter().filter_map(Part::message).map(|message| message.content.as_str()))
    }

    /// The placeholders, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &VariableName> {
        let parts = match self {
            Self::Text(_) => &[][..],
            Self::Chat(parts) => parts.as_slice(),
        };
        parts.iter().filter_map(|part| match part {
            Part::Message(_) => None,
            Part::Placeholder { name } => Some(name),
        })
    }
}

impl TryFrom<Value> for Content {
    type Error = ContentError;

    fn try_from(value: Value) -> Result<Self, ContentError> {
        match value {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Array(entries) => {
                let part = |(index, entry)| {
                    Part::try_from(entry).map_err(|error: ContentError| ContentError::Entry {
                        number: index + 1,
                        source: Box::new(error),
                    })
                };
                entries.into_iter().enumerate().map(part).collect::<Result<_, _>>().map(Self::Chat)
            }
            other => Err(ContentError::Shape(what(Some(&other)))),
        }
    }
}

impl From<Content> for Value {
    fn from(content: Content) -> Self {
        match content {
            Content::Text(text) => Self::String(text),
            Content::Chat(parts) => Self::Array(parts.into_iter().map(Self::from).collect()),
        }
    }
}

const PLACEHOLDER: &str = "placeholder";
/// What other libraries call a message; it says nothing that the fields don't, and is left out.
const MESSAGE: [&str; 2] = ["message", "chatmessage"];
const MAX_ROLE_CHARACTERS: usize = 64;

impl Part {
    /// The message, where it is one.
    #[must_use]
    pub const fn message(&self) -> Option<&Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Placeholder { .. } => None,
        }
    }
}

impl TryFrom<Value> for Part {
    type Error = ContentError;

    fn try_from(value: Value) -> Result<Self, ContentError> {
        let Value::Object(mut fields) = value else { return Err(ContentError::NoObject(what(Some(&value)))) };
        let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind == PLACEHOLDER {
            let name = take_string(&mut fields, "name")?.parse()?;
            return Ok(Self::Placeholder { name });
        }
        if MESSAGE.contains(&kind) {
            fields.remove("type");
        }
        let role = take_string(&mut fields, "role")?;
        let content = take_string(&mut fields, "content")?;
        Message::new(role, content, fields).map(Self::Message)
    }
}

fn take_string(fields: &mut Map<String, Value>, field: &'static str) -> Result<String, ContentError> {
    match fields.remove(field) {
        Some(Value::String(text)) => Ok(text),
        other => Err(ContentError::Field { field, found: what(other.as_ref()) }),
    }
}

impl From<Part> for Value {
    fn from(part: Part) -> Self {
        let mut fields = Map::new();
        match part {
            Part::Message(message) => {
                fields = message.extra;
                fields.insert("role".into(), message.role.into());
                fields.insert("content".into(), message.content.into());
            }
            Part::Placeholder { name } => {
                fields.insert("type".into(), PLACEHOLDER.into());
                fields.insert("name".into(), name.as_str().into());
            }
        }
        Self::Object(fields)
    }
}

impl Message {
    /// A message; `extra` holds every field that is neither its role nor its content.
    ///
    /// # Errors
    ///
    /// Where the role is empty or too long.
    pub fn new(role: String, content: String, mut extra: Map<String, Value>) -> Result<Self, ContentError> {
        if role.is_empty()
            || role.chars().nth(MAX_ROLE_CHARACTERS).is_some()
            || role.contains(char::is_control)
        {
            return Err(ContentError::Role(shown(&role)));
        }
        extra.remove("role");
        extra.remove("content");
        Ok(Self { role, content, extra })
    }
}

/// The model's configuration: a JSON object, kept as it came. What it says of well-known things can be asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct ModelConfig(Map<String, Value>);

/// A configuration that is no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a prompt's configuration is an object such as {{\"model\": \"gpt-5\"}}: this is {0}")]
pub struct ModelConfigError(&'static str);

/// Parameters of a model that stand beside `model` where there is no `parameters`.
const PARAMETERS: [&str; 16] = [
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "n",
    "presence_penalty",
    "reasoning_effort",
    "seed",
    "stop",
    "stop_sequences",
    "temperature",
    "top_k",
    "top_p",
    "verbosity",
];

impl ModelConfig {
    /// The whole object.
    #[must_use]
    pub const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The model that the prompt is meant for.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.0.get("model").and_then(Value::as_str)
    }

    /// Who offers it.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.0.get("provider").and_then(Value::as_str)
    }

    /// What the model is given beside the messages: the object `parameters`, or the well-known ones that stand beside
    /// `model`.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Value)> {
        let own = self.0.get("parameters").and_then(Value::as_object);
        let beside = own.is_none();
        let fields = own.unwrap_or(&self.0).iter().map(|(name, value)| (name.as_str(), value));
        fields.filter(move |(name, _)| !beside || PARAMETERS.contains(name))
    }

    /// The definitions of tools.
    #[must_use]
    pub fn tools(&self) -> Option<&[Value]> {
        self.0.get("tools").and_then(Value::as_array).map(Vec::as_slice)
    }

    /// The shape that an answer is to have.
    #[must_use]
    pub fn response_format(&self) -> Option<&Value> {
        self.0.get("response_format").filter(|format| !format.is_null())
    }
}

impl From<Map<String, Value>> for ModelConfig {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

impl TryFrom<Value> for ModelConfig {
    type Error = ModelConfigError;

    fn try_from(value: Value) -> Result<Self, ModelConfigError> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            Value::Null => Ok(Self::default()),
            other => Err(ModelConfigError(what(Some(&other)))),
        }
    }
}

impl From<ModelConfig> for Value {
    fn from(config: ModelConfig) -> Self {
        Self::Object(config.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn content_goes_both_ways_and_keeps_what_it_does_not_know() {
        let wire = json!([
            { "role": "system", "content": "Be {{tone}}." },
            { "type": "placeholder", "name": "history" },
            { "role": "assistant", "content": "", "tool_calls": [{ "id": "1" }], "type": "odd" },
        ]);
        let content: Content = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(content.kind(), Kind::Chat);
        assert_eq!(content.templates().collect::<Vec<_>>(), ["Be {{tone}}.", ""]);
        assert_eq!(content.placeholders().map(VariableName::as_str).collect::<Vec<_>>(), ["history"]);
        assert_eq!(serde_json::to_value(&content).unwrap(), wire);
        assert_eq!(serde_json::from_value::<Content>(json!("x")).unwrap(), Content::Text("x".into()));
    }

    #[test]
    fn the_word_that_others_put_on_messages_says_nothing() {
        let named = json!({ "role": "user", "content": "x", "type": "chatmessage" });
        let plain = json!({ "role": "user", "content": "x" });
        assert_eq!(Part::try_from(named), Part::try_from(plain));
    }

    #[test]
    fn errors_tell_the_message_and_the_field() {
        let error = |value: Value| Content::try_from(value).unwrap_err().to_string();
        assert_eq!(error(json!(7)), "a prompt is a string, or an array of messages: this is a number");
        assert_eq!(
            error(json!([{ "role": "user", "content": "" }, { "role": "user", "content": [] }])),
            "message 2: a message needs `content`, a string: this one has an array there"
        );
        assert!(error(json!([{ "role": "", "content": "" }])).contains("is no role"));
        assert!(error(json!([{ "type": "placeholder", "name": "a b" }])).starts_with("message 1: "));
    }

    #[test]
    fn a_configuration_tells_of_the_model() {
        let config = |value| ModelConfig::try_from(value).unwrap();
        let flat = config(json!({ "model": "gpt-5", "provider": "openai", "temperature": 0, "note": 1 }));
        assert_eq!((flat.model(), flat.provider()), (Some("gpt-5"), Some("openai")));
        assert_eq!(flat.parameters().map(|(name, _)| name).collect::<Vec<_>>(), ["temperature"]);
        let nested = config(json!({ "parameters": { "anything": 1 }, "temperature": 0, "tools": [{}] }));
        assert_eq!(nested.parameters().map(|(name, _)| name).collect::<Vec<_>>(), ["anything"]);
        assert_eq!(nested.tools().map(<[Value]>::len), Some(1));
        assert_eq!(nested.response_format(), None);
        assert!(ModelConfig::try_from(json!([])).is_err());
        assert_eq!(config(Value::Null), ModelConfig::default());
    }
}
