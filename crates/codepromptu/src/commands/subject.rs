//! `codepromptu subject` and `codepromptu erasure`: what there is of an end user, and its end.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use cp_base::{ErasureId, PublicKey};
use cp_client::Client;
use cp_store::ErasureCertificate;
use cp_wire::{CallQuery, Erasure};

use crate::cli::ServerArgs;
use crate::output;

/// How often the server is asked whether an erasure is done.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// `codepromptu subject`.
#[derive(Debug, Args)]
pub(crate) struct SubjectArgs {
    #[command(subcommand)]
    command: SubjectCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum SubjectCommand {
    /// Tell what there is of an end user
    Show {
        /// The end user, as calls name them
        user: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write every call of an end user as JSON lines
    Export {
        /// The end user, as calls name them
        user: String,
    },
    /// Erase everything of an end user, and write the certificate
    Erase {
        /// The end user, as calls name them
        user: String,
        /// Without asking back
        #[arg(long)]
        yes: bool,
        /// Only ask for it; `codepromptu erasure show` tells how far it is
        #[arg(long)]
        no_wait: bool,
    },
}

/// `codepromptu erasure`.
#[derive(Debug, Args)]
pub(crate) struct ErasureArgs {
    #[command(subcommand)]
    command: ErasureCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum ErasureCommand {
    /// Show how far an erasure is, or its certificate
    Show {
        /// The erasure's id
        id: ErasureId,
    },
    /// Check a certificate, without any server
    Verify {
        /// The certificate
        file: PathBuf,
        /// The public key that must have signed it; without it, the one that it names
        #[arg(long, value_name = "HEX")]
        public_key: Option<PublicKey>,
    },
}

/// Runs `codepromptu subject`.
pub(crate) async fn run(args: SubjectArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut out = output::stdout();
    match args.command {
        SubjectCommand::Show { user, json } => {
            let subject = client.get_subject(&user).await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&subject)?)?);
            }
            writeln!(out, "{} calls, {} with what was said", subject.calls, subject.with_bodies)?;
            if let (Some(first), Some(last)) = (subject.first_at, subject.last_at) {
                writeln!(out, "from {first} to {last}")?;
            }
            if !subject.prompts.is_empty() {
                writeln!(out, "named in prompts, which erasure leaves: {}", subject.prompts.join(", "))?;
            }
            if !subject.comments.is_empty() {
                let comments: Vec<_> = subject.comments.iter().map(ToString::to_string).collect();
                writeln!(out, "named in comments, which their authors can change: {}", comments.join(", "))?;
            }
        }
        SubjectCommand::Export { user } => {
            let filter = CallQuery { user: Some(user), ..CallQuery::default() };
            let mut export = client.export(&filter, None).await?;
            while let Some(line) = export.next_line().await? {
                out.write_all(&line)?;
                writeln!(out)?;
            }
        }
        SubjectCommand::Erase { user, yes, no_wait } => {
            if !yes {
                let calls = client.get_subject(&user).await?.calls;
                bail!("{calls} calls of this user would be erased for good; say it with --yes");
            }
            let erasure = client.erase_subject(&user).await?;
            if no_wait {
                return Ok(writeln!(out, "{}", erasure.id)?);
            }
            writeln!(std::io::stderr(), "{} is under way.", erasure.id)?;
            writeln!(out, "{}", done(&client, erasure).await?)?;
        }
    }
    Ok(())
}

/// The certificate, once it is there.
async fn done(client: &Client, mut erasure: Erasure) -> anyhow::Result<String> {
    loop {
        if let Some(certificate) = erasure.certificate {
            return Ok(certificate);
        }
        tokio::time::sleep(ASK_EVERY).await;
        erasure = client.get_erasure(erasure.id).await?;
    }
}

/// Runs `codepromptu erasure`.
pub(crate) async fn run_erasure(args: ErasureArgs) -> anyhow::Result<()> {
    let mut out = output::stdout();
    match args.command {
        ErasureCommand::Show { id } => {
            let erasure = args.server.client()?.get_erasure(id).await?;
            match erasure.certificate {
                Some(certificate) => writeln!(out, "{certificate}")?,
                None => writeln!(out, "{}: {} calls so far", erasure.state, erasure.erased_calls)?,
            }
        }
        ErasureCommand::Verify { file, public_key } => {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            let certificate = ErasureCertificate::verify(&text, public_key)
                .with_context(|| format!("{} does not hold", file.display()))?;
            let statement = &certificate.statement;
            writeln!(out, "The certificate holds; it is signed with {}.", certificate.public_key)?;
            writeln!(
                out,
                "{}: {} calls of {} erased by {}",
                statement.erasure, statement.erased.calls, statement.project, statement.finished_at
            )?;
            for remains in &statement.remains {
                writeln!(out, "Not reached: {remains}.")?;
            }
        }
    }
    Ok(())
}
