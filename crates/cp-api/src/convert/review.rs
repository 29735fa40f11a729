//! Proposals and what labels ask, between the wire and the library.

use cp_app::library::{EntryKind, LabelChange, LabelRule, ProposalState, ProposalView, VersionNumber};
use cp_app::model::{Proposal, ProposalEntry, ProtectedLabel};
use cp_wire as wire;

use super::prompt::{number, parsed};
use crate::problem::Refusal;

pub(crate) fn rule(rule: &wire::ProtectLabel) -> Result<LabelRule, Refusal> {
    let roles = |names: &[String]| names.iter().map(|role| parsed(role)).collect::<Result<Vec<_>, _>>();
    Ok(LabelRule {
        roles: roles(&rule.roles)?,
        approvals: rule.approvals,
        approvers: roles(&rule.approvers)?,
        by_author: rule.author_may_approve,
        gate: rule.criteria.as_deref().map(parsed).transpose()?.unwrap_or_default(),
    })
}

pub(crate) fn protected(protected: ProtectedLabel) -> wire::ProtectedLabel {
    wire::ProtectedLabel {
        label: protected.label.to_string(),
        roles: protected.roles,
        approvals: protected.approval.approvals,
        approvers: protected.approval.roles,
        author_may_approve: protected.approval.by_author,
        criteria: protected.gate.to_string(),
    }
}

/// Where a label must be for a move to happen: 0 is nowhere, absent is wherever it is.
pub(crate) fn from(from: Option<i64>) -> Result<Option<Option<VersionNumber>>, Refusal> {
    Ok(match from {
        Some(0) => Some(None),
        Some(version) => Some(Some(number(version)?)),
        None => None,
    })
}

pub(crate) fn change(label: &str, to: wire::MoveLabel) -> Result<LabelChange, Refusal> {
    Ok(LabelChange {
        label: parsed(label)?,
        to: Some(number(to.version)?),
        from: from(to.from)?,
        reason: to.reason,
        override_reason: to.override_reason,
    })
}

pub(crate) fn proposed(label: &str, to: wire::ProposeMove) -> Result<LabelChange, Refusal> {
    let wire::ProposeMove { version, from, reason } = to;
    change(label, wire::MoveLabel { version, from, reason, override_reason: None })
}

pub(crate) fn proposal(proposal: Proposal) -> wire::Proposal {
    let number = |version: VersionNumber| i64::from(version.get());
    wire::Proposal {
        id: proposal.id,
        prompt: proposal.name.to_string(),
        label: proposal.label.to_string(),
        from: proposal.from.map(number),
        to: number(proposal.to),
        state: proposal.state.to_string(),
        reason: proposal.reason,
        proposed_by: proposal.author.name,
        proposed_at: proposal.created_at,
        closed_at: proposal.closed_at,
    }
}

pub(crate) fn detail(view: ProposalView) -> wire::ProposalDetail {
    let approvals = view.entries.iter().filter(|entry| entry.kind == EntryKind::Approve);
    wire::ProposalDetail {
        approved: approvals.count() as u64,
        approvals: view.rule.approvals,
        approvers: view.rule.roles,
        entries: view.entries.into_iter().map(entry).collect(),
        proposal: proposal(view.proposal),
    }
}

fn entry(entry: ProposalEntry) -> wire::ProposalEntry {
    wire::ProposalEntry {
        kind: entry.kind.to_string(),
        text: entry.text,
        author: entry.author.name,
        at: entry.created_at,
    }
}

/// Which proposals are asked for: those that are open, where nothing is said.
pub(crate) fn state(state: Option<&str>) -> Result<Option<ProposalState>, Refusal> {
    match state {
        Some("all") => Ok(None),
        Some(state) => parsed(state).map(Some),
        None => Ok(Some(ProposalState::Open)),
    }
}
