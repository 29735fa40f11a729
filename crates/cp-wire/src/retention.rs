//! Retention, holds, people's rights, data keys.

use cp_base::{CallId, CommentId, DataKeyId, ErasureId, LegalHoldId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long a project keeps what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionPolicy {
    /// Days for which what was said in calls is kept; for ever where it is `null`.
    #[serde(default)]
    pub bodies_days: Option<u64>,
    /// Days for which calls are kept at all; for ever where it is `null`.
    #[serde(default)]
    pub metadata_days: Option<u64>,
    /// Days for which scores are kept; for ever where it is `null`.
    #[serde(default)]
    pub scores_days: Option<u64>,
}

/// An order to keep what is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// The hold.
    #[schema(value_type = String)]
    pub id: LegalHoldId,
    /// What it holds: `project`, `user` or `call`.
    #[schema(example = "user")]
    pub holds: String,
    /// The call.
    #[schema(value_type = Option<String>)]
    pub call_id: Option<CallId>,
    /// Why.
    pub reason: String,
    /// Who placed it.
    pub placed_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub placed_at: Timestamp,
}

/// The holds in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holds {
    /// Latest first.
    pub holds: Vec<Hold>,
}

/// A hold to be placed: of a user, of a call, or of all of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    /// What names this end user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// This call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub call_id: Option<CallId>,
    /// Why.
    pub reason: String,
}

/// What there is of an end user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subject {
    /// Calls that name them.
    pub calls: u64,
    /// Of these, those of which what was said is kept.
    pub with_bodies: u64,
    /// Of these, those that a key of theirs seals.
    pub sealed_apart: u64,
    /// When the first began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_at: Option<Timestamp>,
    /// When the last began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Timestamp>,
    /// Versions of prompts in which the user's id stands, such as `support/refund-reply#3`: at most 100. They are not erased.
    pub prompts: Vec<String>,
    /// Comments in which it stands: at most 100. They are not erased; their authors can change them.
    #[schema(value_type = Vec<String>)]
    pub comments: Vec<CommentId>,
}

/// The erasure of an end user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erasure {
    /// The erasure.
    #[schema(value_type = String)]
    pub id: ErasureId,
    /// `erasing`: from the store; `log`: the store holds nothing, and the capture logs are awaited; `done`.
    #[schema(example = "done")]
    pub state: String,
    /// When it was asked for. Calls that began until then go.
    #[schema(value_type = String, format = DateTime)]
    pub requested_at: Timestamp,
    /// Calls erased so far.
    pub erased_calls: u64,
    /// The signed certificate, once it is done: a file for `codepromptu erasure verify`.
    pub certificate: Option<String>,
}

/// A key that a project's data is sealed or addressed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DataKey {
    /// Its row.
    #[schema(value_type = String)]
    pub id: DataKeyId,
    /// `sealing`, or `hashing`, which stays the same.
    pub purpose: String,
    /// The how-manieth.
    pub generation: u64,
    /// What sealed values call it.
    pub key: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Since when nothing is sealed with it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retired_at: Option<Timestamp>,
    /// Since when nothing opens with it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub destroyed_at: Option<Timestamp>,
}

/// The keys of a project, those destroyed too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DataKeys {
    /// By purpose and generation.
    pub keys: Vec<DataKey>,
}

/// What a step of a key's rotation came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotationStep {
    /// The name of the new key.
    pub key: String,
    /// Its generation.
    pub generation: u64,
    /// Values sealed anew so far.
    pub resealed: u64,
    /// How many there may be in all.
    pub total: u64,
    /// The old keys, once they are destroyed: then all is done. Go on until then.
    pub destroyed: Option<Vec<String>>,
}
