//! The error of a response, in any of the shapes that providers use.

use serde_json::Value;

use super::fields::{Object, keep_said, put_rest, string, text};
use crate::ProviderError;

/// Takes the error out of a response: the field `error`, or the whole body of one that failed.
pub(super) fn take(response: &mut Object, status: Option<u16>) -> Option<ProviderError> {
    match response.remove("error") {
        Some(Value::Object(mut error)) => {
            let taken = read(&mut error);
            put_rest(response, "error", error);
            Some(taken)
        }
        Some(Value::String(message)) => Some(ProviderError { kind: None, message, code: None }),
        Some(other) if !other.is_null() => {
            Some(ProviderError { kind: None, message: other.to_string(), code: None })
        }
        _ if is_failure(status) => Some(read(response)),
        _ => None,
    }
}

/// The error of a call that is passed through unread.
pub(super) fn of_opaque(body: &[u8], status: Option<u16>) -> Option<ProviderError> {
    if body.is_empty() || !is_failure(status) {
        return None;
    }
    match serde_json::from_slice::<Object>(body) {
        Ok(mut response) => take(&mut response, status),
        Err(_) => from_text(body, status),
    }
}

/// The error of a response that failed with something other than JSON, such as a proxy's HTML page.
pub(super) fn from_text(body: &[u8], status: Option<u16>) -> Option<ProviderError> {
    const LONGEST_CHARS: usize = 1_000;
    let message: String = String::from_utf8_lossy(body).trim().chars().take(LONGEST_CHARS).collect();
    is_failure(status).then_some(ProviderError { kind: None, message, code: None })
}

fn is_failure(status: Option<u16>) -> bool {
    status.is_some_and(|status| status >= 400)
}

fn read(error: &mut Object) -> ProviderError {
    let kind = text(error, "type").or_else(|| text(error, "status"));
    // A number here is an HTTP status (Google, OpenRouter), and as good as a text.
    let code = match error.remove("code") {
        Some(Value::String(code)) => Some(code),
        Some(Value::Number(code)) => Some(code.to_string()),
        _ => None,
    };
    let message = string(error, "message").or_else(|| string(error, "detail"));
    let message = message.unwrap_or_else(|| {
        keep_said(error);
        Value::Object(std::mem::take(error)).to_string()
    });
    ProviderError { kind, message, code }
}
