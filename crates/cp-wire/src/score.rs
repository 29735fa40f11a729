//! Scores.

use cp_base::{CallId, PromptVersionId, ScoreId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// What a score says: a number, yes or no, or words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ScoreValue {
    /// Of `boolean`.
    Boolean(bool),
    /// Of `numeric`; of `boolean`, 0 or 1.
    Number(f64),
    /// Of `categorical` and `text`.
    Words(String),
}

/// A score that is to be given. It is about a call, a trace, an observation, a session or a version of a prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewScore {
    /// The client's own id. Given again, the score replaces the one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What is judged.
    #[schema(example = "helpfulness")]
    pub name: String,
    /// `numeric`, `boolean`, `categorical` or `text`; without it, what the value is: words are `categorical`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
    /// The judgement.
    pub value: Option<ScoreValue>,
    /// The call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub call_id: Option<CallId>,
    /// The version of a prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub prompt_version_id: Option<PromptVersionId>,
    /// The trace, as its client calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The session, as its client calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The observation, as its client calls it: the call that was told under this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observation_id: Option<String>,
    /// Who judged: `api`, which is meant without it, `annotation` or `eval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The client's environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Whatever else.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
}

/// A score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Score {
    /// The score.
    #[schema(value_type = String)]
    pub id: ScoreId,
    /// The client's own id.
    pub client_id: Option<String>,
    /// What is judged.
    pub name: String,
    /// `numeric`, `boolean`, `categorical` or `text`.
    pub data_type: String,
    /// The judgement.
    pub value: ScoreValue,
    /// The call. It may not have come here, or be gone.
    #[schema(value_type = Option<String>)]
    pub call_id: Option<CallId>,
    /// The version of a prompt.
    #[schema(value_type = Option<String>)]
    pub prompt_version_id: Option<PromptVersionId>,
    /// The trace, as its client calls it.
    pub trace_id: Option<String>,
    /// The session, as its client calls it.
    pub session_id: Option<String>,
    /// The observation, as its client calls it.
    pub observation_id: Option<String>,
    /// Who judged: `api`, `annotation` or `eval`.
    pub source: String,
    /// The id of the person or key that sent it.
    pub author_id: Option<String>,
    /// What they were called.
    pub author: String,
    /// Why.
    pub comment: Option<String>,
    /// The client's environment.
    pub environment: Option<String>,
    /// Whatever else.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// When it was first given.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// A page of scores, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScorePage {
    /// The scores.
    pub scores: Vec<Score>,
    /// Where the next page begins: pass it as `after`; `null` at the end.
    pub next: Option<String>,
}

/// Which scores.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ScoreQuery {
    /// Given at or after: a day, a time, or so long ago (7d)
    pub since: Option<String>,
    /// Given before: a day, a time, or so long ago
    pub until: Option<String>,
    /// The name, exact
    pub name: Option<String>,
    /// `numeric`, `boolean`, `categorical` or `text`
    pub data_type: Option<String>,
    /// `api`, `annotation` or `eval`
    pub source: Option<String>,
    /// Of this call
    pub call: Option<String>,
    /// Of this version of a prompt
    pub prompt_version: Option<String>,
    /// Of this trace and what is in it
    pub trace: Option<String>,
    /// Of this session
    pub session: Option<String>,
    /// How many: 1 to 500, 50 without it
    pub limit: Option<String>,
    /// Where to go on: `next` of the page before
    pub after: Option<String>,
}
