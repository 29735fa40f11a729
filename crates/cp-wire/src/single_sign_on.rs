//! How the members of an organisation sign in: single sign-on, and whether a second factor is required.

use cp_base::{ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The provider that an organisation is to sign its people in with.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSingleSignOn {
    /// The OpenID Connect provider.
    #[schema(example = "https://id.example.com")]
    pub issuer: String,
    /// The name of this program there.
    pub client_id: String,
    /// What shows the provider that it is this program. It is never shown again; absent, the one that is kept stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    pub client_secret: Option<String>,
    /// What the provider is asked for, beside `openid`: `email` and `profile` where it is absent.
    #[serde(default = "usual_scopes")]
    pub scopes: Vec<String>,
    /// The domains whose addresses are this organisation's people's.
    #[schema(example = json!(["example.com"]))]
    pub domains: Vec<String>,
    /// The claim that names a person's groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "groups")]
    pub group_claim: Option<String>,
    /// What groups give, at each sign-in anew.
    #[serde(default)]
    pub groups: Vec<GroupRole>,
    /// Whether somebody who is no member becomes one by signing in.
    #[serde(default)]
    pub admits_unknown: bool,
    /// The role of whoever has no other one; none where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_role: Option<String>,
    /// Whether members come in no other way. Owners always do.
    #[serde(default)]
    pub refuses_passwords: bool,
    /// Whether each sign-in counts as one with a second factor, whatever the provider says of it.
    #[serde(default)]
    pub is_second_factor: bool,
}

fn usual_scopes() -> Vec<String> {
    vec!["email".to_owned(), "profile".to_owned()]
}

/// A role that a group gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRole {
    /// The group, as the provider names it.
    pub group: String,
    /// The role: `owner`, `admin`, `editor`, `analyst`, `viewer`, `operator` or `service`.
    #[schema(example = "editor")]
    pub role: String,
    /// In which project, by id or short name; in the organisation where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// A role that a group has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GivenRole {
    /// The group, as the provider names it.
    pub group: String,
    /// The role.
    pub role: String,
    /// In which project; in the organisation where it is `null`.
    #[schema(value_type = Option<String>)]
    pub project_id: Option<ProjectId>,
}

/// The provider that an organisation signs its people in with, but for the client's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SingleSignOn {
    /// The OpenID Connect provider.
    pub issuer: String,
    /// The name of this program there.
    pub client_id: String,
    /// What the provider is asked for, beside `openid`.
    pub scopes: Vec<String>,
    /// The domains whose addresses are this organisation's people's.
    pub domains: Vec<String>,
    /// The claim that names a person's groups.
    pub group_claim: Option<String>,
    /// What groups give.
    pub groups: Vec<GivenRole>,
    /// Whether somebody who is no member becomes one by signing in.
    pub admits_unknown: bool,
    /// The role of whoever has no other one.
    pub default_role: Option<String>,
    /// Whether members come in no other way, but for owners.
    pub refuses_passwords: bool,
    /// Whether each sign-in counts as one with a second factor.
    pub is_second_factor: bool,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
}

/// What asking the provider came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SingleSignOnCheck {
    /// Why people cannot sign in; `null` where they can.
    pub problem: Option<String>,
    /// Where the provider sends them.
    pub authorization_endpoint: Option<String>,
    /// How many keys it publishes that an identity token can be checked with.
    pub keys: u64,
}

/// Whether an organisation requires a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorRule {
    /// Whether whoever is signed in without one can only set one up.
    pub required: bool,
}
