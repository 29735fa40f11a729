//! What prompts have to do with each other.

use cp_base::{CrossReferenceId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a prompt has to do with another, or with something that is no prompt; as the prompt sees it that was asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CrossReference {
    /// The id.
    #[schema(value_type = String)]
    pub id: CrossReferenceId,
    /// `related`, `supersedes`, `derived_idea`, `duplicate`, `tested_by` or `incident`; and where the other prompt says it of
    /// this one, `related`, `superseded_by`, `idea_of`, `duplicate`, `tests` or `incident_of`.
    #[schema(example = "superseded_by")]
    pub relation: String,
    /// The other prompt's name.
    pub prompt: Option<String>,
    /// What it is to, where that is no prompt: an address, or words.
    pub text: Option<String>,
    /// What else is to be said of it.
    pub note: String,
    /// Who wrote it.
    pub created_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// What a prompt has to do with others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CrossReferences {
    /// In the order in which they were made.
    pub references: Vec<CrossReference>,
}

/// A reference that is to be made: to another prompt, or to a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCrossReference {
    /// What it is, by either of its names.
    #[schema(example = "supersedes")]
    pub relation: String,
    /// The other prompt: an id or a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Of `tested_by` and `incident`: what it is to, where that is no prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What else is to be said of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}
