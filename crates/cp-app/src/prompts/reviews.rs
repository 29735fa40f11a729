//! Proposals to move a label: what is proposed is talked about, and moves the label once enough have approved it.
//!
//! Whoever says or decides something holds the library until the transaction is over, so that of two who approve at once
//! one is the second. With the last approval the label moves, in the same transaction, from where it was when the move was
//! proposed: where it is elsewhere by then, nothing is done.

use cp_base::ProposalId;
use cp_db::Tx;
use cp_prompt::{EntryKind, LabelName, ProposalState};
use cp_store::{
    ApprovalRule, Author, MAX_ENTRIES, Prompt, Proposal, ProposalEntry, ProposalFilter, ProtectedLabel,
    Sealer,
};

use super::find;
use super::labels::{
    LabelChange, MAX_REASON_BYTES, Placing, check_change, in_spite_of, moved_meanwhile, place_label,
};
use super::rules::{find_rule, require_role};
use crate::access::Action;
use crate::act::Event;
use crate::{App, AppError, Ctx};

/// A proposal with what was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalView {
    /// The proposal.
    pub proposal: Proposal,
    /// What was said and decided, in order.
    pub entries: Vec<ProposalEntry>,
    /// Whose approval it takes.
    pub rule: ApprovalRule,
}

/// Why somebody decides as they do.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// In words.
    pub note: String,
    /// Why the label moves though the version does not meet what the label asks.
    pub override_reason: Option<String>,
}

/// Proposals that are listed at most.
const MAX_PROPOSALS: u64 = 500;

impl App {
    /// Proposes to move a label of a prompt to a version.
    pub async fn propose_move(
        &self,
        ctx: &Ctx,
        prompt: &str,
        change: &LabelChange,
    ) -> Result<ProposalView, AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::WritePrompts).await?;
        let prompt = find(act.tx(), &sealer, ctx, prompt).await?;
        check_change(&prompt, change)?;
        let rule = find_rule(act.tx(), ctx, &change.label).await?;
        if let Some(rule) = &rule {
            require_role(ctx, rule)?;
        }
        let to = change.to.ok_or_else(|| AppError::invalid("propose a version for the label to go to"))?;
        let now = cp_store::find_label(act.tx(), ctx.scope, prompt.id, &change.label).await?;
        let from = now.as_ref().map(|label| label.version);
        if change.from.is_some_and(|wanted| wanted != from) {
            return Err(moved_meanwhile(&prompt, &change.label, now.as_ref()));
        }
        if from == Some(to) {
            return Err(AppError::conflict(format_args!(
                "`{}` of `{}` is at version {to} already",
                change.label, prompt.name
            )));
        }
        let proposal = Proposal {
            id: self.parts.ids.mint(),
            prompt: prompt.id,
            name: prompt.name,
            label: change.label.clone(),
            from,
            to,
            state: ProposalState::Open,
            reason: change.reason.clone(),
            author: author(ctx),
            created_at: self.parts.clock.now(),
            closed_at: None,
        };
        cp_store::create_proposal(act.tx(), &sealer, ctx.scope, &proposal).await?;
        act.commit(Event::new("label.propose", proposal.id).detail(described(&proposal))).await?;
        Ok(ProposalView { proposal, entries: Vec::new(), rule: approval_of(rule) })
    }

    /// Proposals, newest first, at most 500: of a prompt, or of all; those that are so far, or all.
    pub async fn list_proposals(
        &self,
        ctx: &Ctx,
        prompt: Option<&str>,
        state: Option<ProposalState>,
    ) -> Result<Vec<Proposal>, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.read_library(ctx).await?;
        let prompt = match prompt {
            Some(named) => Some(find(&mut tx, &sealer, ctx, named).await?.id),
            None => None,
        };
        let filter = ProposalFilter { prompt, state };
        Ok(cp_store::list_proposals(&mut tx, &sealer, ctx.scope, filter, MAX_PROPOSALS).await?)
    }

    /// A proposal, with what was said of it.
    pub async fn get_proposal(&self, ctx: &Ctx, id: ProposalId) -> Result<ProposalView, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.read_library(ctx).await?;
        let proposal = cp_store::find_proposal(&mut tx, &sealer, ctx.scope, id).await?;
        let proposal = proposal.ok_or_else(|| absent(id))?;
        seen(&mut tx, &sealer, ctx, proposal).await
    }

    /// Says something of a proposal.
    pub async fn comment_on_proposal(
        &self,
        ctx: &Ctx,
        id: ProposalId,
        text: String,
    ) -> Result<ProposalView, AppError> {
        if text.trim().is_empty() {
            return Err(AppError::invalid("a comment says something"));
        }
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::ReviewPrompts).await?;
        let proposal = hold(act.tx(), &sealer, ctx, id).await?;
        let entry = self.add_entry(act.tx(), &sealer, ctx, id, (EntryKind::Comment, text)).await?;
        let view = seen(act.tx(), &sealer, ctx, proposal).await?;
        act.commit(Event::new("proposal.comment", id).detail(entry.number)).await?;
        Ok(view)
    }

    /// Approves a proposal. With the last approval that it takes, the label moves.
    pub async fn approve_proposal(
        &self,
        ctx: &Ctx,
        id: ProposalId,
        decision: Decision,
    ) -> Result<ProposalView, AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::ReviewPrompts).await?;
        let mut proposal = hold_open(act.tx(), &sealer, ctx, id).await?;
        let rule = find_rule(act.tx(), ctx, &proposal.label).await?;
        let approval = approval_of(rule.clone());
        let (author, held) = (author(ctx), ctx.org.roles.names());
        require_approver(&approval, &held)?;
        if author.id == proposal.author.id && !approval.by_author {
            return Err(AppError::own_proposal(&approval.roles));
        }
        let before = cp_store::list_proposal_entries(act.tx(), &sealer, ctx.scope, id).await?;
        let mut approved = before.iter().filter(|entry| entry.kind == EntryKind::Approve);
        if approved.clone().any(|entry| entry.author.id == author.id) {
            return Err(AppError::conflict("you have approved this already: others are waited for"));
        }
        let others = approved.by_ref().count() as u64;
        self.add_entry(act.tx(), &sealer, ctx, id, (EntryKind::Approve, decision.note)).await?;
        let mut event = Event::new("proposal.approve", id).detail(described(&proposal));
        if others + 1 >= approval.approvals {
            self.record(act.tx(), ctx, event).await?;
            let why = (rule.as_ref(), decision.override_reason);
            event = self.apply(act.tx(), &sealer, ctx, &mut proposal, why).await?;
        }
        let view = seen(act.tx(), &sealer, ctx, proposal).await?;
        act.commit(event).await?;
        self.shelve_own_change().await;
        Ok(view)
    }

    /// Moves the label as it was proposed.
    async fn apply(
        &self,
        tx: &mut Tx,
        sealer: &Sealer<'_>,
        ctx: &Ctx,
        proposal: &mut Proposal,
        (rule, override_reason): (Option<&ProtectedLabel>, Option<String>),
    ) -> Result<Event, AppError> {
        let prompt = cp_store::find_prompt(tx, sealer, ctx.scope, proposal.prompt).await?;
        let prompt = prompt.ok_or_else(|| AppError::internal("a proposal's prompt is not there"))?;
        require_unmoved(tx, ctx, &prompt, proposal).await?;
        let change = LabelChange {
            label: proposal.label.clone(),
            to: Some(proposal.to),
            from: Some(proposal.from),
            reason: proposal.reason.clone(),
            override_reason,
        };
        let placing = Placing { change: &change, rule, proposal: Some(proposal.id) };
        let overridden = place_label(self, tx, sealer, (ctx, &prompt), placing).await?;
        self.close(tx, ctx, proposal, ProposalState::Applied).await?;
        let detail =
            format!("{}, {}{}", described(proposal), proposal.id, in_spite_of(overridden.as_deref()));
        Ok(Event::new("label.move", prompt.id).detail(detail).before(&proposal.from).after(&proposal.to))
    }

    /// Rejects a proposal, which ends it.
    pub async fn reject_proposal(
        &self,
        ctx: &Ctx,
        id: ProposalId,
        note: String,
    ) -> Result<ProposalView, AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::ReviewPrompts).await?;
        let mut proposal = hold_open(act.tx(), &sealer, ctx, id).await?;
        let rule = find_rule(act.tx(), ctx, &proposal.label).await?;
        require_approver(&approval_of(rule), &ctx.org.roles.names())?;
        self.add_entry(act.tx(), &sealer, ctx, id, (EntryKind::Reject, note)).await?;
        self.close(act.tx(), ctx, &mut proposal, ProposalState::Rejected).await?;
        let view = seen(act.tx(), &sealer, ctx, proposal).await?;
        act.commit(Event::new("proposal.reject", id).detail(described(&view.proposal))).await?;
        Ok(view)
    }

    /// Takes a proposal back. Whoever may write prompts may tidy up what others proposed, too.
    pub async fn withdraw_proposal(
        &self,
        ctx: &Ctx,
        id: ProposalId,
        note: String,
    ) -> Result<ProposalView, AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::WritePrompts).await?;
        let mut proposal = hold_open(act.tx(), &sealer, ctx, id).await?;
        self.add_entry(act.tx(), &sealer, ctx, id, (EntryKind::Withdraw, note)).await?;
        self.close(act.tx(), ctx, &mut proposal, ProposalState::Withdrawn).await?;
        let view = seen(act.tx(), &sealer, ctx, proposal).await?;
        act.commit(Event::new("proposal.withdraw", id).detail(described(&view.proposal))).await?;
        Ok(view)
    }

    async fn add_entry(
        &self,
        tx: &mut Tx,
        sealer: &Sealer<'_>,
        ctx: &Ctx,
        id: ProposalId,
        (kind, text): (EntryKind, String),
    ) -> Result<ProposalEntry, AppError> {
        if text.len() > MAX_REASON_BYTES {
            return Err(AppError::invalid(format_args!("this has {MAX_REASON_BYTES} bytes at most")));
        }
        let at = self.parts.clock.now();
        let entry = ProposalEntry { number: 0, kind, text, author: author(ctx), created_at: at };
        let entry = cp_store::add_proposal_entry(tx, sealer, ctx.scope, id, entry).await?;
        if entry.number as u64 > MAX_ENTRIES {
            return Err(AppError::conflict("so much was said of this already: propose it anew"));
        }
        Ok(entry)
    }

    async fn close(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        proposal: &mut Proposal,
        state: ProposalState,
    ) -> Result<(), AppError> {
        let now = self.parts.clock.now();
        if !cp_store::close_proposal(tx, ctx.scope, proposal.id, state, now).await? {
            return Err(AppError::internal("a proposal that is held has ended"));
        }
        (proposal.state, proposal.closed_at) = (state, Some(now));
        Ok(())
    }
}

/// Who asks, as the library remembers them.
pub(super) fn author(ctx: &Ctx) -> Author {
    let caller = &ctx.org.caller;
    Author { id: caller.id().unwrap_or_default(), name: caller.name.clone() }
}

/// Whose approval a proposal takes: where the label asks for none, that of somebody else who may move it.
fn approval_of(rule: Option<ProtectedLabel>) -> ApprovalRule {
    let movers = || Action::WritePrompts.roles().iter().map(|role| role.as_str().to_owned()).collect();
    match rule {
        Some(rule) if rule.approval.approvals > 0 => rule.approval,
        Some(rule) => ApprovalRule { approvals: 1, roles: rule.roles, by_author: false },
        None => ApprovalRule { approvals: 1, roles: movers(), by_author: false },
    }
}

fn require_approver(approval: &ApprovalRule, held: &[&str]) -> Result<(), AppError> {
    if approval.roles.iter().any(|role| held.contains(&role.as_str())) {
        return Ok(());
    }
    Err(AppError::no_approver(&approval.roles, held))
}

/// The label is where it was when the move was proposed.
async fn require_unmoved(
    tx: &mut Tx,
    ctx: &Ctx,
    prompt: &Prompt,
    proposal: &Proposal,
) -> Result<(), AppError> {
    let now = cp_store::find_label(tx, ctx.scope, prompt.id, &proposal.label).await?;
    if now.as_ref().map(|label| label.version) == proposal.from {
        return Ok(());
    }
    let AppError { public, .. } = moved_meanwhile(prompt, &proposal.label, now.as_ref());
    Err(AppError::conflict(format_args!(
        "{public}. This proposal moves it {}: withdraw it, and propose from there",
        way(proposal)
    )))
}

fn way(proposal: &Proposal) -> String {
    let from = proposal.from.map_or("nowhere".to_owned(), |from| from.to_string());
    format!("{from} to {}", proposal.to)
}

fn described(proposal: &Proposal) -> String {
    format!("{} {}: {}", proposal.name, proposal.label, way(proposal))
}

fn absent(id: ProposalId) -> AppError {
    AppError::not_found(format_args!("proposal {id}"))
}

async fn hold(tx: &mut Tx, sealer: &Sealer<'_>, ctx: &Ctx, id: ProposalId) -> Result<Proposal, AppError> {
    cp_store::hold_proposal(tx, sealer, ctx.scope, id).await?.ok_or_else(|| absent(id))
}

async fn hold_open(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    ctx: &Ctx,
    id: ProposalId,
) -> Result<Proposal, AppError> {
    let proposal = hold(tx, sealer, ctx, id).await?;
    if proposal.state != ProposalState::Open {
        return Err(AppError::conflict(format_args!("this proposal is {} already", proposal.state)));
    }
    Ok(proposal)
}

async fn seen(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    ctx: &Ctx,
    proposal: Proposal,
) -> Result<ProposalView, AppError> {
    let entries = cp_store::list_proposal_entries(tx, sealer, ctx.scope, proposal.id).await?;
    let label: &LabelName = &proposal.label;
    let rule = approval_of(find_rule(tx, ctx, label).await?);
    Ok(ProposalView { proposal, entries, rule })
}
