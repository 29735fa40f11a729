//! `codepromptu import` and `codepromptu export`: the prompt library and files.

mod take;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use cp_client::Client;
use cp_import::{Format, Found};
use cp_wire::{Prompt, PromptQuery, PromptVersion, VersionQuery};
use serde::Serialize;

use self::take::{Outcome, Taker};
use crate::cli::ServerArgs;
use crate::output::{self, Failure, grouped, printable};

/// `codepromptu import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How they are written; by default their names and contents say it: jsonl, langfuse, promptlayer, mlflow,
    /// phoenix, csv, promptfoo, dotprompt, prompty, markdown
    #[arg(long)]
    format: Option<Format>,
    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The folder of the library that the prompts go to
    #[arg(long, value_name = "FOLDER")]
    folder: Option<String>,
    /// Move the labels of prompts that are there already, too
    #[arg(long)]
    labels: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// `codepromptu export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The file; standard output without it
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// What an import came to.
#[derive(Default)]
struct Tally {
    created: u64,
    versions: u64,
    unchanged: u64,
    left_out: u64,
}

/// Runs `codepromptu import`.
pub(crate) async fn import(args: ImportArgs) -> anyhow::Result<()> {
    let mut tally = Tally::default();
    let mut taker = Taker::new(args.server.client()?, args.dry_run, args.labels);
    for file in &args.files {
        match read(file, args.format) {
            Ok(found) => take_all(&mut taker, &mut tally, (file, args.folder.as_deref()), found).await?,
            Err(error) => leave_out(&mut tally, file, &format!("{error:#}"))?,
        }
    }
    let would = if args.dry_run { "Nothing is changed. It would be: " } else { "" };
    writeln!(
        output::stdout(),
        "{would}{} made, {} new versions, {} there already, {} left out",
        grouped(tally.created),
        grouped(tally.versions),
        grouped(tally.unchanged),
        grouped(tally.left_out)
    )?;
    match tally.left_out {
        0 => Ok(()),
        left_out => Err(Failure {
            what: format!("{} could not be taken over", grouped(left_out)),
            help: "each is named above with its reason; repeat the import when they are put right".to_owned(),
        }
        .into()),
    }
}

fn read(file: &Path, format: Option<Format>) -> anyhow::Result<Found> {
    let text = std::fs::read_to_string(file).context("it cannot be read")?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let format = format.or_else(|| Format::of(&name, &text));
    let format = format.context("it is of no format that is known: say which with --format")?;
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    Ok(cp_import::read(format, &stem, &text)?)
}

async fn take_all(
    taker: &mut Taker,
    tally: &mut Tally,
    (file, folder): (&Path, Option<&str>),
    found: Found,
) -> anyhow::Result<()> {
    for skipped in found.skipped {
        leave_out(tally, file, &format!("{}: {}", skipped.place, skipped.why))?;
    }
    let bar = output::bar("importing", found.prompts.len() as u64);
    for mut imported in found.prompts {
        if let Some(folder) = folder {
            imported.prompt.name = format!("{}/{}", folder.trim_end_matches('/'), imported.prompt.name);
        }
        let name = imported.prompt.name.clone();
        let outcome = taker.take(imported.prompt).await;
        bar.inc(1);
        match outcome {
            Ok(Outcome::Created) => tally.created += 1,
            Ok(Outcome::NewVersion) => tally.versions += 1,
            Ok(Outcome::Unchanged) => tally.unchanged += 1,
            // The server judged this one; whatever else fails would fail for every other one too.
            Err(cp_client::ClientError::Problem(problem)) if [400, 409, 413].contains(&problem.status) => {
                let why = format!("{}, `{name}`: {}", imported.place, problem.detail);
                bar.suspend(|| leave_out(tally, file, &why))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn leave_out(tally: &mut Tally, file: &Path, why: &str) -> anyhow::Result<()> {
    tally.left_out += 1;
    let line = format!("{}: {why}", file.display());
    Ok(writeln!(output::stdout(), "left out: {}", printable(&line))?)
}

/// A line of the export.
#[derive(Serialize)]
struct Line {
    prompt: Prompt,
    /// Oldest first.
    versions: Vec<PromptVersion>,
}

/// Runs `codepromptu export`.
pub(crate) async fn export(args: ExportArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let Some(file) = &args.file else {
        write_all(&client, &mut BufWriter::new(output::stdout())).await?;
        return Ok(());
    };
    // The name is that of a whole export, or of nothing.
    let part = file.with_added_extension("part");
    let mut out = File::create(&part).with_context(|| format!("{} cannot be made", part.display()))?;
    let prompts = write_all(&client, &mut BufWriter::new(&mut out)).await?;
    out.sync_all()?;
    std::fs::rename(&part, file).with_context(|| format!("{} cannot be made", file.display()))?;
    Ok(writeln!(output::stdout(), "{} prompts in {}", grouped(prompts), file.display())?)
}

async fn write_all(client: &Client, out: &mut impl Write) -> anyhow::Result<u64> {
    let mut written = 0;
    for archived in [None, Some("true".to_owned())] {
        let mut query = PromptQuery { limit: Some("500".to_owned()), archived, ..PromptQuery::default() };
        loop {
            let page = client.list_prompts(&query).await?;
            for prompt in page.prompts {
                let mut versions = versions(client, &prompt.id.to_string()).await?;
                versions.reverse();
                serde_json::to_writer(&mut *out, &Line { prompt, versions })?;
                out.write_all(b"\n")?;
                written += 1;
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
    }
    out.flush()?;
    Ok(written)
}

/// Every version of a prompt, newest first.
async fn versions(client: &Client, prompt: &str) -> Result<Vec<PromptVersion>, cp_client::ClientError> {
    let mut query = VersionQuery { limit: Some("500".to_owned()), before: None };
    let mut versions = Vec::new();
    loop {
        let page = client.list_versions(prompt, &query).await?;
        versions.extend(page.versions);
        match page.next {
            Some(next) => query.before = Some(next.to_string()),
            None => return Ok(versions),
        }
    }
}
