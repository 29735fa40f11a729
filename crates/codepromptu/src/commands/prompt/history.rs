//! `codepromptu prompt history`, `moves` and `includers`.

use std::io::Write;

use clap::Args;
use cp_base::Timestamp;
use cp_client::Client;
use cp_wire::VersionQuery;

use super::{Json, write_json};
use crate::output;
use crate::output::table::{Table, number, text};

/// `codepromptu prompt history`.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// The prompt
    name: String,
    /// How many, 500 at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u32,
    /// Those below this number
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    #[command(flatten)]
    json: Json,
}

/// A command that needs nothing but a prompt.
#[derive(Debug, Args)]
pub(super) struct NameArgs {
    /// The prompt
    pub(super) name: String,
    #[command(flatten)]
    pub(super) json: Json,
}

pub(super) async fn history(client: &Client, args: HistoryArgs) -> anyhow::Result<()> {
    let query = VersionQuery {
        limit: Some(args.limit.to_string()),
        before: args.before.map(|number| number.to_string()),
    };
    let page = client.list_versions(&args.name, &query).await?;
    if write_json(&args.json, &page)?.is_some() {
        return Ok(());
    }
    let heads = vec![number("version"), text("time (utc)"), text("by"), text("labels"), text("message")];
    let mut table = Table::new(heads);
    for version in page.versions {
        table.push(vec![
            version.number.to_string(),
            time(version.created_at),
            version.created_by,
            version.labels.join(" "),
            one_line(&version.message),
        ]);
    }
    table.write(&mut output::stdout())?;
    if let Some(next) = page.next {
        writeln!(std::io::stderr(), "There are more: --before {next}")?;
    }
    Ok(())
}

pub(super) async fn moves(client: &Client, args: &NameArgs) -> anyhow::Result<()> {
    let found = client.list_label_moves(&args.name).await?;
    if write_json(&args.json, &found)?.is_some() {
        return Ok(());
    }
    let heads = ["label", "from", "to", "time (utc)", "by", "reason"].map(text);
    let mut table = Table::new(heads.into());
    for moved in found.moves {
        let reason = one_line(&moved.reason);
        let (from, to) = (place(moved.from), place(moved.to));
        table.push(vec![moved.label, from, to, time(moved.moved_at), moved.moved_by, reason]);
    }
    Ok(table.write(&mut output::stdout())?)
}

pub(super) async fn includers(client: &Client, args: &NameArgs) -> anyhow::Result<()> {
    let found = client.list_includers(&args.name).await?;
    if write_json(&args.json, &found)?.is_some() {
        return Ok(());
    }
    let mut table = Table::new(vec![text("prompt"), number("version"), text("includes")]);
    for includer in found.includers {
        table.push(vec![includer.name, includer.version.to_string(), includer.includes]);
    }
    Ok(table.write(&mut output::stdout())?)
}

/// A version's number, or that there is none.
pub(super) fn place(version: Option<i64>) -> String {
    version.map_or_else(|| "–".to_owned(), |version| version.to_string())
}

/// To the second.
pub(super) fn time(at: Timestamp) -> String {
    let text = at.to_string().replace('T', " ");
    text.get(..19).unwrap_or(&text).to_owned()
}

pub(super) fn one_line(text: &str) -> String {
    text.replace(['\n', '\t'], " ")
}
