//! The vault: keys of providers, sealed under the data key of their project. What goes in comes out only in the
//! gateway's memory.

use std::collections::HashMap;

use cp_base::{DataKeys, ProjectId, ProjectScope, ProviderKeyId, Random, Secret, Timestamp, UnsealError};
use cp_db::{DbError, Row, Tx, args};

use crate::bootstrap::RegistryError;
use crate::gateway::touch;
use crate::sql::gateway as sql;

/// A key of a provider, but for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderKey {
    /// Whose it is.
    pub scope: ProjectScope,
    /// The id.
    pub id: ProviderKeyId,
    /// The provider that it is for, and the only one that it is sent to.
    pub provider: String,
    /// What somebody wrote beside it.
    pub label: String,
    /// Its keyed fingerprint, which calls with the same key bear too.
    pub fingerprint: [u8; 16],
    /// Who stored it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// A key of a provider, for the gateway.
#[derive(Clone, Debug)]
pub struct OpenProviderKey {
    /// Whose it is.
    pub project: ProjectId,
    /// The provider that it is for.
    pub provider: String,
    /// The key, or why it does not open.
    pub secret: Result<Secret, UnsealError>,
}

/// Puts a key into the vault, in place of the provider's one there was.
pub async fn set_provider_key(
    tx: &mut Tx,
    key: &ProviderKey,
    secret: &Secret,
    seal: (&DataKeys, &Random),
) -> Result<(), DbError> {
    let (data_keys, random) = seal;
    let context = context(key.scope.project(), key.id);
    let sealed = data_keys.sealing().seal(random, &context, secret.expose().as_bytes());
    let row = args![
        key.scope.org(),
        key.scope,
        key.id,
        key.provider.as_str(),
        key.label.as_str(),
        key.fingerprint,
        sealed,
        key.created_by.as_str(),
        key.created_at,
    ];
    tx.execute(sql::SET_PROVIDER_KEY, row).await?;
    touch(tx).await
}

/// The vault of a project, but for the keys themselves.
pub async fn list_provider_keys(tx: &mut Tx, scope: ProjectScope) -> Result<Vec<ProviderKey>, DbError> {
    let rows = tx.fetch_all(sql::LIST_PROVIDER_KEYS, args![scope.org(), scope]).await?;
    rows.iter().map(|row| provider_key(scope, row)).collect()
}

/// Takes a provider's key out; false where there is none.
pub async fn remove_provider_key(tx: &mut Tx, scope: ProjectScope, provider: &str) -> Result<bool, DbError> {
    let removed = tx.execute(sql::REMOVE_PROVIDER_KEY, args![scope.org(), scope, provider]).await?;
    touch(tx).await?;
    Ok(removed > 0)
}

/// Every key of every vault, opened, of the projects whose data keys are at hand.
pub(crate) async fn open_all(
    tx: &mut Tx,
    data_keys: &HashMap<ProjectId, DataKeys>,
) -> Result<Vec<OpenProviderKey>, DbError> {
    let mut open = Vec::new();
    for row in tx.fetch_all(sql::LIST_ALL_PROVIDER_KEYS, args![]).await? {
        let project: ProjectId = row.get("project_id")?;
        let Some(keys) = data_keys.get(&project) else { continue };
        let context = context(project, row.get("provider_key_id")?);
        let secret = keys.open(&context, &row.get::<Vec<u8>>("sealed")?);
        let secret = secret.and_then(|bytes| String::from_utf8(bytes).map_err(|_| UnsealError::Damaged));
        open.push(OpenProviderKey {
            project,
            provider: row.get("provider_name")?,
            secret: secret.map(Secret::new),
        });
    }
    Ok(open)
}

/// Seals the vault of a project anew, since its sealing key has changed. It is small, and needs no second try.
pub(crate) async fn reseal(
    tx: &mut Tx,
    scope: ProjectScope,
    (keys, random): (&DataKeys, &Random),
) -> Result<(), RegistryError> {
    for row in tx.fetch_all(sql::LIST_SEALED_PROVIDER_KEYS, args![scope.org(), scope]).await? {
        let id: ProviderKeyId = row.get("provider_key_id")?;
        let context = context(scope.project(), id);
        // What does not open now never will; it is reported where it is read.
        if let Ok(plain) = keys.open(&context, &row.get::<Vec<u8>>("sealed")?) {
            let sealed = keys.sealing().seal(random, &context, &plain);
            tx.execute(sql::RESEAL_PROVIDER_KEY, args![id, sealed]).await?;
        }
    }
    Ok(touch(tx).await?)
}

/// Binds a sealed key to its row.
fn context(project: ProjectId, key: ProviderKeyId) -> Vec<u8> {
    [b"provider key".as_slice(), project.uuid().as_bytes(), key.uuid().as_bytes()].concat()
}

fn provider_key(scope: ProjectScope, row: &Row) -> Result<ProviderKey, DbError> {
    Ok(ProviderKey {
        scope,
        id: row.get("provider_key_id")?,
        provider: row.get("provider_name")?,
        label: row.get("label")?,
        fingerprint: row.get("fingerprint")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
    })
}
