//! Proposals to move a label: who proposed what, and what others said and decided.
//!
//! An author is kept twice: by the name that people read, and by the id of the person or key, which tells whether two are
//! the same. At the machine itself nobody has an id, and the text is empty.

use cp_base::{ProjectScope, PromptId, ProposalId, Timestamp};
use cp_db::{DbError, Filter, Row, Tx, args};
use cp_prompt::{EntryKind, LabelName, PromptName, ProposalState, VersionNumber};

use super::labels::optional;
use super::seal::Sealer;
use super::versions::number;
use super::{parsed, touch};
use crate::sql::reviews as sql;

/// Who did something in the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The id of a person or an API key; empty at the machine itself.
    pub id: String,
    /// What they are called.
    pub name: String,
}

/// A proposal to move a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The id.
    pub id: ProposalId,
    /// The prompt.
    pub prompt: PromptId,
    /// What it is called.
    pub name: PromptName,
    /// The label.
    pub label: LabelName,
    /// Where the label was when this was proposed, and must be when it is moved; absent for nowhere.
    pub from: Option<VersionNumber>,
    /// Where it is to go.
    pub to: VersionNumber,
    /// How far it is.
    pub state: ProposalState,
    /// Why.
    pub reason: String,
    /// Who proposed it.
    pub author: Author,
    /// When.
    pub created_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
}

/// What somebody said or decided of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalEntry {
    /// The how-manieth of its proposal.
    pub number: i64,
    /// What it is.
    pub kind: EntryKind,
    /// In words.
    pub text: String,
    /// Whose.
    pub author: Author,
    /// When.
    pub created_at: Timestamp,
}

/// Which proposals are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProposalFilter {
    /// Those of this prompt.
    pub prompt: Option<PromptId>,
    /// Those that are this far.
    pub state: Option<ProposalState>,
}

/// Entries that a proposal has at most.
pub const MAX_ENTRIES: u64 = 1_000;

/// A new proposal.
pub async fn create_proposal(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    new: &Proposal,
) -> Result<(), DbError> {
    touch(tx, sealer, scope).await?;
    let row = args![
        scope.org(),
        scope,
        new.prompt,
        new.id,
        new.label.as_str(),
        new.from.map(|from| i64::from(from.get())),
        i64::from(new.to.get()),
        sealer.proposal(new.id, &new.reason),
        sealer.key(),
        new.author.name.as_str(),
        new.author.id.as_str(),
        new.created_at,
    ];
    tx.execute(sql::CREATE_PROPOSAL, row).await?;
    Ok(())
}

/// A proposal of the project.
pub async fn find_proposal(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    id: ProposalId,
) -> Result<Option<Proposal>, DbError> {
    let row = tx.fetch_optional(sql::FIND_PROPOSAL, args![scope.org(), scope, id]).await?;
    row.as_ref().map(|row| proposal(sealer, row)).transpose()
}

/// A proposal that is to be decided: until the transaction is over, nobody else says anything of one.
pub async fn hold_proposal(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    id: ProposalId,
) -> Result<Option<Proposal>, DbError> {
    touch(tx, sealer, scope).await?;
    find_proposal(tx, sealer, scope, id).await
}

/// Proposals, newest first.
pub async fn list_proposals(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    which: ProposalFilter,
    limit: u64,
) -> Result<Vec<Proposal>, DbError> {
    let mut filter = Filter::default();
    filter.and_if("l.prompt_id = $1", which.prompt);
    filter.and_if("l.state = $1", which.state.map(ProposalState::as_str));
    let rows = tx.fetch_filtered(sql::LIST_PROPOSALS, args![scope.org(), scope, limit], filter).await?;
    rows.iter().map(|row| proposal(sealer, row)).collect()
}

fn proposal(sealer: &Sealer<'_>, row: &Row) -> Result<Proposal, DbError> {
    let id = row.get("proposal_id")?;
    Ok(Proposal {
        id,
        prompt: row.get("prompt_id")?,
        name: parsed(row, "name")?,
        label: parsed(row, "label")?,
        from: optional(row, "from_number")?,
        to: number(row, "to_number")?,
        state: parsed(row, "state")?,
        reason: sealer.open_proposal(id, &row.get::<Vec<u8>>("sealed")?)?,
        author: author(row)?,
        created_at: row.get("created_at")?,
        closed_at: row.get_optional("closed_at")?,
    })
}

pub(super) fn author(row: &Row) -> Result<Author, DbError> {
    Ok(Author { id: row.get("author_id")?, name: row.get("author")? })
}

/// Ends a proposal. False where it has ended.
pub async fn close_proposal(
    tx: &mut Tx,
    scope: ProjectScope,
    id: ProposalId,
    state: ProposalState,
    at: Timestamp,
) -> Result<bool, DbError> {
    let args = args![scope.org(), scope, id, state.as_str(), at];
    Ok(tx.execute(sql::CLOSE_PROPOSAL, args).await? > 0)
}

/// Adds what somebody said or decided of a proposal that is held. Its number is given here.
pub async fn add_proposal_entry(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    proposal: ProposalId,
    entry: ProposalEntry,
) -> Result<ProposalEntry, DbError> {
    let last = tx.fetch_optional(sql::FIND_LAST_ENTRY, args![scope.org(), scope, proposal]).await?;
    let number = last.map_or(Ok(0), |row| row.get::<i64>("number"))? + 1;
    let row = args![
        scope.org(),
        scope,
        proposal,
        number,
        entry.kind.as_str(),
        sealer.entry(proposal, number, &entry.text),
        sealer.key(),
        entry.author.name.as_str(),
        entry.author.id.as_str(),
        entry.created_at,
    ];
    tx.execute(sql::ADD_ENTRY, row).await?;
    Ok(ProposalEntry { number, ..entry })
}

/// What was said and decided of a proposal, in order.
pub async fn list_proposal_entries(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    proposal: ProposalId,
) -> Result<Vec<ProposalEntry>, DbError> {
    let args = args![scope.org(), scope, proposal, MAX_ENTRIES];
    let rows = tx.fetch_all(sql::LIST_ENTRIES, args).await?;
    let entry = |row: &Row| {
        let number = row.get("number")?;
        Ok(ProposalEntry {
            number,
            kind: parsed(row, "kind")?,
            text: sealer.open_entry(proposal, number, &row.get::<Vec<u8>>("sealed")?)?,
            author: author(row)?,
            created_at: row.get("created_at")?,
        })
    };
    rows.iter().map(entry).collect()
}
