//! Which program wrote a file.

use std::fmt;
use std::str::FromStr;

use crate::json;

/// How prompts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// What `codepromptu export` writes.
    Jsonl,
    /// What Langfuse's API answers.
    Langfuse,
    /// What PromptLayer's API answers.
    Promptlayer,
    /// What MLflow's prompt registry answers.
    Mlflow,
    /// What Phoenix's API answers.
    Phoenix,
    /// A table with a row a prompt.
    Csv,
    /// A configuration of promptfoo.
    Promptfoo,
    /// A file of Dotprompt.
    Dotprompt,
    /// A file of Prompty.
    Prompty,
    /// Text, with front matter or without.
    Markdown,
}

impl Format {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 10] = [
        ("jsonl", Self::Jsonl),
        ("langfuse", Self::Langfuse),
        ("promptlayer", Self::Promptlayer),
        ("mlflow", Self::Mlflow),
        ("phoenix", Self::Phoenix),
        ("csv", Self::Csv),
        ("promptfoo", Self::Promptfoo),
        ("dotprompt", Self::Dotprompt),
        ("prompty", Self::Prompty),
        ("markdown", Self::Markdown),
    ];

    /// What the name of a file says, or else what is in it.
    #[must_use]
    pub fn of(name: &str, text: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "yaml" | "yml" => Some(Self::Promptfoo),
            "prompt" => Some(Self::Dotprompt),
            "prompty" => Some(Self::Prompty),
            "md" | "markdown" | "txt" => Some(Self::Markdown),
            "json" => json::format_of(text),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, format)| format == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, format)| *format);
        found.ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name).join(", ");
            format!("there is no format `{text}`: choose one of {names}")
        })
    }
}
