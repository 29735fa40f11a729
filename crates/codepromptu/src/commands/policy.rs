//! `codepromptu policy`: what is captured and redacted of a project's calls.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use cp_wire::{PreviewRedaction, SetCapturePolicy};

use crate::cli::ServerArgs;
use crate::output;

/// `codepromptu policy`.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Show the project's capture policy, as JSON
    Show,
    /// Set it
    Set {
        /// A file with the policy, as JSON; `-` is the standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Change nothing unless this is the version that is there
        #[arg(long, value_name = "NUMBER")]
        replacing: Option<u64>,
    },
    /// Show what redaction makes of a text
    Preview {
        /// A file with the text; `-` is the standard input
        #[arg(value_name = "FILE", default_value = "-")]
        file: PathBuf,
        /// A file with a policy to be tried, as JSON; the project's own without it
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
}

/// Runs the command.
pub(crate) async fn run(args: PolicyArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        PolicyCommand::Show => {
            let policy = client.get_capture_policy().await?.policy;
            writeln!(out, "{}", serde_json::to_string_pretty(&policy)?)?;
        }
        PolicyCommand::Set { file, replacing } => {
            let policy = read_json(&file)?;
            let set = client.set_capture_policy(&SetCapturePolicy { version: replacing, policy }).await?;
            writeln!(
                out,
                "The capture policy has version {} now. It holds for calls from now on.",
                set.version
            )?;
        }
        PolicyCommand::Preview { file, policy } => {
            let policy = policy.as_deref().map(read_json).transpose()?;
            let preview = client.preview_redaction(&PreviewRedaction { text: read(&file)?, policy }).await?;
            write!(out, "{}", output::printable(&preview.redacted))?;
        }
    }
    Ok(())
}

fn read_json<T: serde::de::DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    let json = read(file)?;
    serde_json::from_str(&json).with_context(|| format!("{} is no capture policy", file.display()))
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("the standard input cannot be read")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    }
    Ok(text)
}
