//! The first start, and every later one: what must be there before a call can be stored.

use cp_base::{
    Clock, DataKeyId, IdGenerator, InstallationScope, KeyId, KeyRing, MasterKey, OrgId, ProjectId,
    ProjectScope, Random, SealingKey, SigningKey, UnsealError,
};
use cp_db::{Db, DbError, Row, Tx, args};

use crate::installation::{self, InstallationKeys};
use crate::{data_keys, sql};

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
#[derive(Debug)]
pub struct Registry {
    default_scope: ProjectScope,
    data_keys: KeyRing,
    installation: InstallationKeys,
}

impl Registry {
    /// The scope of the installation's one project.
    #[must_use]
    pub const fn default_scope(&self) -> ProjectScope {
        self.default_scope
    }

    /// Every project's keys.
    #[must_use]
    pub const fn data_keys(&self) -> &KeyRing {
        &self.data_keys
    }

    /// The key under which client credentials are fingerprinted.
    #[must_use]
    pub const fn fingerprint_key(&self) -> &SealingKey {
        &self.installation.fingerprint
    }

    /// What the capture log was sealed with under earlier master keys.
    #[must_use]
    pub fn earlier_log_keys(&self) -> &[SealingKey] {
        &self.installation.earlier_log
    }

    /// Seals what belongs to the installation and to no project.
    #[must_use]
    pub const fn installation_key(&self) -> &SealingKey {
        &self.installation.installation
    }

    /// Signs in the name of the installation.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningKey {
        &self.installation.signing
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
    /// The same of a key of the installation.
    #[error("the installation's key {name} in the store is damaged: restore a backup")]
    DamagedInstallationKey {
        /// Which one.
        name: String,
        /// The reason.
        #[source]
        source: UnsealError,
    },
    /// The installation lacks a key.
    #[error("the store lacks the installation's key {0}: restore a backup")]
    NoInstallationKey(&'static str),
    /// A project lacks a key.
    #[error("the store has no key for project {0}: restore a backup")]
    NoKey(ProjectId),
    /// The store has no project.
    #[error("the store names no project: restore a backup, or start with an empty store")]
    NoProject,
    /// The database failed.
    #[error("cannot read the registry")]
    Db(#[from] DbError),
}

/// Opens the registry of a migrated database; at the first start makes its organisation, project and keys. Of
/// several nodes that start at once one makes them, and all return the same.
pub async fn bootstrap(db: &Db, genesis: &Genesis<'_>) -> Result<Registry, RegistryError> {
    let mut tx = db.begin_write(InstallationScope::grant()).await?;
    create_default_project(&mut tx, genesis).await?;
    let row = tx.fetch_optional(sql::FIND_DEFAULT_PROJECT, args![]).await?.ok_or(RegistryError::NoProject)?;
    let default_scope = scope_of(&row)?;
    data_keys::complete(&mut tx, genesis).await?;
    let data_keys = data_keys::load_data_keys(&mut tx, genesis.master).await?.into();
    let installation = installation::load(&mut tx, genesis).await?;
    tx.commit().await?;
    Ok(Registry { default_scope, data_keys, installation })
}

async fn create_default_project(tx: &mut Tx, genesis: &Genesis<'_>) -> Result<(), DbError> {
    let (org, project): (OrgId, ProjectId) = (genesis.master.first_id(), genesis.master.first_id());
    if tx.execute(sql::CLAIM_INSTALLATION, args![project]).await? == 0 {
        return Ok(());
    }
    let now = genesis.clock.now();
    tx.execute(sql::CREATE_ORG, args![org, "default", "default", now]).await?;
    tx.execute(sql::CREATE_PROJECT, args![org, project, "default", "default", now]).await?;
    data_keys::create_data_keys(tx, genesis, ProjectScope::grant(org, project)).await?;
    Ok(())
}

/// The scope of a row of the registry itself.
pub(crate) fn scope_of(row: &Row) -> Result<ProjectScope, DbError> {
    Ok(ProjectScope::grant(row.get("org_id")?, row.get("project_id")?))
}
