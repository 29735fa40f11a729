//! Moving labels.

use cp_base::ProposalId;
use cp_db::Tx;
use cp_prompt::{LabelName, VersionNumber};
use cp_store::{Label, LabelMove, NewMove, Prompt, ProtectedLabel, Sealer};

use super::rules::{find_rule, require_mover};
use super::{PromptView, compose, find, view};
use crate::access::Action;
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
    /// Why it is moved though the version does not meet what the label asks.
    pub override_reason: Option<String>,
}

impl LabelChange {
    /// To a version, from wherever it is.
    #[must_use]
    pub const fn to(label: LabelName, version: VersionNumber) -> Self {
        Self { label, to: Some(version), from: None, reason: String::new(), override_reason: None }
    }
}

/// Why a label goes back.
#[derive(Clone, Debug, Default)]
pub struct RollBack {
    /// In words; a word of ours where there is none.
    pub reason: String,
    /// Why it goes back though the version does not meet what the label asks.
    pub override_reason: Option<String>,
}

/// Moves that are listed at most.
const MAX_MOVES: u64 = 1_000;
pub(super) const MAX_REASON_BYTES: usize = 4_096;

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
        let overridden = set_label(self, act.tx(), &sealer, (ctx, &prompt), change).await?;
        let described = described(&prompt, before.as_ref(), change) + in_spite_of(overridden.as_deref());
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
        self.shelve_own_change().await;
        Ok(seen)
    }

    /// Moves a label back to where it was before its last move.
    pub async fn roll_back_label(
        &self,
        ctx: &Ctx,
        prompt: &str,
        label: &LabelName,
        why: RollBack,
    ) -> Result<PromptView, AppError> {
        ctx.require(Action::WritePrompts)?;
        let moves = self.list_label_moves(ctx, prompt, Some(label)).await?;
        let none =
            || AppError::conflict(format_args!("`{label}` was never anywhere else: move it to a version"));
        let last = moves.first().ok_or_else(none)?;
        let to = last.from.ok_or_else(none)?;
        let RollBack { reason, override_reason } = why;
        let reason = if reason.is_empty() { "rolled back".to_owned() } else { reason };
        let (to, from) = (Some(to), Some(last.to));
        let change = LabelChange { label: label.clone(), to, from, reason, override_reason };
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
}

fn described(prompt: &Prompt, before: Option<&Label>, change: &LabelChange) -> String {
    let place =
        |version: Option<VersionNumber>| version.map_or("nowhere".to_owned(), |version| version.to_string());
    let from = place(before.map(|label| label.version));
    format!("{} {}: {from} to {}", prompt.name, change.label, place(change.to))
}

/// What an event says of criteria that were not met. Which they are, and why it is done all the same, is said in the label's
/// history, which is sealed.
pub(super) fn in_spite_of(overridden: Option<&str>) -> &'static str {
    if overridden.is_some() { "; its criteria are overridden" } else { "" }
}

/// Moves a label in a transaction that is under way: whoever asks may, the version is there and meets what the label asks,
/// and the label is where they have seen it. What it does not meet is told where that is overridden.
pub(super) async fn set_label(
    app: &App,
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    (ctx, prompt): (&Ctx, &Prompt),
    change: &LabelChange,
) -> Result<Option<String>, AppError> {
    let rule = find_rule(tx, ctx, &change.label).await?;
    if let Some(rule) = &rule {
        require_mover(ctx, rule)?;
    }
    place_label(app, tx, sealer, (ctx, prompt), Placing { change, rule: rule.as_ref(), proposal: None }).await
}

/// A move that whoever asks may make.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placing<'a> {
    pub(super) change: &'a LabelChange,
    pub(super) rule: Option<&'a ProtectedLabel>,
    pub(super) proposal: Option<ProposalId>,
}

/// As [`set_label`], where it is known that whoever asks may.
pub(super) async fn place_label(
    app: &App,
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    (ctx, prompt): (&Ctx, &Prompt),
    Placing { change, rule, proposal }: Placing<'_>,
) -> Result<Option<String>, AppError> {
    check_change(prompt, change)?;
    let before = cp_store::find_label(tx, ctx.scope, prompt.id, &change.label).await?;
    let is_at = before.as_ref().map(|label| label.version);
    if change.from.is_some_and(|from| from != is_at) {
        return Err(moved_meanwhile(prompt, &change.label, before.as_ref()));
    }
    if is_at == change.to {
        return Ok(None);
    }
    let mut overridden = None;
    if let Some(to) = change.to {
        // What others have come to include since may lead back here.
        let target = cp_store::find_version(tx, sealer, ctx.scope, prompt.id, to).await?;
        let target = target.ok_or_else(|| AppError::internal("a prompt's version is not there"))?;
        compose::check(tx, sealer, ctx, (&prompt.name, &target.document)).await?;
        if let Some(rule) = rule {
            let why = change.override_reason.as_deref();
            overridden = app.require_criteria((ctx, rule), prompt, &target, why).await?;
        }
    }
    let reason = reason(change, overridden.as_deref());
    let new = NewMove {
        prompt: prompt.id,
        label: &change.label,
        from: before.as_ref(),
        to: change.to,
        reason: &reason,
        proposal,
        by: &ctx.org.caller.name,
        at: app.parts.clock.now(),
    };
    if !cp_store::move_label(tx, sealer, ctx.scope, &new).await? {
        let now = cp_store::find_label(tx, ctx.scope, prompt.id, &change.label).await?;
        return Err(moved_meanwhile(prompt, &change.label, now.as_ref()));
    }
    Ok(overridden)
}

/// The label can be moved, and the version is there.
pub(super) fn check_change(prompt: &Prompt, change: &LabelChange) -> Result<(), AppError> {
    refuse_latest(&change.label)?;
    let reasons = [Some(&change.reason), change.override_reason.as_ref()];
    if reasons.into_iter().flatten().any(|reason| reason.len() > MAX_REASON_BYTES) {
        return Err(AppError::invalid(format_args!("a reason has {MAX_REASON_BYTES} bytes at most")));
    }
    match change.to {
        Some(to) if i64::from(to.get()) > prompt.latest => Err(AppError::absent(format_args!(
            "`{}` has no version {to}: its newest is {}",
            prompt.name, prompt.latest
        ))),
        _ => Ok(()),
    }
}

/// Why, as the history has it.
fn reason(change: &LabelChange, overridden: Option<&str>) -> String {
    match (&change.override_reason, overridden) {
        (Some(why), Some(failed)) => {
            let before = if change.reason.is_empty() { "" } else { "; " };
            format!("{}{before}overridden: {failed}: {why}", change.reason)
        }
        _ => change.reason.clone(),
    }
}

pub(super) fn moved_meanwhile(prompt: &Prompt, label: &LabelName, now: Option<&Label>) -> AppError {
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

pub(super) fn refuse_latest(label: &LabelName) -> Result<(), AppError> {
    if label.is_latest() {
        return Err(AppError::invalid("`latest` is at the newest version always, and moves by itself"));
    }
    Ok(())
}
