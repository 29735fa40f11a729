//! Errors, before they take a provider's shape.

use serde_json::{Value, json};

/// Whose formats a path speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    Anthropic,
    Gemini,
    Ollama,
}

/// An error that the provider answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) code: Option<&'static str>,
    pub(crate) param: Option<&'static str>,
}

impl Failure {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), code: None, param: None }
    }

    /// The error that `dialect` gives for a status.
    pub(crate) fn of_status(dialect: Dialect, status: u16) -> Self {
        let message = match (dialect, status) {
            (Dialect::OpenAi, 400) => "Invalid value: 'mock'. The request was told to fail.",
            (Dialect::OpenAi, 401) => {
                "Incorrect API key provided: sk-mock. You can find your API key in your account."
            }
            (Dialect::OpenAi, 429) => {
                "Rate limit reached for requests per min (RPM): Limit 3, Used 3, Requested 1."
            }
            (Dialect::OpenAi, 503) => "The server is overloaded or not ready yet.",
            (Dialect::OpenAi, _) => {
                "The server had an error while processing your request. Sorry about that!"
            }
            (Dialect::Anthropic, 400) => "messages: the request was told to fail",
            (Dialect::Anthropic, 401) => "invalid x-api-key",
            (Dialect::Anthropic, 429) => {
                "This request would exceed your organization's rate limit of 50 requests per minute."
            }
            (Dialect::Anthropic, 529) => "Overloaded",
            (Dialect::Anthropic, _) => "Internal server error",
            (Dialect::Gemini, 400) => "Request contains an invalid argument.",
            (Dialect::Gemini, 401 | 403) => "API key not valid. Please pass a valid API key.",
            (Dialect::Gemini, 429) => "You exceeded your current quota, please check your plan.",
            (Dialect::Gemini, 503) => "The model is overloaded. Please try again later.",
            (Dialect::Gemini, _) => "An internal error has occurred.",
            (Dialect::Ollama, 400) => "invalid request",
            (Dialect::Ollama, 503) => "server busy, please try again.  maximum pending requests exceeded",
            (Dialect::Ollama, _) => "an error was encountered while running the model",
        };
        let code = match (dialect, status) {
            (Dialect::OpenAi, 401) => Some("invalid_api_key"),
            (Dialect::OpenAi, 429) => Some("rate_limit_exceeded"),
            _ => None,
        };
        Self { code, ..Self::new(status, message) }
    }

    /// The body, in the provider's shape.
    pub(crate) fn body(&self, dialect: Dialect, request_id: &str) -> Value {
        match dialect {
            Dialect::OpenAi => json!({ "error": {
                "message": self.message,
                "type": openai_type(self.status),
                "param": self.param,
                "code": self.code,
            } }),
            Dialect::Anthropic => json!({
                "type": "error",
                "error": { "type": anthropic_type(self.status), "message": self.message },
                "request_id": request_id,
            }),
            Dialect::Gemini => json!({ "error": {
                "code": self.status,
                "message": self.message,
                "status": google_status(self.status),
            } }),
            Dialect::Ollama => json!({ "error": self.message }),
        }
    }
}

fn openai_type(status: u16) -> &'static str {
    match status {
        429 => "requests",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn google_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}
