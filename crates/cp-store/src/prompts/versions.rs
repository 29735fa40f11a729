//! Versions: what a prompt said, each time that it changed.

use cp_base::{ProjectScope, PromptId, PromptVersionId, Timestamp};
use cp_db::{DbError, Row, Tx, args};
use cp_prompt::{Document, PromptName, Reference, Selector, VersionNumber};

use super::seal::Sealer;
use super::{Prompt, parsed, touch};
use crate::sql::prompts as sql;

/// A version of a prompt. It never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// The prompt.
    pub prompt: PromptId,
    /// The id.
    pub id: PromptVersionId,
    /// The how-manieth of its prompt.
    pub number: VersionNumber,
    /// What it says.
    pub document: Document,
    /// Why it was made.
    pub message: String,
    /// The version that it was made from, perhaps another prompt's.
    pub parent: Option<PromptVersionId>,
    /// The other one, where it is a merge.
    pub merged: Option<PromptVersionId>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// A version that is to be made.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The id.
    pub id: PromptVersionId,
    /// What it says.
    pub document: Document,
    /// Why.
    pub message: String,
    /// What other prompts it includes.
    pub includes: Vec<Reference>,
    /// The version that it was made from.
    pub parent: Option<PromptVersionId>,
    /// The other one, where it is a merge.
    pub merged: Option<PromptVersionId>,
    /// Who makes it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// Adds a version to a prompt, behind the newest that `prompt` knows of. `None` where another came in between. That the
/// prompt does not say this already is the caller's to find out: two that say the same fail with a constraint.
pub async fn create_version(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    prompt: &Prompt,
    new: NewVersion,
) -> Result<Option<Version>, DbError> {
    let scope = prompt.scope;
    let changed = touch(tx, sealer, scope).await?;
    let number = prompt.latest + 1;
    let latest = args![scope.org(), scope, prompt.id, number, prompt.latest];
    if tx.execute(sql::SET_LATEST, latest).await? == 0 {
        return Ok(None);
    }
    tx.execute(sql::MARK_PROMPT, args![scope.org(), scope, prompt.id, changed, new.created_at]).await?;
    let row = args![
        scope.org(),
        scope,
        prompt.id,
        new.id,
        number,
        sealer.address(&new.document),
        sealer.version(new.id, &new.document, &new.message)?,
        sealer.key(),
        new.parent,
        new.merged,
        new.created_by.as_str(),
        new.created_at,
    ];
    tx.execute(sql::CREATE_VERSION, row).await?;
    let include = |included: &Reference| {
        args![scope.org(), scope, new.id, included.name.as_str(), included.selector.to_string()]
    };
    tx.execute_many(sql::ADD_INCLUDES, args![], new.includes.iter().map(include).collect()).await?;
    Ok(Some(Version {
        prompt: prompt.id,
        id: new.id,
        number: VersionNumber::try_from(number).map_err(|_| DbError::decode("number"))?,
        document: new.document,
        message: new.message,
        parent: new.parent,
        merged: new.merged,
        created_by: new.created_by,
        created_at: new.created_at,
    }))
}

/// A version by its number.
pub async fn find_version(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    prompt: PromptId,
    number: VersionNumber,
) -> Result<Option<Version>, DbError> {
    let args = args![scope.org(), scope, prompt, i64::from(number.get())];
    let row = tx.fetch_optional(sql::FIND_VERSION, args).await?;
    row.as_ref().map(|row| version(sealer, row)).transpose()
}

/// A version of the project by its id.
pub async fn find_version_by_id(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    id: PromptVersionId,
) -> Result<Option<Version>, DbError> {
    let row = tx.fetch_optional(sql::FIND_VERSION_BY_ID, args![scope.org(), scope, id]).await?;
    row.as_ref().map(|row| version(sealer, row)).transpose()
}

/// The version of a prompt that says this, whenever it said it.
pub async fn find_version_by_document(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    prompt: PromptId,
    document: &Document,
) -> Result<Option<Version>, DbError> {
    let args = args![scope.org(), scope, prompt, sealer.address(document)];
    let row = tx.fetch_optional(sql::FIND_VERSION_BY_DIGEST, args).await?;
    row.as_ref().map(|row| version(sealer, row)).transpose()
}

/// A page of versions, newest first, below `before`.
pub async fn list_versions(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    (scope, prompt): (ProjectScope, PromptId),
    before: Option<VersionNumber>,
    limit: u64,
) -> Result<Vec<Version>, DbError> {
    let before = before.map_or(i64::MAX, |number| i64::from(number.get()));
    let args = args![scope.org(), scope, prompt, before, limit];
    let rows = tx.fetch_all(sql::LIST_VERSIONS, args).await?;
    rows.iter().map(|row| version(sealer, row)).collect()
}

pub(super) fn version(sealer: &Sealer<'_>, row: &Row) -> Result<Version, DbError> {
    let id = row.get("version_id")?;
    let (document, message) = sealer.open_version(id, &row.get::<Vec<u8>>("sealed")?)?;
    Ok(Version {
        prompt: row.get("prompt_id")?,
        id,
        number: number(row, "number")?,
        document,
        message,
        parent: row.get_optional("parent_id")?,
        merged: row.get_optional("merged_id")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
    })
}

pub(super) fn number(row: &Row, column: &'static str) -> Result<VersionNumber, DbError> {
    VersionNumber::try_from(row.get::<i64>(column)?).map_err(|_| DbError::decode(column))
}

/// A version that includes a prompt, and that is in use: a label is at it, or it is its prompt's newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Includer {
    /// The prompt that includes.
    pub prompt: PromptId,
    /// Its name.
    pub name: PromptName,
    /// The version of it.
    pub number: VersionNumber,
    /// Which version it includes, such as `@production`.
    pub selector: String,
}

/// Who includes the prompt of this name, at most `limit`.
pub async fn list_includers(
    tx: &mut Tx,
    scope: ProjectScope,
    name: &PromptName,
    limit: u64,
) -> Result<Vec<Includer>, DbError> {
    let rows = tx.fetch_all(sql::LIST_INCLUDERS, args![scope.org(), scope, name.as_str(), limit]).await?;
    let includer = |row: &Row| {
        Ok(Includer {
            prompt: row.get("prompt_id")?,
            name: parsed(row, "name")?,
            number: number(row, "number")?,
            selector: row.get("selector")?,
        })
    };
    rows.iter().map(includer).collect()
}

/// Versions that are looked through in one statement.
const SCANNED: u64 = 500;

/// The versions of the project that hold a text, in what they say, in why they were made, or in what is said of their prompt:
/// each as `name#number`, at most `limit`. Every version is opened and read.
pub async fn find_versions_with(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    text: &str,
    limit: usize,
) -> Result<Vec<Reference>, DbError> {
    let mut found = Vec::new();
    let mut after = PromptVersionId::from_uuid(Default::default());
    loop {
        let rows = tx.fetch_all(sql::SCAN_VERSIONS, args![scope.org(), scope, after, SCANNED]).await?;
        for row in &rows {
            after = row.get("version_id")?;
            let (document, message) = sealer.open_version(after, &row.get::<Vec<u8>>("sealed")?)?;
            let prompt = row.get("prompt_id")?;
            let details = sealer.open_details(prompt, &row.get::<Vec<u8>>("prompt_sealed")?)?;
            let details = serde_json::to_value(details).map_err(|_| DbError::decode("sealed"))?;
            let document = serde_json::to_value(document).map_err(|_| DbError::decode("sealed"))?;
            if message.contains(text) || holds(&document, text) || holds(&details, text) {
                let selector = Selector::Version(number(row, "number")?);
                found.push(Reference { name: parsed(row, "name")?, selector });
            }
        }
        if rows.len() < SCANNED as usize || found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
    }
}

/// Whether a text is in one of the texts of a value.
fn holds(value: &serde_json::Value, text: &str) -> bool {
    match value {
        serde_json::Value::String(whole) => whole.contains(text),
        serde_json::Value::Array(items) => items.iter().any(|item| holds(item, text)),
        serde_json::Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains(text) || holds(value, text))
        }
        _ => false,
    }
}

/// How often a version was served on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serves {
    /// The version.
    pub number: VersionNumber,
    /// The day, counted from 1970-01-01, UTC.
    pub day: i64,
    /// How often.
    pub served: u64,
}

/// Counts what was served: for each version and day, how often.
pub async fn add_serves(
    tx: &mut Tx,
    served: &[(ProjectScope, PromptVersionId, i64, u64)],
) -> Result<(), DbError> {
    let row = |(scope, version, day, served): &(ProjectScope, PromptVersionId, i64, u64)| {
        args![scope.org(), *scope, *version, *day, *served]
    };
    tx.execute_many(sql::ADD_SERVES, args![], served.iter().map(row).collect()).await?;
    Ok(())
}

/// How often a prompt's versions were served, by day.
pub async fn list_serves(tx: &mut Tx, scope: ProjectScope, prompt: PromptId) -> Result<Vec<Serves>, DbError> {
    let rows = tx.fetch_all(sql::LIST_SERVES, args![scope.org(), scope, prompt]).await?;
    let serves = |row: &Row| {
        Ok(Serves { number: number(row, "number")?, day: row.get("day")?, served: row.get("served")? })
    };
    rows.iter().map(serves).collect()
}
