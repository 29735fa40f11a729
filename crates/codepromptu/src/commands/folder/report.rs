//! What a command did with a folder, a line a prompt.

use std::io::Write;
use std::path::Path;

use crate::output::{self, BAD, Clash, Failure, GOOD, SOFT, grouped, printable};

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    done: u64,
    conflicts: u64,
    problems: u64,
}

impl Report {
    /// Something was done, or would be.
    pub(super) fn done(&mut self, what: &str, path: &Path, more: &str) -> anyhow::Result<()> {
        self.done += 1;
        line(&format!("{GOOD}{what:<9}{GOOD:#}"), path, more)
    }

    /// Something is left as it is, with the next step.
    pub(super) fn left(&self, what: &str, path: &Path, more: &str) -> anyhow::Result<()> {
        line(&format!("{SOFT}{what:<9}{SOFT:#}"), path, more)
    }

    /// Both sides want something else.
    pub(super) fn conflict(&mut self, path: &Path, more: &str) -> anyhow::Result<()> {
        self.conflicts += 1;
        line(&format!("{BAD}{:<9}{BAD:#}", "conflict"), path, more)
    }

    /// A file is wrong; on standard error, as compilers say it.
    pub(super) fn problem(&mut self, problem: &str) -> anyhow::Result<()> {
        self.problems += 1;
        self.warning(problem)
    }

    /// A file looks wrong.
    pub(super) fn warning(&self, warning: &str) -> anyhow::Result<()> {
        Ok(writeln!(std::io::stderr(), "{}", printable(warning))?)
    }

    pub(super) const fn has_trouble(&self) -> bool {
        self.conflicts > 0 || self.problems > 0
    }

    /// What the command ends with.
    pub(super) fn end(&self, nothing: &str, help: &str) -> anyhow::Result<()> {
        if self.problems > 0 {
            let what = format!("{} cannot be read or used", count(self.problems, "file"));
            let help =
                "each is named above with the reason: put them right, and repeat the command".to_owned();
            return Err(Failure { what, help }.into());
        }
        if self.conflicts > 0 {
            let what =
                format!("{} clash with the library, and are left as they are", count(self.conflicts, "file"));
            return Err(Clash { what, help: help.to_owned() }.into());
        }
        if self.done == 0 {
            writeln!(output::stdout(), "{nothing}")?;
        }
        Ok(())
    }
}

fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

fn line(what: &str, path: &Path, more: &str) -> anyhow::Result<()> {
    let path = path.display().to_string();
    let path = printable(&path);
    let mut out = output::stdout();
    if more.is_empty() {
        writeln!(out, "{what} {path}")?;
    } else {
        writeln!(out, "{what} {path}  {SOFT}{}{SOFT:#}", printable(more))?;
    }
    Ok(())
}
