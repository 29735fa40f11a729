//! Organisations, projects and keys.

use cp_base::{ApiKeyId, OrgId, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An organisation: the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Org {
    /// The organisation.
    #[schema(value_type = String)]
    pub id: OrgId,
    /// Its name in addresses.
    #[schema(example = "acme")]
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// The organisations that the caller belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Orgs {
    /// In the order of their names.
    pub orgs: Vec<Org>,
}

/// A project: the unit that owns calls and prompts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// The project.
    #[schema(value_type = String)]
    pub id: ProjectId,
    /// Its name in addresses, unique in its organisation.
    #[schema(example = "support-bot")]
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// The projects that the caller sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Projects {
    /// In the order of their names.
    pub projects: Vec<Project>,
}

/// Names for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The name for people.
    pub name: String,
    /// The name in addresses: a-z, 0-9 and -; made from the other one where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
}

/// Who asks, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The e-mail address, or the name of the key.
    pub name: String,
    /// How they showed it: `local`, `session` or `api_key`.
    pub via: String,
    /// The organisation.
    pub org: Org,
    /// The roles in it.
    #[schema(example = json!(["admin"]))]
    pub roles: Vec<String>,
}

/// What an API key is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for.
    pub name: String,
    /// What it may do: `owner`, `admin`, `editor`, `analyst`, `viewer`, `operator` or `service`.
    #[schema(example = "viewer")]
    pub role: String,
    /// When it ends; never where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// An API key, but for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// The key.
    #[schema(value_type = String)]
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// Its beginning.
    #[schema(example = "cpa_3fz9k2mq")]
    pub shown: String,
    /// What it may do.
    pub role: Option<String>,
    /// The one project that it reaches; all of the organisation where it is `null`.
    #[schema(value_type = Option<String>)]
    pub project_id: Option<ProjectId>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to about a minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// The API keys of the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeys {
    /// Newest first.
    pub keys: Vec<ApiKey>,
}

/// A new API key, shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MadeApiKey {
    /// The key, but for itself.
    pub key: ApiKey,
    /// The key itself. It is kept nowhere: put it where it is needed now.
    pub token: String,
}

/// How a key is followed by another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Hours for which the old key goes on working: 24 where it is absent, 720 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_hours: Option<u32>,
}
