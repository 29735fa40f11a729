//! `codepromptu fingerprint`: which provider's keys bring their calls to the project.

use std::io::Write;

use clap::{Args, Subcommand};
use cp_wire::ClaimRequest;

use super::provider_key::read_key;
use crate::cli::ServerArgs;
use crate::output;
use crate::output::table::{Table, text};

/// `codepromptu fingerprint`.
#[derive(Debug, Args)]
pub(crate) struct FingerprintArgs {
    #[command(subcommand)]
    command: FingerprintCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum FingerprintCommand {
    /// List the claimed ones, and those that came and are not claimed
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Claim the calls that come with a provider's key
    Claim {
        /// Its fingerprint, if its calls have come to the project; the key itself is read from standard input without it
        fingerprint: Option<String>,
    },
    /// Give a claim up
    Release {
        /// The fingerprint
        fingerprint: String,
    },
}

/// Runs the command.
pub(crate) async fn run(args: FingerprintArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        FingerprintCommand::List { json } => {
            let found = client.list_fingerprints().await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
            }
            let columns = ["fingerprint", "state", "provider", "calls", "last"];
            let mut table = Table::new(columns.map(text).into());
            for claim in found.claims {
                let (by, at) = (format!("claimed by {}", claim.claimed_by), claim.claimed_at.to_string());
                table.push(vec![claim.fingerprint, by, "–".to_owned(), "–".to_owned(), at]);
            }
            for seen in found.seen {
                let state = if seen.project_id.is_some() { "came here" } else { "was refused" };
                let (calls, last) = (seen.calls.to_string(), seen.last_at.to_string());
                table.push(vec![seen.fingerprint, state.to_owned(), seen.provider, calls, last]);
            }
            table.write(&mut out)?;
        }
        FingerprintCommand::Claim { fingerprint } => {
            let key = if fingerprint.is_some() { None } else { Some(read_key("the provider's key")?) };
            let claim = client.claim_fingerprint(&ClaimRequest { fingerprint, key }).await?;
            writeln!(out, "{} is claimed: its calls come to this project.", claim.fingerprint)?;
        }
        FingerprintCommand::Release { fingerprint } => {
            client.release_fingerprint(&fingerprint).await?;
            writeln!(out, "{fingerprint} is given up.")?;
        }
    }
    Ok(())
}
