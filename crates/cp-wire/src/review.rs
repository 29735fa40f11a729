//! What labels ask of a move, and proposals to move one.

use cp_base::{ProposalId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A label that asks something of a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProtectedLabel {
    /// The label, of every prompt of the project.
    pub label: String,
    /// The roles that may move it, or propose to where it takes approvals.
    pub roles: Vec<String>,
    /// How many approvals a move takes.
    pub approvals: u64,
    /// The roles that may approve.
    pub approvers: Vec<String>,
    /// Whether whoever proposed a move may approve it too.
    pub author_may_approve: bool,
    /// What it asks of the prompt's success criteria: `none`, `not_failing` or `met`.
    pub criteria: String,
}

/// Labels that ask something of a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProtectedLabels {
    /// In the order of their names.
    pub labels: Vec<ProtectedLabel>,
}

/// What a label asks of a move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProtectLabel {
    /// The roles that may move it, or propose to where it takes approvals: among those that may write prompts.
    #[schema(example = json!(["owner", "admin"]))]
    pub roles: Vec<String>,
    /// How many approvals a move takes: 0 to 10.
    #[serde(default)]
    pub approvals: u64,
    /// The roles that may approve: owners and admins, where none is named.
    #[serde(default)]
    pub approvers: Vec<String>,
    /// Whether whoever proposed a move may approve it too.
    #[serde(default)]
    pub author_may_approve: bool,
    /// What it asks of the prompt's success criteria: `none`, `not_failing`, or `met`, where what is not measured does not
    /// pass. Absent is `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "not_failing")]
    pub criteria: Option<String>,
}

/// A proposal to move a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    /// The id.
    #[schema(value_type = String)]
    pub id: ProposalId,
    /// The prompt's name.
    pub prompt: String,
    /// The label.
    pub label: String,
    /// Where it was, and must be when it moves; absent for nowhere.
    pub from: Option<i64>,
    /// The version that it is to go to.
    pub to: i64,
    /// `open`, `applied`, `rejected` or `withdrawn`.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub proposed_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
}

/// A proposal, with what was said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProposalDetail {
    /// The proposal.
    pub proposal: Proposal,
    /// How many approvals it has.
    pub approved: u64,
    /// How many it takes.
    pub approvals: u64,
    /// The roles that may approve.
    pub approvers: Vec<String>,
    /// What was said and decided, in order.
    pub entries: Vec<ProposalEntry>,
}

/// What somebody said or decided of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProposalEntry {
    /// `comment`, `approve`, `reject` or `withdraw`.
    pub kind: String,
    /// In words.
    pub text: String,
    /// Whose.
    pub author: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Proposals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Proposals {
    /// Newest first, 500 at most.
    pub proposals: Vec<Proposal>,
}

/// Which proposals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ProposalQuery {
    /// Of this prompt: an id or a name
    pub prompt: Option<String>,
    /// That are so far: `open`, `applied`, `rejected`, `withdrawn`, or `all`. Absent is `open`
    pub state: Option<String>,
}

/// A comment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposalComment {
    /// What it says.
    pub text: String,
}

/// Why somebody decides as they do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Decision {
    /// In words.
    pub note: String,
}

/// An approval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Approval {
    /// In words.
    pub note: String,
    /// Why the label moves though the version does not meet what the label asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
}
