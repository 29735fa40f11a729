//! `codepromptu prompt create` and `save`.

use std::io::Write;

use clap::Args;
use cp_client::{Client, ClientError};
use cp_wire::{NewPrompt, NewPromptVersion, SavedPrompt};

use super::input::{self, ContentArgs};
use super::set::DetailArgs;
use super::{Json, write_json};
use crate::output::{self, Failure};

/// What goes with a content.
#[derive(Debug, Args)]
struct VersionArgs {
    /// The language of its texts: jinja, mustache or none
    #[arg(long)]
    syntax: Option<String>,
    /// The model's configuration: a JSON object
    #[arg(long, value_name = "JSON|@FILE")]
    config: Option<String>,
    /// Why
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    message: String,
    /// A label that moves to it
    #[arg(long)]
    label: Vec<String>,
}

/// `codepromptu prompt create`.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Its name, like a path
    name: String,
    #[command(flatten)]
    content: ContentArgs,
    /// It is a chat: what it says is a JSON array of messages
    #[arg(long)]
    chat: bool,
    #[command(flatten)]
    version: VersionArgs,
    #[command(flatten)]
    details: DetailArgs,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn create(client: &Client, args: CreateArgs) -> anyhow::Result<()> {
    let config = args.version.config.map(|given| input::json("--config", &given)).transpose()?;
    let new = NewPrompt {
        name: args.name,
        version: NewPromptVersion {
            content: input::content(if args.chat { "chat" } else { "text" }, args.content.read()?)?,
            syntax: args.version.syntax,
            config: config.unwrap_or_default(),
            message: args.version.message,
            parent: None,
            labels: args.version.label,
        },
        details: args.details.read()?,
    };
    let saved = client.create_prompt(&new).await.map_err(|error| taken(&new.name, error))?;
    told(&args.json, &saved)
}

/// A name that is taken is one that versions can be saved of.
fn taken(name: &str, error: ClientError) -> anyhow::Error {
    let is_taken = matches!(&error, ClientError::Problem(problem) if problem.status == 409);
    let error = anyhow::Error::from(error);
    if !is_taken {
        return error;
    }
    error.context(Failure {
        what: format!("{name} is not made"),
        help: format!("save a version of it with `codepromptu prompt save {name}`"),
    })
}

/// `codepromptu prompt save`.
#[derive(Debug, Args)]
pub(super) struct SaveArgs {
    /// The prompt
    name: String,
    #[command(flatten)]
    content: ContentArgs,
    /// Save nothing unless this is the newest version
    #[arg(long, value_name = "NUMBER")]
    parent: Option<i64>,
    #[command(flatten)]
    version: VersionArgs,
    #[command(flatten)]
    json: Json,
}

/// What is not given of the language and the configuration stays as it is in the newest version.
pub(super) async fn save(client: &Client, args: SaveArgs) -> anyhow::Result<()> {
    let prompt = client.get_prompt(&args.name).await?;
    let newest = client.get_version(&args.name, "latest").await?;
    let config = args.version.config.map(|given| input::json("--config", &given)).transpose()?;
    let new = NewPromptVersion {
        content: input::content(&prompt.kind, args.content.read()?)?,
        syntax: Some(args.version.syntax.unwrap_or(newest.syntax)),
        config: config.unwrap_or(newest.config),
        message: args.version.message,
        parent: args.parent,
        labels: args.version.label,
    };
    told(&args.json, &client.create_version(&args.name, &new).await?)
}

/// Says what was saved.
pub(super) fn told(json: &Json, saved: &SavedPrompt) -> anyhow::Result<()> {
    if write_json(json, saved)?.is_some() {
        return Ok(());
    }
    let (name, number) = (&saved.prompt.name, saved.version.number);
    let mut out = output::stdout();
    if saved.is_new {
        writeln!(out, "{name} has version {number} now.")?;
    } else {
        writeln!(out, "{name} says this already, in version {number}.")?;
    }
    Ok(())
}
