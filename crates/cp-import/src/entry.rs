//! What is common to the formats: an entry becomes a prompt, or it is said why not.

use std::collections::BTreeMap;

use cp_prompt::{Content, Document, ModelConfig, PromptName, Syntax};
use cp_wire::NewPrompt;
use serde_json::{Map, Value};

use crate::{Found, Imported, Skipped};

/// The label that the library moves by itself.
const LATEST: &str = "latest";

/// A prompt that an entry holds, and which version of it that is where the entry says so.
pub(crate) struct Entry {
    pub(crate) prompt: NewPrompt,
    pub(crate) number: Option<i64>,
}

/// What comes of the entries of a file, in their order.
#[derive(Default)]
pub(crate) struct Entries {
    found: Vec<(Option<i64>, Imported)>,
    skipped: Vec<Skipped>,
}

impl Entries {
    /// Takes an entry, unless it is no prompt of the library.
    pub(crate) fn push(&mut self, place: String, entry: Result<Entry, String>) {
        let checked = entry.and_then(|mut entry| {
            entry.prompt.version.labels.retain(|label| label != LATEST);
            document(&entry.prompt)?;
            entry.prompt.name.parse::<PromptName>().map_err(|error| error.to_string())?;
            Ok(entry)
        });
        match checked {
            Ok(Entry { prompt, number }) => self.found.push((number, Imported { place, prompt })),
            Err(why) => self.skipped.push(Skipped { place, why }),
        }
    }

    /// Everything, the versions of a prompt in the order of their numbers where its first one stood.
    pub(crate) fn finish(self) -> Found {
        let mut places = BTreeMap::new();
        for (place, (_, imported)) in self.found.iter().enumerate() {
            places.entry(imported.prompt.name.clone()).or_insert(place);
        }
        let mut found = self.found;
        found.sort_by_key(|(number, imported)| (places.get(&imported.prompt.name).copied(), *number));
        Found { prompts: found.into_iter().map(|(_, imported)| imported).collect(), skipped: self.skipped }
    }
}

/// SHA-256 of what the version says, as the library tells it of its own; `None` where it cannot be a version.
#[must_use]
pub fn digest(prompt: &NewPrompt) -> Option<String> {
    Some(cp_base::hex(&document(prompt).ok()?.digest()))
}

fn document(prompt: &NewPrompt) -> Result<Document, String> {
    let said = &prompt.version;
    let syntax = match &said.syntax {
        Some(name) => name.parse::<Syntax>().map_err(|error| error.to_string())?,
        None => Syntax::default(),
    };
    let content = Content::try_from(said.content.clone()).map_err(|error| error.to_string())?;
    let config =
        ModelConfig::try_from(Value::Object(said.config.clone())).map_err(|error| error.to_string())?;
    Ok(Document { syntax, content, config })
}

/// A text among fields; an empty one is none.
pub(crate) fn text(fields: &Map<String, Value>, key: &str) -> Option<String> {
    fields.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// An object among fields; an empty one where there is none.
pub(crate) fn object(fields: &Map<String, Value>, key: &str) -> Map<String, Value> {
    fields.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The texts of a list among fields.
pub(crate) fn texts(fields: &Map<String, Value>, key: &str) -> Vec<String> {
    let list = fields.get(key).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// `Some` of a list that holds anything.
pub(crate) fn some(list: Vec<String>) -> Option<Vec<String>> {
    Some(list).filter(|list| !list.is_empty())
}
