//! What people say of versions: comments, and how good they find one.
//!
//! Nothing of it is taken away: a comment is edited, resolved or hidden, and a rating changed.

use std::collections::HashMap;

use cp_base::{CommentId, PersonId, ProjectScope, PromptId, Timestamp};
use cp_db::{Args, DbError, Filter, Row, Tx, args};
use cp_prompt::{CommentState, PromptName, VersionNumber};

use super::reviews::{Author, author};
use super::seal::Sealer;
use super::versions::number;
use super::{parsed, touch};
use crate::sql::comments as sql;

/// What somebody says of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The id.
    pub id: CommentId,
    /// The prompt.
    pub prompt: PromptId,
    /// What it is called.
    pub name: PromptName,
    /// The version.
    pub number: VersionNumber,
    /// The comment that it answers.
    pub reply_to: Option<CommentId>,
    /// What became of it.
    pub state: CommentState,
    /// What it says.
    pub text: String,
    /// Whom it mentions.
    pub mentions: Vec<Mentioned>,
    /// Whose it is.
    pub author: Author,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its text was changed last.
    pub edited_at: Option<Timestamp>,
}

/// Somebody whom a comment mentions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mentioned {
    /// Who.
    pub person: PersonId,
    /// The address that they sign in with.
    pub email: String,
}

/// A new comment.
pub async fn create_comment(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    new: &Comment,
) -> Result<(), DbError> {
    touch(tx, sealer, scope).await?;
    let row = args![
        scope.org(),
        scope,
        new.prompt,
        i64::from(new.number.get()),
        new.id,
        new.reply_to,
        new.state.as_str(),
        sealer.comment(new.id, &new.text),
        sealer.key(),
        new.author.name.as_str(),
        new.author.id.as_str(),
        new.created_at,
    ];
    tx.execute(sql::CREATE_COMMENT, row).await?;
    add_mentions(tx, scope, new).await
}

/// Gives a comment the text, the mentions and the time of the change that `comment` has.
pub async fn edit_comment(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    comment: &Comment,
) -> Result<(), DbError> {
    touch(tx, sealer, scope).await?;
    let sealed = sealer.comment(comment.id, &comment.text);
    let row = args![scope.org(), scope, comment.id, sealed, sealer.key(), comment.edited_at];
    tx.execute(sql::EDIT_COMMENT, row).await?;
    tx.execute(sql::CLEAR_MENTIONS, args![scope.org(), scope, comment.id]).await?;
    add_mentions(tx, scope, comment).await
}

async fn add_mentions(tx: &mut Tx, scope: ProjectScope, comment: &Comment) -> Result<(), DbError> {
    let row = |mentioned: &Mentioned| args![scope.org(), scope, comment.id, mentioned.person];
    tx.execute_many(sql::ADD_MENTIONS, args![], comment.mentions.iter().map(row).collect()).await?;
    Ok(())
}

/// Resolves a comment, hides it, or takes that back.
pub async fn set_comment_state(
    tx: &mut Tx,
    scope: ProjectScope,
    id: CommentId,
    state: CommentState,
) -> Result<(), DbError> {
    tx.execute(sql::SET_COMMENT_STATE, args![scope.org(), scope, id, state.as_str()]).await?;
    Ok(())
}

/// A comment of the project.
pub async fn find_comment(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    id: CommentId,
) -> Result<Option<Comment>, DbError> {
    let row = tx.fetch_optional(sql::FIND_COMMENT, args![scope.org(), scope, id]).await?;
    Ok(read_all(tx, sealer, scope, row.as_slice()).await?.pop())
}

/// The comments of a prompt, or of one of its versions, in the order in which they were made.
pub async fn list_comments(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    (scope, prompt): (ProjectScope, PromptId),
    version: Option<VersionNumber>,
    limit: u64,
) -> Result<Vec<Comment>, DbError> {
    let mut filter = Filter::default();
    filter.and_if("c.number = $1", version.map(|version| i64::from(version.get())));
    let rows =
        tx.fetch_filtered(sql::LIST_COMMENTS, args![scope.org(), scope, prompt, limit], filter).await?;
    read_all(tx, sealer, scope, &rows).await
}

/// The comments that mention a person and are not hidden, newest first.
pub async fn list_mentions(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    person: PersonId,
    limit: u64,
) -> Result<Vec<Comment>, DbError> {
    let rows = tx.fetch_all(sql::LIST_MENTIONS, args![scope.org(), scope, person, limit]).await?;
    read_all(tx, sealer, scope, &rows).await
}

/// Comments that are looked through in one statement.
const SCANNED: u64 = 500;

/// The comments of the project that hold a text, at most `limit`. Every comment is opened and read.
pub async fn find_comments_with(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    text: &str,
    limit: usize,
) -> Result<Vec<CommentId>, DbError> {
    let mut found = Vec::new();
    let mut after = CommentId::from_uuid(Default::default());
    loop {
        let rows = tx.fetch_all(sql::SCAN_COMMENTS, args![scope.org(), scope, after, SCANNED]).await?;
        for row in &rows {
            let comment = comment(sealer, row)?;
            after = comment.id;
            if comment.text.contains(text) {
                found.push(after);
            }
        }
        if rows.len() < SCANNED as usize || found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
    }
}

async fn read_all(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    rows: &[Row],
) -> Result<Vec<Comment>, DbError> {
    let mut comments =
        rows.iter().map(|row| comment(sealer, row)).collect::<Result<Vec<Comment>, DbError>>()?;
    let ids: Vec<Args> = comments.iter().map(|comment| args![comment.id]).collect();
    let mut mentions: HashMap<CommentId, Vec<Mentioned>> = HashMap::new();
    for row in tx.fetch_many(sql::LIST_MENTIONED, args![scope.org(), scope], ids).await? {
        let mentioned = Mentioned { person: row.get("person_id")?, email: row.get("email")? };
        mentions.entry(row.get("comment_id")?).or_default().push(mentioned);
    }
    for comment in &mut comments {
        comment.mentions = mentions.remove(&comment.id).unwrap_or_default();
    }
    Ok(comments)
}

fn comment(sealer: &Sealer<'_>, row: &Row) -> Result<Comment, DbError> {
    let id = row.get("comment_id")?;
    Ok(Comment {
        id,
        prompt: row.get("prompt_id")?,
        name: parsed(row, "name")?,
        number: number(row, "number")?,
        reply_to: row.get_optional("reply_to")?,
        state: parsed(row, "state")?,
        text: sealer.open_comment(id, &row.get::<Vec<u8>>("sealed")?)?,
        mentions: Vec::new(),
        author: author(row)?,
        created_at: row.get("created_at")?,
        edited_at: row.get_optional("edited_at")?,
    })
}

/// How good somebody finds a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rating {
    /// The version.
    pub number: VersionNumber,
    /// 1 to 5.
    pub stars: u64,
    /// Who.
    pub author: Author,
    /// Since when.
    pub rated_at: Timestamp,
}

/// Says how good somebody finds a version of a prompt, in place of what they said before.
pub async fn rate_version(
    tx: &mut Tx,
    scope: ProjectScope,
    prompt: PromptId,
    rating: &Rating,
) -> Result<(), DbError> {
    let row = args![
        scope.org(),
        scope,
        prompt,
        i64::from(rating.number.get()),
        rating.author.id.as_str(),
        rating.author.name.as_str(),
        rating.stars,
        rating.rated_at,
    ];
    tx.execute(sql::RATE_VERSION, row).await?;
    Ok(())
}

/// How good people find the versions of a prompt, or one of them.
pub async fn list_ratings(
    tx: &mut Tx,
    (scope, prompt): (ProjectScope, PromptId),
    version: Option<VersionNumber>,
    limit: u64,
) -> Result<Vec<Rating>, DbError> {
    let mut filter = Filter::default();
    filter.and_if("number = $1", version.map(|version| i64::from(version.get())));
    let rows = tx.fetch_filtered(sql::LIST_RATINGS, args![scope.org(), scope, prompt, limit], filter).await?;
    let rating = |row: &Row| {
        Ok(Rating {
            number: number(row, "number")?,
            stars: row.get("stars")?,
            author: author(row)?,
            rated_at: row.get("rated_at")?,
        })
    };
    rows.iter().map(rating).collect()
}
