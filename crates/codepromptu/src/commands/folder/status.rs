//! `codepromptu status DIR`: how a folder stands to the library.

use std::io::Write;
use std::path::PathBuf;

use cp_client::Client;
use serde_json::json;

use super::Folder;
use super::decide::Action;
use super::pull::path_of_item;
use super::report::Report;
use super::survey::{Item, Renaming, survey};
use crate::output;

/// How it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Table,
    Json,
}

/// Shows what a pull and a push would do.
pub(crate) async fn show(client: &Client, dir: PathBuf, form: Form) -> anyhow::Result<()> {
    let folder = Folder::open(Some(dir))?;
    let survey = survey(client, &folder).await?;
    let report = Report::default();
    let mut differences = Vec::new();
    for item in &survey.items {
        if let Some((word, what)) = difference(item) {
            differences.push((word, path_of_item(item)?, what));
        }
    }
    if let Form::Json = form {
        let files: Vec<_> =
            differences.iter().map(|(word, path, _)| json!({ "path": path, "is": word })).collect();
        let told = json!({ "files": files, "problems": survey.problems });
        return Ok(writeln!(output::stdout(), "{}", serde_json::to_string_pretty(&told)?)?);
    }
    for (word, path, what) in &differences {
        report.left(word, path, what)?;
    }
    for problem in &survey.problems {
        report.warning(problem)?;
    }
    if differences.is_empty() && survey.problems.is_empty() {
        writeln!(output::stdout(), "Folder and library say the same.")?;
    }
    Ok(())
}

/// A word for it, and what it means; nothing where both sides say the same.
fn difference(item: &Item) -> Option<(&'static str, &'static str)> {
    let renamed = match item.renaming() {
        Renaming::None => None,
        Renaming::Here => Some(("renamed", "here: push")),
        Renaming::There => Some(("renamed", "in the library: pull")),
        Renaming::Both => Some(("conflict", "it was given another name here and another one in the library")),
    };
    let said = match item.action {
        Action::Nothing | Action::Note => None,
        Action::Take if item.ours.is_none() => Some(("new", "in the library: pull")),
        Action::Take => Some(("changed", "in the library: pull")),
        Action::Give if item.theirs.is_none() => Some(("new", "here: push")),
        Action::Give => Some(("changed", "here: push")),
        Action::Merge => Some(("both", "changed here and in the library: pull")),
        Action::Strangers => {
            Some(("conflict", "the library has a prompt of this name that says something else"))
        }
        Action::DeletedHere => Some(("deleted", "here: pull --restore, or push --archive")),
        Action::ArchivedThere => Some(("archived", "in the library: pull")),
        Action::DeletedHereChangedThere => Some(("conflict", "deleted here, changed in the library")),
        Action::ArchivedThereChangedHere => Some(("conflict", "changed here, archived in the library")),
    };
    renamed.filter(|(word, _)| *word == "conflict" || said.is_none()).or(said)
}
