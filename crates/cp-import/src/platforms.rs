//! What an entry says, platform by platform.

use cp_wire::{NewPrompt, NewPromptVersion, PromptDetails};
use serde_json::{Map, Value, json};

use crate::entry::{Entry, object, some, text, texts};
use crate::fstring;

type Fields = Map<String, Value>;

/// Langfuse: `prompt` is a text or messages, with `{{name}}` in them.
pub(crate) fn langfuse(fields: &Fields) -> Result<Entry, String> {
    let name = text(fields, "name").ok_or("it has no `name`")?;
    let content = fields.get("prompt").cloned().ok_or_else(|| {
        format!("`{name}` comes without what it says: export each version of it, not the list of names")
    })?;
    let version = NewPromptVersion {
        content,
        syntax: Some("mustache".to_owned()),
        config: object(fields, "config"),
        message: text(fields, "commitMessage").unwrap_or_default(),
        parent: None,
        labels: texts(fields, "labels"),
    };
    let details = PromptDetails { tags: some(texts(fields, "tags")), ..PromptDetails::default() };
    Ok(Entry { prompt: NewPrompt { name, version, details }, number: number(fields) })
}

/// PromptLayer: a template of messages or of one text, in Python's syntax unless it says another.
pub(crate) fn promptlayer(fields: &Fields) -> Result<Entry, String> {
    let name =
        text(fields, "prompt_name").or_else(|| text(fields, "name")).ok_or("it has no `prompt_name`")?;
    let template = object(fields, "prompt_template");
    let (content, syntax) = match (template.get("messages"), template.get("content")) {
        (Some(Value::Array(messages)), _) => {
            let format = messages.iter().find_map(|message| message.get("template_format")?.as_str());
            chat(messages, format.unwrap_or("f-string"))?
        }
        (_, Some(said)) => {
            let format = text(&template, "template_format");
            translated(flat(said)?, format.as_deref().unwrap_or("f-string"))?
        }
        _ => return Err("its `prompt_template` has neither `messages` nor `content`".to_owned()),
    };
    let model = object(&object(fields, "metadata"), "model");
    let version = NewPromptVersion {
        content,
        syntax: Some(syntax.to_owned()),
        config: config(text(&model, "name"), object(&model, "parameters")),
        message: text(fields, "commit_message").unwrap_or_default(),
        parent: None,
        labels: Vec::new(),
    };
    let details = PromptDetails { tags: some(texts(fields, "tags")), ..PromptDetails::default() };
    Ok(Entry { prompt: NewPrompt { name, version, details }, number: number(fields) })
}

/// MLflow: a `template`, or a version of a registered model whose tags hold it.
pub(crate) fn mlflow(fields: &Fields) -> Result<Entry, String> {
    const TEXT: &str = "mlflow.prompt.text";
    let name = text(fields, "name").ok_or("it has no `name`")?;
    let template = fields.get("template").cloned().or_else(|| tag(fields, TEXT).map(Value::from));
    let template =
        template.ok_or_else(|| format!("`{name}` has no template: it is a model, not a prompt"))?;
    // A tag holds messages as JSON.
    let parsed = template.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let content = match parsed.filter(Value::is_array).unwrap_or(template) {
        Value::Array(messages) => chat(&messages, "mustache")?.0,
        other => other,
    };
    let aliases = fields.get("aliases").and_then(Value::as_array).into_iter().flatten();
    let aliases = aliases.filter_map(|alias| alias.as_str().or_else(|| alias.get("alias")?.as_str()));
    let message = text(fields, "commit_message").or_else(|| text(fields, "description"));
    let version = NewPromptVersion {
        content,
        syntax: Some("mustache".to_owned()),
        config: config(None, object(fields, "model_config")),
        message: message.unwrap_or_default(),
        parent: None,
        labels: aliases.map(str::to_owned).collect(),
    };
    Ok(Entry {
        prompt: NewPrompt { name, version, details: PromptDetails::default() },
        number: number(fields),
    })
}

/// Phoenix: a version, alone or beside its prompt.
pub(crate) fn phoenix(stem: &str, fields: &Fields) -> Result<Entry, String> {
    let (prompt, nested) = (object(fields, "prompt"), object(fields, "version"));
    let version = if nested.is_empty() { fields } else { &nested };
    let name = text(&prompt, "name").or_else(|| text(fields, "name")).unwrap_or_else(|| stem.to_owned());
    let template = version.get("template").ok_or_else(|| {
        format!("`{name}` comes without a version: export its versions, not the list of prompts")
    })?;
    let format = text(version, "template_format").unwrap_or_default();
    let (content, syntax) = match template.get("messages").and_then(Value::as_array) {
        Some(messages) => chat(messages, &format)?,
        None => translated(flat(template.get("template").unwrap_or(template))?, &format)?,
    };
    let given = object(version, "invocation_parameters");
    let parameters = match text(&given, "type") {
        Some(kind) => object(&given, &kind),
        None => given,
    };
    let made = NewPromptVersion {
        content,
        syntax: Some(syntax.to_owned()),
        config: config(text(version, "model_name"), parameters),
        message: text(version, "description").unwrap_or_default(),
        parent: None,
        labels: Vec::new(),
    };
    let details = PromptDetails { description: text(&prompt, "description"), ..PromptDetails::default() };
    Ok(Entry { prompt: NewPrompt { name, version: made, details }, number: None })
}

/// Whether tags are MLflow's, and say that this is a prompt.
pub(crate) fn is_mlflow_tags(tags: &Value) -> bool {
    let says = |key: &str| key.starts_with("mlflow.prompt");
    match tags {
        Value::Array(tags) => tags.iter().any(|tag| tag.get("key").and_then(Value::as_str).is_some_and(says)),
        Value::Object(tags) => tags.keys().any(|key| says(key)),
        _ => false,
    }
}

/// A tag of MLflow's, which are an object, or a list of keys and values.
fn tag(fields: &Fields, key: &str) -> Option<String> {
    match fields.get("tags")? {
        Value::Object(tags) => text(tags, key),
        Value::Array(tags) => {
            let found = tags.iter().find(|tag| tag.get("key").and_then(Value::as_str) == Some(key))?;
            found.get("value")?.as_str().map(str::to_owned)
        }
        _ => None,
    }
}

fn number(fields: &Fields) -> Option<i64> {
    let number = fields.get("version").or_else(|| fields.get("version_number"))?;
    number.as_i64().or_else(|| number.as_str()?.parse().ok())
}

fn config(model: Option<String>, parameters: Fields) -> Fields {
    let mut config = parameters;
    config.retain(|_, value| !value.is_null());
    if let Some(model) = model {
        config.insert("model".to_owned(), model.into());
    }
    config
}

/// Messages whose contents are texts, or lists of texts.
fn chat(messages: &[Value], format: &str) -> Result<(Value, &'static str), String> {
    let mut said = Vec::new();
    let mut syntax = "mustache";
    for (index, message) in messages.iter().enumerate() {
        let at = |why: String| format!("message {}: {why}", index + 1);
        let field = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
        if field("role") == "placeholder" || field("type") == "placeholder" {
            said.push(json!({ "type": "placeholder", "name": field("name") }));
            continue;
        }
        let calls = message.get("tool_calls").and_then(Value::as_array);
        if calls.is_some_and(|calls| !calls.is_empty()) {
            return Err(at("it calls tools, which a template cannot say".to_owned()));
        }
        let content = flat(message.get("content").unwrap_or(&Value::Null));
        let (content, found) = content.and_then(|text| translated(text, format)).map_err(at)?;
        syntax = found;
        let role = match field("role").to_ascii_lowercase().as_str() {
            "ai" | "model" => "assistant".to_owned(),
            other => other.to_owned(),
        };
        said.push(json!({ "role": role, "content": content }));
    }
    Ok((said.into(), syntax))
}

/// The text of a content that may be a list of parts; other parts than texts have no place in a template.
fn flat(content: &Value) -> Result<String, String> {
    let part = |part: &Value| match part.get("text")? {
        Value::String(text) => Some(text.clone()),
        Value::Object(inner) => text(inner, "text"),
        _ => None,
    };
    let parts = match content {
        Value::String(text) => return Ok(text.clone()),
        Value::Array(parts) => parts.iter().map(part).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    parts.map(|parts| parts.concat()).ok_or_else(|| "it holds more than texts".to_owned())
}

/// A text in a syntax of the library.
fn translated(text: String, format: &str) -> Result<(Value, &'static str), String> {
    match format.to_ascii_lowercase().replace('_', "-").as_str() {
        "f-string" => Ok((fstring::to_mustache(&text)?.into(), "mustache")),
        "jinja2" | "jinja" => Ok((text.into(), "jinja")),
        "none" => Ok((text.into(), "none")),
        "mustache" | "" => Ok((text.into(), "mustache")),
        other => Err(format!("its template format `{other}` is none that the library has")),
    }
}
