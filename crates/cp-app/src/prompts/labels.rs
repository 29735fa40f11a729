//! Moving labels, and who may.

use cp_db::Tx;
use cp_prompt::{LabelName, VersionNumber};
use cp_store::{Label, LabelMove, NewMove, Prompt, ProtectedLabel, Sealer};

use super::{PromptView, compose, find, view};
use crate::access::{Action, Role};
use crate::act::Event;
use crate::{App, AppError, Ctx};

/// A label's move that is wanted.
#[derive(Clone, Debug)]
pub struct LabelChange {
    /// The label.
    pub label: LabelName,
    /// Where it is to go; absent to take it away.
    pub to: Option<VersionNumber>,
    /// Where it must be for the move to happen, where the caller minds: `Some(None)` for nowhere.
    pub from: Option<Option<VersionNumber>>,
    /// Why.
    pub reason: String,
}

impl LabelChange {
    /// To a version, from wherever it is.
    #[must_use]
    pub const fn to(label: LabelName, version: VersionNumber) -> Self {
        Self { label, to: Some(version), from: None, reason: String::new() }
    }
}

/// Moves that are listed at most.
const MAX_MOVES: u64 = 1_000;
const MAX_REASON_BYTES: usize = 4_096;

impl App {
    /// Moves a label of a prompt, or takes it away.
    pub async fn move_label(
        &self,
        ctx: &Ctx,
        prompt: &str,
        change: &LabelChange,
    ) -> Result<PromptView, AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::WritePrompts).await?;
        let prompt = find(act.tx(), &sealer, ctx, prompt).await?;
        let before = cp_store::find_label(act.tx(), ctx.scope, prompt.id, &change.label).await?;
        if before.is_none() && change.to.is_none() {
            return Err(AppError::absent(format_args!("`{}` has no label `{}`", prompt.name, change.label)));
        }
        set_label(self, act.tx(), &sealer, (ctx, &prompt), change).await?;
        let described = described(&prompt, before.as_ref(), change);
        let seen = view(act.tx(), prompt).await?;
        let event = Event::new("label.move", seen.prompt.id).detail(described);
        act.commit(event.before(&before).after(&change.to)).await?;
        self.shelve_own_change().await;
        Ok(seen)
    }

    /// Moves labels of a prompt to a version: all of them, or none.
    pub async fn move_labels(
        &self,
        ctx: &Ctx,
        prompt: &str,
        labels: &[LabelName],
        to: VersionNumber,
    ) -> Result<PromptView, AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::WritePrompts).await?;
        let prompt = find(act.tx(), &sealer, ctx, prompt).await?;
        for label in labels {
            let change = LabelChange::to(label.clone(), to);
            set_label(self, act.tx(), &sealer, (ctx, &prompt), &change).await?;
        }
        let names: Vec<_> = labels.iter().map(LabelName::as_str).collect();
        let described = format!("{} {}: to {to}", prompt.name, names.join(" "));
        let seen = view(act.tx(), prompt).await?;
        act.commit(Event::new("label.move", seen.prompt.id).detail(described).after(&to)).await?;
        Ok(seen)
    }

    /// Moves a label back to where it was before its last move.
    pub async fn roll_back_label(
        &self,
        ctx: &Ctx,
        prompt: &str,
        label: &LabelName,
        reason: &str,
    ) -> Result<PromptView, AppError> {
        ctx.require(Action::WritePrompts)?;
        let moves = self.list_label_moves(ctx, prompt, Some(label)).await?;
        let none =
            || AppError::conflict(format_args!("`{label}` was never anywhere else: move it to a version"));
        let last = moves.first().ok_or_else(none)?;
        let to = last.from.ok_or_else(none)?;
        let reason = if reason.is_empty() { "rolled back" } else { reason }.to_owned();
        let change = LabelChange { label: label.clone(), to: Some(to), from: Some(last.to), reason };
        self.move_label(ctx, prompt, &change).await
    }

    /// The moves of a prompt's labels, or of one of them, newest first: the last thousand.
    pub async fn list_label_moves(
        &self,
        ctx: &Ctx,
        prompt: &str,
        label: Option<&LabelName>,
    ) -> Result<Vec<LabelMove>, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.read_library(ctx).await?;
        let prompt = find(&mut tx, &sealer, ctx, prompt).await?;
        let place = (ctx.scope, prompt.id);
        Ok(cp_store::list_label_moves(&mut tx, &sealer, place, label, MAX_MOVES).await?)
    }

    /// The labels of the project that only some roles may move.
    pub async fn list_protected_labels(&self, ctx: &Ctx) -> Result<Vec<ProtectedLabel>, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let mut tx = self.read_library(ctx).await?;
        Ok(cp_store::list_protected_labels(&mut tx, ctx.scope).await?)
    }

    /// Says which roles may move a label, of every prompt of the project.
    pub async fn protect_label(
        &self,
        ctx: &Ctx,
        label: &LabelName,
        roles: &[Role],
    ) -> Result<ProtectedLabel, AppError> {
        refuse_latest(label)?;
        let writes = |role: &&Role| Action::WritePrompts.roles().contains(role);
        let kept: Vec<_> = roles.iter().filter(writes).map(|role| role.as_str().to_owned()).collect();
        if kept.is_empty() || kept.len() != roles.len() {
            return Err(AppError::invalid("name roles that may write prompts: owner, admin or editor"));
        }
        let protection = ProtectedLabel { label: label.clone(), roles: kept };
        let mut act = self.begin(ctx, Action::ProtectLabels).await?;
        cp_store::protect_label(act.tx(), ctx.scope, &protection).await?;
        let event = Event::new("label.protect", label).detail(protection.roles.join(" ")).after(&protection);
        act.commit(event).await?;
        Ok(protection)
    }

    /// Whoever may write prompts may move the label again.
    pub async fn unprotect_label(&self, ctx: &Ctx, label: &LabelName) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ProtectLabels).await?;
        if !cp_store::unprotect_label(act.tx(), ctx.scope, label).await? {
            return Err(AppError::absent(format_args!("`{label}` is not protected in this project")));
        }
        act.commit(Event::new("label.unprotect", label)).await
    }
}

fn described(prompt: &Prompt, before: Option<&Label>, change: &LabelChange) -> String {
    let place =
        |version: Option<VersionNumber>| version.map_or("nowhere".to_owned(), |version| version.to_string());
    let from = place(before.map(|label| label.version));
    format!("{} {}: {from} to {}", prompt.name, change.label, place(change.to))
}

/// Moves a label in a transaction that is under way: whoever asks may, the version is there, and the label is where they
/// have seen it.
pub(super) async fn set_label(
    app: &App,
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    (ctx, prompt): (&Ctx, &Prompt),
    change: &LabelChange,
) -> Result<(), AppError> {
    refuse_latest(&change.label)?;
    if change.reason.len() > MAX_REASON_BYTES {
        return Err(AppError::invalid(format_args!("a reason has {MAX_REASON_BYTES} bytes at most")));
    }
    require_mover(tx, ctx, &change.label).await?;
    if let Some(to) = change.to
        && i64::from(to.get()) > prompt.latest
    {
        return Err(AppError::absent(format_args!(
            "`{}` has no version {to}: its newest is {}",
            prompt.name, prompt.latest
        )));
    }
    let before = cp_store::find_label(tx, ctx.scope, prompt.id, &change.label).await?;
    let is_at = before.as_ref().map(|label| label.version);
    if change.from.is_some_and(|from| from != is_at) {
        return Err(moved_meanwhile(prompt, &change.label, before.as_ref()));
    }
    if is_at == change.to {
        return Ok(());
    }
    if let Some(to) = change.to {
        // What others have come to include since may lead back here.
        let target = cp_store::find_version(tx, sealer, ctx.scope, prompt.id, to).await?;
        let target = target.ok_or_else(|| AppError::internal("a prompt's version is not there"))?;
        compose::check(tx, sealer, ctx, (&prompt.name, &target.document)).await?;
    }
    let new = NewMove {
        prompt: prompt.id,
        label: &change.label,
        from: before.as_ref(),
        to: change.to,
        reason: &change.reason,
        by: &ctx.org.caller.name,
        at: app.parts.clock.now(),
    };
    if !cp_store::move_label(tx, sealer, ctx.scope, &new).await? {
        let now = cp_store::find_label(tx, ctx.scope, prompt.id, &change.label).await?;
        return Err(moved_meanwhile(prompt, &change.label, now.as_ref()));
    }
    Ok(())
}

fn moved_meanwhile(prompt: &Prompt, label: &LabelName, now: Option<&Label>) -> AppError {
    let place = match now {
        Some(now) => {
            format!("at version {} by now (moved by {}, {})", now.version, now.moved_by, now.moved_at)
        }
        None => "nowhere by now".to_owned(),
    };
    AppError::conflict(format_args!(
        "the label `{label}` of `{}` is {place}: look at it, and move it from there",
        prompt.name
    ))
}

fn refuse_latest(label: &LabelName) -> Result<(), AppError> {
    if label.is_latest() {
        return Err(AppError::invalid("`latest` is at the newest version always, and moves by itself"));
    }
    Ok(())
}

async fn require_mover(tx: &mut Tx, ctx: &Ctx, label: &LabelName) -> Result<(), AppError> {
    let protected = cp_store::list_protected_labels(tx, ctx.scope).await?;
    let Some(protection) = protected.into_iter().find(|protected| protected.label == *label) else {
        return Ok(());
    };
    let held = ctx.org.roles.names();
    if protection.roles.iter().any(|role| held.contains(&role.as_str())) {
        return Ok(());
    }
    Err(AppError::protected(label, &protection.roles, &held))
}
