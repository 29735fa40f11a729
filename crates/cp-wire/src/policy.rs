//! Capture policies.

use std::collections::BTreeMap;

use cp_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is captured and redacted of a project's calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CapturePolicy {
    /// Counts up with each change; 0 where none was ever set.
    pub version: u64,
    /// When it was changed last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub changed_at: Option<Timestamp>,
    /// The policy.
    pub policy: PolicyDocument,
}

/// A change of a capture policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCapturePolicy {
    /// The version that is to be replaced. Where it is given and another one is there by now, nothing is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The policy.
    pub policy: PolicyDocument,
}

/// A capture policy. Fields that are absent have their defaults: everything is kept as it passed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyDocument {
    /// The format; 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<u32>,
    /// How much of each call is kept: `full`, `masked`, `metadata_only` or `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "full")]
    pub mode: Option<String>,
    /// Of which calls less is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<PolicySampling>,
    /// Exceptions; the first that matches decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<PolicyRule>,
    /// Bytes of each body that are kept at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body_bytes: Option<u64>,
    /// The kinds of data that are redacted: `email`, `phone`, `card`, `iban`, `national_id`, `ip_address`, `credential`,
    /// `private_key`.
    #[schema(example = json!(["email", "card"]))]
    pub redact: Vec<String>,
    /// The project's own patterns, redacted too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<PolicyPattern>,
    /// Whether the capture log is redacted before it is written.
    pub redact_log: bool,
}

/// A share of the calls is kept as the mode says, and less of the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySampling {
    /// The share, from 0 to 1.
    #[schema(example = 0.25)]
    pub rate: f64,
    /// How much of the others is kept; `metadata_only` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<String>,
}

/// An exception: where all its conditions hold, its mode is the call's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyRule {
    /// The provider's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The path at the provider; with `*` at its end, how the path begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/v1/embeddings*")]
    pub path: Option<String>,
    /// Headers with their values; `*` is any value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How much is kept.
    #[schema(example = "off")]
    pub mode: String,
}

/// A pattern of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyPattern {
    /// Its name, which stands in the placeholders.
    #[schema(example = "employee")]
    pub name: String,
    /// A regular expression without look-around and back-references.
    #[schema(example = r"\bE-\d{5}\b")]
    pub expression: String,
}

/// A text to be redacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRedaction {
    /// The text: prose, JSON or a stream of events.
    pub text: String,
    /// The policy to be tried; the project's own where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyDocument>,
}

/// What redaction makes of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedactionPreview {
    /// The text with placeholders.
    pub redacted: String,
    /// What was found in it as it is written, in order.
    pub found: Vec<FoundData>,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundData {
    /// The kind, or the name of the project's own pattern.
    #[schema(example = "email")]
    pub kind: String,
    /// Where it begins, in bytes of the text.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// What takes its place.
    #[schema(example = "‹email:3f2a9c01d2e4b5f6›")]
    pub placeholder: String,
}

/// What a project's policy said of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallCapture {
    /// How much is kept: `full`, `masked` or `metadata_only`.
    #[schema(example = "full")]
    pub mode: String,
    /// What decided that: `project`, `rule` or `sampling`.
    #[schema(example = "project")]
    pub reason: String,
    /// The version of the policy; 0 where the project had none.
    pub policy_version: u64,
}
