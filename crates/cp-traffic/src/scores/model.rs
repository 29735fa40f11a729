//! What a score is.

use cp_base::{CallId, PromptVersionId, ScoreId, Timestamp};
use serde_json::{Map, Value};

/// What a score says.
#[derive(Clone, Debug, PartialEq)]
pub enum ScoreValue {
    /// A number.
    Numeric(f64),
    /// Yes or no.
    Boolean(bool),
    /// One of a few words.
    Categorical(String),
    /// Whatever is to be said. Sealed.
    Text(String),
}

impl ScoreValue {
    /// The name of its kind.
    #[must_use]
    pub const fn data_type(&self) -> &'static str {
        match self {
            Self::Numeric(_) => "numeric",
            Self::Boolean(_) => "boolean",
            Self::Categorical(_) => "categorical",
            Self::Text(_) => "text",
        }
    }

    /// The number to count with; yes is 1.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Numeric(number) => Some(*number),
            Self::Boolean(yes) => Some(f64::from(u8::from(*yes))),
            Self::Categorical(_) | Self::Text(_) => None,
        }
    }

    pub(super) fn label(&self) -> Option<&str> {
        if let Self::Categorical(label) = self { Some(label) } else { None }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// Who judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScoreSource {
    /// A program, or whoever uses one.
    #[default]
    Api,
    /// A person who looked at it.
    Annotation,
    /// An evaluator.
    Eval,
}

impl ScoreSource {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Annotation => "annotation",
            Self::Eval => "eval",
        }
    }

    /// The source of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Api, Self::Annotation, Self::Eval].into_iter().find(|source| source.as_str() == name)
    }
}

/// What a score is about. At least one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScoreTarget {
    /// A call.
    pub call: Option<CallId>,
    /// A version of a prompt.
    pub prompt_version: Option<PromptVersionId>,
    /// A trace, in the client's terms.
    pub trace: Option<String>,
    /// A session, in the client's terms.
    pub session: Option<String>,
    /// An observation of the trace, in the client's terms.
    pub observation: Option<String>,
}

/// A judgement.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The score.
    pub id: ScoreId,
    /// What it is called by the client, who may send it again.
    pub client_id: Option<String>,
    /// What is judged, such as `helpfulness`.
    pub name: String,
    /// The judgement.
    pub value: ScoreValue,
    /// What it is about.
    pub target: ScoreTarget,
    /// Who judged.
    pub source: ScoreSource,
    /// The id of the person or key that sent it.
    pub author: Option<String>,
    /// What they are called.
    pub author_name: String,
    /// Why.
    pub comment: Option<String>,
    /// The client's environment, such as `production`.
    pub environment: Option<String>,
    /// Whatever else.
    pub metadata: Map<String, Value>,
    /// When it was first given.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Which scores to list. Every field narrows; the default is all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreFilter {
    /// The name, exact.
    pub name: Option<String>,
    /// The kind of value.
    pub data_type: Option<String>,
    /// Who judged.
    pub source: Option<ScoreSource>,
    /// Scores of this call.
    pub call: Option<CallId>,
    /// Scores of this call, its trace and its session.
    pub around: Option<CallId>,
    /// Scores of this version of a prompt.
    pub prompt_version: Option<PromptVersionId>,
    /// Scores of this trace and of what is in it.
    pub trace: Option<String>,
    /// Scores of this session.
    pub session: Option<String>,
    /// Given at or after.
    pub since: Option<Timestamp>,
    /// Given before.
    pub until: Option<Timestamp>,
    /// Just behind this one in the order of the list.
    pub after: Option<(Timestamp, ScoreId)>,
}
