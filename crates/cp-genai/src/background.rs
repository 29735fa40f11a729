//! Responses that are made in the background: the request is answered at once, without output and usage, and both are
//! fetched later, whole or as a stream that is taken up again.
//!
//! OpenAI's and Azure's are at `GET …/responses/{id}`, Google's at `GET …/interactions/{id}`; `POST …/{id}/cancel` answers with
//! the response too (`openai-python` and `python-genai`, 2026-11).

use serde_json::{Map, Value};

use crate::{DecodedCall, UsageSource};

/// What an exchange asks for that fetches a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFetch<'a> {
    /// The provider's id of the response.
    pub id: &'a str,
    /// The path that created it.
    pub created_at: &'a str,
}

impl<'a> ResponseFetch<'a> {
    /// The fetch that a request is; absent where it is something else.
    #[must_use]
    pub fn of(method: &str, path: &'a str) -> Option<Self> {
        let path = path.trim_end_matches('/');
        let path = match method {
            "GET" => path,
            "POST" => path.strip_suffix("/cancel")?,
            _ => return None,
        };
        let (created_at, id) = path.rsplit_once('/')?;
        let is_kept = created_at.ends_with("/responses") || created_at.ends_with("/interactions");
        (is_kept && !id.is_empty()).then_some(Self { id, created_at })
    }
}

impl DecodedCall {
    /// Whether the client, or the provider where the request is not known, says that it is made in the background.
    #[must_use]
    pub fn in_background(&self) -> bool {
        let said = |fields: &Map<String, Value>| fields.get("background") == Some(&Value::Bool(true));
        said(&self.parameters) || said(&self.response_extra)
    }

    /// Whether it has ended, and the provider has counted its tokens.
    #[must_use]
    pub fn is_accounted(&self) -> bool {
        let counted = self.usage.as_ref().is_some_and(|usage| usage.source == UsageSource::Reported);
        counted && !self.finish_reasons.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_is_known_by_its_path() {
        let fetch = |id, created_at| Some(ResponseFetch { id, created_at });
        for (line, expected) in [
            ("GET /v1/responses/resp_1", fetch("resp_1", "/v1/responses")),
            ("GET /v1/responses/resp_1/", fetch("resp_1", "/v1/responses")),
            ("GET /openai/v1/responses/resp_1", fetch("resp_1", "/openai/v1/responses")),
            ("GET /openai/responses/resp_1", fetch("resp_1", "/openai/responses")),
            ("POST /v1/responses/resp_1/cancel", fetch("resp_1", "/v1/responses")),
            ("GET /v1beta/interactions/v1_1", fetch("v1_1", "/v1beta/interactions")),
            ("GET /v1/responses", None),
            ("GET /v1/responses/", None),
            ("GET /v1/responses/resp_1/input_items", None),
            ("DELETE /v1/responses/resp_1", None),
            ("POST /v1/responses/compact", None),
            ("POST /v1/responses", None),
            ("GET /v1/batches/batch_1", None),
        ] {
            let (method, path) = line.split_once(' ').unwrap();
            assert_eq!(ResponseFetch::of(method, path), expected, "{line}");
        }
    }
}
