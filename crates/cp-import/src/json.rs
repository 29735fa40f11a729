//! JSON as the interfaces of other platforms answer it: one prompt, a list, or a page.

use serde_json::{Map, Value};

use crate::entry::{Entries, Entry};
use crate::{Format, Found, ImportError, platforms};

/// Under which keys pages keep their entries.
const LISTS: [&str; 6] = ["data", "prompts", "items", "versions", "model_versions", "prompt_versions"];

pub(crate) fn read(format: Format, stem: &str, text: &str) -> Result<Found, ImportError> {
    let json = serde_json::from_str(text).map_err(ImportError::Json)?;
    let mut entries = Entries::default();
    for (index, entry) in list(json).into_iter().enumerate() {
        let read = match entry {
            Value::Object(fields) => one(format, stem, &fields),
            _ => Err("it is no object".to_owned()),
        };
        entries.push(format!("entry {}", index + 1), read);
    }
    Ok(entries.finish())
}

/// Whose answer it is, by the fields of its first entry.
pub(crate) fn format_of(text: &str) -> Option<Format> {
    let entries = list(serde_json::from_str(text).ok()?);
    let fields = entries.first()?.as_object()?;
    let has = |key: &str| fields.contains_key(key);
    if has("prompt_template") {
        Some(Format::Promptlayer)
    } else if has("template_format") || fields.get("version").is_some_and(Value::is_object) {
        Some(Format::Phoenix)
    } else if has("template") || fields.get("tags").is_some_and(platforms::is_mlflow_tags) {
        Some(Format::Mlflow)
    } else if has("prompt") || (has("versions") && has("name")) {
        Some(Format::Langfuse)
    } else {
        None
    }
}

fn one(format: Format, stem: &str, fields: &Map<String, Value>) -> Result<Entry, String> {
    match format {
        Format::Promptlayer => platforms::promptlayer(fields),
        Format::Mlflow => platforms::mlflow(fields),
        Format::Phoenix => platforms::phoenix(stem, fields),
        _ => platforms::langfuse(fields),
    }
}

/// The entries of a list or a page; anything else is one entry.
fn list(json: Value) -> Vec<Value> {
    match json {
        Value::Array(entries) => entries,
        Value::Object(mut fields) => {
            // A prompt in a list of Langfuse's has `versions` too: the numbers of its versions.
            let key = LISTS.into_iter().find(|key| match fields.get(*key) {
                Some(Value::Array(entries)) => entries.iter().all(Value::is_object),
                Some(Value::Object(_)) => *key == "data",
                _ => false,
            });
            match key.and_then(|key| fields.remove(key)) {
                Some(Value::Array(entries)) => entries,
                Some(entry) => vec![entry],
                None => vec![Value::Object(fields)],
            }
        }
        other => vec![other],
    }
}
