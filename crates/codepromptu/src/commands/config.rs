//! `codepromptu config`: what the program runs with, and where that comes from.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::config::{Config, effective};
use crate::output::table::{Table, text};
use crate::output::{self, printable};
use crate::{credentials, master_key};

/// `codepromptu config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: Option<ConfigCommand>,
    /// The configuration file; `codepromptu.toml` where it exists
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// As JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// See which files are read and written
    Path,
}

/// Runs the command.
pub(crate) fn run(args: &ConfigArgs) -> anyhow::Result<()> {
    match args.command {
        Some(ConfigCommand::Path) => paths(args),
        None => settings(args),
    }
}

fn settings(args: &ConfigArgs) -> anyhow::Result<()> {
    let settings = effective::settings(args.config.as_deref())?;
    let mut out = output::stdout();
    if args.json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&settings)?)?);
    }
    let mut table = Table::new(["key", "value", "from"].map(text).into());
    for setting in settings {
        let value = setting.value.unwrap_or_else(|| "–".to_owned());
        table.push(vec![setting.key, printable(&value).into_owned(), setting.from]);
    }
    Ok(table.write(&mut out)?)
}

fn paths(args: &ConfigArgs) -> anyhow::Result<()> {
    let config = Config::load(args.config.as_deref(), &[])?;
    let paths = [
        ("configuration", effective::file(args.config.as_deref())),
        ("data", Some(config.data_dir.clone())),
        ("master key", Some(master_key::file(&config))),
        ("credentials", credentials::path()),
    ];
    let mut out = output::stdout();
    if args.json {
        let paths = paths.map(|(what, path)| (what.replace(' ', "_"), json!(path)));
        let paths: serde_json::Map<_, _> = paths.into_iter().collect();
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&paths)?)?);
    }
    let mut table = Table::new(["what", "path", "there"].map(text).into());
    for (what, path) in paths {
        let is_there = path.as_ref().is_some_and(|path| path.exists());
        let path = path.map_or_else(|| "–".to_owned(), |path| path.display().to_string());
        table.push(vec![what.to_owned(), path, if is_there { "yes" } else { "no" }.to_owned()]);
    }
    Ok(table.write(&mut out)?)
}
