//! Cross-references: what prompts of different lineages have to do with each other.
//!
//! Each is kept once, and seen from both sides.

use cp_base::{CrossReferenceId, ProjectScope, PromptId, Timestamp};
use cp_db::{DbError, Row, Tx, args};
use cp_prompt::{PromptName, Relation, SeenRelation};
use serde::{Deserialize, Serialize};

use super::seal::Sealer;
use super::{parsed, touch};
use crate::sql::references as sql;

/// That a prompt has to do with another, or with something that is no prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrossReference {
    /// The id.
    pub id: CrossReferenceId,
    /// What it is.
    pub relation: Relation,
    /// The prompt that it is written on.
    pub from: (PromptId, PromptName),
    /// What it is to.
    pub to: ReferenceTarget,
    /// What else is to be said of it.
    pub note: String,
    /// Who wrote it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// What a prompt has to do with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceTarget {
    /// Another prompt.
    Prompt(PromptId, PromptName),
    /// Something else: an address, or words.
    Text(String),
}

impl CrossReference {
    /// As the prompt sees it: what it is called there, and the other end.
    #[must_use]
    pub fn seen_from(&self, prompt: PromptId) -> (SeenRelation, ReferenceTarget) {
        if self.from.0 == prompt {
            return (SeenRelation::Own(self.relation), self.to.clone());
        }
        let (id, name) = self.from.clone();
        (SeenRelation::Inverse(self.relation), ReferenceTarget::Prompt(id, name))
    }
}

/// What is said of a reference, as it is sealed.
#[derive(Serialize, Deserialize)]
struct StoredReference {
    v: u8,
    /// What it names that is no prompt.
    text: Option<String>,
    note: String,
}

const FORMAT: u8 = 1;

/// Adds a reference. False where it is there.
pub async fn create_reference(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    new: &CrossReference,
) -> Result<bool, DbError> {
    touch(tx, sealer, scope).await?;
    let (to, text) = match &new.to {
        ReferenceTarget::Prompt(id, _) => (Some(*id), None),
        ReferenceTarget::Text(text) => (None, Some(text.clone())),
    };
    let from = new.from.0;
    let (from, to) = match to {
        Some(to) if new.relation.is_mutual() && to < from => (to, Some(from)),
        to => (from, to),
    };
    let stored = StoredReference { v: FORMAT, text, note: new.note.clone() };
    let sealed = serde_json::to_vec(&stored).map_err(|_| DbError::decode("sealed"))?;
    let row = args![
        scope.org(),
        scope,
        new.id,
        new.relation.as_str(),
        from,
        to,
        sealer.reference(new.id, &sealed),
        sealer.key(),
        new.created_by.as_str(),
        new.created_at,
    ];
    Ok(tx.execute(sql::CREATE_REFERENCE, row).await? > 0)
}

/// A reference of the project.
pub async fn find_reference(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    id: CrossReferenceId,
) -> Result<Option<CrossReference>, DbError> {
    let row = tx.fetch_optional(sql::FIND_REFERENCE, args![scope.org(), scope, id]).await?;
    row.as_ref().map(|row| reference(sealer, row)).transpose()
}

/// The references on both sides of a prompt, in the order in which they were made.
pub async fn list_references(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    (scope, prompt): (ProjectScope, PromptId),
    limit: u64,
) -> Result<Vec<CrossReference>, DbError> {
    let rows = tx.fetch_all(sql::LIST_REFERENCES, args![scope.org(), scope, prompt, limit]).await?;
    rows.iter().map(|row| reference(sealer, row)).collect()
}

/// Takes a reference away. Whether it was there.
pub async fn delete_reference(
    tx: &mut Tx,
    scope: ProjectScope,
    id: CrossReferenceId,
) -> Result<bool, DbError> {
    Ok(tx.execute(sql::DELETE_REFERENCE, args![scope.org(), scope, id]).await? > 0)
}

fn reference(sealer: &Sealer<'_>, row: &Row) -> Result<CrossReference, DbError> {
    let id = row.get("reference_id")?;
    let sealed = sealer.open_reference(id, &row.get::<Vec<u8>>("sealed")?)?;
    let stored: StoredReference = serde_json::from_slice(&sealed).map_err(|_| DbError::decode("sealed"))?;
    if stored.v != FORMAT {
        return Err(DbError::decode("sealed"));
    }
    let to = match row.get_optional::<PromptId>("to_prompt")? {
        Some(to) => ReferenceTarget::Prompt(to, parsed(row, "to_name")?),
        None => ReferenceTarget::Text(stored.text.ok_or_else(|| DbError::decode("sealed"))?),
    };
    Ok(CrossReference {
        id,
        relation: parsed(row, "relation")?,
        from: (row.get("from_prompt")?, parsed(row, "from_name")?),
        to,
        note: stored.note,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
    })
}
