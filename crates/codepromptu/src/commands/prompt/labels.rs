//! `codepromptu prompt label`, `unlabel`, `rollback`, `protect` and `unprotect`.

use std::io::Write;

use clap::Args;
use cp_client::Client;
use cp_wire::{MoveLabel, ProtectLabel, ProtectedLabel, Reason};

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
    /// Why it moves though the version does not meet what the label asks
    #[arg(long, value_name = "TEXT")]
    override_reason: Option<String>,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn label(client: &Client, args: LabelArgs) -> anyhow::Result<()> {
    let version = client.get_version(&args.of.prompt, &args.of.version).await?.number;
    let to =
        MoveLabel { version, from: args.from, reason: args.reason, override_reason: args.override_reason };
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
    /// Why it moves though the version does not meet what the label asks
    #[arg(long, value_name = "TEXT")]
    override_reason: Option<String>,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn roll_back(client: &Client, args: RollbackArgs) -> anyhow::Result<()> {
    let why = Reason { reason: args.reason, override_reason: args.override_reason };
    let prompt = client.roll_back_label(&args.name, &args.label, &why).await?;
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
    /// A role that may move it, or propose to where it takes approvals: owner, admin or editor
    #[arg(long, requires = "label")]
    role: Vec<String>,
    /// How many approvals a move takes
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "label")]
    approvals: u64,
    /// A role that may approve: owner, admin, editor or analyst; owners and admins where none is named
    #[arg(long, value_name = "ROLE", requires = "label")]
    approver: Vec<String>,
    /// Whoever proposed a move may approve it, too
    #[arg(long, requires = "label")]
    author_may_approve: bool,
    /// What it asks of the prompt's success criteria: none, not_failing or met
    #[arg(long, value_name = "WHAT", requires = "label")]
    criteria: Option<String>,
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
        let mut table = Table::new(["label", "moved by", "approvals", "criteria"].map(text).into());
        for protected in found.labels {
            let approvals = approvals(&protected).unwrap_or_else(|| "none".to_owned());
            table.push(vec![protected.label, protected.roles.join(", "), approvals, protected.criteria]);
        }
        return Ok(table.write(&mut out)?);
    };
    let rule = ProtectLabel {
        roles: args.role,
        approvals: args.approvals,
        approvers: args.approver,
        author_may_approve: args.author_may_approve,
        criteria: args.criteria,
    };
    let protected = client.protect_label(&label, &rule).await?;
    if write_json(&args.json, &protected)?.is_some() {
        return Ok(());
    }
    let roles = protected.roles.join(", ");
    match approvals(&protected) {
        Some(approvals) => {
            writeln!(out, "Of every prompt, {label} takes {approvals} now; {roles} may propose.")?;
        }
        None => writeln!(out, "Of every prompt, {label} is moved by {roles} alone now.")?,
    }
    Ok(())
}

/// Whose approval a label takes.
fn approvals(protected: &ProtectedLabel) -> Option<String> {
    let many = (protected.approvals > 0).then_some(protected.approvals)?;
    let s = if many == 1 { "" } else { "s" };
    Some(format!("{many} approval{s} by {}", protected.approvers.join(", ")))
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
