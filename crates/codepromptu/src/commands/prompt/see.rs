//! `codepromptu prompt list` and `get`.

use std::io::{IsTerminal, Write};

use clap::Args;
use cp_client::Client;
use cp_wire::{Prompt, PromptQuery};
use serde_json::Value;

use super::input::{self, VersionRef};
use super::{Json, write_json};
use crate::output;
use crate::output::table::{Table, number, text};

/// `codepromptu prompt list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Those whose name holds this
    #[arg(value_name = "TEXT")]
    name: Option<String>,
    /// Those in this folder, or below it
    #[arg(long)]
    folder: Option<String>,
    /// Those with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Those with this label
    #[arg(long)]
    label: Option<String>,
    /// Those that are this far: draft, active or deprecated
    #[arg(long)]
    status: Option<String>,
    /// Those that are out of use
    #[arg(long)]
    archived: bool,
    /// How many, 500 at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u32,
    /// Those behind this name
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn list(client: &Client, args: ListArgs) -> anyhow::Result<()> {
    let page = client
        .list_prompts(&PromptQuery {
            name: args.name,
            folder: args.folder,
            tag: args.tag,
            label: args.label,
            status: args.status,
            archived: args.archived.then(|| "true".to_owned()),
            limit: Some(args.limit.to_string()),
            after: args.after,
        })
        .await?;
    if write_json(&args.json, &page)?.is_some() {
        return Ok(());
    }
    write_list(&page.prompts)?;
    if let Some(next) = page.next {
        writeln!(std::io::stderr(), "There are more: --after {next}")?;
    }
    Ok(())
}

/// Prompts as a table.
pub(in crate::commands) fn write_list(prompts: &[Prompt]) -> anyhow::Result<()> {
    let heads =
        vec![text("name"), text("kind"), text("status"), number("latest"), text("labels"), text("tags")];
    let mut table = Table::new(heads);
    for prompt in prompts {
        let labels = prompt.labels.iter().filter(|(label, _)| *label != "latest");
        let labels: Vec<_> = labels.map(|(label, version)| format!("{label}#{version}")).collect();
        table.push(vec![
            prompt.name.clone(),
            prompt.kind.clone(),
            prompt.status.clone(),
            prompt.latest.to_string(),
            labels.join(" "),
            prompt.tags.join(" "),
        ]);
    }
    Ok(table.write(&mut output::stdout())?)
}

/// `codepromptu prompt get`.
#[derive(Debug, Args)]
pub(super) struct GetArgs {
    /// The version: NAME@LABEL, NAME#NUMBER, or NAME for the newest
    #[arg(value_name = "PROMPT")]
    of: VersionRef,
    /// Everything of the version, as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn get(client: &Client, args: &GetArgs) -> anyhow::Result<()> {
    let version = client.get_version(&args.of.prompt, &args.of.version).await?;
    if write_json(&Json { json: args.json }, &version)?.is_some() {
        return Ok(());
    }
    write_content(&version.content)
}

/// To a terminal as something to read; to anything else byte by byte, so that what is piped is what was saved.
pub(super) fn write_content(content: &Value) -> anyhow::Result<()> {
    let said = input::editable(content)?;
    if !std::io::stdout().is_terminal() {
        return Ok(std::io::stdout().write_all(said.as_bytes())?);
    }
    let mut out = output::stdout();
    write!(out, "{}", output::printable(&said))?;
    if !said.ends_with('\n') {
        writeln!(out)?;
    }
    Ok(())
}
