//! The keys of the front matter.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{File, FileError, FrontMatter};
use crate::{
    Content, Criterion, Details, Kind, LabelName, ModelConfig, PromptName, Status, Syntax, VariableName,
    VariableSpec, VariableType, sorted_tags,
};

/// The keys, in the order in which they are written.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a PromptName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    purpose: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "<[LabelName]>::is_empty")]
    labels: &'a [LabelName],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    models: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    syntax: Option<Syntax>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    config: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variables: Vec<WrittenVariable<'a>>,
    #[serde(skip_serializing_if = "<[Criterion]>::is_empty")]
    criteria: &'a [Criterion],
    #[serde(skip_serializing_if = "Map::is_empty")]
    metadata: &'a Map<String, Value>,
}

/// The keys that are no details: what a version says, and where it goes.
pub(super) const NOT_SAID: [&str; 5] = ["name", "kind", "labels", "syntax", "config"];

impl<'a> Written<'a> {
    pub(super) fn of(file: &'a File) -> Self {
        let File { name, status, tags, details, labels, document } = file;
        Self {
            name: name.as_ref(),
            kind: matches!(document.content, Content::Chat(_)).then_some(Kind::Chat),
            description: &details.description,
            purpose: &details.purpose,
            status: Some(*status).filter(|status| *status != Status::default()),
            tags,
            labels,
            models: &details.models,
            syntax: Some(document.syntax).filter(|syntax| *syntax != Syntax::default()),
            config: document.config.as_map(),
            variables: details.variables.iter().map(WrittenVariable::of).collect(),
            criteria: &details.criteria,
            metadata: &details.metadata,
        }
    }
}

/// A variable, without what goes without saying.
#[derive(Serialize)]
struct WrittenVariable<'a> {
    name: &'a VariableName,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<VariableType>,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    examples: &'a [Value],
}

impl<'a> WrittenVariable<'a> {
    fn of(spec: &'a VariableSpec) -> Self {
        Self {
            name: &spec.name,
            kind: Some(spec.kind).filter(|kind| *kind != VariableType::String),
            description: &spec.description,
            required: (!spec.required).then_some(false),
            default: spec.default.as_ref(),
            examples: &spec.examples,
        }
    }
}

/// Front matter of which each key is taken once.
pub(super) struct Reader<'a> {
    front: FrontMatter<'a>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(front: FrontMatter<'a>) -> Self {
        Self { front }
    }

    /// The value of a key; `None` where it is absent or empty.
    pub(super) fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, FileError> {
        match self.front.fields.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value).map(Some).map_err(|error| self.wrong(key, &error)),
        }
    }

    /// Where a key stands, and what is wrong with it.
    fn wrong(&self, key: &str, error: &dyn std::fmt::Display) -> FileError {
        FileError::at(self.front.line_of(key), 1, format!("`{key}`: {error}"))
    }

    pub(super) fn tags(&mut self) -> Result<Vec<String>, FileError> {
        let tags = self.take("tags")?.unwrap_or_default();
        sorted_tags(tags).map_err(|error| self.wrong("tags", &error))
    }

    pub(super) fn details(&mut self) -> Result<Details, FileError> {
        let details = Details {
            description: self.take("description")?.unwrap_or_default(),
            purpose: self.take("purpose")?.unwrap_or_default(),
            models: self.take("models")?.unwrap_or_default(),
            variables: self.take("variables")?.unwrap_or_default(),
            criteria: self.take("criteria")?.unwrap_or_default(),
            metadata: self.take("metadata")?.unwrap_or_default(),
        };
        let key = |error: &crate::DetailsError| match error {
            crate::DetailsError::Criterion(_) => "criteria",
            _ => "variables",
        };
        details.check().map_err(|error| self.wrong(key(&error), &error))?;
        Ok(details)
    }

    /// The configuration; `model` beside it is short for the one in it.
    pub(super) fn config(&mut self) -> Result<ModelConfig, FileError> {
        let model = self.take::<String>("model")?.map(|model| ("model".to_owned(), model.into()));
        let config = self.take::<Map<String, Value>>("config")?.unwrap_or_default();
        Ok(ModelConfig::from(model.into_iter().chain(config).collect::<Map<_, _>>()))
    }

    /// Nothing is to be left.
    pub(super) fn finish(self) -> Result<(), FileError> {
        let Some(key) = self.front.fields.keys().next() else { return Ok(()) };
        let what = format!("there is no key `{key}`: what is your own goes below `metadata`");
        Err(FileError::at(self.front.line_of(key), 1, what))
    }
}
