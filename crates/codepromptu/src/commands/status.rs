//! `codepromptu status`: how the server is; with a folder, how that stands to the library.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use cp_wire::Status;

use super::folder;
use crate::cli::ServerArgs;
use crate::output::{self, BAD, BOLD, GOOD, SOFT, bytes, grouped, printable};

/// `codepromptu status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// A folder of files, to be compared with the library
    dir: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: StatusArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    if let Some(dir) = args.dir {
        let form = if args.json { folder::Form::Json } else { folder::Form::Table };
        return folder::status(&client, dir, form).await;
    }
    let status = client.get_status().await?;
    let mut out = output::stdout();
    if args.json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&status)?)?);
    }
    Ok(show(&mut out, client.server(), &status)?)
}

fn show(out: &mut impl Write, server: &str, status: &Status) -> io::Result<()> {
    let Status { version, node_id, started_at, store, log, pipeline, providers, master_key_source } = status;
    writeln!(out, "{BOLD}CodePromptu {version}{BOLD:#} at {server}")?;
    let mut fact =
        |name: &str, value: String| writeln!(out, "  {SOFT}{name:<14}{SOFT:#}{}", printable(&value));
    fact("node", format!("{node_id}, up since {started_at}"))?;
    fact("master key", master_key_source.clone())?;
    let calls = store.calls.map(|calls| format!(", {} calls", grouped(calls))).unwrap_or_default();
    let latest = store.latest_call_at.map(|at| format!(", the latest of {at}")).unwrap_or_default();
    fact("store", format!("{}{calls}{latest}", store.engine))?;
    fact("capture log", format!("{} of {} on disk", bytes(log.disk_bytes), bytes(log.max_bytes)))?;
    fact("pipeline", format!("{} behind", bytes(pipeline.behind_bytes)))?;
    let served = providers.iter().filter(|provider| !provider.base_url.is_empty());
    fact("providers", served.map(|provider| provider.name.as_str()).collect::<Vec<_>>().join(", "))?;
    let troubles = [
        (log.lost_records > 0)
            .then(|| format!("{} records of calls could not be kept", grouped(log.lost_records))),
        (log.refused > 0).then(|| {
            format!(
                "{} calls found no room in the log; by capture.on_full they passed unrecorded or were refused",
                grouped(log.refused)
            )
        }),
        store.last_error.as_ref().map(|error| format!("the store does not answer: {error}")),
        log.last_error.as_ref().map(|error| format!("the capture log cannot write: {error}")),
        pipeline.last_error.as_ref().map(|error| format!("the pipeline cannot store: {error}")),
    ];
    let troubles: Vec<_> = troubles.into_iter().flatten().collect();
    for trouble in &troubles {
        writeln!(out, "  {BAD}trouble{BAD:#}       {}", printable(trouble))?;
    }
    if troubles.is_empty() {
        writeln!(out, "  {GOOD}all is well{GOOD:#}")?;
    }
    Ok(())
}
