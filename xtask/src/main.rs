//! The project's own chores. `cargo xtask` lists them; CONTRIBUTING.md says when to use which.

mod fuzz;
mod postgres;
mod suite;
mod tidy;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  tidy                 crate edges, sizes, bans, locked packages, links and terms of the documents
  postgres -- CMD…     runs CMD with a throw-away PostgreSQL, named in CODEPROMPTU_TEST_POSTGRES
  fuzz [SECONDS] [TARGET…]
                       looks for bytes that break a promise; a minute, and every target, if not told otherwise
  check                formatting, tidy, clippy
  test                 everything that must pass before a change goes in";

fn main() -> ExitCode {
    match dispatch(std::env::args_os().skip(1).collect()) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: Vec<OsString>) -> Result<ExitCode> {
    let mut arguments = arguments.into_iter();
    let command = arguments.next();
    let rest: Vec<OsString> = arguments.skip_while(|argument| argument == "--").collect();
    match command.as_deref().and_then(|command| command.to_str()) {
        Some("tidy") => tidy::run(&root()?),
        Some("postgres") => postgres::run_with_cluster(&root()?, &rest),
        Some("fuzz") => fuzz::command(&root()?, &rest),
        Some("check") => suite::check(&root()?),
        Some("test") => suite::test(&root()?),
        Some("help" | "--help" | "-h") => {
            say(USAGE);
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("no such command\n{USAGE}"),
    }
}

/// The workspace's folder: the parent of this crate's.
fn root() -> Result<PathBuf> {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    Ok(parent.context("xtask lies in a folder of the workspace")?.to_path_buf())
}

/// Prints a line. A closed pipe is no reason to stop.
fn say(line: &str) {
    let _closed = writeln!(std::io::stdout().lock(), "{line}");
}

/// Runs a command to its end; its failure is an error that shows the command.
fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// The command as a person would type it.
fn shown(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    format!("`{}`", words.join(" "))
}

/// Whether this process may act as any user.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
