//! `codepromptu prompt set`, `rename`, `archive` and `restore`.

use std::io::Write;

use clap::Args;
use cp_client::Client;
use cp_wire::{Prompt, PromptChange, PromptDetails};

use super::input;
use super::sure::Sure;
use super::{Json, write_json};
use crate::output;

/// What is said of a prompt.
#[derive(Debug, Args)]
pub(super) struct DetailArgs {
    /// How far it is: draft, active or deprecated
    #[arg(long)]
    status: Option<String>,
    /// The team that answers for it; empty for none
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// What it is
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// A tag, in place of those that it has; empty for none
    #[arg(long)]
    tag: Vec<String>,
    /// A model that it is meant for, in place of those that it has; empty for none
    #[arg(long)]
    model: Vec<String>,
    /// What its variables hold: a JSON array
    #[arg(long, value_name = "JSON|@FILE")]
    variables: Option<String>,
    /// What it is to reach: a JSON array
    #[arg(long, value_name = "JSON|@FILE")]
    criteria: Option<String>,
    /// Whatever else: a JSON object
    #[arg(long, value_name = "JSON|@FILE")]
    metadata: Option<String>,
}

impl DetailArgs {
    pub(super) fn read(self) -> anyhow::Result<PromptDetails> {
        Ok(PromptDetails {
            status: self.status,
            team: self.team,
            description: self.description,
            purpose: self.purpose,
            models: listed(self.model),
            variables: self.variables.map(|given| input::json("--variables", &given)).transpose()?,
            criteria: self.criteria.map(|given| input::json("--criteria", &given)).transpose()?,
            metadata: self.metadata.map(|given| input::json("--metadata", &given)).transpose()?,
            tags: listed(self.tag),
        })
    }
}

/// Absent where nothing was given; an empty word alone is an empty list.
fn listed(mut given: Vec<String>) -> Option<Vec<String>> {
    let any = !given.is_empty();
    given.retain(|word| !word.is_empty());
    any.then_some(given)
}

/// `codepromptu prompt set`.
#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// The prompt
    name: String,
    #[command(flatten)]
    details: DetailArgs,
    /// Change nothing unless this is the revision that is there
    #[arg(long, value_name = "NUMBER")]
    revision: Option<u64>,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn set(client: &Client, args: SetArgs) -> anyhow::Result<()> {
    let details = args.details.read()?;
    if details == PromptDetails::default() {
        return Err(output::Failure {
            what: "nothing is given that would change".to_owned(),
            help: "say what, such as `--description TEXT`; `codepromptu prompt set --help` lists it all"
                .to_owned(),
        }
        .into());
    }
    let change = PromptChange { revision: args.revision, details, ..PromptChange::default() };
    let prompt = client.update_prompt(&args.name, &change).await?;
    if write_json(&args.json, &prompt)?.is_some() {
        return Ok(());
    }
    Ok(writeln!(output::stdout(), "{} has revision {} now.", prompt.name, prompt.revision)?)
}

/// `codepromptu prompt rename`.
#[derive(Debug, Args)]
pub(super) struct RenameArgs {
    /// The prompt
    name: String,
    /// Its new name
    to: String,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn rename(client: &Client, args: RenameArgs) -> anyhow::Result<()> {
    let change = PromptChange { name: Some(args.to), ..PromptChange::default() };
    let prompt = client.update_prompt(&args.name, &change).await?;
    if write_json(&args.json, &prompt)?.is_some() {
        return Ok(());
    }
    Ok(writeln!(output::stdout(), "It is called {} now.", prompt.name)?)
}

/// `codepromptu prompt archive`.
#[derive(Debug, Args)]
pub(super) struct ArchiveArgs {
    /// The prompt
    name: String,
    #[command(flatten)]
    sure: Sure,
}

pub(super) async fn archive(client: &Client, args: &ArchiveArgs) -> anyhow::Result<()> {
    args.sure.ask(&format!("Putting {} out of use", args.name))?;
    let prompt = put(client, &args.name, Some(true)).await?;
    let name = prompt.name;
    Ok(writeln!(output::stdout(), "{name} is out of use: codepromptu prompt restore {name}")?)
}

/// `codepromptu prompt restore`.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The prompt
    name: String,
}

pub(super) async fn restore(client: &Client, args: &RestoreArgs) -> anyhow::Result<()> {
    let prompt = put(client, &args.name, Some(false)).await?;
    Ok(writeln!(output::stdout(), "{} is in use again.", prompt.name)?)
}

async fn put(client: &Client, name: &str, archived: Option<bool>) -> anyhow::Result<Prompt> {
    Ok(client.update_prompt(name, &PromptChange { archived, ..PromptChange::default() }).await?)
}
