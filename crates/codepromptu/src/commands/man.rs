//! `codepromptu man`: pages for `man`, of the program and of each of its commands.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::output;

/// `codepromptu man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// A folder for the pages of all commands, such as `/usr/local/share/man/man1`; without it the program's page is written to
    /// the standard output
    dir: Option<PathBuf>,
}

/// Writes the pages.
pub(crate) fn run(args: &ManArgs) -> anyhow::Result<()> {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        return Ok(std::io::stdout().write_all(&page)?);
    };
    let written = || {
        std::fs::create_dir_all(dir)?;
        clap_mangen::generate_to(Cli::command(), dir)
    };
    written().with_context(|| format!("the pages cannot be written to {}", dir.display()))?;
    Ok(writeln!(output::stdout(), "The pages are in {}: `man codepromptu`.", dir.display())?)
}
