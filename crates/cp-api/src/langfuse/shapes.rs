//! The JSON of Langfuse's prompts.

use cp_app::library::{Content, Document, Edge, ModelConfig, Part, PromptView, Syntax};
use cp_app::model::PromptVersion;
use cp_base::ProjectId;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Failure;

/// A prompt that is to be made, or a version of one that is there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewPrompt {
    pub(super) name: String,
    #[serde(default)]
    pub(super) r#type: Option<String>,
    pub(super) prompt: Value,
    #[serde(default)]
    pub(super) config: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) labels: Option<Vec<String>>,
    #[serde(default)]
    pub(super) tags: Option<Vec<String>>,
    #[serde(default)]
    pub(super) commit_message: Option<String>,
    /// What `production` was called once.
    #[serde(default)]
    pub(super) is_active: Option<bool>,
}

/// Labels that a version gets.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewLabels {
    pub(super) new_labels: Vec<String>,
}

/// Their longest message of a version, in characters.
const MAX_MESSAGE_CHARACTERS: usize = 500;

impl NewPrompt {
    /// What the version says: names in double braces, as the libraries fill them in.
    pub(super) fn document(&self) -> Result<Document, Failure> {
        let content = Content::try_from(self.prompt.clone()).map_err(Failure::invalid)?;
        let kind = content.kind().as_str();
        let stated = self.r#type.as_deref().unwrap_or("text");
        if kind != stated {
            return Err(Failure::invalid(format_args!("`type` is {stated}, and `prompt` is of type {kind}")));
        }
        let message = self.commit_message.as_deref().unwrap_or_default();
        if message.chars().nth(MAX_MESSAGE_CHARACTERS).is_some() {
            return Err(Failure::invalid("`commitMessage` has 500 characters at most"));
        }
        let config = ModelConfig::from(self.config.clone().unwrap_or_default());
        Ok(Document { syntax: Syntax::Mustache, content, config })
    }
}

/// A version, in their shape. `document` is what it says, put together or not.
pub(super) fn prompt(
    project: ProjectId,
    (view, version): (&PromptView, &PromptVersion),
    document: &Document,
    graph: Option<&[Edge]>,
) -> Value {
    let number = i64::from(version.number.get());
    let labels = labels(view, number);
    json!({
        "id": version.id,
        "createdAt": version.created_at,
        "updatedAt": view.prompt.updated_at,
        "projectId": project,
        "createdBy": version.created_by,
        "name": view.prompt.name,
        "version": number,
        "type": view.prompt.kind,
        "prompt": content(&document.content),
        "config": document.config.as_map(),
        "isActive": labels.iter().any(|label| label == "production"),
        "labels": labels,
        "tags": view.prompt.tags,
        "commitMessage": Some(&version.message).filter(|message| !message.is_empty()),
        "resolutionGraph": graph.filter(|graph| !graph.is_empty()).map(|graph| resolution(view, version, graph)),
    })
}

fn labels(view: &PromptView, number: i64) -> Vec<String> {
    let own = view.labels.iter().filter(|label| i64::from(label.version.get()) == number);
    let latest = (view.prompt.latest == number).then(|| "latest".to_owned());
    own.map(|label| label.name.to_string()).chain(latest).collect()
}

fn content(content: &Content) -> Value {
    let part = |part: &Part| match part {
        Part::Message(message) => {
            let mut fields = message.extra.clone();
            fields.insert("type".to_owned(), "chatmessage".into());
            fields.insert("role".to_owned(), message.role.clone().into());
            fields.insert("content".to_owned(), message.content.clone().into());
            Value::Object(fields)
        }
        Part::Placeholder { name } => json!({ "type": "placeholder", "name": name }),
    };
    match content {
        Content::Text(text) => text.clone().into(),
        Content::Chat(parts) => parts.iter().map(part).collect(),
    }
}

/// Who includes whom, with the version that was asked for as the root.
fn resolution(view: &PromptView, version: &PromptVersion, graph: &[Edge]) -> Value {
    let root = (view.prompt.name.clone(), version.number);
    let mut dependencies: Map<String, Value> = Map::new();
    for edge in graph {
        let (name, number) = edge.from.as_ref().unwrap_or(&root);
        let found = json!({ "name": edge.reference.name, "version": edge.version });
        let from = dependencies.entry(format!("{name}#{number}")).or_insert_with(|| json!([]));
        if let Value::Array(list) = from {
            list.push(found);
        }
    }
    json!({ "root": { "name": root.0, "version": root.1 }, "dependencies": dependencies })
}

/// A prompt of a list, in their shape.
pub(super) fn listed(view: &PromptView, config: &Map<String, Value>) -> Value {
    let labels = view.labels.iter().map(|label| label.name.to_string());
    json!({
        "name": view.prompt.name,
        "type": view.prompt.kind,
        "versions": (1..=view.prompt.latest).collect::<Vec<_>>(),
        "labels": labels.chain(["latest".to_owned()]).collect::<Vec<_>>(),
        "tags": view.prompt.tags,
        "lastUpdatedAt": view.prompt.updated_at,
        "lastConfig": config,
    })
}
