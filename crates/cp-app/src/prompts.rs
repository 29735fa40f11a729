//! The prompt library: what people and programs do with prompts, their versions and labels.
//!
//! A prompt is named by its id or by its name. Versions are never changed; what is saved twice is one version. Who may move
//! a label that is protected is decided here and nowhere else.

mod comments;
mod compose;
mod labels;
mod references;
mod reviews;
mod rules;
mod versions;

use std::sync::Arc;

use cp_base::{DataKeys, ProjectScope, PromptId, TeamId};
use cp_db::Tx;
use cp_prompt::{Criterion, Details, Kind, LabelName, PromptName, Status, VariableSpec, VersionNumber};
use cp_store::{Includer, Label, Prompt, PromptFilter, Sealer, Version};

use serde_json::{Map, Value};

use crate::access::Action;
use crate::act::Event;
use crate::teams::find_team;
use crate::{App, AppError, Ctx};

pub use comments::CommentChange;
pub use compose::RenderedVersion;
pub(crate) use compose::{gather, put_together};
pub use labels::{LabelChange, RollBack};
pub use references::{NewReference, SeenReference};
pub use reviews::{Decision, ProposalView};
pub use rules::{LabelRule, Measure, Measuring, Wanted, measure_nothing};
pub use versions::{SavedVersion, VersionDraft};

/// A prompt with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptView {
    /// The prompt.
    pub prompt: Prompt,
    /// Where its labels are, in the order of their names.
    pub labels: Vec<Label>,
}

/// A page of prompts.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptPage {
    /// The prompts, by name.
    pub prompts: Vec<PromptView>,
    /// What the next page comes behind; absent on the last one.
    pub next: Option<PromptName>,
}

/// A prompt that is to be made, with its first version.
#[derive(Clone, Debug)]
pub struct NewPrompt {
    /// Its name.
    pub name: PromptName,
    /// How far it is.
    pub status: Status,
    /// The team that answers for it: an id or a short name.
    pub team: Option<String>,
    /// What people say of it.
    pub details: DetailsChange,
    /// Its tags.
    pub tags: Vec<String>,
    /// The first version.
    pub version: VersionDraft,
}

/// A change of what is said of a prompt. What is absent stays.
#[derive(Clone, Debug, Default)]
pub struct PromptChange {
    /// The revision that is to be changed, where the caller minds.
    pub revision: Option<u64>,
    /// Another name.
    pub name: Option<PromptName>,
    /// How far it is.
    pub status: Option<Status>,
    /// The team that answers for it: an id or a short name; empty for none.
    pub team: Option<String>,
    /// What people say of it.
    pub details: DetailsChange,
    /// Its tags, all of them.
    pub tags: Option<Vec<String>>,
    /// Out of use, or in use again.
    pub archived: Option<Archived>,
}

/// What is said anew of a prompt. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetailsChange {
    /// What it is.
    pub description: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// The models that it is meant for.
    pub models: Option<Vec<String>>,
    /// What its variables hold.
    pub variables: Option<Vec<VariableSpec>>,
    /// What it is to reach.
    pub criteria: Option<Vec<Criterion>>,
    /// Whatever else.
    pub metadata: Option<Map<String, Value>>,
}

impl DetailsChange {
    fn of(self, old: Details) -> Result<Details, AppError> {
        let details = Details {
            description: self.description.unwrap_or(old.description),
            purpose: self.purpose.unwrap_or(old.purpose),
            models: self.models.unwrap_or(old.models),
            variables: self.variables.unwrap_or(old.variables),
            criteria: self.criteria.unwrap_or(old.criteria),
            metadata: self.metadata.unwrap_or(old.metadata),
        };
        details.check().map_err(AppError::invalid)?;
        Ok(details)
    }
}

/// Whether a prompt is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archived {
    /// Out of use: it is kept, and not served.
    Yes,
    /// In use.
    No,
}

/// Prompts are counted up to here.
const MAX_COUNTED: u64 = 10_000;
/// How many of those who include a prompt are told of.
const MAX_INCLUDERS: u64 = 1_000;

impl App {
    /// A page of prompts in the order of their names.
    pub async fn list_prompts(
        &self,
        ctx: &Ctx,
        filter: &PromptFilter,
        after: Option<&PromptName>,
        limit: u64,
    ) -> Result<PromptPage, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.read_library(ctx).await?;
        let place = (ctx.scope, filter);
        let mut prompts = cp_store::list_prompts(&mut tx, &sealer, place, after, limit + 1).await?;
        let more = prompts.len() as u64 > limit;
        prompts.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next = prompts.last().filter(|_| more).map(|prompt| prompt.name.clone());
        Ok(PromptPage { prompts: with_labels(&mut tx, ctx.scope, prompts).await?, next })
    }

    /// A page of prompts by its number, counted from 1, each with its newest version; and how many there are in all, counted
    /// up to 10,000.
    pub async fn list_prompts_by_page(
        &self,
        ctx: &Ctx,
        filter: &PromptFilter,
        page: u64,
        limit: u64,
    ) -> Result<(Vec<(PromptView, Version)>, u64), AppError> {
        ctx.require(Action::ReadPrompts)?;
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.read_library(ctx).await?;
        let total = cp_store::count_prompts(&mut tx, ctx.scope, filter, MAX_COUNTED).await?;
        let before = (page - 1).saturating_mul(limit).min(MAX_COUNTED);
        let place = (ctx.scope, filter);
        let mut prompts = cp_store::list_prompts(&mut tx, &sealer, place, None, before + limit).await?;
        let prompts = prompts.split_off(usize::try_from(before).unwrap_or(usize::MAX).min(prompts.len()));
        let mut listed = Vec::with_capacity(prompts.len());
        for view in with_labels(&mut tx, ctx.scope, prompts).await? {
            let newest = VersionNumber::try_from(view.prompt.latest).map_err(AppError::internal)?;
            let id = view.prompt.id;
            if let Some(newest) = cp_store::find_version(&mut tx, &sealer, ctx.scope, id, newest).await? {
                listed.push((view, newest));
            }
        }
        Ok((listed, total))
    }

    /// A prompt with its labels.
    pub async fn get_prompt(&self, ctx: &Ctx, prompt: &str) -> Result<PromptView, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let keys = self.keys_of(ctx).await?;
        let mut tx = self.read_library(ctx).await?;
        let prompt = find(&mut tx, &self.sealer(&keys), ctx, prompt).await?;
        view(&mut tx, prompt).await
    }

    /// Makes a prompt with its first version.
    pub async fn create_prompt(
        &self,
        ctx: &Ctx,
        new: NewPrompt,
    ) -> Result<(PromptView, SavedVersion), AppError> {
        let tags = cp_prompt::sorted_tags(new.tags).map_err(AppError::invalid)?;
        let details = new.details.of(Details::default())?;
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::WritePrompts).await?;
        let team = team(act.tx(), ctx, new.team.as_deref()).await?;
        let now = self.parts.clock.now();
        let mut prompt = Prompt {
            scope: ctx.scope,
            id: self.parts.ids.mint(),
            name: new.name,
            kind: new.version.document.content.kind(),
            status: new.status,
            team,
            details,
            tags,
            latest: 0,
            forked_from: None,
            revision: 1,
            changed: 0,
            created_by: ctx.org.caller.name.clone(),
            created_at: now,
            updated_at: now,
            archived_at: None,
        };
        if !cp_store::create_prompt(act.tx(), &sealer, &prompt).await? {
            return Err(AppError::conflict(format_args!(
                "there is a prompt `{}` already: save a version of it, or choose another name",
                prompt.name
            )));
        }
        let saved = self.save(act.tx(), &sealer, (ctx, &mut prompt), new.version).await?;
        let seen = view(act.tx(), prompt).await?;
        let event = Event::new("prompt.create", seen.prompt.id).detail(&seen.prompt.name);
        act.commit(event.after(&(&seen.prompt.details, &saved.version.document))).await?;
        self.shelve_own_change().await;
        Ok((seen, saved))
    }

    /// Changes what is said of a prompt, its name, or whether it is in use.
    pub async fn update_prompt(
        &self,
        ctx: &Ctx,
        prompt: &str,
        change: PromptChange,
    ) -> Result<PromptView, AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::WritePrompts).await?;
        let before = find(act.tx(), &sealer, ctx, prompt).await?;
        if change.revision.is_some_and(|seen| seen != before.revision) {
            return Err(changed_meanwhile(&before));
        }
        let after = self.changed(act.tx(), ctx, &before, change).await?;
        if !cp_store::update_prompt(act.tx(), &sealer, &after).await? {
            return Err(changed_meanwhile(&before));
        }
        let action = match (before.archived_at, after.archived_at) {
            (None, Some(_)) => "prompt.archive",
            (Some(_), None) => "prompt.restore",
            _ => "prompt.update",
        };
        let event = Event::new(action, after.id).detail(&after.name).before(&before).after(&after);
        let after = Prompt { revision: before.revision + 1, ..after };
        let seen = view(act.tx(), after).await?;
        act.commit(event).await?;
        self.shelve_own_change().await;
        Ok(seen)
    }

    async fn changed(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        before: &Prompt,
        change: PromptChange,
    ) -> Result<Prompt, AppError> {
        let now = self.parts.clock.now();
        let mut after = Prompt { updated_at: now, ..before.clone() };
        after.details = change.details.of(after.details)?;
        if let Some(tags) = change.tags {
            after.tags = cp_prompt::sorted_tags(tags).map_err(AppError::invalid)?;
        }
        if let Some(name) = change.team {
            after.team =
                team(tx, ctx, Some(&name).filter(|name| !name.is_empty()).map(String::as_str)).await?;
        }
        after.status = change.status.unwrap_or(before.status);
        after.archived_at = match change.archived {
            Some(Archived::Yes) => before.archived_at.or(Some(now)),
            Some(Archived::No) => None,
            None => before.archived_at,
        };
        after.name = change.name.unwrap_or_else(|| before.name.clone());
        if after.name != before.name {
            require_unused(tx, ctx, &before.name, "cannot be renamed").await?;
            if cp_store::is_prompt_name_taken(tx, ctx.scope, &after.name).await? {
                return Err(AppError::conflict(format_args!("there is a prompt `{}` already", after.name)));
            }
        }
        if after.archived_at.is_some() && before.archived_at.is_none() {
            require_unused(tx, ctx, &before.name, "cannot be archived").await?;
        }
        Ok(after)
    }

    /// Who includes a prompt: what would change if it did.
    pub async fn list_includers(&self, ctx: &Ctx, prompt: &str) -> Result<Vec<Includer>, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let keys = self.keys_of(ctx).await?;
        let mut tx = self.read_library(ctx).await?;
        let prompt = find(&mut tx, &self.sealer(&keys), ctx, prompt).await?;
        Ok(cp_store::list_includers(&mut tx, ctx.scope, &prompt.name, MAX_INCLUDERS).await?)
    }

    /// The keys that the project's library is sealed with.
    pub(crate) async fn keys_of(&self, ctx: &Ctx) -> Result<Arc<DataKeys>, AppError> {
        self.keys_of_project(ctx.scope).await
    }

    pub(crate) async fn keys_of_project(&self, scope: ProjectScope) -> Result<Arc<DataKeys>, AppError> {
        let find = || self.parts.ring.find(scope.project());
        if find().is_none() {
            // Another node may have made the project.
            cp_store::refresh_keys(&self.parts.db, &self.parts.master, &self.parts.ring).await?;
        }
        let keys = find();
        keys.ok_or_else(|| AppError::internal("the project's key is not known on this node"))
    }

    pub(crate) fn sealer<'a>(&'a self, keys: &'a DataKeys) -> Sealer<'a> {
        Sealer::new(keys, &self.parts.random)
    }

    pub(crate) async fn read_library(&self, ctx: &Ctx) -> Result<Tx, AppError> {
        Ok(self.parts.db.begin_read(ctx.scope).await?)
    }
}

async fn team(tx: &mut Tx, ctx: &Ctx, name: Option<&str>) -> Result<Option<TeamId>, AppError> {
    match name {
        Some(name) => Ok(Some(find_team(tx, &ctx.org, name).await?.id)),
        None => Ok(None),
    }
}

fn changed_meanwhile(prompt: &Prompt) -> AppError {
    AppError::conflict(format_args!(
        "`{}` has revision {} by now: read it again, and change that one",
        prompt.name, prompt.revision
    ))
}

/// A prompt that others include stays where it is.
async fn require_unused(tx: &mut Tx, ctx: &Ctx, name: &PromptName, what: &str) -> Result<(), AppError> {
    let includers = cp_store::list_includers(tx, ctx.scope, name, 4).await?;
    let Some(first) = includers.first() else { return Ok(()) };
    let others = if includers.len() > 1 { " and others" } else { "" };
    Err(AppError::conflict(format_args!(
        "`{name}` {what}: `{}` (version {}){others} includes it; change those first",
        first.name, first.number
    )))
}

/// The prompt that an id or a name means.
pub(crate) async fn find(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    ctx: &Ctx,
    named: &str,
) -> Result<Prompt, AppError> {
    let found = match (named.parse::<PromptId>(), named.parse::<PromptName>()) {
        (Ok(id), _) => cp_store::find_prompt(tx, sealer, ctx.scope, id).await?,
        (Err(_), Ok(name)) => cp_store::find_prompt_named(tx, sealer, ctx.scope, &name).await?,
        (Err(_), Err(error)) => return Err(AppError::invalid(error)),
    };
    match found {
        Some(found) => Ok(found),
        None => Err(absent(tx, ctx, named).await?),
    }
}

/// Names that are looked through for one that somebody may have meant.
pub(crate) const MAX_NAMES: u64 = 10_000;

/// There is no such prompt, and which there are that are called nearly so.
async fn absent(tx: &mut Tx, ctx: &Ctx, named: &str) -> Result<AppError, AppError> {
    let names = cp_store::list_prompt_names(tx, ctx.scope, MAX_NAMES).await?;
    Ok(no_prompt(named, &names))
}

/// There is no such prompt among these.
pub(crate) fn no_prompt(named: &str, names: &[String]) -> AppError {
    let near = nearest(named, names);
    let hint = if near.is_empty() {
        "; `codepromptu prompt list` shows those there are".to_owned()
    } else {
        format!("; did you mean {}?", near.join(", "))
    };
    AppError::absent(format_args!("there is no prompt `{named}` in this project{hint}"))
}

/// The names most like the one that was asked for, at most three, those that are nothing like it left out.
pub(crate) fn nearest(wanted: &str, names: &[String]) -> Vec<String> {
    let mut near: Vec<_> = names
        .iter()
        .map(|name| {
            let parts = name.contains(wanted) || wanted.contains(name.as_str());
            let likeness = strsim::jaro_winkler(wanted, name);
            (if parts { likeness.max(0.9) } else { likeness }, name)
        })
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    near.sort_by(|(one, first), (other, second)| other.total_cmp(one).then_with(|| first.cmp(second)));
    near.into_iter().take(3).map(|(_, name)| format!("`{name}`")).collect()
}

pub(crate) async fn view(tx: &mut Tx, prompt: Prompt) -> Result<PromptView, AppError> {
    let labels = cp_store::list_labels(tx, prompt.scope, &[prompt.id]).await?;
    Ok(PromptView { prompt, labels })
}

async fn with_labels(
    tx: &mut Tx,
    scope: ProjectScope,
    prompts: Vec<Prompt>,
) -> Result<Vec<PromptView>, AppError> {
    let ids: Vec<_> = prompts.iter().map(|prompt| prompt.id).collect();
    let labels = cp_store::list_labels(tx, scope, &ids).await?;
    let view = |prompt: Prompt| PromptView {
        labels: labels.iter().filter(|label| label.prompt == prompt.id).cloned().collect(),
        prompt,
    };
    Ok(prompts.into_iter().map(view).collect())
}

impl PromptView {
    /// Where a label is; `latest` is always at the newest version.
    #[must_use]
    pub fn label(&self, name: &LabelName) -> Option<i64> {
        if name.is_latest() {
            return Some(self.prompt.latest).filter(|latest| *latest > 0);
        }
        let found = self.labels.iter().find(|label| label.name == *name);
        found.map(|label| i64::from(label.version.get()))
    }

    /// Text or chat.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.prompt.kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first_and_far_ones_not_at_all() {
        let names: Vec<_> =
            ["support/refund-reply", "support/greeting", "sales/pitch"].map(str::to_owned).into();
        assert_eq!(nearest("support/refund-repyl", &names)[0], "`support/refund-reply`");
        assert_eq!(nearest("refund-reply", &names), ["`support/refund-reply`"]);
        assert!(nearest("zzz", &names).is_empty());
    }
}
