//! Problem details (RFC 9457).

use cp_base::ErrorKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong: `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The problem type: `urn:codepromptu:problem:` and the kind.
    #[schema(example = "urn:codepromptu:problem:invalid-input")]
    pub r#type: String,
    /// The kind, for people.
    #[schema(example = "Invalid input")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    /// What happened, to which input, and what to do next.
    pub detail: String,
    /// The parameter that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// The value that was given for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What would have been valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub valid: Vec<String>,
    /// The parts that are down, when the service is not ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<Failing>,
}

/// A part of the service that is down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failing {
    /// The part: `store`, `pipeline` or `capture_log`.
    pub part: String,
    /// What it said.
    pub detail: String,
}

impl Problem {
    /// A problem of `kind`; `detail` says what happened and what to do next.
    #[must_use]
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        let slug = kind.slug();
        let mut title = slug.replace('-', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self {
            r#type: format!("urn:codepromptu:problem:{slug}"),
            title,
            status: kind.status(),
            detail: detail.into(),
            parameter: None,
            value: None,
            valid: Vec::new(),
            failing: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_kind_and_leaves_out_what_does_not_apply() {
        let json = serde_json::to_value(Problem::new(ErrorKind::NotFound, "There is no such call.")).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:codepromptu:problem:not-found", "title": "Not found", "status": 404,
                "detail": "There is no such call.",
            })
        );
    }
}
