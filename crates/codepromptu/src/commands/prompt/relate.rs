//! `codepromptu prompt relate`, `related` and `unrelate`.

use std::io::Write;

use clap::Args;
use cp_base::CrossReferenceId;
use cp_client::Client;
use cp_wire::{CrossReference, NewCrossReference};

use super::history::{NameArgs, one_line, time};
use super::sure::Sure;
use super::{Json, write_json};
use crate::output;
use crate::output::table::{Table, text};

/// `codepromptu prompt relate`.
#[derive(Debug, Args)]
pub(super) struct RelateArgs {
    /// The prompt
    name: String,
    /// related, supersedes, derived_idea, duplicate, tested_by or incident; or what the other one calls it
    relation: String,
    /// The other prompt; of tested_by and incident also an address
    #[arg(required_unless_present = "text")]
    other: Option<String>,
    /// Of tested_by and incident: what it is to, where that is no prompt
    #[arg(long, value_name = "TEXT", conflicts_with = "other")]
    text: Option<String>,
    /// What else is to be said of it
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn relate(client: &Client, args: RelateArgs) -> anyhow::Result<()> {
    // No prompt is called like an address.
    let (prompt, text) = match args.other {
        Some(address) if address.contains("://") => (None, Some(address)),
        other => (other, args.text),
    };
    let new = NewCrossReference { relation: args.relation, prompt, text, note: args.note };
    let made = client.create_reference(&args.name, &new).await?;
    if write_json(&args.json, &made)?.is_some() {
        return Ok(());
    }
    Ok(writeln!(output::stdout(), "{} {} {}.", args.name, made.relation, target(&made))?)
}

pub(super) async fn related(client: &Client, args: &NameArgs) -> anyhow::Result<()> {
    let found = client.list_references(&args.name).await?;
    if write_json(&args.json, &found)?.is_some() {
        return Ok(());
    }
    let mut table = Table::new(["relation", "to", "time (utc)", "by", "id", "note"].map(text).into());
    for reference in found.references {
        table.push(vec![
            reference.relation.clone(),
            one_line(target(&reference)),
            time(reference.created_at),
            reference.created_by,
            reference.id.to_string(),
            one_line(&reference.note),
        ]);
    }
    Ok(table.write(&mut output::stdout())?)
}

/// `codepromptu prompt unrelate`.
#[derive(Debug, Args)]
pub(super) struct UnrelateArgs {
    /// The reference, as `related` tells it
    id: CrossReferenceId,
    #[command(flatten)]
    sure: Sure,
}

pub(super) async fn unrelate(client: &Client, args: &UnrelateArgs) -> anyhow::Result<()> {
    args.sure.ask(&format!("Taking the reference {} away", args.id))?;
    client.delete_reference(args.id).await?;
    Ok(writeln!(output::stdout(), "{} is gone.", args.id)?)
}

fn target(reference: &CrossReference) -> &str {
    reference.prompt.as_deref().or(reference.text.as_deref()).unwrap_or_default()
}
