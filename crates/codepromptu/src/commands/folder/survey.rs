//! Folder and library, side by side: which file is which prompt, and what is to become of each.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cp_base::PromptId;
use cp_client::Client;
use cp_prompt::{File, FileError, Parsed, Position, PromptName, has_markers};
use cp_wire::Prompt;

use super::Folder;
use super::decide::{Action, Said, decide};
use super::library::{self, Theirs};
use super::state::{self, Agreed};
use crate::output;

/// The file of a prompt.
#[derive(Clone, Debug)]
pub(super) struct Ours {
    pub(super) name: PromptName,
    pub(super) path: PathBuf,
    pub(super) parsed: Parsed,
    pub(super) said: Said,
}

/// A prompt in the folder, in the library, or in both.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Of the library's, where it is known there.
    pub(super) id: Option<PromptId>,
    pub(super) base: Option<Agreed>,
    pub(super) ours: Option<Ours>,
    pub(super) theirs: Option<Theirs>,
    pub(super) action: Action,
}

/// Everything in the folder and in the library.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// By name.
    pub(super) items: Vec<Item>,
    /// Files that do not read, with where and why; what they may be of is not among the items.
    pub(super) problems: Vec<String>,
}

/// Files by name; those that do not read have nothing there.
type Files = BTreeMap<String, Option<Ours>>;

/// Reads the files alone.
pub(super) fn read_files(folder: &Folder) -> anyhow::Result<(Files, Vec<String>)> {
    let listing = super::files::list(&folder.root)?;
    let shown = |path: &PathBuf| folder.root.join(path).display().to_string();
    let mut problems: Vec<_> =
        listing.others.iter().map(|(path, why)| format!("{}: {why}", shown(path))).collect();
    let mut files = Files::new();
    for (name, path) in listing.prompts {
        let place = shown(&path);
        let text = super::files::read(&folder.root, &path);
        let read = text.map_err(|error| format!("{error:#}")).and_then(|text| {
            if has_markers(&text) {
                return Err(format!("{place}: it has the markers of a conflict: decide, and take them out"));
            }
            let parsed = File::parse(&text).and_then(|parsed| fit(folder, &name, parsed));
            parsed.map_err(|FileError { position, what }| {
                format!("{place}:{}:{}: {what}", position.line, position.column)
            })
        });
        let key = name.as_str().to_owned();
        match read {
            Ok(parsed) => {
                let said = state::said(&parsed.file);
                files.insert(key, Some(Ours { name, path, parsed, said }));
            }
            Err(problem) => {
                problems.push(problem);
                files.insert(key, None);
            }
        }
    }
    Ok((files, problems))
}

/// What a file of a folder cannot say.
fn fit(folder: &Folder, name: &PromptName, mut parsed: Parsed) -> Result<Parsed, FileError> {
    let wrong = |what: String| FileError { position: Position { line: 1, column: 1 }, what };
    if !folder.state.holds(name.as_str()) {
        let prefix = folder.state.prefix.as_deref().unwrap_or_default();
        return Err(wrong(format!("the folder holds what is below `{prefix}`, and this is not")));
    }
    if parsed.file.name.as_ref().is_some_and(|said| said != name) {
        return Err(wrong(format!("by its path it is `{name}`: leave `name` out, or move the file")));
    }
    if !parsed.file.labels.is_empty() {
        return Err(wrong(
            "labels are moved in the library, by `codepromptu prompt label`: leave `labels` out".to_owned(),
        ));
    }
    parsed.file.name = None;
    Ok(parsed)
}

/// Asks the library, and decides.
pub(super) async fn survey(client: &Client, folder: &Folder) -> anyhow::Result<Survey> {
    let (mut files, problems) = read_files(folder)?;
    let mut prompts = library::list(client, &folder.state).await?;
    let mut pairs = Vec::new();
    for (id, agreed) in &folder.state.prompts {
        let prompt = prompts.remove(id);
        let there = prompt.as_ref().map(|prompt| prompt.name.as_str());
        let file = files.remove(&agreed.name).or_else(|| files.remove(there?));
        // What does not read is no deletion.
        if let Some(file) = file.map_or(Some(None), |read| read.map(Some)) {
            pairs.push((Some(agreed), file, prompt));
        }
    }
    find_renamed(&mut pairs, &mut files, &prompts);
    let mut named: BTreeMap<_, _> =
        prompts.into_values().map(|prompt| (prompt.name.clone(), prompt)).collect();
    for (name, file) in files {
        let prompt = named.remove(&name);
        if let Some(file) = file {
            pairs.push((None, Some(file), prompt));
        }
    }
    pairs.extend(named.into_values().map(|prompt| (None, None, Some(prompt))));
    let ids: BTreeMap<&str, PromptId> =
        folder.state.prompts.iter().map(|(id, agreed)| (agreed.name.as_str(), *id)).collect();
    let bar = output::bar("comparing", pairs.len() as u64);
    let mut items = Vec::new();
    for (agreed, ours, prompt) in pairs {
        let id = prompt.as_ref().map(|prompt| prompt.id);
        let id = id.or_else(|| ids.get(agreed?.name.as_str()).copied());
        let theirs = match prompt {
            Some(prompt) => Some(Theirs::of(client, prompt, agreed).await?),
            None => None,
        };
        items.push(Item::new(id, agreed.cloned(), ours, theirs));
        bar.inc(1);
    }
    bar.finish_and_clear();
    items.sort_by(|one, other| one.name().cmp(other.name()));
    Ok(Survey { items, problems })
}

type Pair<'a> = (Option<&'a Agreed>, Option<Ours>, Option<Prompt>);

/// A file that is gone, and a new one that alone says what it said, are one that was moved.
fn find_renamed(pairs: &mut [Pair<'_>], files: &mut Files, prompts: &BTreeMap<PromptId, Prompt>) {
    let is_taken = |name: &str| prompts.values().any(|prompt| prompt.name == name);
    let mut new: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (name, file) in files.iter().filter(|(name, _)| !is_taken(name)) {
        if let Some(file) = file {
            new.entry(file.said.document).or_default().push(name.clone());
        }
    }
    let mut gone: BTreeMap<_, Vec<&mut Pair<'_>>> = BTreeMap::new();
    for pair in pairs.iter_mut().filter(|pair| pair.1.is_none()) {
        if let Some(agreed) = pair.0 {
            gone.entry(agreed.said().document).or_default().push(pair);
        }
    }
    for (document, mut pairs) in gone {
        if let ([pair], Some([name])) = (pairs.as_mut_slice(), new.get(&document).map(Vec::as_slice)) {
            pair.1 = files.remove(name).flatten();
        }
    }
}

impl Item {
    fn new(id: Option<PromptId>, base: Option<Agreed>, ours: Option<Ours>, theirs: Option<Theirs>) -> Self {
        let agreed = base.as_ref().map(Agreed::said);
        let [our_said, their_said] =
            [ours.as_ref().map(|ours| ours.said), theirs.as_ref().map(|theirs| theirs.said)];
        let action = decide(agreed.as_ref(), our_said.as_ref(), their_said.as_ref());
        Self { id, base, ours, theirs, action }
    }

    /// What it is called here, or else there.
    pub(super) fn name(&self) -> &str {
        let ours = self.ours.as_ref().map(|ours| ours.name.as_str());
        let theirs = || self.theirs.as_ref().map(|theirs| theirs.prompt.name.as_str());
        ours.or_else(theirs).or(self.base.as_ref().map(|base| base.name.as_str())).unwrap_or_default()
    }

    /// What became of its name.
    pub(super) fn renaming(&self) -> Renaming {
        let (Some(base), Some(ours), Some(theirs)) = (&self.base, &self.ours, &self.theirs) else {
            return Renaming::None;
        };
        match (ours.name.as_str(), theirs.prompt.name.as_str()) {
            (ours, theirs) if ours == theirs => Renaming::None,
            (ours, _) if ours == base.name => Renaming::There,
            (_, theirs) if theirs == base.name => Renaming::Here,
            _ => Renaming::Both,
        }
    }
}

/// On which side a prompt got another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renaming {
    None,
    Here,
    There,
    Both,
}
