//! What a folder and the library agreed on last: `.codepromptu/state.json` in the folder, a line a prompt, so that version
//! control merges it. It belongs to the files, and is kept with them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use cp_base::{Digest, PromptId};
use cp_prompt::{Document, File, VersionNumber};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::decide::Said;
use super::files;
use crate::output::Failure;

/// The file, below the folder.
pub(super) const FILE: &str = ".codepromptu/state.json";
const FORMAT: u32 = 1;

/// What a folder and the library agreed on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    /// The folder of the library that it holds; all of it without one.
    pub(super) prefix: Option<String>,
    /// By the prompts' ids, which stay when they are renamed.
    pub(super) prompts: BTreeMap<PromptId, Agreed>,
}

/// What was agreed on for a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Agreed {
    /// Its name, and so its file.
    pub(super) name: String,
    /// The version that the file says.
    pub(super) version: VersionNumber,
    /// The newest one at that time: a file that goes back to what an earlier version says makes no new one.
    pub(super) latest: i64,
    /// Of the document, in hexadecimal digits.
    digest: String,
    /// What the front matter said beside the document.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) said: Map<String, Value>,
}

impl Agreed {
    pub(super) fn new(name: String, file: &File, (version, latest): (VersionNumber, i64)) -> Self {
        let digest = cp_base::hex(&file.document.digest());
        Self { name, version, latest, digest, said: file.said() }
    }

    /// As the decision takes it. A digest that does not read is that of nothing.
    pub(super) fn said(&self) -> Said {
        Said { document: unhex(&self.digest).unwrap_or_default(), details: digest_of(&self.said) }
    }
}

/// What a side says, as the decision takes it.
pub(super) fn said(file: &File) -> Said {
    Said { document: file.document.digest(), details: digest_of(&file.said()) }
}

fn digest_of(said: &Map<String, Value>) -> Digest {
    // A document of nothing but these as its configuration has one encoding, whatever their order.
    let nothing = cp_prompt::Content::Text(String::new());
    Document { syntax: Default::default(), content: nothing, config: said.clone().into() }.digest()
}

fn unhex(text: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    if text.len() != digest.len() * 2 {
        return None;
    }
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[derive(Deserialize)]
struct Stored {
    format: u32,
    prefix: Option<String>,
    prompts: BTreeMap<PromptId, Agreed>,
}

impl State {
    /// Whether a folder was in step with a library before.
    pub(super) fn is_in(root: &Path) -> bool {
        root.join(FILE).is_file()
    }

    /// The folder's; an empty one where there is none yet.
    pub(super) fn load(root: &Path) -> anyhow::Result<Self> {
        let path = root.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            read => read.with_context(|| format!("{} cannot be read", path.display()))?,
        };
        let wrong = |what: String| Failure {
            what: format!("{} {what}", path.display()),
            help:
                "put the file right, or remove it: files that say what the library says are then known again"
                    .to_owned(),
        };
        let stored: Stored =
            serde_json::from_str(&text).map_err(|error| wrong(format!("does not read: {error}")))?;
        if stored.format != FORMAT {
            return Err(
                wrong(format!("has format {}, and this program reads {FORMAT}", stored.format)).into()
            );
        }
        Ok(Self { prefix: stored.prefix, prompts: stored.prompts })
    }

    /// Writes it where it says something else by now.
    pub(super) fn save(&self, root: &Path) -> anyhow::Result<()> {
        let text = self.written()?;
        if std::fs::read_to_string(root.join(FILE)).is_ok_and(|there| there == text) {
            return Ok(());
        }
        files::write(root, Path::new(FILE), &text)
    }

    fn written(&self) -> anyhow::Result<String> {
        // By name, as people look for it.
        let mut prompts: Vec<_> = self.prompts.iter().collect();
        prompts.sort_by(|one, other| one.1.name.cmp(&other.1.name));
        let mut lines = Vec::new();
        for (id, agreed) in prompts {
            lines.push(format!("    {}: {}", serde_json::to_string(id)?, serde_json::to_string(agreed)?));
        }
        let prefix = match &self.prefix {
            Some(prefix) => format!("  \"prefix\": {},\n", serde_json::to_string(prefix)?),
            None => String::new(),
        };
        let lines = if lines.is_empty() { String::new() } else { format!("\n{}\n  ", lines.join(",\n")) };
        Ok(format!("{{\n  \"format\": {FORMAT},\n{prefix}  \"prompts\": {{{lines}}}\n}}\n"))
    }

    /// Whether a name lies in what the folder holds.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.prefix
            .as_deref()
            .is_none_or(|prefix| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/')))
    }
}
