//! The audit log.

use cp_base::{AuditEventId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Something that was done. The fields, in this order and without those that are absent, are what the hash is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEvent {
    /// The version of this document.
    pub v: u8,
    /// The event.
    #[schema(value_type = String)]
    pub id: AuditEventId,
    /// Its place in the chain, from 1.
    pub sequence: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    pub actor: AuditActor,
    /// How: `session`, `api_key`, `local` or `system`.
    pub via: String,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What was done.
    #[schema(example = "api_key.create")]
    pub action: String,
    /// To what.
    pub target: String,
    /// In which project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What a reviewer wants to read of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A digest of the state before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// A digest of the state after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditActor {
    /// The person or key; absent for the installation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it was called then.
    pub name: String,
}

/// An event in its chain: a line of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainedEvent {
    /// The event.
    pub event: AuditEvent,
    /// Hexadecimal digits of SHA-256 over the hash before it and the event.
    pub hash: String,
}

/// Events, latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// The events.
    pub events: Vec<ChainedEvent>,
    /// Where to go on: as `before`; absent at the end.
    pub next: Option<u64>,
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Done at or after: a day, a time, or so long ago (7d)
    pub since: Option<String>,
    /// Done before: a day, a time, or so long ago
    pub until: Option<String>,
    /// This action, such as `api_key.create`
    pub action: Option<String>,
    /// By this person or key: an id
    pub actor: Option<String>,
    /// To this
    pub target: Option<String>,
    /// How many: 1 to 500
    pub limit: Option<String>,
    /// Before this place in the chain
    pub before: Option<String>,
}

/// The end of a chain, signed. Kept elsewhere, it tells later whether anything before it was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditCheckpoint {
    /// Organisation, number of events, last hash and time, a line each: what is signed.
    pub text: String,
    /// Hexadecimal digits of the signature (Ed25519).
    pub signature: String,
    /// Hexadecimal digits of the public key.
    pub public_key: String,
}
