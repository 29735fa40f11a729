//! `codepromptu prompt diff`: what two versions say, line by line.

use std::io::{self, Write};

use clap::Args;
use clap::builder::styling::Style;
use cp_client::Client;
use cp_wire::PromptVersion;
use serde_json::json;
use similar::TextDiff;

use super::input::{Which, editable};
use super::{Json, write_json};
use crate::output::{self, ACCENT, BAD, BOLD, GOOD};

/// `codepromptu prompt diff`.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The prompt
    name: String,
    /// The one version: a number or a label
    #[arg(value_name = "A")]
    from: Which,
    /// The other one
    #[arg(value_name = "B", default_value = "latest")]
    to: Which,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn diff(client: &Client, args: &DiffArgs) -> anyhow::Result<()> {
    let from = client.get_version(&args.name, &args.from.0).await?;
    let to = client.get_version(&args.name, &args.to.0).await?;
    let named =
        |part: &str| [&from, &to].map(|version| format!("{}#{}{part}", version.prompt, version.number));
    let mut differences = unified([editable(&from.content)?, editable(&to.content)?], named(""));
    differences += &unified([settings(&from)?, settings(&to)?], named(" settings"));
    let found = json!({ "from": from.number, "to": to.number, "diff": differences });
    if write_json(&args.json, &found)?.is_some() {
        return Ok(());
    }
    Ok(write_diff(&differences)?)
}

/// Writes differences in the colours that they have in a terminal.
pub(in crate::commands) fn write_diff(differences: &str) -> io::Result<()> {
    let mut out = output::stdout();
    for line in differences.lines() {
        let style = style(line);
        writeln!(out, "{style}{}{style:#}", output::printable(line))?;
    }
    Ok(())
}

/// What goes with a content.
fn settings(version: &PromptVersion) -> anyhow::Result<String> {
    let settings = json!({ "syntax": version.syntax, "config": version.config });
    Ok(format!("{}\n", serde_json::to_string_pretty(&settings)?))
}

/// Empty where they are the same.
pub(in crate::commands) fn unified([old, new]: [String; 2], [from, to]: [String; 2]) -> String {
    TextDiff::from_lines(&old, &new).unified_diff().header(&from, &to).to_string()
}

fn style(line: &str) -> Style {
    match line.get(..1) {
        _ if line.starts_with("+++ ") || line.starts_with("--- ") => BOLD,
        Some("+") => GOOD,
        Some("-") => BAD,
        Some("@") => ACCENT,
        _ => Style::new(),
    }
}
