//! House rules that no compiler checks. Each rule is a function from text to findings, so that it can be tested on a
//! small sample; this module reads the tree and prints what they found.

mod bans;
mod documents;
mod edges;
mod packages;
mod sizes;
mod source;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::say;

/// Whether a finding stops the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Warning,
    Error,
}

/// One thing that is out of order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    level: Level,
    path: String,
    /// Counted from 1.
    line: usize,
    what: String,
    remedy: String,
}

impl Finding {
    fn error(path: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Error, path: path.into(), line, what: what.into(), remedy: remedy.into() }
    }

    fn warning(path: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(path, line, what, remedy) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{}:{}: {level}: {}: {}", self.path, self.line, self.what, self.remedy)
    }
}

/// Checks the whole tree; fails when there is an error among the findings.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    let files = source::read_tree(root)?;
    let mut findings = edges::check(&edges::workspace(root)?);
    for file in &files {
        findings.extend(sizes::check(file));
        findings.extend(bans::check(file));
    }
    findings.extend(packages::check(&std::fs::read_to_string(root.join("Cargo.lock"))?));
    findings.extend(documents::check_links(&files, &|path| root.join(path).exists()));
    findings.extend(documents::check_glossary(&files));

    for finding in &findings {
        say(&finding.to_string());
    }
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    let warnings = findings.len() - errors;
    say(&format!("tidy: {} files, {errors} errors, {warnings} warnings", files.len()));
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
