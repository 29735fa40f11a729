//! Files of prompts, and what the API says of the same.

use cp_prompt::{Document, File};
use cp_wire::{NewPrompt, NewPromptVersion, Prompt, PromptDetails, PromptVersion};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// What a file says of a prompt beside its versions.
const SAID: [&str; 8] =
    ["status", "description", "purpose", "models", "variables", "criteria", "metadata", "tags"];

/// The file of a prompt with a document; it has neither name nor labels.
///
/// # Errors
///
/// Where a later program saved what this one cannot read.
pub fn file(prompt: &Prompt, document: Document) -> Result<File, String> {
    let mut said: Map<String, Value> = converted(prompt)?;
    said.retain(|key, _| SAID.contains(&key.as_str()));
    File::of(said, document).map_err(|error| error.what)
}

/// What a version says.
///
/// # Errors
///
/// Where a later program saved what this one cannot read.
pub fn document(version: &PromptVersion) -> Result<Document, String> {
    let PromptVersion { syntax, content, config, .. } = version;
    converted(&json!({ "syntax": syntax, "content": content, "config": config }))
}

/// What a file says, as a version that is to be saved.
#[must_use]
pub fn version(file: &File) -> NewPromptVersion {
    let Document { syntax, content, config } = file.document.clone();
    NewPromptVersion {
        content: content.into(),
        syntax: Some(syntax.as_str().to_owned()),
        config: config.as_map().clone(),
        labels: file.labels.iter().map(ToString::to_string).collect(),
        ..NewPromptVersion::default()
    }
}

/// What a file says of a prompt, all of it, so that what it leaves out is emptied.
///
/// # Errors
///
/// Where the API cannot say it.
pub fn details(file: &File) -> Result<PromptDetails, String> {
    let details = &file.details;
    Ok(PromptDetails {
        status: Some(file.status.to_string()),
        team: None,
        description: Some(details.description.clone()),
        purpose: Some(details.purpose.clone()),
        models: Some(details.models.clone()),
        variables: Some(converted(&details.variables)?),
        criteria: Some(converted(&details.criteria)?),
        metadata: Some(details.metadata.clone()),
        tags: Some(file.tags.clone()),
    })
}

/// What a file says, as a prompt that is to be made.
///
/// # Errors
///
/// Where the API cannot say it.
pub fn new_prompt(name: String, file: &File) -> Result<NewPrompt, String> {
    Ok(NewPrompt { name, version: version(file), details: details(file)? })
}

/// The types of the API and those of prompts have one JSON form.
fn converted<T: DeserializeOwned>(from: &impl Serialize) -> Result<T, String> {
    let value = serde_json::to_value(from).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}
