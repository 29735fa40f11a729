//! `codepromptu prompt label`, `unlabel`, `rollback`, `protect` and `unprotect`.

use std::io::Write;

use clap::Args;
use cp_client::Client;
use cp_wire::{MoveLabel, ProtectLabel, Reason};

use super::input::VersionRef;
use super::sure::Sure;
use super::{Json, write_json};
use crate::output;
use crate::output::table::{Table, text};

/// `codepromptu prompt label`.
#[derive(Debug, Args)]
pub(super) struct LabelArgs {
    /// The version: NAME@LABEL, NAME#NUMBER, or NAME for the newest
    #[arg(value_name = "PROMPT")]
    of: VersionRef,
    /// The label
    label: String,
    /// Move it only from this version; 0 is from nowhere
    #[arg(long, value_name = "NUMBER")]
    from: Option<i64>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn label(client: &Client, args: LabelArgs) -> anyhow::Result<()> {
    let version = client.get_version(&args.of.prompt, &args.of.version).await?.number;
    let to = MoveLabel { version, from: args.from, reason: args.reason };
    let prompt = client.move_label(&args.of.prompt, &args.label, &to).await?;
    if write_json(&args.json, &prompt)?.is_some() {
        return Ok(());
    }
    Ok(writeln!(output::stdout(), "{} is at version {version} of {} now.", args.label, prompt.name)?)
}

/// `codepromptu prompt unlabel`.
#[derive(Debug, Args)]
pub(super) struct UnlabelArgs {
    /// The prompt
    name: String,
    /// The label
    label: String,
    #[command(flatten)]
    sure: Sure,
}

pub(super) async fn unlabel(client: &Client, args: &UnlabelArgs) -> anyhow::Result<()> {
    args.sure.ask(&format!("Taking {} away from {}", args.label, args.name))?;
    client.remove_label(&args.name, &args.label).await?;
    Ok(writeln!(output::stdout(), "{} has no {} any more.", args.name, args.label)?)
}

/// `codepromptu prompt rollback`.
#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// The prompt
    name: String,
    /// The label
    #[arg(default_value = "production")]
    label: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn roll_back(client: &Client, args: RollbackArgs) -> anyhow::Result<()> {
    let prompt = client.roll_back_label(&args.name, &args.label, &Reason { reason: args.reason }).await?;
    if write_json(&args.json, &prompt)?.is_some() {
        return Ok(());
    }
    let mut out = output::stdout();
    match prompt.labels.get(&args.label) {
        Some(version) => writeln!(out, "{} is back at version {version} of {}.", args.label, prompt.name)?,
        None => writeln!(out, "{} is nowhere again.", args.label)?,
    }
    Ok(())
}

/// `codepromptu prompt protect`.
#[derive(Debug, Args)]
pub(super) struct ProtectArgs {
    /// The label
    #[arg(requires = "role")]
    label: Option<String>,
    /// A role that may move it: owner, admin or editor
    #[arg(long, requires = "label")]
    role: Vec<String>,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn protect(client: &Client, args: ProtectArgs) -> anyhow::Result<()> {
    let mut out = output::stdout();
    let Some(label) = args.label else {
        let found = client.list_protected_labels().await?;
        if write_json(&args.json, &found)?.is_some() {
            return Ok(());
        }
        let mut table = Table::new(["label", "moved by"].map(text).into());
        for protected in found.labels {
            table.push(vec![protected.label, protected.roles.join(", ")]);
        }
        return Ok(table.write(&mut out)?);
    };
    let protected = client.protect_label(&label, &ProtectLabel { roles: args.role }).await?;
    if write_json(&args.json, &protected)?.is_some() {
        return Ok(());
    }
    Ok(writeln!(out, "Of every prompt, {label} is moved by {} alone now.", protected.roles.join(", "))?)
}

/// `codepromptu prompt unprotect`.
#[derive(Debug, Args)]
pub(super) struct UnprotectArgs {
    /// The label
    label: String,
    #[command(flatten)]
    sure: Sure,
}

pub(super) async fn unprotect(client: &Client, args: &UnprotectArgs) -> anyhow::Result<()> {
    args.sure.ask(&format!("Letting whoever may write prompts move {}", args.label))?;
    client.unprotect_label(&args.label).await?;
    Ok(writeln!(output::stdout(), "Whoever may write prompts may move {} now.", args.label)?)
}
