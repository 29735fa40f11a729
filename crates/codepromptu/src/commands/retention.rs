//! `codepromptu retention` and `codepromptu hold`: how long things are kept, and what must be kept longer.

use std::io::{self, Write};

use anyhow::bail;
use clap::{Args, Subcommand};
use cp_base::{CallId, LegalHoldId};
use cp_wire::{NewHold, RetentionPolicy};

use crate::cli::ServerArgs;
use crate::output;
use crate::output::table::{Table, text};

/// `codepromptu retention`.
#[derive(Debug, Args)]
pub(crate) struct RetentionArgs {
    #[command(subcommand)]
    command: RetentionCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum RetentionCommand {
    /// Show how long the project keeps what
    Show,
    /// Change it; what is too old by then goes within about a minute
    Set {
        /// For how long what was said is kept: so many days, or `forever`
        #[arg(long, value_name = "DAYS")]
        bodies: Option<String>,
        /// For how long calls are kept at all: so many days, or `forever`
        #[arg(long, value_name = "DAYS")]
        metadata: Option<String>,
        /// For how long scores are kept: so many days, or `forever`
        #[arg(long, value_name = "DAYS")]
        scores: Option<String>,
    },
}

/// `codepromptu hold`.
#[derive(Debug, Args)]
pub(crate) struct HoldArgs {
    #[command(subcommand)]
    command: HoldCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum HoldCommand {
    /// Keep an end user's calls, a call, or all of the project, whatever the policy says
    Add {
        /// What names this end user
        #[arg(long, conflicts_with = "call")]
        user: Option<String>,
        /// This call
        #[arg(long)]
        call: Option<CallId>,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// List the holds in force
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Release a hold
    Release {
        /// The hold's id
        id: LegalHoldId,
    },
}

const FOREVER: &str = "forever";

/// Runs `codepromptu retention`.
pub(crate) async fn run(args: RetentionArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut policy = client.get_retention().await?;
    if let RetentionCommand::Set { bodies, metadata, scores } = args.command {
        if bodies.is_none() && metadata.is_none() && scores.is_none() {
            bail!("nothing to change: give --bodies, --metadata or --scores");
        }
        if let Some(days) = bodies {
            policy.bodies_days = read_days(&days)?;
        }
        if let Some(days) = metadata {
            policy.metadata_days = read_days(&days)?;
        }
        if let Some(days) = scores {
            policy.scores_days = read_days(&days)?;
        }
        policy = client.set_retention(&policy).await?;
    }
    Ok(show(&mut output::stdout(), policy)?)
}

fn read_days(text: &str) -> anyhow::Result<Option<u64>> {
    match text.parse() {
        Ok(days) => Ok(Some(days)),
        Err(_) if text == FOREVER => Ok(None),
        Err(_) => bail!("`{text}` is neither a number of days nor `{FOREVER}`"),
    }
}

fn show(out: &mut impl Write, policy: RetentionPolicy) -> io::Result<()> {
    let days = |days: Option<u64>| days.map_or_else(|| FOREVER.to_owned(), |days| format!("{days} days"));
    writeln!(out, "what was said  {}", days(policy.bodies_days))?;
    writeln!(out, "calls at all   {}", days(policy.metadata_days))?;
    writeln!(out, "scores         {}", days(policy.scores_days))
}

/// Runs `codepromptu hold`.
pub(crate) async fn run_hold(args: HoldArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        HoldCommand::Add { user, call, reason } => {
            let hold = client.create_hold(&NewHold { user, call_id: call, reason }).await?;
            writeln!(out, "{}", hold.id)?;
        }
        HoldCommand::List { json } => {
            let found = client.list_holds().await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
            }
            let columns = ["id", "holds", "placed by", "placed at", "reason"];
            let mut table = Table::new(columns.map(text).into());
            for hold in found.holds {
                let holds = hold.call_id.map_or(hold.holds, |call| call.to_string());
                table.push(vec![
                    hold.id.to_string(),
                    holds,
                    hold.placed_by,
                    hold.placed_at.to_string(),
                    hold.reason,
                ]);
            }
            table.write(&mut out)?;
        }
        HoldCommand::Release { id } => {
            client.release_hold(id).await?;
            writeln!(out, "{id} is released.")?;
        }
    }
    Ok(())
}
