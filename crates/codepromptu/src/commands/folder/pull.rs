//! `codepromptu pull`: what the library says, into the files of a folder.

use std::path::{Path, PathBuf};

use clap::Args;
use cp_client::Client;
use cp_prompt::{File, PromptName};

use super::decide::Action;
use super::library;
use super::merge::{Merged, merge_files, merge_lines};
use super::path::path_of;
use super::report::Report;
use super::survey::{Item, Ours, Renaming, survey};
use super::{Folder, files, state};
use crate::cli::ServerArgs;
use crate::output::Failure;

/// `codepromptu pull`.
#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// The folder; the current one where it was pulled into before, else `prompts`
    dir: Option<PathBuf>,
    /// The folder of the library that it holds, from the first pull on; all of it by default
    #[arg(long, value_name = "FOLDER")]
    prefix: Option<String>,
    /// Write conflicts into the files, between markers
    #[arg(long)]
    merge: bool,
    /// Write files again that were deleted
    #[arg(long)]
    restore: bool,
    #[command(flatten)]
    server: ServerArgs,
}

struct Pull<'a> {
    client: &'a Client,
    folder: &'a mut Folder,
    report: &'a mut Report,
    merge: bool,
    restore: bool,
}

/// Runs `codepromptu pull`.
pub(crate) async fn run(args: PullArgs) -> anyhow::Result<()> {
    let client = args.server.client()?;
    let mut folder = Folder::open(args.dir)?;
    hold(&mut folder, args.prefix)?;
    let survey = survey(&client, &folder).await?;
    let mut report = Report::default();
    for problem in &survey.problems {
        report.problem(problem)?;
    }
    let (merge, restore) = (args.merge, args.restore);
    let mut pull = Pull { client: &client, folder: &mut folder, report: &mut report, merge, restore };
    let mut outcome = Ok(());
    for item in survey.items {
        outcome = pull.item(item).await;
        if outcome.is_err() {
            break;
        }
    }
    // Whatever was done before something failed is agreed on.
    folder.state.save(&folder.root)?;
    outcome?;
    report.end(
        "The files say what the library says.",
        "decide in the files, with `--merge` between markers; `codepromptu diff` shows both",
    )
}

/// A folder holds the same from its first pull on.
fn hold(folder: &mut Folder, prefix: Option<String>) -> anyhow::Result<()> {
    let Some(prefix) = prefix.map(|prefix| prefix.trim_matches('/').to_owned()) else { return Ok(()) };
    let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
    if !folder.state.prompts.is_empty() && folder.state.prefix != prefix {
        let held =
            folder.state.prefix.as_deref().map_or("the whole library".to_owned(), |held| format!("`{held}`"));
        return Err(Failure {
            what: format!("{} holds {held} already", folder.root.display()),
            help: "leave `--prefix` out, or pull into another folder".to_owned(),
        }
        .into());
    }
    folder.state.prefix = prefix;
    Ok(())
}

impl Pull<'_> {
    async fn item(&mut self, mut item: Item) -> anyhow::Result<()> {
        match item.renaming() {
            Renaming::There => {
                if !self.move_file(&mut item)? {
                    return Ok(());
                }
            }
            Renaming::Both => {
                let path = path_of_item(&item)?;
                return self
                    .report
                    .conflict(&path, "it was given another name here and another one in the library");
            }
            Renaming::None | Renaming::Here => {}
        }
        let path = path_of_item(&item)?;
        match item.action {
            Action::Nothing | Action::Note => self.note(&item),
            Action::Take => self.take(item, &path).await,
            Action::Give => self.report.left("changed", &path, "`codepromptu push` takes it into the library"),
            Action::Merge => self.merge(item, &path).await,
            Action::Strangers => self.strangers(item, &path).await,
            Action::DeletedHere | Action::DeletedHereChangedThere if self.restore => self.take(item, &path).await,
            Action::DeletedHere => self.report.left(
                "deleted",
                &path,
                "`pull --restore` writes it again, `push --archive` puts the prompt out of use",
            ),
            Action::DeletedHereChangedThere => {
                self.report.conflict(&path, "deleted here, changed in the library: `pull --restore` writes it again")
            }
            Action::ArchivedThere => self.remove(&item, &path),
            Action::ArchivedThereChangedHere => self.report.conflict(
                &path,
                "changed here, archived in the library: delete the file, or take the prompt into use again with \
                 `codepromptu prompt restore`",
            ),
        }
    }

    fn note(&mut self, item: &Item) -> anyhow::Result<()> {
        match (&item.ours, &item.theirs, item.id) {
            (Some(ours), Some(theirs), _) => {
                self.folder.state.prompts.insert(theirs.prompt.id, theirs.agreed(&ours.parsed.file));
            }
            (None, None, Some(id)) => drop(self.folder.state.prompts.remove(&id)),
            _ => {}
        }
        Ok(())
    }

    async fn take(&mut self, item: Item, path: &Path) -> anyhow::Result<()> {
        let Some(theirs) = item.theirs else { return Ok(()) };
        if item.ours.is_none() && self.is_taken(path)? {
            return Ok(());
        }
        let file = theirs.file(self.client).await?;
        if !self.replace(item.ours.as_ref(), path, &file.format())? {
            return Ok(());
        }
        self.folder.state.prompts.insert(theirs.prompt.id, theirs.agreed(&file));
        let what = if item.ours.is_some() { "updated" } else { "new" };
        self.report.done(what, path, &format!("version {}", theirs.version))
    }

    async fn merge(&mut self, item: Item, path: &Path) -> anyhow::Result<()> {
        let (Some(base), Some(ours), Some(theirs)) = (item.base, item.ours, item.theirs) else {
            return Ok(());
        };
        let document = library::document(self.client, &theirs.prompt, base.version).await?;
        let base = File::of(base.said, document)?;
        let their_file = theirs.file(self.client).await?;
        let agreed = theirs.agreed(&their_file);
        match merge_files(&base, &ours.parsed.file, &their_file) {
            Merged::Clean(merged) => {
                if !self.replace(Some(&ours), path, &merged.format())? {
                    return Ok(());
                }
                self.folder.state.prompts.insert(theirs.prompt.id, agreed);
                self.report.done("merged", path, &format!("version {}, and what you changed", theirs.version))
            }
            Merged::Conflicts(conflicts) => {
                if self.merge {
                    let text = merge_lines(Some(&base), &ours.parsed.file, &their_file);
                    files::write(&self.folder.root, path, &text)?;
                    self.folder.state.prompts.insert(theirs.prompt.id, agreed);
                }
                self.report.conflict(path, &conflicts.join("; "))
            }
        }
    }

    async fn strangers(&mut self, item: Item, path: &Path) -> anyhow::Result<()> {
        let (Some(ours), Some(theirs)) = (item.ours, item.theirs) else { return Ok(()) };
        if self.merge {
            let their_file = theirs.file(self.client).await?;
            let text = merge_lines(None, &ours.parsed.file, &their_file);
            files::write(&self.folder.root, path, &text)?;
            self.folder.state.prompts.insert(theirs.prompt.id, theirs.agreed(&their_file));
        }
        self.report.conflict(path, "the library has a prompt of this name that says something else")
    }

    /// Writes a file, unless somebody changed it since it was read; that is told.
    fn replace(&mut self, ours: Option<&Ours>, path: &Path, text: &str) -> anyhow::Result<bool> {
        if let Some(ours) = ours {
            let now =
                File::parse(&files::read(&self.folder.root, path)?).map(|parsed| state::said(&parsed.file));
            if now != Ok(ours.said) {
                self.report.conflict(path, "it was changed just now: repeat the command")?;
                return Ok(false);
            }
        }
        files::write(&self.folder.root, path, text)?;
        Ok(true)
    }

    fn remove(&mut self, item: &Item, path: &Path) -> anyhow::Result<()> {
        files::remove(&self.folder.root, path)?;
        if let Some(id) = item.id {
            self.folder.state.prompts.remove(&id);
        }
        self.report.done("removed", path, "the prompt is archived, or no longer in what the folder holds")
    }

    /// Moves a file to where its prompt went; false where something is there.
    fn move_file(&mut self, item: &mut Item) -> anyhow::Result<bool> {
        let (Some(ours), Some(theirs), Some(base)) = (&mut item.ours, &item.theirs, &mut item.base) else {
            return Ok(true);
        };
        let name: PromptName = theirs.prompt.name.parse()?;
        let to = path_of(&name);
        if self.is_taken(&to)? {
            return Ok(false);
        }
        let text = files::read(&self.folder.root, &ours.path)?;
        files::write(&self.folder.root, &to, &text)?;
        files::remove(&self.folder.root, &ours.path)?;
        self.report.done("moved", &to, &format!("it was {}", ours.path.display()))?;
        base.name.clone_from(&theirs.prompt.name);
        self.folder.state.prompts.insert(theirs.prompt.id, base.clone());
        *ours = Ours { name, path: to, ..ours.clone() };
        Ok(true)
    }

    /// Whether something is at a path that nothing is to be at; it is told.
    fn is_taken(&mut self, path: &Path) -> anyhow::Result<bool> {
        let is_taken = self.folder.root.join(path).symlink_metadata().is_ok();
        if is_taken {
            self.report.conflict(path, "something else is there: move it away")?;
        }
        Ok(is_taken)
    }
}

/// Where the file of a prompt is, or would be.
pub(super) fn path_of_item(item: &Item) -> anyhow::Result<PathBuf> {
    match &item.ours {
        Some(ours) => Ok(ours.path.clone()),
        None => Ok(path_of(&item.name().parse()?)),
    }
}
