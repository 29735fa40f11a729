//! `codepromptu diff`: what a push would change, line by line.

use std::path::PathBuf;

use clap::Args;

use super::Folder;
use super::pull::path_of_item;
use super::survey::survey;
use crate::cli::ServerArgs;
use crate::commands::prompt::{unified, write_diff};
use crate::output::Failure;

/// `codepromptu diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The folder; the current one where it was pulled into before, else `prompts`
    dir: Option<PathBuf>,
    /// The prompt; all of them without it
    name: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs `codepromptu diff`.
pub(crate) async fn run(args: DiffArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let folder = Folder::open(args.dir)?;
    let survey = survey(&client, &folder).await?;
    let is_meant = |name: &str| args.name.as_deref().is_none_or(|meant| meant == name);
    let mut any = false;
    for item in survey.items.iter().filter(|item| is_meant(item.name())) {
        any = true;
        let said = |side: Option<super::decide::Said>| side.map(|said| (said.document, said.details));
        let ours = item.ours.as_ref().map(|ours| ours.said);
        let theirs = item.theirs.as_ref().map(|theirs| theirs.said);
        if said(ours) == said(theirs) {
            continue;
        }
        let before = match &item.theirs {
            Some(theirs) => theirs.file(&client).await?.format(),
            None => String::new(),
        };
        let after = item.ours.as_ref().map(|ours| ours.parsed.file.format()).unwrap_or_default();
        let path = folder.root.join(path_of_item(item)?).display().to_string();
        let there = item.theirs.as_ref();
        let there = there.map_or_else(
            || "nothing".to_owned(),
            |theirs| format!("{}#{}", theirs.prompt.name, theirs.version),
        );
        write_diff(&unified([before, after], [there, path]))?;
    }
    for problem in &survey.problems {
        super::report::Report::default().warning(problem)?;
    }
    match args.name.filter(|_| !any) {
        Some(name) => Err(Failure {
            what: format!("there is no `{name}`, neither in {} nor in the library", folder.root.display()),
            help: "`codepromptu status DIR` lists what differs".to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}
