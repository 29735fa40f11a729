//! The audit log: for each organisation a chain of events, each sealed to the one before it by its hash.
//!
//! An event is a JSON document. Its hash is SHA-256 of `codepromptu audit v1`, the hash before it and the document as
//! [`AuditEvent::canonical`] writes it, each preceded by its length; the first one's predecessor is 32 zero bytes. To
//! change, add or take out an event, everything after it must be made anew, and the signed checkpoints tell of that.

use cp_base::{AuditEventId, Digest, OrgScope, Timestamp, hex, sha256};
use cp_db::{DbError, Filter, Row, Tx, args};
use serde::{Deserialize, Serialize};

use crate::sql::audit as sql;

/// What precedes the first event.
const BEGINNING: Digest = [0; 32];

/// Something that was done. Its fields are in the order in which they are hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEvent {
    /// The version of this document: 1.
    pub v: u8,
    /// The event.
    pub id: AuditEventId,
    /// Its place in the chain, from 1; [`record`] gives it.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who: a person, a key, or the installation itself.
    pub actor: Actor,
    /// How: `session`, `api_key`, `local`, `system`.
    pub via: String,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What was done, such as `api_key.create`.
    pub action: String,
    /// To what: an id, or a name.
    pub target: String,
    /// In which project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What a reviewer wants to read of it. No secret, no body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A digest of the state before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// A digest of the state after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The person or key; absent for the installation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it was called then.
    pub name: String,
}

/// An event as the chain holds it: a line of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainedEvent {
    /// The event.
    pub event: AuditEvent,
    /// Hexadecimal digits of its hash.
    pub hash: String,
}

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// Events are missing, or out of order.
    #[error("event {expected} is missing: event {found} follows event {}", expected - 1)]
    Gap {
        /// The place that nothing is at.
        expected: u64,
        /// The place of what comes instead.
        found: u64,
    },
    /// An event is not what it was, or one before it is.
    #[error("event {sequence} does not fit its hash: it, or the hash of the event before it, was altered")]
    Altered {
        /// Its place.
        sequence: u64,
    },
}

/// Follows a chain from its beginning, or from an event that is trusted.
#[derive(Clone, Debug)]
pub struct ChainCheck {
    sequence: u64,
    hash: Digest,
}

impl Default for ChainCheck {
    fn default() -> Self {
        Self { sequence: 0, hash: BEGINNING }
    }
}

impl ChainCheck {
    /// The chain is good up to here.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The hash of the last event that was followed.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&self.hash)
    }

    /// Goes on to the next event.
    pub fn follow(&mut self, next: &ChainedEvent) -> Result<(), BrokenChain> {
        let (expected, found) = (self.sequence + 1, next.event.sequence);
        if found != expected {
            return Err(BrokenChain::Gap { expected, found });
        }
        let hash = next.event.hash(&self.hash);
        if next.hash != hex(&hash) {
            return Err(BrokenChain::Altered { sequence: found });
        }
        (self.sequence, self.hash) = (found, hash);
        Ok(())
    }
}

impl AuditEvent {
    /// The document: JSON without white space, its fields in their order, absent ones left out.
    #[must_use]
    pub fn canonical(&self) -> String {
        // Texts, numbers and options of them always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn hash(&self, previous: &Digest) -> Digest {
        sha256(&[b"codepromptu audit v1", previous, self.canonical().as_bytes()])
    }
}

/// Puts an event at the end of the organisation's chain, and so gives it its place. Others who do so wait for this
/// transaction.
pub async fn record(tx: &mut Tx, scope: OrgScope, mut event: AuditEvent) -> Result<(), DbError> {
    tx.execute(sql::BEGIN_CHAIN, args![scope, BEGINNING.to_vec()]).await?;
    let head = tx.fetch_optional(sql::TAKE_HEAD, args![scope]).await?;
    let head = head.ok_or_else(|| DbError::decode("audit_heads"))?;
    let previous = digest(&head, "hash")?;
    event.sequence = head.get("sequence")?;
    let (hash, actor) = (event.hash(&previous).to_vec(), event.actor.id.as_deref().unwrap_or("system"));
    let row = args![
        scope,
        event.sequence,
        event.at,
        event.action.as_str(),
        actor,
        event.target.as_str(),
        event.canonical(),
        hash.clone(),
    ];
    tx.execute(sql::CREATE_EVENT, row).await?;
    tx.execute(sql::SET_HEAD, args![scope, hash]).await?;
    Ok(())
}

/// The end of the chain: how many events, and the last one's hash.
pub async fn find_head(tx: &mut Tx, scope: OrgScope) -> Result<(u64, Digest), DbError> {
    match tx.fetch_optional(sql::FIND_HEAD, args![scope]).await? {
        Some(row) => Ok((row.get("sequence")?, digest(&row, "hash")?)),
        None => Ok((0, BEGINNING)),
    }
}

/// Up to `limit` events behind `after`, in the chain's order.
pub async fn list_events(
    tx: &mut Tx,
    scope: OrgScope,
    after: u64,
    limit: u64,
) -> Result<Vec<ChainedEvent>, DbError> {
    tx.fetch_all(sql::LIST_EVENTS, args![scope, after, limit]).await?.iter().map(chained).collect()
}

/// What to look for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Done at or after.
    pub since: Option<Timestamp>,
    /// Done before.
    pub until: Option<Timestamp>,
    /// This action.
    pub action: Option<String>,
    /// By this person or key.
    pub actor: Option<String>,
    /// To this.
    pub target: Option<String>,
}

/// Up to `limit` events before `before` that pass, latest first.
pub async fn find_events(
    tx: &mut Tx,
    scope: OrgScope,
    filter: &EventFilter,
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<ChainedEvent>, DbError> {
    let mut conditions = Filter::default();
    conditions.and_if("at >= $1", filter.since);
    conditions.and_if("at < $1", filter.until);
    conditions.and_if("action = $1", filter.action.as_deref());
    conditions.and_if("actor = $1", filter.actor.as_deref());
    conditions.and_if("target = $1", filter.target.as_deref());
    let fixed = args![scope, before.unwrap_or(i64::MAX.cast_unsigned()), limit];
    tx.fetch_filtered(sql::FIND_EVENTS, fixed, conditions).await?.iter().map(chained).collect()
}

fn chained(row: &Row) -> Result<ChainedEvent, DbError> {
    let document: String = row.get("document")?;
    let event = serde_json::from_str(&document).map_err(|_| DbError::decode("document"))?;
    Ok(ChainedEvent { event, hash: hex(&digest(row, "hash")?) })
}

fn digest(row: &Row, column: &str) -> Result<Digest, DbError> {
    row.get::<Vec<u8>>(column)?.try_into().map_err(|_| DbError::decode(column))
}
