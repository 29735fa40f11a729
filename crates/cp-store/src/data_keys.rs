//! Data keys: what a project's values are sealed with, and since when.
//!
//! A new key takes the place of the current one at once; what is sealed under the old one is sealed anew piece by piece, and
//! then the old key is destroyed. How far that is stands in the registry, so that it goes on where it stopped.

use std::collections::HashMap;

use cp_base::{
    DataKeyId, DataKeys, InstallationScope, KeyId, KeyRing, MasterKey, ProjectId, ProjectScope, SealingKey,
    Timestamp, UnsealError,
};
use cp_db::{Db, DbError, Row, Tx, args};

use crate::bootstrap::{Genesis, RegistryError};
use crate::sql;

const SEALING: &str = "sealing";
const HASHING: &str = "hashing";

/// A key of a project, as it is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKeyInfo {
    /// Its row.
    pub data_key: DataKeyId,
    /// `sealing` or `hashing`.
    pub purpose: String,
    /// The how-manieth of its purpose.
    pub generation: u64,
    /// What the values that it sealed call it.
    pub key: Option<KeyId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when nothing is sealed with it.
    pub retired_at: Option<Timestamp>,
    /// Since when nothing opens with it.
    pub destroyed_at: Option<Timestamp>,
}

/// A change of a project's sealing key, under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The new key.
    pub key: KeyId,
    /// Its generation.
    pub generation: u64,
    /// When it began.
    pub begun_at: Timestamp,
    /// Behind what sealing anew goes on, as whoever seals said; absent at the beginning.
    pub place: Option<Vec<u8>>,
    /// Values sealed anew so far.
    pub resealed: u64,
}

/// Binds a wrapped key to its row.
pub(crate) fn wrapping_context(project: ProjectId, data_key: DataKeyId) -> Vec<u8> {
    [b"data key".as_slice(), project.uuid().as_bytes(), data_key.uuid().as_bytes()].concat()
}

/// Makes the keys of a new project.
pub(crate) async fn create_data_keys(
    tx: &mut Tx,
    genesis: &Genesis<'_>,
    scope: ProjectScope,
) -> Result<DataKeys, DbError> {
    let [sealing, hashing] = [(); 2].map(|()| SealingKey::generate(genesis.random));
    create(tx, genesis, scope, (SEALING, 1), &sealing).await?;
    create(tx, genesis, scope, (HASHING, 1), &hashing).await?;
    Ok(DataKeys::new(hashing, sealing, Vec::new()))
}

async fn create(
    tx: &mut Tx,
    genesis: &Genesis<'_>,
    scope: ProjectScope,
    (purpose, generation): (&str, u64),
    key: &SealingKey,
) -> Result<(), DbError> {
    let data_key: DataKeyId = genesis.ids.mint();
    let wrapped = genesis.master.wrap_key(genesis.random, &wrapping_context(scope.project(), data_key), key);
    let now = genesis.clock.now();
    let master = genesis.master.id();
    let args = args![scope.org(), scope, data_key, purpose, generation, key.id(), master, wrapped, now];
    tx.execute(sql::CREATE_DATA_KEY, args).await?;
    Ok(())
}

/// One row, its key unwrapped.
struct Unwrapped {
    scope: ProjectScope,
    data_key: DataKeyId,
    is_hashing: bool,
    is_named: bool,
    is_retired: bool,
    key: SealingKey,
}

fn unwrap(row: &Row, master: &MasterKey) -> Result<Unwrapped, RegistryError> {
    let scope = crate::bootstrap::scope_of(row)?;
    let data_key = row.get("data_key_id")?;
    let stored: KeyId = row.get("master_key_id")?;
    if stored != master.id() {
        return Err(RegistryError::WrongMasterKey { stored, given: master.id() });
    }
    let key = master
        .unwrap_key(&wrapping_context(scope.project(), data_key), &row.get::<Vec<u8>>("wrapped")?)
        .map_err(|source: UnsealError| RegistryError::DamagedDataKey { data_key, source })?;
    Ok(Unwrapped {
        scope,
        data_key,
        is_hashing: row.get::<String>("purpose")? == HASHING,
        is_named: row.get_optional::<KeyId>("key_id")?.is_some(),
        is_retired: row.get_optional::<Timestamp>("retired_at")?.is_some(),
        key,
    })
}

/// Gives the projects of an earlier version what they lack: a hashing key of its own, which until then hung from the first
/// sealing key, and the keys' names.
pub(crate) async fn complete(tx: &mut Tx, genesis: &Genesis<'_>) -> Result<(), RegistryError> {
    let mut incomplete: HashMap<ProjectId, (ProjectScope, SealingKey)> = HashMap::new();
    let mut hashed = Vec::new();
    for row in tx.fetch_all(sql::LIST_DATA_KEYS, args![]).await? {
        let Unwrapped { scope, data_key, is_hashing, is_named, key, .. } = unwrap(&row, genesis.master)?;
        if !is_named {
            tx.execute(sql::NAME_DATA_KEY, args![data_key, key.id()]).await?;
        }
        if is_hashing {
            hashed.push(scope.project());
        } else {
            incomplete.entry(scope.project()).or_insert((scope, key));
        }
    }
    for project in hashed {
        incomplete.remove(&project);
    }
    for (scope, first) in incomplete.into_values() {
        let hashing = cp_base::DataKey::from(first).hashing().clone();
        create(tx, genesis, scope, (HASHING, 1), &hashing).await?;
    }
    Ok(())
}

/// Every project's keys.
pub async fn load_data_keys(
    tx: &mut Tx,
    master: &MasterKey,
) -> Result<HashMap<ProjectId, DataKeys>, RegistryError> {
    let mut projects: HashMap<ProjectId, Vec<Unwrapped>> = HashMap::new();
    for row in tx.fetch_all(sql::LIST_DATA_KEYS, args![]).await? {
        let key = unwrap(&row, master)?;
        projects.entry(key.scope.project()).or_default().push(key);
    }
    let mut rings = HashMap::new();
    for (project, keys) in projects {
        let find =
            |wanted: fn(&Unwrapped) -> bool| keys.iter().rfind(|key| wanted(key)).map(|key| key.key.clone());
        let hashing = find(|key| key.is_hashing).ok_or(RegistryError::NoKey(project))?;
        let current = find(|key| !key.is_hashing && !key.is_retired).ok_or(RegistryError::NoKey(project))?;
        let retired = keys.iter().filter(|key| !key.is_hashing && key.is_retired).map(|key| key.key.clone());
        rings.insert(project, DataKeys::new(hashing, current, retired.collect()));
    }
    Ok(rings)
}

/// Tells a running program of new projects and of new keys, which another node or a command may have made.
pub async fn refresh_keys(db: &Db, master: &MasterKey, ring: &KeyRing) -> Result<(), RegistryError> {
    let mut tx = db.begin_read(InstallationScope::grant()).await?;
    for (project, keys) in load_data_keys(&mut tx, master).await? {
        ring.put(project, keys);
    }
    Ok(())
}

/// A project's keys, those destroyed too.
pub async fn list_data_keys(db: &Db, scope: ProjectScope) -> Result<Vec<DataKeyInfo>, DbError> {
    let mut tx = db.begin_read(scope).await?;
    let rows = tx.fetch_all(sql::LIST_KEYS_OF_PROJECT, args![scope]).await?;
    let info = |row: &Row| {
        Ok(DataKeyInfo {
            data_key: row.get("data_key_id")?,
            purpose: row.get("purpose")?,
            generation: row.get("generation")?,
            key: row.get_optional("key_id")?,
            created_at: row.get("created_at")?,
            retired_at: row.get_optional("retired_at")?,
            destroyed_at: row.get_optional("destroyed_at")?,
        })
    };
    rows.iter().map(info).collect()
}

/// The rotation under way.
pub async fn find_rotation(tx: &mut Tx, scope: ProjectScope) -> Result<Option<Rotation>, DbError> {
    let Some(row) = tx.fetch_optional(sql::FIND_ROTATION, args![scope]).await? else { return Ok(None) };
    let current = tx.fetch_optional(sql::FIND_CURRENT_KEY, args![scope]).await?;
    let current = current.ok_or_else(|| DbError::decode("data_keys"))?;
    Ok(Some(Rotation {
        key: current.get("key_id")?,
        generation: row.get("generation")?,
        begun_at: row.get("begun_at")?,
        place: row.get_optional("place")?,
        resealed: row.get("resealed")?,
    }))
}

/// Gives a project a new sealing key, or finds the rotation that is under way. In the same transaction the store is to be
/// told that nothing is sealed with the old one from now on.
pub async fn begin_rotation(
    tx: &mut Tx,
    genesis: &Genesis<'_>,
    scope: ProjectScope,
) -> Result<Rotation, RegistryError> {
    if let Some(rotation) = find_rotation(tx, scope).await? {
        return Ok(rotation);
    }
    let current = tx.fetch_optional(sql::FIND_CURRENT_KEY, args![scope]).await?;
    let current = current.ok_or(RegistryError::NoKey(scope.project()))?;
    let (now, key) = (genesis.clock.now(), SealingKey::generate(genesis.random));
    let generation = current.get::<u64>("generation")? + 1;
    tx.execute(sql::RETIRE_DATA_KEY, args![current.get::<DataKeyId>("data_key_id")?, now]).await?;
    create(tx, genesis, scope, (SEALING, generation), &key).await?;
    let keys = load_data_keys(tx, genesis.master).await?;
    let keys = keys.get(&scope.project()).ok_or(RegistryError::NoKey(scope.project()))?;
    crate::vault::reseal(tx, scope, (keys, genesis.random)).await?;
    tx.execute(sql::CREATE_ROTATION, args![scope.org(), scope, generation, now]).await?;
    Ok(Rotation { key: key.id(), generation, begun_at: now, place: None, resealed: 0 })
}

/// Saves how far a rotation is.
pub async fn move_rotation(
    tx: &mut Tx,
    scope: ProjectScope,
    place: Vec<u8>,
    resealed: u64,
) -> Result<(), DbError> {
    tx.execute(sql::MOVE_ROTATION, args![scope, place, resealed]).await?;
    Ok(())
}

/// Adds to what a rotation has sealed anew, where that has no place of its own.
pub async fn count_resealed(tx: &mut Tx, scope: ProjectScope, resealed: u64) -> Result<(), DbError> {
    tx.execute(sql::COUNT_RESEALED, args![scope, resealed]).await?;
    Ok(())
}

/// Destroys the retired keys of a project and returns their names. Only once nothing is sealed with them.
pub async fn finish_rotation(tx: &mut Tx, scope: ProjectScope, at: Timestamp) -> Result<Vec<KeyId>, DbError> {
    let rows = tx.fetch_all(sql::DESTROY_RETIRED_KEYS, args![scope, at]).await?;
    tx.execute(sql::END_ROTATION, args![scope]).await?;
    rows.iter().map(|row| row.get("key_id")).collect()
}
