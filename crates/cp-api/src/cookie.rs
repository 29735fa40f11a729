//! The cookie of a session: out of reach of scripts, and of requests that other sites make.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::AppendHeaders;
use cp_app::SignedIn;

use crate::access::{SECURE_SESSION_COOKIE, SESSION_COOKIE};

/// The longest that a session can last: the store says when it really ends.
const SECONDS: u32 = 30 * 24 * 3600;
/// The cookie of a browser that is at a provider, and the same where the connection is known to be secure.
const DEPARTURE_COOKIE: &str = "codepromptu_departure";
const SECURE_DEPARTURE_COOKIE: &str = "__Host-codepromptu_departure";
/// How long it may be there.
const DEPARTURE_SECONDS: u32 = 10 * 60;

/// Tells the browser to keep a session. A browser that is on a secure connection says so in its `Origin`, which the guard
/// has compared with the host; it is given a cookie that other hosts cannot set and that plain connections do not carry.
pub(crate) fn keep(headers: &HeaderMap, signed_in: &SignedIn) -> [(HeaderName, HeaderValue); 1] {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    keep_at(Connection::of(origin), signed_in).0
}

/// The same where it is known whether the connection is secure.
pub(crate) fn keep_at(
    connection: Connection,
    signed_in: &SignedIn,
) -> AppendHeaders<[(HeaderName, HeaderValue); 1]> {
    let name = match connection {
        Connection::Secure => SECURE_SESSION_COOKIE,
        Connection::Plain => SESSION_COOKIE,
    };
    AppendHeaders([set(connection, name, signed_in.token.expose(), SECONDS)])
}

/// Whether what passes between a browser and here can be read on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    Plain,
    Secure,
}

impl Connection {
    /// By the URL that a browser uses.
    pub(crate) fn of(url: &str) -> Self {
        if url.starts_with("https://") { Self::Secure } else { Self::Plain }
    }
}

/// Tells the browser to keep what it has to bring back from a provider. A link from there brings it, too.
pub(crate) fn keep_departure(
    connection: Connection,
    kept: &str,
) -> AppendHeaders<[(HeaderName, HeaderValue); 1]> {
    AppendHeaders([set(connection, departure_cookie(connection), kept, DEPARTURE_SECONDS)])
}

/// What the browser brings back from a provider.
pub(crate) fn departure(connection: Connection, headers: &HeaderMap) -> Option<String> {
    let name = departure_cookie(connection);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, kept)| kept.to_owned())
}

/// Tells the browser that there is nothing to bring back any more.
pub(crate) fn forget_departure(connection: Connection) -> AppendHeaders<[(HeaderName, HeaderValue); 1]> {
    AppendHeaders([set(connection, departure_cookie(connection), "", 0)])
}

const fn departure_cookie(connection: Connection) -> &'static str {
    match connection {
        Connection::Secure => SECURE_DEPARTURE_COOKIE,
        Connection::Plain => DEPARTURE_COOKIE,
    }
}

fn set(connection: Connection, name: &str, text: &str, seconds: u32) -> (HeaderName, HeaderValue) {
    let secure = if connection == Connection::Secure { "; Secure" } else { "" };
    let text = format!("{name}={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    // Letters and digits always make a header.
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    (header::SET_COOKIE, value)
}

/// Tells the browser to forget the session.
pub(crate) fn forget() -> AppendHeaders<[(HeaderName, String); 2]> {
    let gone = |name, more| format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{more}");
    AppendHeaders([
        (header::SET_COOKIE, gone(SESSION_COOKIE, "")),
        (header::SET_COOKIE, gone(SECURE_SESSION_COOKIE, "; Secure")),
    ])
}
