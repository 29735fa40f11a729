//! `codepromptu push`: what the files of a folder say, into the library.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use cp_client::{Client, ClientError};
use cp_prompt::VersionNumber;
use cp_wire::{NewPromptVersion, Prompt, PromptChange};

use super::decide::Action;
use super::pull::path_of_item;
use super::report::Report;
use super::state::Agreed;
use super::survey::{Item, Renaming, Survey, survey};
use super::{Folder, check};
use crate::cli::ServerArgs;
use crate::output::Clash;

/// `codepromptu push`.
#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The folder; the current one where it was pulled into before, else `prompts`
    dir: Option<PathBuf>,
    /// Why, for the versions that it saves
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    message: String,
    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Check every file, and what a push would do, and change nothing
    #[arg(long, conflicts_with_all = ["dry_run", "message", "archive"])]
    check: bool,
    /// Put prompts out of use whose files were deleted
    #[arg(long)]
    archive: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs `codepromptu push`.
pub(crate) async fn run(args: PushArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut folder = Folder::open(args.dir.clone())?;
    if !folder.root.is_dir() {
        return Err(anyhow!(
            "there is no folder {}: name one, or make it with `codepromptu pull`",
            folder.root.display()
        ));
    }
    let mut survey = survey(&client, &folder).await?;
    let mut report = Report::default();
    find_trouble(&client, &folder, (&survey, &args), &mut report).await?;
    let help = "`codepromptu pull` brings in what changed in the library; nothing was pushed";
    if args.check || report.has_trouble() {
        return report.end("Every file is fine.", help);
    }
    sort_by_includes(&mut survey.items);
    let mut push = Push { client: &client, folder: &mut folder, report: &mut report, args: &args };
    let mut outcome = Ok(());
    for item in survey.items {
        outcome = push.item(item).await;
        if outcome.is_err() {
            break;
        }
    }
    // Whatever was done before something failed is agreed on.
    if !args.dry_run {
        folder.state.save(&folder.root)?;
    }
    outcome?;
    report.end("The library says what the files say.", help)
}

/// What keeps files from being pushed: all of it is told before anything is changed.
async fn find_trouble(
    client: &Client,
    folder: &Folder,
    (survey, args): (&Survey, &PushArgs),
    report: &mut Report,
) -> anyhow::Result<()> {
    for problem in &survey.problems {
        report.problem(problem)?;
    }
    let goes = |item: &Item| args.check || item.action == Action::Give;
    let found = check::files(client, folder, &survey.items, goes).await?;
    for problem in &found.problems {
        report.problem(problem)?;
    }
    for warning in found.warnings.iter().filter(|_| args.check) {
        report.warning(warning)?;
    }
    for item in &survey.items {
        let why = match item.action {
            _ if item.renaming() == Renaming::Both => {
                "it was given another name here and another one in the library"
            }
            Action::Merge => "changed here and in the library",
            Action::Strangers => "the library has a prompt of this name that says something else",
            Action::DeletedHereChangedThere => "deleted here, changed in the library",
            Action::ArchivedThereChangedHere => "changed here, archived in the library",
            _ => continue,
        };
        report.conflict(&path_of_item(item)?, why)?;
    }
    Ok(())
}

/// What is included comes before what includes it, so that the library finds it.
fn sort_by_includes(items: &mut Vec<Item>) {
    let mut left: BTreeMap<String, Item> =
        items.drain(..).map(|item| (item.name().to_owned(), item)).collect();
    let names: Vec<_> = left.keys().cloned().collect();
    let mut seen = BTreeSet::new();
    for name in names {
        put(&name, &mut left, &mut seen, items);
    }
}

fn put(name: &str, left: &mut BTreeMap<String, Item>, seen: &mut BTreeSet<String>, sorted: &mut Vec<Item>) {
    // One that includes itself is told so by the library.
    if !seen.insert(name.to_owned()) {
        return;
    }
    let ours = left.get(name).and_then(|item| item.ours.as_ref());
    let includes = ours.and_then(|ours| cp_prompt::includes(&ours.parsed.file.document).ok());
    for include in includes.unwrap_or_default() {
        put(include.reference.name.as_str(), left, seen, sorted);
    }
    sorted.extend(left.remove(name));
}

struct Push<'a> {
    client: &'a Client,
    folder: &'a mut Folder,
    report: &'a mut Report,
    args: &'a PushArgs,
}

impl Push<'_> {
    async fn item(&mut self, item: Item) -> anyhow::Result<()> {
        let path = path_of_item(&item)?;
        let place = || format!("{} cannot be pushed", path.display());
        match item.action {
            // The file is to follow first: what is agreed on names it.
            _ if item.renaming() == Renaming::There => {
                self.report.left("renamed", &path, "in the library: `codepromptu pull` moves the file")
            }
            Action::Give if item.theirs.is_none() => self.create(item, &path).await.with_context(place),
            Action::Give => self.give(item, &path).await.with_context(place),
            Action::Nothing | Action::Note if item.renaming() == Renaming::Here => {
                self.give(item, &path).await.with_context(place)
            }
            Action::Nothing | Action::Note => {
                self.note(&item);
                Ok(())
            }
            Action::Take => {
                self.report.left("changed", &path, "in the library: `codepromptu pull` brings it in")
            }
            Action::DeletedHere if self.args.archive => self.archive(&item, &path).await.with_context(place),
            Action::DeletedHere => {
                self.report.left("deleted", &path, "`push --archive` puts the prompt out of use")
            }
            Action::ArchivedThere => {
                self.report.left("archived", &path, "in the library: `codepromptu pull` removes the file")
            }
            // Told before.
            Action::Merge
            | Action::Strangers
            | Action::DeletedHereChangedThere
            | Action::ArchivedThereChangedHere => Ok(()),
        }
    }

    fn note(&mut self, item: &Item) {
        match (&item.ours, &item.theirs, item.id) {
            (Some(ours), Some(theirs), _) => {
                self.folder.state.prompts.insert(theirs.prompt.id, theirs.agreed(&ours.parsed.file));
            }
            (None, None, Some(id)) => drop(self.folder.state.prompts.remove(&id)),
            _ => {}
        }
    }

    async fn create(&mut self, item: Item, path: &Path) -> anyhow::Result<()> {
        let Some(ours) = item.ours else { return Ok(()) };
        let file = &ours.parsed.file;
        if self.args.dry_run {
            return self.report.done("new", path, "");
        }
        let mut new = cp_import::new_prompt(ours.name.to_string(), file).map_err(anyhow::Error::msg)?;
        new.version.message.clone_from(&self.args.message);
        let saved = match self.client.create_prompt(&new).await {
            Ok(saved) => saved,
            Err(error) => return Err(self.refused(&new.name, error).await),
        };
        let version = VersionNumber::try_from(saved.version.number)?;
        let agreed = Agreed::new(saved.prompt.name, file, (version, saved.prompt.latest));
        self.folder.state.prompts.insert(saved.prompt.id, agreed);
        self.report.done("new", path, "version 1")
    }

    /// Why a prompt was not made. An archived one is not listed, and keeps its name.
    async fn refused(&self, name: &str, error: ClientError) -> anyhow::Error {
        match self.client.get_prompt(name).await {
            Ok(prompt) if prompt.archived_at.is_some() => Clash {
                what: format!("the library has an archived prompt `{name}`"),
                help: format!(
                    "take it into use again with `codepromptu prompt restore {name}`, or rename the file"
                ),
            }
            .into(),
            _ => error.into(),
        }
    }

    async fn give(&mut self, item: Item, path: &Path) -> anyhow::Result<()> {
        let (Some(ours), Some(theirs)) = (&item.ours, &item.theirs) else { return Ok(()) };
        let file = &ours.parsed.file;
        let is_renamed = item.renaming() == Renaming::Here;
        let mut told = Vec::new();
        if is_renamed {
            told.push(format!("it was {}", theirs.prompt.name));
        }
        let (details, document) =
            (ours.said.details != theirs.said.details, ours.said.document != theirs.said.document);
        if details {
            told.push("what is said of it".to_owned());
        }
        if self.args.dry_run {
            told.extend(document.then(|| "a new version".to_owned()));
            return self.report.done(if is_renamed { "renamed" } else { "updated" }, path, &told.join(", "));
        }
        let mut prompt = theirs.prompt.clone();
        if is_renamed || details {
            let mut change = PromptChange { revision: Some(prompt.revision), ..PromptChange::default() };
            change.name = is_renamed.then(|| ours.name.to_string());
            if details {
                change.details = cp_import::details(file).map_err(anyhow::Error::msg)?;
            }
            prompt = self.client.update_prompt(&prompt.id.to_string(), &change).await?;
        }
        let mut version = theirs.version;
        if document {
            (prompt, version) = self.save(&item, prompt).await?;
            told.push(format!("version {version}"));
            if i64::from(version.get()) != prompt.latest {
                told.push(format!("which it said before; the newest stays {}", prompt.latest));
            }
        }
        let agreed = Agreed::new(prompt.name, file, (version, prompt.latest));
        self.folder.state.prompts.insert(prompt.id, agreed);
        self.report.done(if is_renamed { "renamed" } else { "updated" }, path, &told.join(", "))
    }

    /// Saves what a file says on top of the version that the folder has seen.
    async fn save(&self, item: &Item, prompt: Prompt) -> anyhow::Result<(Prompt, VersionNumber)> {
        let file = item.ours.as_ref().map(|ours| &ours.parsed.file).context("there is no file")?;
        let new = NewPromptVersion {
            message: self.args.message.clone(),
            parent: Some(prompt.latest),
            ..cp_import::version(file)
        };
        let saved = self.client.create_version(&prompt.id.to_string(), &new).await?;
        Ok((saved.prompt, VersionNumber::try_from(saved.version.number)?))
    }

    async fn archive(&mut self, item: &Item, path: &Path) -> anyhow::Result<()> {
        let Some(theirs) = &item.theirs else { return Ok(()) };
        if !self.args.dry_run {
            let revision = Some(theirs.prompt.revision);
            let change = PromptChange { revision, archived: Some(true), ..PromptChange::default() };
            self.client.update_prompt(&theirs.prompt.id.to_string(), &change).await?;
            self.folder.state.prompts.remove(&theirs.prompt.id);
        }
        self.report.done("archived", path, "")
    }
}
