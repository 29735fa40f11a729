//! `codepromptu doctor`: whether everything is as it must be, line by line, each with the next step where it is not. Nothing
//! is changed.

mod machine;
mod server;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::ServerArgs;
use crate::config::{Config, effective};
use crate::output::{self, ACCENT, BAD, Failure, GOOD, SOFT, printable};

/// `codepromptu doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The configuration file; `codepromptu.toml` where it exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Ok,
    Warning,
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    level: Level,
    /// What was looked at.
    what: &'static str,
    /// How it is.
    found: String,
    /// The next step, where one is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Finding {
    fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, what, found: found.into(), help: None }
    }

    fn warning(what: &'static str, found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { level: Level::Warning, what, found: found.into(), help: Some(help.into()) }
    }

    fn error(what: &'static str, found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { level: Level::Error, what, found: found.into(), help: Some(help.into()) }
    }
}

/// Runs the command; it fails where anything is an error.
pub(crate) async fn run(args: DoctorArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let is_near = server::is_on_this_machine(client.server());
    let mut findings = Vec::new();
    match Config::load(args.config.as_deref(), &[]) {
        Ok(config)
            if is_near || effective::file(args.config.as_deref()).is_some() || config.data_dir.exists() =>
        {
            findings.push(configuration(&args));
            findings.extend(machine::look(&config).await);
        }
        Ok(_) => findings.push(Finding::ok("this machine", "has no server of its own")),
        Err(error) => findings.push(Finding::error(
            "configuration",
            error.to_string(),
            "put the file or the variable right; `codepromptu config` shows what is in effect",
        )),
    }
    findings.extend(server::look(&client).await);
    show(&args, &findings)?;
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    match errors {
        0 => Ok(()),
        errors => Err(Failure {
            what: format!("{errors} of {} are not as they must be", findings.len()),
            help: "each says above what to do".to_owned(),
        }
        .into()),
    }
}

fn configuration(args: &DoctorArgs) -> Finding {
    let found = effective::file(args.config.as_deref());
    let found =
        found.map_or_else(|| "as shipped; there is no file".to_owned(), |file| file.display().to_string());
    Finding::ok("configuration", found)
}

fn show(args: &DoctorArgs, findings: &[Finding]) -> anyhow::Result<()> {
    let mut out = output::stdout();
    if args.json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(findings)?)?);
    }
    for Finding { level, what, found, help } in findings {
        let (word, style) = match level {
            Level::Ok => ("ok", GOOD),
            Level::Warning => ("warning", ACCENT),
            Level::Error => ("error", BAD),
        };
        writeln!(out, "{style}{word:<8}{style:#}{what:<15} {}", printable(found))?;
        if let Some(help) = help {
            writeln!(out, "{:<24}{SOFT}{}{SOFT:#}", "", printable(help))?;
        }
    }
    Ok(())
}
