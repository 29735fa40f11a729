//! `codepromptu prompt propose`, `proposals`, `proposal`, `approve`, `reject` and `withdraw`.

use std::io::Write;

use clap::Args;
use cp_base::ProposalId;
use cp_client::Client;
use cp_wire::{Approval, Decision, Proposal, ProposalDetail, ProposalQuery, ProposeMove};

use super::history::{one_line, place, time};
use super::input::VersionRef;
use super::{Json, write_json};
use crate::output;
use crate::output::table::{Table, text};

/// `codepromptu prompt propose`.
#[derive(Debug, Args)]
pub(super) struct ProposeArgs {
    /// The version: NAME@LABEL, NAME#NUMBER, or NAME for the newest
    #[arg(value_name = "PROMPT")]
    of: VersionRef,
    /// The label that is to go there
    label: String,
    /// Only where the label is at this version; 0 is nowhere
    #[arg(long, value_name = "NUMBER")]
    from: Option<i64>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn propose(client: &Client, args: ProposeArgs) -> anyhow::Result<()> {
    let version = client.get_version(&args.of.prompt, &args.of.version).await?.number;
    let to = ProposeMove { version, from: args.from, reason: args.reason };
    let made = client.propose_move(&args.of.prompt, &args.label, &to).await?;
    tell(&args.json, &made)
}

/// `codepromptu prompt proposals`.
#[derive(Debug, Args)]
pub(super) struct ProposalsArgs {
    /// Of this prompt alone
    name: Option<String>,
    /// Those that have ended, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn list(client: &Client, args: ProposalsArgs) -> anyhow::Result<()> {
    let query = ProposalQuery { prompt: args.name, state: args.all.then(|| "all".to_owned()) };
    let found = client.list_proposals(&query).await?;
    if write_json(&args.json, &found)?.is_some() {
        return Ok(());
    }
    let heads = ["id", "prompt", "label", "from", "to", "state", "time (utc)", "by", "reason"].map(text);
    let mut table = Table::new(heads.into());
    for proposal in found.proposals {
        table.push(vec![
            proposal.id.to_string(),
            proposal.prompt,
            proposal.label,
            place(proposal.from),
            proposal.to.to_string(),
            proposal.state,
            time(proposal.proposed_at),
            proposal.proposed_by,
            one_line(&proposal.reason),
        ]);
    }
    Ok(table.write(&mut output::stdout())?)
}

/// `codepromptu prompt proposal`.
#[derive(Debug, Args)]
pub(super) struct ProposalArgs {
    /// The proposal
    id: ProposalId,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn show(client: &Client, args: &ProposalArgs) -> anyhow::Result<()> {
    let found = client.get_proposal(args.id).await?;
    if write_json(&args.json, &found)?.is_some() {
        return Ok(());
    }
    let mut out = output::stdout();
    writeln!(out, "{}", sentence(&found))?;
    let Proposal { proposed_by, proposed_at, reason, .. } = &found.proposal;
    writeln!(out, "\n{}  {proposed_by} proposed it: {reason}", time(*proposed_at))?;
    for entry in &found.entries {
        writeln!(out, "{}  {} ({}): {}", time(entry.at), entry.author, entry.kind, entry.text)?;
    }
    Ok(())
}

/// `codepromptu prompt approve`.
#[derive(Debug, Args)]
pub(super) struct ApproveArgs {
    /// The proposal
    id: ProposalId,
    /// In words
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Why the label moves though the version does not meet what the label asks
    #[arg(long, value_name = "TEXT")]
    override_reason: Option<String>,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn approve(client: &Client, args: ApproveArgs) -> anyhow::Result<()> {
    let approval = Approval { note: args.note, override_reason: args.override_reason };
    tell(&args.json, &client.approve_proposal(args.id, &approval).await?)
}

/// `codepromptu prompt reject` and `withdraw`.
#[derive(Debug, Args)]
pub(super) struct EndArgs {
    /// The proposal
    id: ProposalId,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    #[command(flatten)]
    json: Json,
}

pub(super) async fn reject(client: &Client, args: EndArgs) -> anyhow::Result<()> {
    tell(&args.json, &client.reject_proposal(args.id, &Decision { note: args.note }).await?)
}

pub(super) async fn withdraw(client: &Client, args: EndArgs) -> anyhow::Result<()> {
    tell(&args.json, &client.withdraw_proposal(args.id, &Decision { note: args.note }).await?)
}

fn tell(json: &Json, found: &ProposalDetail) -> anyhow::Result<()> {
    if write_json(json, found)?.is_some() {
        return Ok(());
    }
    Ok(writeln!(output::stdout(), "{}", sentence(found))?)
}

/// How far a proposal is, in a sentence.
fn sentence(found: &ProposalDetail) -> String {
    let Proposal { id, prompt, label, from, to, state, .. } = &found.proposal;
    let way = format!("{label} of {prompt} from {} to {to}", place(*from));
    if state == "open" {
        let (has, takes, who) = (found.approved, found.approvals, found.approvers.join(", "));
        return format!("{id} is open: {way}. It has {has} of {takes} approvals by {who}.");
    }
    format!("{id} is {state}: {way}.")
}
