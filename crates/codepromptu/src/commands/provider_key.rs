//! `codepromptu provider-key`: the project's vault of providers' keys.

use std::io::{IsTerminal, Read, Write};

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use cp_wire::NewProviderKey;

use crate::cli::ServerArgs;
use crate::output;
use crate::output::table::{Table, text};

/// More than any provider's key is long.
const MAX_KEY_BYTES: u64 = 16 * 1024;

/// `codepromptu provider-key`.
#[derive(Debug, Args)]
pub(crate) struct ProviderKeyArgs {
    #[command(subcommand)]
    command: ProviderKeyCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum ProviderKeyCommand {
    /// List what is in the vault, but for the keys themselves
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a provider's key, read from standard input, into the vault
    Set {
        /// The provider's name, as in the gateway's path
        provider: String,
        /// What to write beside it
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
    },
    /// Take a provider's key out of the vault
    Remove {
        /// The provider's name
        provider: String,
    },
}

/// Runs the command.
pub(crate) async fn run(args: ProviderKeyArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        ProviderKeyCommand::List { json } => {
            let found = client.list_provider_keys().await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
            }
            let columns = ["provider", "label", "fingerprint", "stored by", "stored"];
            let mut table = Table::new(columns.map(text).into());
            for key in found.keys {
                let stored = key.created_at.to_string();
                table.push(vec![key.provider, key.label, key.fingerprint, key.created_by, stored]);
            }
            table.write(&mut out)?;
        }
        ProviderKeyCommand::Set { provider, label } => {
            let new = NewProviderKey { key: read_key("the provider's key")?, label };
            let key = client.set_provider_key(&provider, &new).await?;
            writeln!(out, "The key of {provider} is in the vault; its fingerprint is {}.", key.fingerprint)?;
        }
        ProviderKeyCommand::Remove { provider } => {
            client.remove_provider_key(&provider).await?;
            writeln!(out, "The key of {provider} is gone from the vault.")?;
        }
    }
    Ok(())
}

/// A key from standard input: arguments can be read by everybody on the machine.
pub(super) fn read_key(what: &str) -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        writeln!(std::io::stderr(), "Paste {what}, then press Enter and Ctrl-D:")?;
    }
    let mut key = String::new();
    std::io::stdin()
        .take(MAX_KEY_BYTES)
        .read_to_string(&mut key)
        .with_context(|| format!("{what} cannot be read from standard input"))?;
    let key = key.trim();
    ensure!(!key.is_empty(), "{what} is read from standard input, and nothing came");
    Ok(key.to_owned())
}
