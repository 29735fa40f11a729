//! `codepromptu audit`: what was done, and whether the record of it is whole.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use cp_base::PublicKey;
use cp_store::{ChainCheck, ChainedEvent};
use cp_wire::{AuditCheckpoint, AuditPage, AuditQuery};

use crate::cli::ServerArgs;
use crate::output::table::{Table, number, text};
use crate::output::{self, Failure};

/// `codepromptu audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// List events, latest first
    List {
        /// Done at or after: a day, a time, or so long ago (7d)
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Done before: a day, a time, or so long ago
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// This action, such as api_key.create
        #[arg(long, value_name = "ACTION")]
        action: Option<String>,
        /// By this person or key
        #[arg(long, value_name = "ID")]
        actor: Option<String>,
        /// To this
        #[arg(long, value_name = "ID")]
        target: Option<String>,
        /// How many: 1 to 500
        #[arg(long, value_name = "N", default_value = "50")]
        limit: String,
        /// Before this place in the chain
        #[arg(long, value_name = "N")]
        before: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the whole chain as JSON lines
    Export {
        /// Where; standard output without it
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Get the end of the chain, signed: keep it elsewhere, and give it to a later `verify`
    Checkpoint,
    /// Check an export offline, or the server's chain: every hash, and the checkpoints given
    Verify {
        /// An export; the server's chain without it
        file: Option<PathBuf>,
        /// A checkpoint that was kept: the chain must go through it
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        /// The public key that checkpoints must be signed with; without it, the one that each names
        #[arg(long, value_name = "HEX")]
        public_key: Option<String>,
    },
}

/// Runs the command.
pub(crate) async fn run(args: AuditArgs) -> anyhow::Result<()> {
    let mut out = output::stdout();
    match args.command {
        AuditCommand::List { since, until, action, actor, target, limit, before, json } => {
            let asked = AuditQuery { since, until, action, actor, target, limit: Some(limit), before };
            let page = args.server.client()?.list_audit_events(&asked).await?;
            if json {
                return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&page)?)?);
            }
            Ok(list(&mut out, page)?)
        }
        AuditCommand::Export { output: Some(path) } => {
            let mut file =
                File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
            export(&args.server, &mut file).await?;
            Ok(file.sync_all()?)
        }
        AuditCommand::Export { output: None } => export(&args.server, &mut out).await,
        AuditCommand::Checkpoint => {
            let checkpoint = args.server.client()?.get_audit_checkpoint().await?;
            Ok(writeln!(out, "{}", serde_json::to_string_pretty(&checkpoint)?)?)
        }
        AuditCommand::Verify { file, checkpoint, public_key } => {
            let mut marks = read_marks(&checkpoint, public_key.as_deref())?;
            let check = match file {
                Some(path) => {
                    let file =
                        File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
                    verify(BufReader::new(file), &mut marks)?
                }
                None => {
                    let mut export = args.server.client()?.export_audit_events().await?;
                    let (mut check, mut number) = (ChainCheck::default(), 0);
                    while let Some(line) = export.next_line().await? {
                        number += 1;
                        follow(&mut check, &mut marks, number, &line)?;
                    }
                    check
                }
            };
            verdict(&mut out, &check, &marks)
        }
    }
}

/// Follows an export to its end.
fn verify(export: impl BufRead, marks: &mut Vec<Mark>) -> anyhow::Result<ChainCheck> {
    let mut check = ChainCheck::default();
    for (number, line) in (1..).zip(export.split(b'\n')) {
        follow(&mut check, marks, number, &line?)?;
    }
    Ok(check)
}

fn list(out: &mut impl Write, page: AuditPage) -> io::Result<()> {
    let columns =
        vec![number("#"), text("time"), text("who"), text("how"), text("what"), text("to"), text("detail")];
    let mut table = Table::new(columns);
    for chained in page.events {
        let event = chained.event;
        let detail = event.detail.unwrap_or_default();
        let place = event.sequence.to_string();
        table.push(vec![
            place,
            event.at.to_string(),
            event.actor.name,
            event.via,
            event.action,
            event.target,
            detail,
        ]);
    }
    table.write(out)?;
    match page.next {
        Some(next) => writeln!(out, "More: --before {next}"),
        None => Ok(()),
    }
}

async fn export(server: &ServerArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let mut export = server.client()?.export_audit_events().await?;
    while let Some(line) = export.next_line().await? {
        out.write_all(&line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// What a checkpoint says of a place in the chain.
struct Mark {
    sequence: u64,
    hash: String,
    from: String,
}

fn read_marks(paths: &[PathBuf], public_key: Option<&str>) -> anyhow::Result<Vec<Mark>> {
    paths.iter().map(|path| read_mark(path, public_key)).collect()
}

fn read_mark(path: &Path, public_key: Option<&str>) -> anyhow::Result<Mark> {
    let from = path.display().to_string();
    let json = std::fs::read(path).with_context(|| format!("{from} cannot be read"))?;
    let checkpoint: AuditCheckpoint =
        serde_json::from_slice(&json).with_context(|| format!("{from} is no checkpoint"))?;
    let key: PublicKey =
        public_key.unwrap_or(&checkpoint.public_key).parse().context("the public key is none")?;
    key.verify(checkpoint.text.as_bytes(), &checkpoint.signature)
        .with_context(|| format!("{from} is not signed with {key}"))?;
    let mut lines = checkpoint.text.lines().skip(2);
    let sequence = lines.next().and_then(|line| line.parse().ok());
    let hash = lines.next().map(str::to_owned);
    let (Some(sequence), Some(hash)) = (sequence, hash) else { anyhow::bail!("{from} is no checkpoint") };
    Ok(Mark { sequence, hash, from })
}

fn follow(check: &mut ChainCheck, marks: &mut Vec<Mark>, number: u64, line: &[u8]) -> anyhow::Result<()> {
    let event: ChainedEvent = serde_json::from_slice(line)
        .map_err(|error| broken(format!("record {number} is no event of the audit log: {error}")))?;
    // The same said in other bytes is not what was written.
    if serde_json::to_vec(&event)? != line {
        return Err(broken(format!("record {number} is not written as it was")));
    }
    check.follow(&event).map_err(|error| broken(format!("record {number}: {error}")))?;
    let here = check.sequence();
    if let Some(mark) = marks.iter().find(|mark| mark.sequence == here && mark.hash != check.hash()) {
        return Err(broken(format!("event {here} is not the one that {} was signed over", mark.from)));
    }
    marks.retain(|mark| mark.sequence != here);
    Ok(())
}

fn verdict(out: &mut impl Write, check: &ChainCheck, marks: &[Mark]) -> anyhow::Result<()> {
    if let Some(mark) = marks.iter().find(|mark| mark.sequence > 0) {
        let (end, there) = (check.sequence(), mark.sequence);
        return Err(broken(format!(
            "the chain ends at event {end}, and {} was signed over event {there}",
            mark.from
        )));
    }
    Ok(writeln!(
        out,
        "{} events, each fits the one before it. The last hash: {}",
        check.sequence(),
        check.hash()
    )?)
}

fn broken(what: String) -> anyhow::Error {
    let help =
        "what came before that record is as it was; compare with an earlier export or a backup".to_owned();
    Failure { what, help }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORT: &[u8] = include_bytes!("../../../cp-store/tests/it/audit_v1.jsonl");

    #[test]
    fn whatever_byte_of_an_export_is_changed_its_record_is_named() {
        assert_eq!(verify(EXPORT, &mut Vec::new()).unwrap().sequence(), 2);
        for place in 0..EXPORT.len() {
            for change in [1_u8 << (place % 8), 0x20, 0x80, 0xff] {
                let mut export = EXPORT.to_vec();
                export[place] ^= change;
                let record = EXPORT[..place].iter().filter(|byte| **byte == b'\n').count() + 1;
                let error = verify(&*export, &mut Vec::new()).unwrap_err().to_string();
                assert!(error.starts_with(&format!("record {record}")), "byte {place} ^ {change}: {error}");
            }
        }
    }
}
