//! What people give: references, contents, JSON, and values.

use std::convert::Infallible;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use clap::Args;
use cp_prompt::{PromptNameError, Reference, Selector};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A version: `support/reply@staging`, `support/reply#3`, or `support/reply` for the newest.
#[derive(Clone, Debug)]
pub(super) struct VersionRef {
    pub(super) prompt: String,
    /// The number or label, as the API takes it.
    pub(super) version: String,
}

impl FromStr for VersionRef {
    type Err = PromptNameError;

    fn from_str(text: &str) -> Result<Self, PromptNameError> {
        let reference: Reference = text.parse()?;
        let prompt = reference.name.as_str().to_owned();
        let version = match reference.selector {
            // Programs mean production where they name no version; whoever works on a prompt means what is newest.
            _ if prompt == text => "latest".to_owned(),
            Selector::Label(label) => label.to_string(),
            Selector::Version(number) => number.to_string(),
        };
        Ok(Self { prompt, version })
    }
}

/// A version of a prompt that was named before: `3`, `#3`, `staging`, `@staging`.
#[derive(Clone, Debug)]
pub(super) struct Which(pub(super) String);

impl FromStr for Which {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let bare = text.strip_prefix('#').or_else(|| text.strip_prefix('@')).unwrap_or(text);
        Ok(Self(bare.to_owned()))
    }
}

/// Where a content comes from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct ContentArgs {
    /// A file with what it says; `-` is the standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// What it says
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
}

impl ContentArgs {
    pub(super) fn read(self) -> anyhow::Result<String> {
        match (self.text, self.file) {
            (Some(text), _) => Ok(text),
            (None, Some(file)) => read(&file),
            (None, None) => bail!("give what it says with --file or --text"),
        }
    }
}

/// A prompt's content: a text as it is; messages from their JSON.
pub(super) fn content(kind: &str, text: String) -> anyhow::Result<Value> {
    if kind == "text" {
        return Ok(Value::String(text));
    }
    let messages: Vec<Value> =
        serde_json::from_str(&text).context("the messages of a chat are a JSON array, and this is none")?;
    Ok(Value::Array(messages))
}

/// What [`content`] reads: the text, or pretty JSON.
pub(super) fn editable(content: &Value) -> anyhow::Result<String> {
    match content {
        Value::String(text) => Ok(text.clone()),
        messages => Ok(format!("{}\n", serde_json::to_string_pretty(messages)?)),
    }
}

/// JSON that was given, or that is in the file behind `@`.
pub(super) fn json<T: DeserializeOwned>(flag: &str, given: &str) -> anyhow::Result<T> {
    let text = match given.strip_prefix('@') {
        Some(file) => read(Path::new(file))?,
        None => given.to_owned(),
    };
    serde_json::from_str(&text)
        .with_context(|| format!("what is given for {flag} is not the JSON that it takes"))
}

/// The value of one variable: `name=text`, or `name:=JSON`.
#[derive(Clone, Debug)]
pub(super) struct Assigned(String, Value);

impl FromStr for Assigned {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, value) = text.split_once('=').context("write it as name=text or name:=JSON")?;
        match name.strip_suffix(':') {
            Some(name) => {
                let value = serde_json::from_str(value).context("what is behind := is no JSON")?;
                Ok(Self(name.to_owned(), value))
            }
            None => Ok(Self(name.to_owned(), Value::String(value.to_owned()))),
        }
    }
}

/// Values for a prompt's variables.
#[derive(Debug, Args)]
pub(super) struct ValueArgs {
    /// A variable's value: a text behind `=`, JSON behind `:=`
    #[arg(long, value_name = "NAME=VALUE")]
    var: Vec<Assigned>,
    /// Values of many variables: a JSON object, or a file with one
    #[arg(long, value_name = "JSON|@FILE")]
    vars: Option<String>,
}

impl ValueArgs {
    /// Both; where a variable is in both, `--var` holds.
    pub(super) fn read(self) -> anyhow::Result<Map<String, Value>> {
        let mut values: Map<String, Value> = match self.vars {
            Some(given) => json("--vars", &given)?,
            None => Map::new(),
        };
        values.extend(self.var.into_iter().map(|Assigned(name, value)| (name, value)));
        Ok(values)
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()));
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("the standard input cannot be read")?;
    Ok(text)
}
