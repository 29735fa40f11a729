//! Keys of the whole installation, and their wrapping under another master key.
//!
//! What hung from the master key alone and must outlive it has a row here, made at the first start that finds none.

use std::collections::HashMap;

use cp_base::{InstallationScope, KeyId, MasterKey, SealingKey, SigningKey};
use cp_db::{Db, DbError, Row, Tx, args};

use crate::bootstrap::{Genesis, RegistryError};
use crate::data_keys::wrapping_context;
use crate::sql;

/// Fingerprints clients: another key would make strangers of them.
const FINGERPRINT: &str = "fingerprint";
/// Seals what belongs to the installation and to no project.
const INSTALLATION: &str = "installation";
/// Signs checkpoints and certificates.
const SIGNING: &str = "signing";
/// What the capture log was sealed with under an earlier master key.
const LOG: &str = "log";

/// The installation's keys.
#[derive(Debug)]
pub(crate) struct InstallationKeys {
    pub(crate) fingerprint: SealingKey,
    pub(crate) signing: SigningKey,
    pub(crate) installation: SealingKey,
    pub(crate) earlier_log: Vec<SealingKey>,
}

fn context(name: &str, key: KeyId) -> Vec<u8> {
    [b"installation key ".as_slice(), name.as_bytes(), b" ", &key.0].concat()
}

async fn create(tx: &mut Tx, genesis: &Genesis<'_>, name: &str, key: &SealingKey) -> Result<(), DbError> {
    let wrapped = genesis.master.wrap_key(genesis.random, &context(name, key.id()), key);
    let args = args![name, key.id(), genesis.master.id(), wrapped, genesis.clock.now()];
    tx.execute(sql::CREATE_INSTALLATION_KEY, args).await?;
    Ok(())
}

fn unwrap(row: &Row, master: &MasterKey) -> Result<(String, SealingKey), RegistryError> {
    let (name, key): (String, KeyId) = (row.get("name")?, row.get("key_id")?);
    let stored: KeyId = row.get("master_key_id")?;
    if stored != master.id() {
        return Err(RegistryError::WrongMasterKey { stored, given: master.id() });
    }
    let opened = master
        .unwrap_key(&context(&name, key), &row.get::<Vec<u8>>("wrapped")?)
        .map_err(|source| RegistryError::DamagedInstallationKey { name: name.clone(), source })?;
    Ok((name, opened))
}

/// The installation's keys; makes those that are missing.
pub(crate) async fn load(tx: &mut Tx, genesis: &Genesis<'_>) -> Result<InstallationKeys, RegistryError> {
    let (mut known, mut earlier_log) = (HashMap::new(), Vec::new());
    for row in tx.fetch_all(sql::LIST_INSTALLATION_KEYS, args![]).await? {
        match unwrap(&row, genesis.master)? {
            (name, key) if name == LOG => earlier_log.push(key),
            (name, key) => {
                known.insert(name, key);
            }
        }
    }
    let [mut fingerprint, mut signing, mut installation] =
        [FINGERPRINT, SIGNING, INSTALLATION].map(|name| known.remove(name));
    if fingerprint.is_none() {
        let key = genesis.master.fingerprint_key().clone();
        create(tx, genesis, FINGERPRINT, &key).await?;
        fingerprint = Some(key);
    }
    for (name, slot) in [(SIGNING, &mut signing), (INSTALLATION, &mut installation)] {
        if slot.is_none() {
            let key = SealingKey::generate(genesis.random);
            create(tx, genesis, name, &key).await?;
            *slot = Some(key);
        }
    }
    let missing = RegistryError::NoInstallationKey;
    Ok(InstallationKeys {
        fingerprint: fingerprint.ok_or(missing(FINGERPRINT))?,
        signing: SigningKey::derived_from(&signing.ok_or(missing(SIGNING))?),
        installation: installation.ok_or(missing(INSTALLATION))?,
        earlier_log,
    })
}

/// What [`rewrap`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Keys that are wrapped under the new master key now.
    pub keys: u64,
    /// Keys that were so already.
    pub already: u64,
}

/// Wraps every key under `new`, of which `genesis` tells the master key until now. Each key is a step of its own, so that
/// it can be broken off and done again; `done` hears of each. What the capture log is sealed with now is kept, so that a
/// start under the new key reads what is in the log.
pub async fn rewrap(
    db: &Db,
    genesis: &Genesis<'_>,
    new: &MasterKey,
    mut done: impl FnMut(u64, u64),
) -> Result<Rewrapped, RegistryError> {
    let (data_keys, installation_keys) = prepare(db, genesis, new).await?;
    let total = (data_keys.len() + installation_keys.len()) as u64;
    let mut told = Rewrapped::default();
    for row in data_keys {
        let scope = crate::bootstrap::scope_of(&row)?;
        let data_key = row.get("data_key_id")?;
        let context = wrapping_context(scope.project(), data_key);
        if let Some(wrapped) = again(&row, genesis, new, &context)? {
            one(db, sql::REWRAP_DATA_KEY, args![data_key, new.id(), wrapped]).await?;
            told.keys += 1;
        } else {
            told.already += 1;
        }
        done(told.keys + told.already, total);
    }
    for row in installation_keys {
        let (name, key): (String, KeyId) = (row.get("name")?, row.get("key_id")?);
        if let Some(wrapped) = again(&row, genesis, new, &context(&name, key))? {
            one(db, sql::REWRAP_INSTALLATION_KEY, args![name, key, new.id(), wrapped]).await?;
            told.keys += 1;
        } else {
            told.already += 1;
        }
        done(told.keys + told.already, total);
    }
    Ok(told)
}

/// The rows to be wrapped, none of them under a third key. Where nothing is under the new key yet, all that hangs from the old
/// one has its row first.
async fn prepare(
    db: &Db,
    genesis: &Genesis<'_>,
    new: &MasterKey,
) -> Result<(Vec<Row>, Vec<Row>), RegistryError> {
    let mut tx = db.begin_write(InstallationScope::grant()).await?;
    let keys = tx.fetch_all(sql::LIST_DATA_KEYS, args![]).await?;
    let untouched = under(&keys, genesis.master)?;
    let begun = under(&tx.fetch_all(sql::LIST_INSTALLATION_KEYS, args![]).await?, new)? > 0;
    if untouched == keys.len() && !begun {
        crate::data_keys::complete(&mut tx, genesis).await?;
        load(&mut tx, genesis).await?;
    } else if untouched + under(&keys, new)? < keys.len() {
        let stored = keys.iter().map(|row| row.get("master_key_id")).collect::<Result<Vec<KeyId>, _>>()?;
        let stored = stored.into_iter().find(|id| *id != genesis.master.id() && *id != new.id());
        let given = genesis.master.id();
        return Err(RegistryError::WrongMasterKey { stored: stored.unwrap_or(given), given });
    }
    let log = genesis.master.log_key();
    let earlier = Genesis { master: new, ..*genesis };
    create(&mut tx, &earlier, LOG, log).await?;
    let data_keys = tx.fetch_all(sql::LIST_DATA_KEYS, args![]).await?;
    let installation_keys = tx.fetch_all(sql::LIST_INSTALLATION_KEYS, args![]).await?;
    tx.commit().await?;
    Ok((data_keys, installation_keys))
}

fn under(rows: &[Row], master: &MasterKey) -> Result<usize, DbError> {
    let mut count = 0;
    for row in rows {
        count += usize::from(row.get::<KeyId>("master_key_id")? == master.id());
    }
    Ok(count)
}

/// The key of a row wrapped under the new master key; none where it is so already.
fn again(
    row: &Row,
    genesis: &Genesis<'_>,
    new: &MasterKey,
    context: &[u8],
) -> Result<Option<Vec<u8>>, RegistryError> {
    let stored: KeyId = row.get("master_key_id")?;
    if stored == new.id() {
        return Ok(None);
    }
    if stored != genesis.master.id() {
        return Err(RegistryError::WrongMasterKey { stored, given: genesis.master.id() });
    }
    let key = genesis
        .master
        .unwrap_key(context, &row.get::<Vec<u8>>("wrapped")?)
        .map_err(|source| RegistryError::DamagedInstallationKey { name: stored.to_string(), source })?;
    Ok(Some(new.wrap_key(genesis.random, context, &key)))
}

async fn one(db: &Db, statement: cp_db::Statement, args: cp_db::Args) -> Result<(), DbError> {
    let mut tx = db.begin_write(InstallationScope::grant()).await?;
    tx.execute(statement, args).await?;
    tx.commit().await
}
