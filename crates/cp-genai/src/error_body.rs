//! Errors that the gateway answers itself, in the shape of the provider whose client reads them.
//!
//! The official SDKs choose an exception by the status and fill it from the body, so both have to fit.

use serde_json::{Value, json};

use crate::Family;

impl Family {
    /// The body of an error, as this family's providers write it (`application/json`).
    ///
    /// `code` is the gateway's own code, such as `upstream_unreachable`. Families that have no field for it, or for
    /// `request_id`, leave it to the response's headers.
    #[must_use]
    pub fn error_body(self, status: u16, code: &str, message: &str, request_id: &str) -> Vec<u8> {
        let body = match self {
            Self::OpenAi => {
                json!({ "error": { "message": message, "type": openai_type(status), "param": null, "code": code } })
            }
            Self::Anthropic => json!({
                "type": "error",
                "error": { "type": anthropic_type(status), "message": message },
                "request_id": request_id,
            }),
            Self::Gemini => json!({ "error": {
                "code": status,
                "message": message,
                "status": google_status(status),
                "details": [
                    { "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "codepromptu" },
                    { "@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": request_id },
                ],
            } }),
            Self::Ollama => json!({ "error": message }),
        };
        Value::to_string(&body).into_bytes()
    }
}

/// `error.type` of OpenAI's API.
const fn openai_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

/// `error.type` of Anthropic's API (<https://platform.claude.com/docs/en/api/errors>).
const fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        408 | 504 => "timeout_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// `error.status` of Google's APIs (google.rpc.Code).
const fn google_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 => "UNAVAILABLE",
        408 | 504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(family: Family, status: u16) -> Value {
        serde_json::from_slice(&family.error_body(status, "some_code", "It \"failed\".", "call_1")).unwrap()
    }

    #[test]
    fn openai_errors_have_all_four_fields() {
        let expected = json!({ "error": {
            "message": "It \"failed\".", "type": "server_error", "param": null, "code": "some_code",
        } });
        assert_eq!(body(Family::OpenAi, 502), expected);
        assert_eq!(body(Family::OpenAi, 413)["error"]["type"], "invalid_request_error");
    }

    #[test]
    fn anthropic_errors_are_typed_by_status() {
        let expected = [
            (400, "invalid_request_error"),
            (404, "not_found_error"),
            (413, "request_too_large"),
            (502, "api_error"),
            (503, "overloaded_error"),
            (504, "timeout_error"),
        ];
        for (status, kind) in expected {
            let body = body(Family::Anthropic, status);
            assert_eq!(body["error"]["type"], kind);
            assert_eq!((&body["type"], &body["request_id"]), (&json!("error"), &json!("call_1")));
        }
    }

    #[test]
    fn google_and_ollama_errors() {
        let google = body(Family::Gemini, 504);
        assert_eq!(google["error"]["code"], 504);
        assert_eq!(google["error"]["status"], "DEADLINE_EXCEEDED");
        assert_eq!(google["error"]["details"][0]["reason"], "some_code");
        assert_eq!(body(Family::Ollama, 502), json!({ "error": "It \"failed\"." }));
    }
}
