//! The store: its database, its keys, its errors, and what concerns no single call.

use std::collections::HashMap;
use std::sync::Arc;

use cp_base::{
    CallId, DataKeys, Digest, InstallationScope, KeyRing, NodeId, ProjectId, ProjectScope, Random,
    SealingKey, UnsealError,
};
use cp_db::{Db, DbError, Row, args};

use crate::content::Vault;
use crate::subjects::Subjects;
use crate::{ChainParent, TrafficStatus, sql};

/// Why the store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the call store failed")]
    Db(#[from] DbError),
    /// The consumer's cursor is not where it was left.
    #[error("the store is not where this consumer left it; it goes on from where the store stands")]
    CursorMoved,
    /// What a write was planned on has changed: the project's key, or what is stored. Planned again, it can succeed.
    #[error("the project's keys or contents changed while calls were written; they are written again")]
    Stale,
    /// The project's data key was not loaded.
    #[error(
        "there is no key for project {0}, so this log belongs to another store: start with that store, or move the data directory's log folder aside"
    )]
    NoDataKey(ProjectId),
    /// A stored value does not open.
    #[error("a stored value does not open")]
    Unseal(#[from] UnsealError),
    /// A stored value opens and says nothing that makes sense.
    #[error("a stored {0} is damaged")]
    Damaged(&'static str),
    /// A call was stored by a newer program.
    #[error("a call is stored in format {0}, which this version does not know: upgrade the program")]
    NewerDocument(u32),
    /// A value has no JSON form.
    #[error("a value cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The compressor failed.
    #[error("a value cannot be compressed")]
    Compress(#[source] std::io::Error),
}

impl StoreError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Db(error) => error.is_retryable(),
            Self::CursorMoved | Self::Stale => true,
            _ => false,
        }
    }
}

/// The calls of all projects whose keys it holds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TrafficStore {
    pub(crate) db: Db,
    pub(crate) random: Arc<Random>,
    pub(crate) subjects: Subjects,
    data_keys: KeyRing,
}

impl TrafficStore {
    /// A store on a migrated database, people's secrets included.
    #[must_use]
    pub fn new(db: Db, data_keys: impl Into<KeyRing>, random: Arc<Random>) -> Self {
        let subjects = Subjects::new(db.clone(), random.clone());
        Self { db, random, subjects, data_keys: data_keys.into() }
    }

    /// The same with people's secrets in another database, which was migrated with
    /// [`SUBJECT_KEY_MIGRATIONS`](crate::SUBJECT_KEY_MIGRATIONS) and survives a power cut: without the secrets nothing of
    /// these people opens.
    #[must_use]
    pub fn with_secrets_in(self, secrets: Db) -> Self {
        Self { subjects: Subjects::new(secrets, self.random.clone()), ..self }
    }

    /// The key under which a project's messages are hashed.
    pub fn hashing_key(&self, scope: ProjectScope) -> Result<SealingKey, StoreError> {
        Ok(self.vault(scope)?.keys.hashing().clone())
    }

    /// Takes in a project that was just made, or a key that was just changed.
    pub fn put_keys(&self, scope: ProjectScope, keys: DataKeys) {
        self.data_keys.put(scope.project(), keys);
    }

    pub(crate) fn vault(&self, scope: ProjectScope) -> Result<Vault, StoreError> {
        let project = scope.project();
        let keys = self.data_keys.find(project).ok_or(StoreError::NoDataKey(project))?;
        Ok(Vault::new(scope, keys))
    }

    /// The call that one with these prefixes continues: the call of the same client that began before `before` and whose
    /// chain is the longest of `tips`, which come longest first; of several, one that nothing continues yet, then the
    /// latest.
    pub async fn find_chain_parent(
        &self,
        scope: ProjectScope,
        client: Option<[u8; 16]>,
        tips: &[Digest],
        before: CallId,
    ) -> Result<Option<ChainParent>, StoreError> {
        if tips.is_empty() {
            return Ok(None);
        }
        let vault = self.vault(scope)?;
        let tips: Vec<Digest> = tips.iter().map(|tip| vault.chain_tip(client, tip)).collect();
        // Filled up by repetition, so that few lengths of the list, and few prepared statements, occur.
        let rows = tips.iter().cycle().take(tips.len().next_power_of_two()).map(|tip| args![*tip]).collect();
        let mut tx = self.db.begin_read_to_write(scope).await?;
        let mut found = HashMap::new();
        for row in tx.fetch_many(sql::FIND_CHAIN_PARENTS, args![before], rows).await? {
            if let Some(call) = row.get_optional::<CallId>("call_id")? {
                found.insert(row.get::<Digest>("tip")?, call);
            }
        }
        let Some(call) = tips.iter().find_map(|tip| found.get(tip).copied()) else { return Ok(None) };
        tx.fetch_optional(sql::FIND_PARENT, args![scope, call]).await?.map(chain_parent).transpose()
    }

    /// The latest call that may be named so and began before `before`.
    pub async fn find_named(
        &self,
        scope: ProjectScope,
        handle: Digest,
        before: CallId,
    ) -> Result<Option<ChainParent>, StoreError> {
        let mut tx = self.db.begin_read_to_write(scope).await?;
        let row = tx.fetch_optional(sql::FIND_NAMED, args![scope, handle, before]).await?;
        row.map(chain_parent).transpose()
    }

    /// The position up to which a consumer has stored a node's log; `None` before its first batch.
    pub async fn cursor(&self, node: NodeId, consumer: &str) -> Result<Option<i64>, StoreError> {
        let mut tx = self.db.begin_read(InstallationScope::grant()).await?;
        let row = tx.fetch_optional(sql::FIND_CURSOR, args![node, consumer]).await?;
        Ok(row.map(|row| row.get("position")).transpose()?)
    }

    /// The nodes whose logs were ever stored here.
    pub async fn list_nodes(&self) -> Result<Vec<NodeId>, StoreError> {
        let mut tx = self.db.begin_read(InstallationScope::grant()).await?;
        let rows = tx.fetch_all(sql::LIST_NODES, args![]).await?;
        Ok(rows.iter().map(|row| row.get("node_id")).collect::<Result<_, _>>()?)
    }

    /// The project in numbers.
    pub async fn status(&self, scope: ProjectScope) -> Result<TrafficStatus, StoreError> {
        let mut tx = self.db.begin_read(scope).await?;
        let row = tx.fetch_optional(sql::GET_STATUS, args![scope]).await?;
        let row = row.ok_or(StoreError::Damaged("status"))?;
        Ok(TrafficStatus {
            calls: row.get("calls")?,
            running: row.get("running")?,
            latest_started_at: row.get_optional("latest_started_at")?,
        })
    }

    /// Writes a row and reads it back: whether the store works, now.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let mut tx = self.db.begin_write(InstallationScope::grant()).await?;
        let row = tx.fetch_optional(sql::BEAT, args![]).await?.ok_or(StoreError::Damaged("probe"))?;
        let written: i64 = row.get("beats")?;
        tx.commit().await?;
        let mut tx = self.db.begin_read(InstallationScope::grant()).await?;
        let row = tx.fetch_optional(sql::FIND_BEAT, args![]).await?.ok_or(StoreError::Damaged("probe"))?;
        // Another node may have counted on in between.
        if row.get::<i64>("beats")? < written { Err(StoreError::Damaged("probe")) } else { Ok(()) }
    }
}

fn chain_parent(row: Row) -> Result<ChainParent, StoreError> {
    Ok(ChainParent {
        call: row.get("call_id")?,
        conversation: row.get_optional("conversation_id")?,
        continued: row.get("continued")?,
    })
}
