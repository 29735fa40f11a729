//! What people say of versions.

use cp_base::{CommentId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What somebody says of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Comment {
    /// The id.
    #[schema(value_type = String)]
    pub id: CommentId,
    /// The prompt's name.
    pub prompt: String,
    /// The version.
    pub version: i64,
    /// The comment that it answers.
    #[schema(value_type = Option<String>)]
    pub reply_to: Option<CommentId>,
    /// `open`, `resolved` or `hidden`.
    pub state: String,
    /// What it says; empty where it is hidden.
    pub text: String,
    /// The addresses of the members whom it mentions.
    pub mentions: Vec<String>,
    /// Whose it is.
    pub author: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its text was changed last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub edited_at: Option<Timestamp>,
}

/// Comments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Comments {
    /// In the order in which they were made; those that mention somebody newest first.
    pub comments: Vec<Comment>,
}

/// A comment that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComment {
    /// What it says. `@anna@x.example` or `@anna` mentions a member by address or name.
    #[schema(example = "@anna, is this shorter?")]
    pub text: String,
    /// The comment that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reply_to: Option<CommentId>,
}

/// A change of a comment. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CommentChange {
    /// Another text, which its author alone gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `open`, `resolved` or `hidden`. Its author, and whoever may write prompts, hides it or shows it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Which comments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CommentQuery {
    /// On this version: a number or a label; on all of them where it is absent
    pub version: Option<String>,
}

/// How good somebody finds a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rating {
    /// The version.
    pub version: i64,
    /// 1 to 5.
    pub stars: u64,
    /// Who.
    pub author: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub rated_at: Timestamp,
}

/// How good people find a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ratings {
    /// The mean of the stars; absent where nobody has rated it.
    pub mean: Option<f64>,
    /// One for each who has.
    pub ratings: Vec<Rating>,
}

/// A rating that is to be made, in place of an earlier one of the same person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateVersion {
    /// 1 to 5.
    pub stars: u64,
}
