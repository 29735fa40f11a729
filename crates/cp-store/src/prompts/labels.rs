//! Labels: the only thing of a prompt that moves.
//!
//! A label is moved by compare-and-swap of its revision. Revisions of one label count on when it was taken away and comes
//! back, so that its history has one order.

use cp_base::{ProjectScope, PromptId, ProposalId, Timestamp};
use cp_db::{Args, DbError, Filter, Row, Tx, args};
use cp_prompt::{Gate, LabelName, VersionNumber};

use super::seal::{MovePlace, Sealer};
use super::versions::number;
use super::{mark, parsed};
use crate::sql::prompts as sql;

/// Where a label is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The prompt.
    pub prompt: PromptId,
    /// Its name.
    pub name: LabelName,
    /// The version that it is at.
    pub version: VersionNumber,
    /// Counts its moves.
    pub revision: i64,
    /// Who moved it last.
    pub moved_by: String,
    /// When.
    pub moved_at: Timestamp,
}

/// One move of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMove {
    /// The label.
    pub label: LabelName,
    /// The how-manieth of its moves.
    pub revision: i64,
    /// Where it was; absent where there was none.
    pub from: Option<VersionNumber>,
    /// Where it went; absent where it was taken away.
    pub to: Option<VersionNumber>,
    /// Why.
    pub reason: String,
    /// The proposal that it was moved by.
    pub proposal: Option<ProposalId>,
    /// Who moved it.
    pub moved_by: String,
    /// When.
    pub moved_at: Timestamp,
}

/// A move that is to be made.
#[derive(Clone, Debug)]
pub struct NewMove<'a> {
    /// The prompt.
    pub prompt: PromptId,
    /// The label.
    pub label: &'a LabelName,
    /// Where it is now, as whoever moves it has read.
    pub from: Option<&'a Label>,
    /// Where it goes; absent to take it away.
    pub to: Option<VersionNumber>,
    /// Why.
    pub reason: &'a str,
    /// The proposal that it is made by.
    pub proposal: Option<ProposalId>,
    /// Who.
    pub by: &'a str,
    /// When.
    pub at: Timestamp,
}

/// Moves a label, and puts the move on record. False where the label is not where `from` has it any more.
pub async fn move_label(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    new: &NewMove<'_>,
) -> Result<bool, DbError> {
    let key = || args![scope.org(), scope, new.prompt, new.label.as_str()];
    let with = |args: Args| key().into_iter().chain(args).collect::<Args>();
    // What is taken now is held until the end: of two who move at once, one waits here.
    mark(tx, sealer, scope, new.prompt, new.at).await?;
    let last = tx.fetch_optional(sql::FIND_LAST_MOVE, key()).await?;
    let revision = last.map_or(Ok(0), |row| row.get::<i64>("revision"))? + 1;
    let to = new.to.map(|version| i64::from(version.get()));
    let moved = match (new.from, to) {
        (None, None) => 0,
        (None, Some(to)) => tx.execute(sql::CREATE_LABEL, with(args![to, revision, new.by, new.at])).await?,
        (Some(from), Some(to)) => {
            tx.execute(sql::MOVE_LABEL, with(args![to, revision, new.by, new.at, from.revision])).await?
        }
        (Some(from), None) => tx.execute(sql::DELETE_LABEL, with(args![from.revision])).await?,
    };
    if moved == 0 {
        return Ok(false);
    }
    let from = new.from.map(|label| i64::from(label.version.get()));
    let place = MovePlace { prompt: new.prompt, label: new.label, revision };
    let sealed = sealer.reason(place, new.reason);
    let row = with(args![revision, from, to, sealed, sealer.key(), new.by, new.at, new.proposal]);
    tx.execute(sql::RECORD_MOVE, row).await?;
    Ok(true)
}

/// Where a label of a prompt is.
pub async fn find_label(
    tx: &mut Tx,
    scope: ProjectScope,
    prompt: PromptId,
    name: &LabelName,
) -> Result<Option<Label>, DbError> {
    let args = args![scope.org(), scope, prompt, name.as_str()];
    tx.fetch_optional(sql::FIND_LABEL, args).await?.as_ref().map(label).transpose()
}

/// Where the labels of prompts are, in the order of their names.
pub async fn list_labels(
    tx: &mut Tx,
    scope: ProjectScope,
    prompts: &[PromptId],
) -> Result<Vec<Label>, DbError> {
    let ids = prompts.iter().map(|prompt| args![*prompt]).collect();
    let rows = tx.fetch_many(sql::LIST_LABELS, args![scope.org(), scope], ids).await?;
    rows.iter().map(label).collect()
}

fn label(row: &Row) -> Result<Label, DbError> {
    Ok(Label {
        prompt: row.get("prompt_id")?,
        name: parsed(row, "label")?,
        version: number(row, "number")?,
        revision: row.get("revision")?,
        moved_by: row.get("moved_by")?,
        moved_at: row.get("moved_at")?,
    })
}

/// The moves of a prompt's labels, or of one of them, newest first.
pub async fn list_label_moves(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    (scope, prompt): (ProjectScope, PromptId),
    label: Option<&LabelName>,
    limit: u64,
) -> Result<Vec<LabelMove>, DbError> {
    let mut filter = Filter::default();
    filter.and_if("label = $1", label.map(LabelName::as_str));
    let args = args![scope.org(), scope, prompt, limit];
    let rows = tx.fetch_filtered(sql::LIST_MOVES, args, filter).await?;
    let moved = |row: &Row| {
        let (name, revision): (LabelName, _) = (parsed(row, "label")?, row.get("revision")?);
        let place = MovePlace { prompt, label: &name, revision };
        let reason = sealer.open_reason(place, &row.get::<Vec<u8>>("sealed")?)?;
        Ok(LabelMove {
            revision,
            from: optional(row, "from_number")?,
            to: optional(row, "to_number")?,
            reason,
            proposal: row.get_optional("proposal_id")?,
            moved_by: row.get("moved_by")?,
            moved_at: row.get("moved_at")?,
            label: name,
        })
    };
    rows.iter().map(moved).collect()
}

pub(super) fn optional(row: &Row, column: &'static str) -> Result<Option<VersionNumber>, DbError> {
    row.get_optional::<i64>(column)?.map(|_| number(row, column)).transpose()
}

/// A label of the project that asks something of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedLabel {
    /// The label, of every prompt.
    pub label: LabelName,
    /// The names of the roles that may move it, or propose to where approvals are asked for.
    pub roles: Vec<String>,
    /// Whose approval it takes.
    pub approval: ApprovalRule,
    /// What it asks of the prompt's criteria.
    pub gate: Gate,
}

/// Whose approval a move takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalRule {
    /// How many; 0 where it takes none.
    pub approvals: u64,
    /// The names of the roles that may approve.
    pub roles: Vec<String>,
    /// Whether whoever proposed it may approve it too.
    pub by_author: bool,
}

/// The labels that ask something of a move.
pub async fn list_protected_labels(tx: &mut Tx, scope: ProjectScope) -> Result<Vec<ProtectedLabel>, DbError> {
    let rows = tx.fetch_all(sql::LIST_PROTECTED, args![scope.org(), scope]).await?;
    let roles = |text: String| text.split_whitespace().map(str::to_owned).collect();
    let protected = |row: &Row| {
        Ok(ProtectedLabel {
            label: parsed(row, "label")?,
            roles: roles(row.get("roles")?),
            approval: ApprovalRule {
                approvals: row.get("approvals")?,
                roles: roles(row.get("approvers")?),
                by_author: row.get("by_author")?,
            },
            gate: parsed(row, "gate")?,
        })
    };
    rows.iter().map(protected).collect()
}

/// Says what a label asks of a move.
pub async fn protect_label(
    tx: &mut Tx,
    scope: ProjectScope,
    protected: &ProtectedLabel,
) -> Result<(), DbError> {
    let ApprovalRule { approvals, roles, by_author } = &protected.approval;
    let row = args![
        scope.org(),
        scope,
        protected.label.as_str(),
        protected.roles.join(" "),
        *approvals,
        roles.join(" "),
        *by_author,
        protected.gate.as_str(),
    ];
    tx.execute(sql::PROTECT_LABEL, row).await?;
    Ok(())
}

/// Whoever may write prompts may move the label again. Whether it was protected.
pub async fn unprotect_label(tx: &mut Tx, scope: ProjectScope, label: &LabelName) -> Result<bool, DbError> {
    Ok(tx.execute(sql::UNPROTECT_LABEL, args![scope.org(), scope, label.as_str()]).await? > 0)
}
