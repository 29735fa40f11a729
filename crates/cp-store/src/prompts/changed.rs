//! What whoever keeps the library in memory reads: what has changed, and the versions that are in use.

use cp_base::{ProjectScope, PromptId, Timestamp};
use cp_db::{DbError, Row, Tx, args};
use cp_prompt::PromptName;

use super::versions::version;
use super::{Prompt, Sealer, Version, parsed, read_all};
use crate::bootstrap::scope_of;
use crate::sql::prompts as sql;

/// How many changes of the library there were, of any project.
pub async fn find_library_revision(tx: &mut Tx) -> Result<i64, DbError> {
    let row = tx.fetch_optional(sql::FIND_REVISION, args![]).await?;
    row.map_or(Ok(0), |row| row.get("revision"))
}

/// What one change of the library left, for whoever keeps it in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedPrompt {
    /// Whose it is.
    pub scope: ProjectScope,
    /// The prompt.
    pub id: PromptId,
    /// What it is called now.
    pub name: PromptName,
    /// The number of its newest version.
    pub latest: i64,
    /// The library's revision of the change.
    pub changed: i64,
    /// Whether it is out of use.
    pub is_archived: bool,
}

/// What changed behind a revision of the library, of every project, in the order of the changes.
pub async fn list_changed(tx: &mut Tx, after: i64, limit: u64) -> Result<Vec<ChangedPrompt>, DbError> {
    let rows = tx.fetch_all(sql::LIST_CHANGED, args![after, limit]).await?;
    let changed = |row: &Row| {
        Ok(ChangedPrompt {
            scope: scope_of(row)?,
            id: row.get("prompt_id")?,
            name: parsed(row, "name")?,
            latest: row.get("latest")?,
            changed: row.get("changed")?,
            is_archived: row.get_optional::<Timestamp>("archived_at")?.is_some(),
        })
    };
    rows.iter().map(changed).collect()
}

/// Those of the prompts that are there.
pub async fn list_prompts_by_id(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    prompts: &[PromptId],
) -> Result<Vec<Prompt>, DbError> {
    let ids = prompts.iter().map(|prompt| args![*prompt]).collect();
    let rows = tx.fetch_many(sql::LIST_PROMPTS_BY_ID, args![scope.org(), scope], ids).await?;
    read_all(tx, sealer, scope, &rows).await
}

/// The versions of prompts that are in use: those that a label is at, and the newest ones.
pub async fn list_versions_in_use(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    prompts: &[PromptId],
) -> Result<Vec<Version>, DbError> {
    let ids = prompts.iter().map(|prompt| args![*prompt]).collect();
    let rows = tx.fetch_many(sql::LIST_VERSIONS_IN_USE, args![scope.org(), scope], ids).await?;
    rows.iter().map(|row| version(sealer, row)).collect()
}
