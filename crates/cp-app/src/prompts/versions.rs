//! Saving and reading versions.

use cp_db::Tx;
use cp_prompt::{Document, LabelName, Limits, PromptName, Selector, Status, VersionNumber};
use cp_store::{NewVersion, Prompt, Sealer, Version};

use super::labels::{LabelChange, set_label};
use super::{DetailsChange, NewPrompt, PromptView, compose, find, view};
use crate::access::Action;
use crate::act::Event;
use crate::{App, AppError, Ctx};

/// A version that is to be saved.
#[derive(Clone, Debug)]
pub struct VersionDraft {
    /// What it says.
    pub document: Document,
    /// Why.
    pub message: String,
    /// The version that it was made from. Where it is given, it must be the newest still.
    pub parent: Option<VersionNumber>,
    /// Labels that move to it.
    pub labels: Vec<LabelName>,
}

/// A version, and whether saving made it.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedVersion {
    /// The version.
    pub version: Version,
    /// False where the prompt said this already.
    pub is_new: bool,
}

const MAX_MESSAGE_BYTES: usize = 4_096;

impl App {
    /// Saves a version of a prompt, and moves labels to it. What the prompt said before is found, not made again.
    pub async fn create_version(
        &self,
        ctx: &Ctx,
        prompt: &str,
        draft: VersionDraft,
    ) -> Result<(PromptView, SavedVersion), AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::WritePrompts).await?;
        let mut prompt = find(act.tx(), &sealer, ctx, prompt).await?;
        let saved = self.save(act.tx(), &sealer, (ctx, &mut prompt), draft).await?;
        let seen = view(act.tx(), prompt).await?;
        let described = format!("{} version {}", seen.prompt.name, saved.version.number);
        let event = Event::new("prompt_version.create", saved.version.id).detail(described);
        act.commit(event.after(&saved.version.document)).await?;
        self.shelve_own_change().await;
        Ok((seen, saved))
    }

    /// Saves a version under a name: of a new prompt where there is none, of the one that is there, or of one that was put away,
    /// which is in use again then, without the labels that it had. Tags are replaced where some are given.
    pub async fn put_version(
        &self,
        ctx: &Ctx,
        name: PromptName,
        tags: Option<Vec<String>>,
        draft: VersionDraft,
    ) -> Result<(PromptView, SavedVersion), AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::WritePrompts).await?;
        let there = cp_store::find_prompt_named(act.tx(), &sealer, ctx.scope, &name).await?;
        let Some(mut prompt) = there else {
            drop(act);
            let (status, details) = (Status::default(), DetailsChange::default());
            let tags = tags.unwrap_or_default();
            return self
                .create_prompt(ctx, NewPrompt { name, status, team: None, details, tags, version: draft })
                .await;
        };
        let is_back = prompt.archived_at.take().is_some();
        if is_back || tags.is_some() {
            let tags = tags.unwrap_or_else(|| prompt.tags.clone());
            prompt.tags = cp_prompt::sorted_tags(tags).map_err(AppError::invalid)?;
            prompt.updated_at = self.parts.clock.now();
            if !cp_store::update_prompt(act.tx(), &sealer, &prompt).await? {
                return Err(super::changed_meanwhile(&prompt));
            }
            prompt.revision += 1;
        }
        if is_back {
            for label in cp_store::list_labels(act.tx(), ctx.scope, &[prompt.id]).await? {
                let away = LabelChange { to: None, ..LabelChange::to(label.name, label.version) };
                set_label(self, act.tx(), &sealer, (ctx, &prompt), &away).await?;
            }
        }
        let saved = self.save(act.tx(), &sealer, (ctx, &mut prompt), draft).await?;
        let seen = view(act.tx(), prompt).await?;
        let described = format!("{} version {}", seen.prompt.name, saved.version.number);
        let event = Event::new("prompt_version.create", saved.version.id).detail(described);
        act.commit(event.after(&(&seen.prompt.tags, &saved.version.document))).await?;
        Ok((seen, saved))
    }

    /// A version of a prompt.
    pub async fn get_version(
        &self,
        ctx: &Ctx,
        prompt: &str,
        selector: &Selector,
    ) -> Result<(PromptView, Version), AppError> {
        ctx.require(Action::ReadPrompts)?;
        self.find_selected(ctx, prompt, selector).await
    }

    pub(crate) async fn find_selected(
        &self,
        ctx: &Ctx,
        prompt: &str,
        selector: &Selector,
    ) -> Result<(PromptView, Version), AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.read_library(ctx).await?;
        let prompt = find(&mut tx, &sealer, ctx, prompt).await?;
        let seen = view(&mut tx, prompt).await?;
        let number = selected(&seen, selector)?;
        let found = cp_store::find_version(&mut tx, &sealer, ctx.scope, seen.prompt.id, number).await?;
        let found = found.ok_or_else(|| no_version(&seen, number))?;
        Ok((seen, found))
    }

    /// A page of a prompt's versions, newest first.
    pub async fn list_versions(
        &self,
        ctx: &Ctx,
        prompt: &str,
        before: Option<VersionNumber>,
        limit: u64,
    ) -> Result<(PromptView, Vec<Version>), AppError> {
        ctx.require(Action::ReadPrompts)?;
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.read_library(ctx).await?;
        let prompt = find(&mut tx, &sealer, ctx, prompt).await?;
        let place = (ctx.scope, prompt.id);
        let versions = cp_store::list_versions(&mut tx, &sealer, place, before, limit).await?;
        Ok((view(&mut tx, prompt).await?, versions))
    }

    /// Saves a version in a transaction that is under way.
    pub(super) async fn save(
        &self,
        tx: &mut Tx,
        sealer: &Sealer<'_>,
        (ctx, prompt): (&Ctx, &mut Prompt),
        draft: VersionDraft,
    ) -> Result<SavedVersion, AppError> {
        check(prompt, &draft)?;
        let known = cp_store::find_version_by_document(tx, sealer, ctx.scope, prompt.id, &draft.document);
        let saved = match known.await? {
            Some(version) => SavedVersion { version, is_new: false },
            None => {
                let document = (&prompt.name, &draft.document);
                let includes = compose::check(tx, sealer, ctx, document).await?;
                let newest = VersionNumber::try_from(prompt.latest).ok();
                let parent = self.parent(tx, sealer, (ctx, prompt), (newest, draft.parent)).await?;
                let new = NewVersion {
                    id: self.parts.ids.mint(),
                    document: draft.document,
                    message: draft.message,
                    includes,
                    parent,
                    merged: None,
                    created_by: ctx.org.caller.name.clone(),
                    created_at: self.parts.clock.now(),
                };
                let version = cp_store::create_version(tx, sealer, prompt, new).await?;
                let version = version.ok_or_else(|| {
                    AppError::conflict(
                        "somebody else saved a version at the same moment: read it, and save again",
                    )
                })?;
                prompt.latest = i64::from(version.number.get());
                prompt.updated_at = version.created_at;
                SavedVersion { version, is_new: true }
            }
        };
        for label in &draft.labels {
            let change = LabelChange::to(label.clone(), saved.version.number);
            set_label(self, tx, sealer, (ctx, prompt), &change).await?;
        }
        Ok(saved)
    }

    /// The version that a new one comes from. Whoever names one names the newest, or is told of both.
    async fn parent(
        &self,
        tx: &mut Tx,
        sealer: &Sealer<'_>,
        (ctx, prompt): (&Ctx, &Prompt),
        (newest, named): (Option<VersionNumber>, Option<VersionNumber>),
    ) -> Result<Option<cp_base::PromptVersionId>, AppError> {
        let Some(newest) = newest else { return Ok(prompt.forked_from) };
        let found = cp_store::find_version(tx, sealer, ctx.scope, prompt.id, newest).await?;
        let found = found.ok_or_else(|| AppError::internal("a prompt's newest version is not there"))?;
        match named {
            Some(named) if named != newest => Err(AppError::conflict(format_args!(
                "you changed version {named} of `{}`, and version {newest} came in between (by {}, {}{}): compare the \
                 two, and save what you want on top of {newest}",
                prompt.name,
                found.created_by,
                found.created_at,
                if found.message.is_empty() { String::new() } else { format!(": {}", found.message) },
            ))),
            _ => Ok(Some(found.id)),
        }
    }
}

fn check(prompt: &Prompt, draft: &VersionDraft) -> Result<(), AppError> {
    let kind = draft.document.content.kind();
    if kind != prompt.kind {
        return Err(AppError::invalid(format_args!(
            "`{}` is a {} prompt, and this is {kind} content: a prompt never changes its kind, so make another prompt",
            prompt.name, prompt.kind
        )));
    }
    if draft.message.len() > MAX_MESSAGE_BYTES {
        return Err(AppError::invalid(format_args!(
            "a version's message has {MAX_MESSAGE_BYTES} bytes at most"
        )));
    }
    if prompt.archived_at.is_some() {
        return Err(AppError::conflict(format_args!("`{}` is archived: restore it first", prompt.name)));
    }
    Limits::DEFAULT.check(&draft.document).map_err(AppError::invalid)
}

/// The number of the version that a selector means.
pub(crate) fn selected(seen: &PromptView, selector: &Selector) -> Result<VersionNumber, AppError> {
    match selector {
        Selector::Version(number) => Ok(*number),
        Selector::Label(label) => {
            let found = seen.label(label).and_then(|number| VersionNumber::try_from(number).ok());
            found.ok_or_else(|| no_label(seen, label))
        }
    }
}

fn no_label(seen: &PromptView, label: &LabelName) -> AppError {
    let labels: Vec<_> = seen.labels.iter().map(|label| format!("`{}`", label.name)).collect();
    let labels = if labels.is_empty() {
        "it has none but `latest`".to_owned()
    } else {
        format!("it has {} and `latest`", labels.join(", "))
    };
    AppError::absent(format_args!("`{}` has no label `{label}`: {labels}", seen.prompt.name))
}

pub(super) fn no_version(seen: &PromptView, number: VersionNumber) -> AppError {
    AppError::absent(format_args!(
        "`{}` has no version {number}: its newest is {}",
        seen.prompt.name, seen.prompt.latest
    ))
}
