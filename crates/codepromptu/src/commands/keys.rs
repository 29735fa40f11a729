//! `codepromptu keys`: what data is sealed with.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use cp_base::{IdGenerator, MasterKey, Random, Secret, SystemClock};
use cp_store::Genesis;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::ServerArgs;
use crate::config::Config;
use crate::output::table::{Table, number, text};
use crate::{master_key, output, serve};

/// `codepromptu keys`.
#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// List the keys that the project's data is sealed with, those destroyed too
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Seal all of the project's data with a new key while calls flow, and destroy the old one; broken off, it goes on
    Rotate,
    /// Wrap every key under a new master key: on the database itself, with the server stopped. Broken off, it goes on
    Rewrap {
        /// The file with the new master key: 64 hexadecimal digits
        #[arg(long, value_name = "FILE")]
        new_key_file: PathBuf,
        /// The configuration file; `codepromptu.toml` where it exists
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Runs the command.
pub(crate) async fn run(args: KeysArgs) -> anyhow::Result<()> {
    match args.command {
        KeysCommand::List { json } => list(&args.server, json).await,
        KeysCommand::Rotate => rotate(&args.server).await,
        KeysCommand::Rewrap { new_key_file, config } => rewrap(config.as_deref(), &new_key_file).await,
    }
}

async fn list(server: &ServerArgs, json: bool) -> anyhow::Result<()> {
    let found = server.client()?.list_data_keys().await?;
    let mut out = output::stdout();
    if json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?);
    }
    let columns =
        [text("id"), text("purpose"), number("generation"), text("key"), text("made"), text("state")];
    let mut table = Table::new(columns.into());
    for key in found.keys {
        let state = match (key.destroyed_at, key.retired_at) {
            (Some(at), _) => format!("destroyed {at}"),
            (None, Some(at)) => format!("retired {at}"),
            (None, None) => "in use".to_owned(),
        };
        let name = key.key.unwrap_or_default();
        let (id, made) = (key.id.to_string(), key.created_at.to_string());
        table.push(vec![id, key.purpose, key.generation.to_string(), name, made, state]);
    }
    Ok(table.write(&mut out)?)
}

async fn rotate(server: &ServerArgs) -> anyhow::Result<()> {
    let client = server.client()?;
    let bar = bar("sealing {bar:40} {pos}/{len} values");
    loop {
        let step = client.rotate_data_key().await?;
        bar.set_length(step.total);
        bar.set_position(step.resealed);
        if let Some(destroyed) = step.destroyed {
            bar.finish_and_clear();
            let mut out = output::stdout();
            writeln!(out, "{} values are sealed with key {}.", step.resealed, step.key)?;
            writeln!(out, "Destroyed: {}", destroyed.join(", "))?;
            return Ok(());
        }
    }
}

async fn rewrap(config: Option<&Path>, new_key_file: &Path) -> anyhow::Result<()> {
    let config = Config::load(config, &[])?;
    let (clock, random) = (Arc::new(SystemClock::default()), Arc::new(Random::system()));
    let old = master_key::find(&config, &random)?;
    if old.made.is_some() {
        bail!("there was no master key in {}, so there is nothing to wrap", config.data_dir.display());
    }
    let text = std::fs::read_to_string(new_key_file)
        .with_context(|| format!("the new master key cannot be read from {}", new_key_file.display()))?;
    let new = MasterKey::from_hex(&Secret::new(text))
        .with_context(|| format!("{} is of no use", new_key_file.display()))?;
    let ids = IdGenerator::new(clock.clone(), random.clone());
    let genesis = Genesis { master: &old.key, ids: &ids, random: &random, clock: clock.as_ref() };
    let db = serve::open_database(&config, clock.as_ref()).await?;
    let bar = bar("wrapping {bar:40} {pos}/{len} keys");
    let told = cp_store::rewrap(&db, &genesis, &new, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    let told = told.await?;
    bar.finish_and_clear();
    db.close().await;
    let mut out = output::stdout();
    writeln!(
        out,
        "{} keys are wrapped under master key {}; {} were already.",
        told.keys,
        new.id(),
        told.already
    )?;
    writeln!(
        out,
        "Now put the new key in the place of the old one ({}), and start. Keep the old one as long as backups of before.",
        old.source
    )?;
    Ok(())
}

/// A progress bar on standard error; invisible where that is no terminal.
fn bar(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
