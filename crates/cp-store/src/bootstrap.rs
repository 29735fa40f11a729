//! The first start, and every later one: what must be there before a call can be stored.

use std::collections::HashMap;

use cp_base::{
    Clock, DataKey, DataKeyId, IdGenerator, KeyId, MasterKey, OrgId, ProjectId, ProjectScope, Random,
    UnsealError,
};
use cp_db::{Db, DbError, Row, Tx, args};

use crate::sql;

/// What a new installation is made from.
#[derive(Clone, Copy, Debug)]
pub struct Genesis<'a> {
    /// Wraps the data keys.
    pub master: &'a MasterKey,
    /// Mints the ids.
    pub ids: &'a IdGenerator,
    /// Makes the data key.
    pub random: &'a Random,
    /// Dates the rows.
    pub clock: &'a dyn Clock,
}

/// What the program needs of the registry while it runs.
#[derive(Clone, Debug)]
pub struct Registry {
    default_scope: ProjectScope,
    data_keys: HashMap<ProjectId, DataKey>,
}

impl Registry {
    /// The scope of the installation's one project.
    #[must_use]
    pub const fn default_scope(&self) -> ProjectScope {
        self.default_scope
    }

    /// Every project's key.
    #[must_use]
    pub const fn data_keys(&self) -> &HashMap<ProjectId, DataKey> {
        &self.data_keys
    }
}

/// Why the registry could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The data was written under another master key.
    #[error(
        "the store is sealed with master key {stored}, and the key given is {given}: start with the key that the store was made with; without it nothing in the store can be read"
    )]
    WrongMasterKey {
        /// The key that wrapped the data keys.
        stored: KeyId,
        /// The key at hand.
        given: KeyId,
    },
    /// A wrapped data key does not open under its own master key.
    #[error("data key {data_key} in the store is damaged: restore a backup")]
    DamagedDataKey {
        /// The key.
        data_key: DataKeyId,
        /// The reason.
        #[source]
        source: UnsealError,
    },
    /// The store has no project.
    #[error("the store names no project: restore a backup, or start with an empty store")]
    NoProject,
    /// The database failed.
    #[error("cannot read the registry")]
    Db(#[from] DbError),
}

/// Opens the registry of a migrated database; at the first start makes its organisation, project and data key. Of
/// several nodes that start at once one makes them, and all return the same.
pub async fn bootstrap(db: &Db, genesis: &Genesis<'_>) -> Result<Registry, RegistryError> {
    let mut tx = db.begin_write().await?;
    create_default_project(&mut tx, genesis).await?;
    let row = tx.fetch_optional(sql::FIND_DEFAULT_PROJECT, args![]).await?.ok_or(RegistryError::NoProject)?;
    let default_scope = ProjectScope::grant(row.get("org_id")?, row.get("project_id")?);
    let rows = tx.fetch_all(sql::LIST_DATA_KEYS, args![]).await?;
    let data_keys = rows.iter().map(|row| unwrap(row, genesis.master)).collect::<Result<_, _>>()?;
    tx.commit().await?;
    Ok(Registry { default_scope, data_keys })
}

async fn create_default_project(tx: &mut Tx, genesis: &Genesis<'_>) -> Result<(), DbError> {
    let (org, project): (OrgId, ProjectId) = (genesis.master.first_id(), genesis.master.first_id());
    if tx.execute(sql::CLAIM_INSTALLATION, args![project]).await? == 0 {
        return Ok(());
    }
    let data_key: DataKeyId = genesis.ids.mint();
    let (_, wrapped) = genesis.master.new_data_key(genesis.random, &wrapping_context(project, data_key));
    let now = genesis.clock.now();
    tx.execute(sql::CREATE_ORG, args![org, "default", "default", now]).await?;
    tx.execute(sql::CREATE_PROJECT, args![org, project, "default", "default", now]).await?;
    let key = args![org, project, data_key, genesis.master.id(), wrapped, now];
    tx.execute(sql::CREATE_DATA_KEY, key).await?;
    Ok(())
}

fn unwrap(row: &Row, master: &MasterKey) -> Result<(ProjectId, DataKey), RegistryError> {
    let (project, data_key) = (row.get("project_id")?, row.get("data_key_id")?);
    let stored: KeyId = row.get("master_key_id")?;
    if stored != master.id() {
        return Err(RegistryError::WrongMasterKey { stored, given: master.id() });
    }
    let wrapped: Vec<u8> = row.get("wrapped")?;
    let key = master
        .unwrap_data_key(&wrapping_context(project, data_key), &wrapped)
        .map_err(|source| RegistryError::DamagedDataKey { data_key, source })?;
    Ok((project, key))
}

/// Binds a wrapped key to its row.
pub(crate) fn wrapping_context(project: ProjectId, data_key: DataKeyId) -> Vec<u8> {
    [b"data key".as_slice(), project.uuid().as_bytes(), data_key.uuid().as_bytes()].concat()
}
