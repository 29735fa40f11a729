//! Gateway keys, the vault, and claims to fingerprints.

use cp_base::{GatewayKeyId, ProjectId, ProviderKeyId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Usd;

/// What a gateway key may use, or has used, within a window of the calendar (UTC).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// `minute`, `hour`, `day` or `month`.
    #[schema(example = "month")]
    pub window: String,
    /// Calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Input and output tokens together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Cost in US dollars. What has no known price counts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<Usd>,
}

/// What a gateway key is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGatewayKey {
    /// What it is for.
    #[schema(example = "support bot")]
    pub name: String,
    /// The providers that it may be used with; all where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// What it may use; as much as it likes where there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Allowance>,
    /// When it ends; never where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A gateway key, but for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GatewayKey {
    /// The key.
    #[schema(value_type = String)]
    pub id: GatewayKeyId,
    /// What it is for.
    pub name: String,
    /// Its beginning.
    #[schema(example = "cpk_3fz9k2mq")]
    pub shown: String,
    /// The providers that it may be used with; all where there are none.
    pub providers: Vec<String>,
    /// What it may use.
    pub limits: Vec<Allowance>,
    /// What it has used of each window, calls under way included, as this node counts it.
    pub used: Vec<Allowance>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to some seconds.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// The gateway keys of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GatewayKeys {
    /// Newest first.
    pub keys: Vec<GatewayKey>,
}

/// A new gateway key, shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MadeGatewayKey {
    /// The key, but for itself.
    pub key: GatewayKey,
    /// The key itself. It is kept nowhere: put it where it is needed now.
    pub token: String,
}

/// What a gateway key may use from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayKeyLimits {
    /// In place of what was said before.
    pub limits: Vec<Allowance>,
}

/// A provider's key for the vault. It never comes out again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProviderKey {
    /// The key.
    pub key: String,
    /// What to write beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A provider's key in the vault, but for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderKey {
    /// The key.
    #[schema(value_type = String)]
    pub id: ProviderKeyId,
    /// The provider that it is sent to, and to no other.
    #[schema(example = "openai")]
    pub provider: String,
    /// What is written beside it.
    pub label: String,
    /// Its fingerprint: 32 hexadecimal digits.
    pub fingerprint: String,
    /// Who stored it.
    pub created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// The vault of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderKeys {
    /// By the provider's name.
    pub keys: Vec<ProviderKey>,
}

/// The provider's key whose calls are to be the project's.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// Its fingerprint, where its calls have come to the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The key itself, instead; it is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A claim of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Claim {
    /// The fingerprint of the provider's key: 32 hexadecimal digits.
    pub fingerprint: String,
    /// Who claimed it.
    pub claimed_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub claimed_at: Timestamp,
}

/// A provider's key that came and that nobody has claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenFingerprint {
    /// Its fingerprint: 32 hexadecimal digits.
    pub fingerprint: String,
    /// The provider that it was for.
    #[schema(example = "openai")]
    pub provider: String,
    /// The project that took its calls; `null` where they were refused.
    #[schema(value_type = Option<String>)]
    pub project_id: Option<ProjectId>,
    /// When it came first.
    #[schema(value_type = String, format = DateTime)]
    pub first_at: Timestamp,
    /// And last.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// How often.
    pub calls: u64,
}

/// The provider's keys by which calls come to the project, or might.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fingerprints {
    /// Those that the project has claimed.
    pub claims: Vec<Claim>,
    /// Those that nobody has claimed, latest first.
    pub seen: Vec<SeenFingerprint>,
}

/// Who may put calls into the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayAccess {
    /// `open`: whoever names the project; `with_key`: a gateway key of the project, or a provider's key that it has claimed.
    #[schema(example = "with_key")]
    pub access: String,
}
