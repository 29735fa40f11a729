//! promptfoo's configuration: its `prompts`.

use cp_wire::{NewPrompt, NewPromptVersion, PromptDetails};
use serde_json::{Map, Value};

use crate::entry::{Entries, Entry, text};
use crate::{Found, ImportError};

pub(crate) fn read(stem: &str, yaml: &str) -> Result<Found, ImportError> {
    let config: Value = serde_saphyr::from_str(yaml).map_err(|error| ImportError::Yaml(Box::new(error)))?;
    let prompts = match config.get("prompts") {
        Some(Value::Array(prompts)) => prompts.clone(),
        Some(Value::String(prompt)) => vec![prompt.as_str().into()],
        _ => return Err(ImportError::NoPrompts),
    };
    let mut entries = Entries::default();
    for (index, prompt) in prompts.into_iter().enumerate() {
        let unnamed = format!("{stem}/{}", index + 1);
        entries.push(format!("prompt {}", index + 1), entry(unnamed, prompt));
    }
    Ok(entries.finish())
}

fn entry(unnamed: String, prompt: Value) -> Result<Entry, String> {
    let (name, said, details) = match prompt {
        Value::String(said) => (unnamed, said, PromptDetails::default()),
        Value::Object(fields) => {
            let said = text(&fields, "raw").or_else(|| text(&fields, "id"));
            let said = said.ok_or("it has no `raw`, the text of the prompt")?;
            let name = text(&fields, "label").or_else(|| text(&fields, "id")).unwrap_or(unnamed);
            let metadata: Map<_, _> = fields.into_iter().filter(|(key, _)| key == "config").collect();
            let metadata = Some(metadata).filter(|metadata| !metadata.is_empty());
            (name, said, PromptDetails { metadata, ..PromptDetails::default() })
        }
        _ => return Err("it is neither a text nor a mapping".to_owned()),
    };
    if is_reference(&said) {
        return Err(format!("it is in another place, `{said}`: import that file"));
    }
    let messages = serde_json::from_str::<Value>(&said).ok().filter(Value::is_array);
    let version =
        NewPromptVersion { content: messages.unwrap_or(said.into()), ..NewPromptVersion::default() };
    Ok(Entry { prompt: NewPrompt { name, version, details }, number: None })
}

/// A name of a file, a program or a prompt elsewhere, which stands where a text can.
fn is_reference(said: &str) -> bool {
    const ENDS: [&str; 9] = [".txt", ".md", ".json", ".yaml", ".yml", ".js", ".ts", ".py", ".j2"];
    let scheme = said.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.chars().all(|letter| letter.is_ascii_alphanumeric())
    });
    !said.contains([' ', '\n']) && (scheme || ENDS.iter().any(|end| said.ends_with(end)))
}
