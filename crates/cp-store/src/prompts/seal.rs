//! What of the library is sealed, and sealing it anew when the key has changed.

use cp_base::{
    CommentId, CrossReferenceId, DataKeys, Digest, KeyId, ProjectScope, PromptId, PromptVersionId,
    ProposalId, Random,
};
use cp_db::{Args, DbError, Row, Tx, args};
use cp_prompt::{Details, Document, LabelName};
use serde::{Deserialize, Serialize};

use crate::sql::{comments, prompts as sql, references, reviews};

/// Seals and opens what belongs to the library of one project.
#[derive(Clone, Copy, Debug)]
pub struct Sealer<'a> {
    keys: &'a DataKeys,
    random: &'a Random,
}

/// A version's document and why it was made, as they are sealed together.
#[derive(Serialize, Deserialize)]
struct StoredVersion {
    v: u8,
    document: String,
    message: String,
}

/// What people say of a prompt, as it is sealed.
#[derive(Serialize, Deserialize)]
struct StoredDetails {
    v: u8,
    details: Details,
}

const FORMAT: u8 = 1;

impl<'a> Sealer<'a> {
    /// With the keys of a project.
    #[must_use]
    pub const fn new(keys: &'a DataKeys, random: &'a Random) -> Self {
        Self { keys, random }
    }

    /// What new values are sealed with.
    pub(crate) fn key(&self) -> KeyId {
        self.keys.sealing().id()
    }

    /// The address of a document: the same for the same document in the same project, and no guess for others.
    pub(crate) fn address(&self, document: &Document) -> Digest {
        self.keys.hashing().digest(&[b"prompt version", &document.canonical()])
    }

    pub(crate) fn details(&self, prompt: PromptId, details: &Details) -> Result<Vec<u8>, DbError> {
        let stored = StoredDetails { v: FORMAT, details: details.clone() };
        let bytes = serde_json::to_vec(&stored).map_err(|_| DbError::decode("sealed"))?;
        Ok(self.seal(&details_context(prompt), &bytes))
    }

    pub(crate) fn open_details(&self, prompt: PromptId, sealed: &[u8]) -> Result<Details, DbError> {
        let stored: StoredDetails = read(&self.open(&details_context(prompt), sealed)?)?;
        if stored.v == FORMAT { Ok(stored.details) } else { Err(DbError::decode("sealed")) }
    }

    pub(crate) fn version(
        &self,
        version: PromptVersionId,
        document: &Document,
        message: &str,
    ) -> Result<Vec<u8>, DbError> {
        let document = String::from_utf8(document.canonical()).map_err(|_| DbError::decode("sealed"))?;
        let stored = StoredVersion { v: FORMAT, document, message: message.to_owned() };
        let bytes = serde_json::to_vec(&stored).map_err(|_| DbError::decode("sealed"))?;
        Ok(self.seal(&version_context(version), &bytes))
    }

    pub(crate) fn open_version(
        &self,
        version: PromptVersionId,
        sealed: &[u8],
    ) -> Result<(Document, String), DbError> {
        let stored: StoredVersion = read(&self.open(&version_context(version), sealed)?)?;
        let document = Document::decode(stored.document.as_bytes()).map_err(|_| DbError::decode("sealed"))?;
        if stored.v == FORMAT { Ok((document, stored.message)) } else { Err(DbError::decode("sealed")) }
    }

    pub(crate) fn reason(&self, place: MovePlace<'_>, reason: &str) -> Vec<u8> {
        self.seal(&place.context(), reason.as_bytes())
    }

    pub(crate) fn open_reason(&self, place: MovePlace<'_>, sealed: &[u8]) -> Result<String, DbError> {
        self.open_text(&place.context(), sealed)
    }

    pub(crate) fn proposal(&self, id: ProposalId, reason: &str) -> Vec<u8> {
        self.seal(&proposal_context(id), reason.as_bytes())
    }

    pub(crate) fn open_proposal(&self, id: ProposalId, sealed: &[u8]) -> Result<String, DbError> {
        self.open_text(&proposal_context(id), sealed)
    }

    pub(crate) fn entry(&self, proposal: ProposalId, number: i64, text: &str) -> Vec<u8> {
        self.seal(&entry_context(proposal, number), text.as_bytes())
    }

    pub(crate) fn open_entry(
        &self,
        proposal: ProposalId,
        number: i64,
        sealed: &[u8],
    ) -> Result<String, DbError> {
        self.open_text(&entry_context(proposal, number), sealed)
    }

    pub(crate) fn reference(&self, id: CrossReferenceId, bytes: &[u8]) -> Vec<u8> {
        self.seal(&reference_context(id), bytes)
    }

    pub(crate) fn open_reference(&self, id: CrossReferenceId, sealed: &[u8]) -> Result<Vec<u8>, DbError> {
        self.open(&reference_context(id), sealed)
    }

    pub(crate) fn comment(&self, id: CommentId, text: &str) -> Vec<u8> {
        self.seal(&comment_context(id), text.as_bytes())
    }

    pub(crate) fn open_comment(&self, id: CommentId, sealed: &[u8]) -> Result<String, DbError> {
        self.open_text(&comment_context(id), sealed)
    }

    fn open_text(&self, context: &[u8], sealed: &[u8]) -> Result<String, DbError> {
        String::from_utf8(self.open(context, sealed)?).map_err(|_| DbError::decode("sealed"))
    }

    fn seal(&self, context: &[u8], bytes: &[u8]) -> Vec<u8> {
        self.keys.sealing().seal(self.random, context, bytes)
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, DbError> {
        self.keys.open(context, sealed).map_err(|_| DbError::decode("sealed"))
    }

    fn resealed(&self, context: &[u8], row: &Row) -> Result<Vec<u8>, DbError> {
        Ok(self.seal(context, &self.open(context, &row.get::<Vec<u8>>("sealed")?)?))
    }
}

/// The row of a label's move.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MovePlace<'a> {
    pub(crate) prompt: PromptId,
    pub(crate) label: &'a LabelName,
    pub(crate) revision: i64,
}

impl MovePlace<'_> {
    fn context(&self) -> Vec<u8> {
        let (prompt, revision) = (self.prompt.uuid(), self.revision.to_be_bytes());
        [b"label move".as_slice(), prompt.as_bytes(), &revision, self.label.as_str().as_bytes()].concat()
    }
}

fn details_context(prompt: PromptId) -> Vec<u8> {
    [b"prompt".as_slice(), prompt.uuid().as_bytes()].concat()
}

fn version_context(version: PromptVersionId) -> Vec<u8> {
    [b"prompt version".as_slice(), version.uuid().as_bytes()].concat()
}

fn proposal_context(proposal: ProposalId) -> Vec<u8> {
    [b"label proposal".as_slice(), proposal.uuid().as_bytes()].concat()
}

fn entry_context(proposal: ProposalId, number: i64) -> Vec<u8> {
    [b"proposal entry".as_slice(), proposal.uuid().as_bytes(), &number.to_be_bytes()].concat()
}

fn comment_context(comment: CommentId) -> Vec<u8> {
    [b"comment".as_slice(), comment.uuid().as_bytes()].concat()
}

fn reference_context(reference: CrossReferenceId) -> Vec<u8> {
    [b"cross-reference".as_slice(), reference.uuid().as_bytes()].concat()
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, DbError> {
    serde_json::from_slice(bytes).map_err(|_| DbError::decode("sealed"))
}

/// Seals anew all that is left, and keeps others from sealing with an earlier key until the transaction is over: for the
/// end of a rotation, when earlier keys are destroyed.
pub async fn reseal_rest(tx: &mut Tx, sealer: &Sealer<'_>, scope: ProjectScope) -> Result<(), DbError> {
    super::touch(tx, sealer, scope).await?;
    while reseal_library(tx, sealer, scope).await? > 0 {}
    Ok(())
}

/// Rows that are sealed anew in one transaction.
const ROWS: u64 = 500;

/// Seals anew what of a project's library was sealed with an earlier key, a part at a time. How much this part was: 0 once
/// nothing is left.
pub async fn reseal_library(tx: &mut Tx, sealer: &Sealer<'_>, scope: ProjectScope) -> Result<u64, DbError> {
    let key = sealer.key();
    let (org, wanted) = (scope.org(), || args![scope.org(), scope, key, ROWS]);
    let mut done = 0;
    for row in tx.fetch_all(sql::LIST_VERSIONS_TO_SEAL, wanted()).await? {
        let id: PromptVersionId = row.get("version_id")?;
        let sealed = sealer.resealed(&version_context(id), &row)?;
        done += tx.execute(sql::RESEAL_VERSION, args![org, scope, id, sealed, key]).await?;
    }
    for row in tx.fetch_all(sql::LIST_PROMPTS_TO_SEAL, wanted()).await? {
        let id: PromptId = row.get("prompt_id")?;
        let sealed = sealer.resealed(&details_context(id), &row)?;
        done += tx.execute(sql::RESEAL_PROMPT, args![org, scope, id, sealed, key]).await?;
    }
    for row in tx.fetch_all(sql::LIST_MOVES_TO_SEAL, wanted()).await? {
        let (prompt, revision) = (row.get("prompt_id")?, row.get("revision")?);
        let label: LabelName = super::parsed(&row, "label")?;
        let place = MovePlace { prompt, label: &label, revision };
        let sealed = sealer.resealed(&place.context(), &row)?;
        let args: Args = args![org, scope, prompt, label.as_str(), revision, sealed, key];
        done += tx.execute(sql::RESEAL_MOVE, args).await?;
    }
    Ok(done + reseal_talk(tx, sealer, scope).await?)
}

/// What people say to each other about the library.
async fn reseal_talk(tx: &mut Tx, sealer: &Sealer<'_>, scope: ProjectScope) -> Result<u64, DbError> {
    let key = sealer.key();
    let (org, wanted) = (scope.org(), || args![scope.org(), scope, key, ROWS]);
    let mut done = 0;
    for row in tx.fetch_all(reviews::LIST_PROPOSALS_TO_SEAL, wanted()).await? {
        let id: ProposalId = row.get("proposal_id")?;
        let sealed = sealer.resealed(&proposal_context(id), &row)?;
        done += tx.execute(reviews::RESEAL_PROPOSAL, args![org, scope, id, sealed, key]).await?;
    }
    for row in tx.fetch_all(reviews::LIST_ENTRIES_TO_SEAL, wanted()).await? {
        let (id, number) = (row.get("proposal_id")?, row.get("number")?);
        let sealed = sealer.resealed(&entry_context(id, number), &row)?;
        done += tx.execute(reviews::RESEAL_ENTRY, args![org, scope, id, number, sealed, key]).await?;
    }
    for row in tx.fetch_all(references::LIST_REFERENCES_TO_SEAL, wanted()).await? {
        let id: CrossReferenceId = row.get("reference_id")?;
        let sealed = sealer.resealed(&reference_context(id), &row)?;
        done += tx.execute(references::RESEAL_REFERENCE, args![org, scope, id, sealed, key]).await?;
    }
    for row in tx.fetch_all(comments::LIST_COMMENTS_TO_SEAL, wanted()).await? {
        let id: CommentId = row.get("comment_id")?;
        let sealed = sealer.resealed(&comment_context(id), &row)?;
        done += tx.execute(comments::RESEAL_COMMENT, args![org, scope, id, sealed, key]).await?;
    }
    Ok(done)
}
