//! The words of a review: how far a proposal is, and what was done about it.

use crate::text::named_values;

/// How far a proposal to move a label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalState {
    /// It waits for approvals.
    Open,
    /// It had enough of them, and the label was moved.
    Applied,
    /// Somebody who may approve did not want it.
    Rejected,
    /// It was taken back.
    Withdrawn,
}

named_values!(ProposalState, ProposalStateParseError, "state of a proposal", {
    Open = "open",
    Applied = "applied",
    Rejected = "rejected",
    Withdrawn = "withdrawn",
});

/// What became of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommentState {
    /// It stands.
    Open,
    /// It was seen to.
    Resolved,
    /// It is kept, and its text not shown.
    Hidden,
}

named_values!(CommentState, CommentStateParseError, "state of a comment", {
    Open = "open",
    Resolved = "resolved",
    Hidden = "hidden",
});

/// What somebody did about a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Said something.
    Comment,
    /// Is for it.
    Approve,
    /// Is against it, which ends it.
    Reject,
    /// Took it back.
    Withdraw,
}

named_values!(EntryKind, EntryKindParseError, "entry of a review", {
    Comment = "comment",
    Approve = "approve",
    Reject = "reject",
    Withdraw = "withdraw",
});
