//! The prompt library: prompts, their versions and labels.
//!
//! A prompt's name, tags and labels are in the clear, so that they can be found; what a version says and what people say of
//! a prompt is sealed under the project's data key. Every change takes the next number of the library's revision, which
//! [`list_changed`] asks by.

mod changed;
mod comments;
mod labels;
mod references;
mod reviews;
mod seal;
mod versions;

use std::collections::HashMap;

use cp_base::{KeyId, ProjectScope, PromptId, PromptVersionId, TeamId, Timestamp};
use cp_db::{Args, DbError, Filter, Row, Tx, args};
use cp_prompt::{Details, Kind, LabelName, PromptName, Status, VersionNumber};

use crate::sql::prompts as sql;

pub use changed::{
    ChangedPrompt, find_library_revision, list_changed, list_prompts_by_id, list_versions_in_use,
};
pub use comments::{
    Comment, Mentioned, Rating, create_comment, edit_comment, find_comment, find_comments_with,
    list_comments, list_mentions, list_ratings, rate_version, set_comment_state,
};
pub use labels::{
    ApprovalRule, Label, LabelMove, NewMove, ProtectedLabel, find_label, list_label_moves, list_labels,
    list_protected_labels, move_label, protect_label, unprotect_label,
};
pub use references::{
    CrossReference, ReferenceTarget, create_reference, delete_reference, find_reference, list_references,
};
pub use reviews::{
    Author, MAX_ENTRIES, Proposal, ProposalEntry, ProposalFilter, add_proposal_entry, close_proposal,
    create_proposal, find_proposal, hold_proposal, list_proposal_entries, list_proposals,
};
pub use seal::{Sealer, reseal_library, reseal_rest};
pub use versions::{
    Includer, NewVersion, Serves, Version, add_serves, create_version, find_version,
    find_version_by_document, find_version_by_id, find_versions_with, list_includers, list_serves,
    list_versions,
};

/// A prompt, but for its versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// Whose it is.
    pub scope: ProjectScope,
    /// The id.
    pub id: PromptId,
    /// Its name, unique in the project.
    pub name: PromptName,
    /// Text or chat.
    pub kind: Kind,
    /// How far it is.
    pub status: Status,
    /// The team that answers for it.
    pub team: Option<TeamId>,
    /// What people say of it.
    pub details: Details,
    /// Its tags, in order.
    pub tags: Vec<String>,
    /// The number of its newest version; 0 before the first.
    pub latest: i64,
    /// The version of another prompt that it began as.
    pub forked_from: Option<PromptVersionId>,
    /// Counts its changes, versions and labels apart.
    pub revision: u64,
    /// The library's revision when anything of it changed last.
    pub changed: i64,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When anything of it changed last.
    pub updated_at: Timestamp,
    /// Since when it is out of use.
    pub archived_at: Option<Timestamp>,
}

/// Which prompts are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptFilter {
    /// Those whose name holds this, in whatever case.
    pub name_contains: Option<String>,
    /// That one.
    pub name: Option<PromptName>,
    /// Those in this folder and below it.
    pub folder: Option<String>,
    /// Those with this tag.
    pub tag: Option<String>,
    /// Those with this label.
    pub label: Option<LabelName>,
    /// Those of this team.
    pub team: Option<TeamId>,
    /// Those that are this far.
    pub status: Option<Status>,
    /// Those that have a version of this number.
    pub has_version: Option<VersionNumber>,
    /// Those changed since.
    pub updated_from: Option<Timestamp>,
    /// Those changed before.
    pub updated_to: Option<Timestamp>,
    /// Those that are out of use instead of those that are in use.
    pub is_archived: bool,
}

impl PromptFilter {
    fn conditions(&self) -> Filter {
        let mut filter = Filter::default();
        let archived = if self.is_archived { "p.archived_at IS NOT NULL" } else { "p.archived_at IS NULL" };
        filter.and(archived, args![]);
        filter.and_if("p.name = $1", self.name.as_ref().map(PromptName::as_str));
        let contains = self.name_contains.as_ref().map(|text| format!("%{}%", escaped(&text.to_lowercase())));
        filter.and_if("lower(p.name) LIKE $1 ESCAPE '!'", contains);
        if let Some(folder) = &self.folder {
            // `0` follows `/` in the order of bytes.
            let folder = folder.trim_end_matches('/');
            filter.and("p.name >= $1 AND p.name < $2", args![format!("{folder}/"), format!("{folder}0")]);
        }
        filter.and_if(
            "p.prompt_id IN (SELECT t.prompt_id FROM prompt_tags t WHERE t.project_id = p.project_id AND t.tag = $1)",
            self.tag.as_deref(),
        );
        filter.and_if(
            "EXISTS (SELECT 1 FROM prompt_labels l WHERE l.prompt_id = p.prompt_id AND l.label = $1)",
            self.label.as_ref().map(LabelName::as_str),
        );
        filter.and_if("p.team_id = $1", self.team);
        filter.and_if("p.status = $1", self.status.map(Status::as_str));
        filter.and_if("p.latest >= $1", self.has_version.map(|version| i64::from(version.get())));
        filter.and_if("p.updated_at >= $1", self.updated_from);
        filter.and_if("p.updated_at < $1", self.updated_to);
        filter
    }
}

/// A text for LIKE, in which it means itself.
fn escaped(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// The next number of the library's revision. Others that change the library wait until the transaction is over.
///
/// # Errors
///
/// [`DbError::Conflict`] where the project has another key by now: what is sealed with this one would be lost with it.
pub(crate) async fn touch(tx: &mut Tx, sealer: &Sealer<'_>, scope: ProjectScope) -> Result<i64, DbError> {
    let row = tx.fetch_optional(sql::TOUCH, args![]).await?;
    let revision = row.ok_or_else(|| DbError::decode("library_revision"))?.get("revision")?;
    let current = tx.fetch_optional(crate::sql::FIND_CURRENT_KEY, args![scope]).await?;
    if let Some(current) = current
        && current.get::<KeyId>("key_id")? != sealer.key()
    {
        return Err(DbError::Conflict("the project's key was changed meanwhile".into()));
    }
    Ok(revision)
}

/// A new prompt, which has no version yet. False where its name is taken.
pub async fn create_prompt(tx: &mut Tx, sealer: &Sealer<'_>, prompt: &Prompt) -> Result<bool, DbError> {
    let scope = prompt.scope;
    let changed = touch(tx, sealer, scope).await?;
    let row = args![
        scope.org(),
        scope,
        prompt.id,
        prompt.name.as_str(),
        prompt.kind.as_str(),
        prompt.status.as_str(),
        prompt.team,
        sealer.details(prompt.id, &prompt.details)?,
        sealer.key(),
        prompt.forked_from,
        changed,
        prompt.created_by.as_str(),
        prompt.created_at,
    ];
    let created = tx.execute(sql::CREATE_PROMPT, row).await? > 0;
    if created {
        add_tags(tx, prompt).await?;
    }
    Ok(created)
}

/// Changes what is said of a prompt, and its name, where its revision is still the one that `prompt` has.
///
/// # Errors
///
/// [`DbError::Constraint`] where the name is taken.
pub async fn update_prompt(tx: &mut Tx, sealer: &Sealer<'_>, prompt: &Prompt) -> Result<bool, DbError> {
    let scope = prompt.scope;
    let changed = touch(tx, sealer, scope).await?;
    let row = args![
        scope.org(),
        scope,
        prompt.id,
        prompt.name.as_str(),
        prompt.status.as_str(),
        prompt.team,
        sealer.details(prompt.id, &prompt.details)?,
        sealer.key(),
        prompt.archived_at,
        prompt.updated_at,
        changed,
        prompt.revision,
    ];
    let updated = tx.execute(sql::UPDATE_PROMPT, row).await? > 0;
    if updated {
        tx.execute(sql::CLEAR_TAGS, args![scope.org(), scope, prompt.id]).await?;
        add_tags(tx, prompt).await?;
    }
    Ok(updated)
}

async fn add_tags(tx: &mut Tx, prompt: &Prompt) -> Result<(), DbError> {
    let scope = prompt.scope;
    let rows = prompt.tags.iter().map(|tag| args![scope.org(), scope, prompt.id, tag.as_str()]).collect();
    tx.execute_many(sql::ADD_TAGS, args![], rows).await?;
    Ok(())
}

/// Puts a prompt among what has changed.
pub(crate) async fn mark(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    prompt: PromptId,
    at: Timestamp,
) -> Result<(), DbError> {
    let changed = touch(tx, sealer, scope).await?;
    tx.execute(sql::MARK_PROMPT, args![scope.org(), scope, prompt, changed, at]).await?;
    Ok(())
}

/// A prompt of the project.
pub async fn find_prompt(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    prompt: PromptId,
) -> Result<Option<Prompt>, DbError> {
    let row = tx.fetch_optional(sql::FIND_PROMPT, args![scope.org(), scope, prompt]).await?;
    Ok(read_all(tx, sealer, scope, row.as_slice()).await?.pop())
}

/// The prompt of the project that a name means.
pub async fn find_prompt_named(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    name: &PromptName,
) -> Result<Option<Prompt>, DbError> {
    let row = tx.fetch_optional(sql::FIND_PROMPT_NAMED, args![scope.org(), scope, name.as_str()]).await?;
    Ok(read_all(tx, sealer, scope, row.as_slice()).await?.pop())
}

/// Whether a prompt of the project is called so.
pub async fn is_prompt_name_taken(
    tx: &mut Tx,
    scope: ProjectScope,
    name: &PromptName,
) -> Result<bool, DbError> {
    let row = tx.fetch_optional(sql::IS_NAME_TAKEN, args![scope.org(), scope, name.as_str()]).await?;
    Ok(row.is_some())
}

/// A page of prompts in the order of their names, behind `after`.
pub async fn list_prompts(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    (scope, filter): (ProjectScope, &PromptFilter),
    after: Option<&PromptName>,
    limit: u64,
) -> Result<Vec<Prompt>, DbError> {
    let mut conditions = filter.conditions();
    conditions.and_if("p.name > $1", after.map(PromptName::as_str));
    let rows = tx.fetch_filtered(sql::LIST_PROMPTS, args![scope.org(), scope, limit], conditions).await?;
    read_all(tx, sealer, scope, &rows).await
}

/// A page of prompts, those that changed last first, behind the one that changed at `before` of the library's revision.
pub async fn list_recent_prompts(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    (scope, filter): (ProjectScope, &PromptFilter),
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Prompt>, DbError> {
    let mut conditions = filter.conditions();
    conditions.and_if("p.changed < $1", before);
    let args = args![scope.org(), scope, limit];
    let rows = tx.fetch_filtered(sql::LIST_RECENT_PROMPTS, args, conditions).await?;
    read_all(tx, sealer, scope, &rows).await
}

/// How many prompts pass the filter, counted up to `bound`.
pub async fn count_prompts(
    tx: &mut Tx,
    scope: ProjectScope,
    filter: &PromptFilter,
    bound: u64,
) -> Result<u64, DbError> {
    let args = args![scope.org(), scope, bound];
    let rows = tx.fetch_filtered(sql::COUNT_PROMPTS, args, filter.conditions()).await?;
    rows.first().map_or(Ok(0), |row| row.get("prompts"))
}

/// Names of prompts in use, at most `limit`.
pub async fn list_prompt_names(tx: &mut Tx, scope: ProjectScope, limit: u64) -> Result<Vec<String>, DbError> {
    let rows = tx.fetch_all(sql::LIST_NAMES, args![scope.org(), scope, limit]).await?;
    rows.iter().map(|row| row.get("name")).collect()
}

async fn read_all(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    rows: &[Row],
) -> Result<Vec<Prompt>, DbError> {
    let mut prompts =
        rows.iter().map(|row| read(sealer, scope, row)).collect::<Result<Vec<Prompt>, DbError>>()?;
    let ids: Vec<Args> = prompts.iter().map(|prompt| args![prompt.id]).collect();
    let mut tags: HashMap<PromptId, Vec<String>> = HashMap::new();
    for row in tx.fetch_many(sql::LIST_TAGS, args![scope.org(), scope], ids).await? {
        tags.entry(row.get("prompt_id")?).or_default().push(row.get("tag")?);
    }
    for prompt in &mut prompts {
        prompt.tags = tags.remove(&prompt.id).unwrap_or_default();
    }
    Ok(prompts)
}

fn read(sealer: &Sealer<'_>, scope: ProjectScope, row: &Row) -> Result<Prompt, DbError> {
    let id = row.get("prompt_id")?;
    Ok(Prompt {
        scope,
        id,
        name: parsed(row, "name")?,
        kind: parsed(row, "kind")?,
        status: parsed(row, "status")?,
        team: row.get_optional("team_id")?,
        details: sealer.open_details(id, &row.get::<Vec<u8>>("sealed")?)?,
        tags: Vec::new(),
        latest: row.get("latest")?,
        forked_from: row.get_optional("forked_from")?,
        revision: row.get("revision")?,
        changed: row.get("changed")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        archived_at: row.get_optional("archived_at")?,
    })
}

/// A column of text that means something.
pub(crate) fn parsed<T: std::str::FromStr>(row: &Row, column: &'static str) -> Result<T, DbError> {
    row.get::<String>(column)?.parse().map_err(|_| DbError::decode(column))
}
