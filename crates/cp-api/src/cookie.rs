//! The cookie of a session: out of reach of scripts, and of requests that other sites make.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::AppendHeaders;
use cp_app::SignedIn;

use crate::access::{SECURE_SESSION_COOKIE, SESSION_COOKIE};

/// The longest that a session can last: the store says when it really ends.
const SECONDS: u32 = 30 * 24 * 3600;

/// Tells the browser to keep a session. A browser that is on a secure connection says so in its `Origin`, which the guard
/// has compared with the host; it is given a cookie that other hosts cannot set and that plain connections do not carry.
pub(crate) fn keep(headers: &HeaderMap, signed_in: &SignedIn) -> [(HeaderName, HeaderValue); 1] {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let token = signed_in.token.expose();
    let text = if origin.starts_with("https://") {
        format!("{SECURE_SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={SECONDS}; Secure")
    } else {
        format!("{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={SECONDS}")
    };
    // Letters and digits always make a header.
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    [(header::SET_COOKIE, value)]
}

/// Tells the browser to forget the session.
pub(crate) fn forget() -> AppendHeaders<[(HeaderName, String); 2]> {
    let gone = |name, more| format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{more}");
    AppendHeaders([
        (header::SET_COOKIE, gone(SESSION_COOKIE, "")),
        (header::SET_COOKIE, gone(SECURE_SESSION_COOKIE, "; Secure")),
    ])
}
