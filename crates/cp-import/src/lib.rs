//! Prompts as other programs write them.
//!
//! Pure: a file's name and its text go in, prompts and what was left out, with the reasons, come out. What a format can
//! say and the library cannot is left out and named, never changed in silence.

mod entry;
mod file;
mod format;
mod front;
mod fstring;
mod json;
mod lines;
mod platforms;
mod promptfoo;
mod sections;
mod table;

use cp_wire::NewPrompt;

pub use entry::digest;
pub use file::{details, document, file, new_prompt, version};
pub use format::Format;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Versions of prompts, older ones of a prompt before newer ones.
    pub prompts: Vec<Imported>,
    /// What is left out.
    pub skipped: Vec<Skipped>,
}

/// A version of a prompt, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Where in its file, such as `line 3`.
    pub place: String,
    /// The prompt, as it would be if this were its first version.
    pub prompt: NewPrompt,
}

/// What is left out of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where in its file, such as `line 3`.
    pub place: String,
    /// Why.
    pub why: String,
}

/// A file that does not read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not JSON.
    #[error("it is not JSON")]
    Json(#[source] serde_json::Error),
    /// Not YAML.
    #[error("it is not YAML")]
    Yaml(#[source] Box<serde_saphyr::Error>),
    /// Not comma-separated values.
    #[error("it is not a table of comma-separated values")]
    Csv(#[from] csv::Error),
    /// A table without the columns that make a prompt.
    #[error(
        "line 1: a table of prompts has a column `act`, `name` or `title`, and one `prompt`, `content` or `text`"
    )]
    Columns,
    /// A configuration without prompts.
    #[error("it has no list `prompts`")]
    NoPrompts,
    /// Front matter that is none, or says what prompts cannot hold.
    #[error(transparent)]
    File(#[from] cp_prompt::FileError),
}

/// Reads the prompts in a file; `stem` names those that have no name of their own.
///
/// # Errors
///
/// Where the file as a whole is not of the format.
pub fn read(format: Format, stem: &str, text: &str) -> Result<Found, ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Jsonl => Ok(lines::read(text)),
        Format::Langfuse | Format::Promptlayer | Format::Mlflow | Format::Phoenix => {
            json::read(format, stem, text)
        }
        Format::Csv => table::read(text),
        Format::Promptfoo => promptfoo::read(stem, text),
        Format::Dotprompt => front::dotprompt(stem, text),
        Format::Prompty => front::prompty(stem, text),
        Format::Markdown => front::markdown(stem, text),
    }
}
