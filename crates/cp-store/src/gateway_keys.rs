//! Gateway keys: what programs use in place of a provider's key. Each is kept as a digest.

use std::collections::HashMap;

use cp_base::{Digest, GatewayKeyId, Limit, ProjectScope, Timestamp, Token};
use cp_db::{DbError, Row, Tx, args};

use crate::gateway::{scope_of, touch};
use crate::sql::gateway as sql;

/// A gateway key, but for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayKey {
    /// Whose calls it makes.
    pub scope: ProjectScope,
    /// The id.
    pub id: GatewayKeyId,
    /// What it is for.
    pub name: String,
    /// Its beginning.
    pub shown: String,
    /// The providers that it may be used with; all where there are none.
    pub providers: Vec<String>,
    /// What it may use.
    pub limits: Vec<Limit>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to some seconds.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Between the names of providers, none of which has one.
const SEPARATOR: char = ',';

/// A new key; `key.shown` is taken from `token`.
pub async fn create_gateway_key(tx: &mut Tx, key: &GatewayKey, token: &Token) -> Result<(), DbError> {
    let row = args![
        key.scope.org(),
        key.scope,
        key.id,
        key.name.as_str(),
        token.shown(),
        token.digest(),
        key.providers.join(&SEPARATOR.to_string()),
        key.created_by.as_str(),
        key.created_at,
        key.expires_at,
    ];
    tx.execute(sql::CREATE_GATEWAY_KEY, row).await?;
    add_limits(tx, key.id, &key.limits).await?;
    touch(tx).await
}

/// The key.
pub async fn find_gateway_key(
    tx: &mut Tx,
    scope: ProjectScope,
    id: GatewayKeyId,
) -> Result<Option<GatewayKey>, DbError> {
    let rows = tx.fetch_all(sql::FIND_GATEWAY_KEY, args![scope.org(), scope, id]).await?;
    Ok(with_limits(tx, scope, &rows).await?.pop())
}

/// The keys of a project, revoked ones too, newest first.
pub async fn list_gateway_keys(tx: &mut Tx, scope: ProjectScope) -> Result<Vec<GatewayKey>, DbError> {
    let rows = tx.fetch_all(sql::LIST_GATEWAY_KEYS, args![scope.org(), scope]).await?;
    with_limits(tx, scope, &rows).await
}

/// The key ends now; false where there is none that had not ended.
pub async fn revoke_gateway_key(
    tx: &mut Tx,
    scope: ProjectScope,
    id: GatewayKeyId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let revoked = tx.execute(sql::REVOKE_GATEWAY_KEY, args![scope.org(), scope, id, now]).await?;
    touch(tx).await?;
    Ok(revoked > 0)
}

/// These limits, in place of those that the key has; false where there is no such key.
pub async fn set_gateway_key_limits(
    tx: &mut Tx,
    scope: ProjectScope,
    id: GatewayKeyId,
    limits: &[Limit],
) -> Result<bool, DbError> {
    if find_gateway_key(tx, scope, id).await?.is_none() {
        return Ok(false);
    }
    tx.execute(sql::REMOVE_LIMITS, args![id]).await?;
    add_limits(tx, id, limits).await?;
    touch(tx).await?;
    Ok(true)
}

/// When keys were used last. The gateway saw them, and knows whose they are.
pub async fn touch_gateway_keys(tx: &mut Tx, used: &[(GatewayKeyId, Timestamp)]) -> Result<(), DbError> {
    for (key, at) in used {
        tx.execute(sql::TOUCH_GATEWAY_KEY, args![*key, *at]).await?;
    }
    Ok(())
}

/// Every key that was not revoked, with its digest.
pub(crate) async fn list_all(tx: &mut Tx) -> Result<Vec<(GatewayKey, Digest)>, DbError> {
    let rows = tx.fetch_all(sql::LIST_ALL_GATEWAY_KEYS, args![]).await?;
    let limits = limits(&tx.fetch_all(sql::LIST_ALL_LIMITS, args![]).await?)?;
    let keys = rows.iter().map(|row| Ok((gateway_key(scope_of(row)?, row, &limits)?, row.get("digest")?)));
    keys.collect()
}

async fn add_limits(tx: &mut Tx, id: GatewayKeyId, limits: &[Limit]) -> Result<(), DbError> {
    let row = |limit: &Limit| args![id, limit.measure.as_str(), limit.window.as_str(), limit.amount];
    tx.execute_many(sql::ADD_LIMITS, args![], limits.iter().map(row).collect()).await?;
    Ok(())
}

type Limits = HashMap<GatewayKeyId, Vec<Limit>>;

fn limits(rows: &[Row]) -> Result<Limits, DbError> {
    let mut limits = Limits::new();
    for row in rows {
        let (measure, window): (String, String) = (row.get("measure")?, row.get("time_window")?);
        let limit = Limit {
            measure: measure.parse().map_err(|_| DbError::decode("measure"))?,
            window: window.parse().map_err(|_| DbError::decode("time_window"))?,
            amount: row.get("amount")?,
        };
        limits.entry(row.get("gateway_key_id")?).or_default().push(limit);
    }
    limits.values_mut().for_each(|limits| limits.sort());
    Ok(limits)
}

async fn with_limits(tx: &mut Tx, scope: ProjectScope, rows: &[Row]) -> Result<Vec<GatewayKey>, DbError> {
    let limits = limits(&tx.fetch_all(sql::LIST_LIMITS, args![scope.org(), scope]).await?)?;
    rows.iter().map(|row| gateway_key(scope, row, &limits)).collect()
}

fn gateway_key(scope: ProjectScope, row: &Row, limits: &Limits) -> Result<GatewayKey, DbError> {
    let (id, providers): (GatewayKeyId, String) = (row.get("gateway_key_id")?, row.get("providers")?);
    let providers = providers.split(SEPARATOR).filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(GatewayKey {
        scope,
        id,
        name: row.get("name")?,
        shown: row.get("shown")?,
        providers: providers.collect(),
        limits: limits.get(&id).cloned().unwrap_or_default(),
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        expires_at: row.get_optional("expires_at")?,
        last_used_at: row.get_optional("last_used_at")?,
        revoked_at: row.get_optional("revoked_at")?,
    })
}
