//! Why a request goes to no provider, as far as its head tells.

use http::request;
use hyper::body::{Body, Incoming};

use crate::failure::Failure;
use crate::headers;
use crate::snapshot::{Limits, Upstream};

/// How often a path is decoded in search of what climbs: servers behind servers each decode once.
const DECODINGS: usize = 3;

/// What speaks against passing a request on to `upstream`, where it would get `path`.
pub(crate) fn objection(
    head: &request::Parts,
    body: &Incoming,
    path: &str,
    upstream: &Upstream,
    limits: &Limits,
) -> Option<Failure> {
    if let Some(host) = headers::foreign_page(&head.headers, &head.uri).filter(|_| upstream.is_local()) {
        return Some(Failure::ForeignPage { host });
    }
    if let Some(destination) = headers::browser_destination(&head.headers) {
        return Some(Failure::BrowserPage { destination });
    }
    if climbs(path) {
        return Some(Failure::ClimbingPath);
    }
    if let Some(coding) = headers::transfer_coding(&head.headers) {
        return Some(Failure::TransferCoding { coding });
    }
    let declared = body.size_hint().exact();
    if let Some(limit) = limits.max_request_bytes.filter(|limit| declared > Some(*limit)) {
        return Some(Failure::RequestTooLarge { limit });
    }
    let websocket = || headers::wanted_upgrade(&head.headers).is_some_and(|protocol| protocol == "websocket");
    (path.ends_with("/v1/responses") && websocket()).then_some(Failure::WebSocketUnsupported)
}

/// Whether a path leads out of where it begins: a segment of two dots, however it is encoded. Behind the base path of an
/// upstream it would reach what that base path keeps apart.
fn climbs(path: &str) -> bool {
    let mut text = path.to_owned();
    for _ in 0..DECODINGS {
        // Some servers take a backslash for a slash, and some cut a segment off at a semicolon.
        let mut segments = text.split(['/', '\\']).map(|segment| segment.split(';').next());
        if segments.any(|segment| segment == Some("..")) {
            return true;
        }
        if !text.contains('%') {
            return false;
        }
        text = headers::percent_decoded(&text);
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_dots_are_found_in_any_writing() {
        for path in [
            "/..",
            "/v1/../admin",
            "/v1/%2e%2e/admin",
            "/v1/.%2E/admin",
            "/v1/%252e%252e/admin",
            "/v1/..%2fadmin",
            "/v1/..%5cadmin",
            "/v1/..\\admin",
            "/v1/..;a=b/admin",
            "/v1/..%3b/admin",
        ] {
            assert!(climbs(path), "{path}");
        }
    }

    #[test]
    fn dots_that_are_names_pass() {
        for path in [
            "/v1/models/gpt-4..1",
            "/v1/files/a%2Fb",
            "/v1/...",
            "/v1/.well-known/x",
            "/v1beta/models/gemini-2.5-pro:generateContent",
            "/v1/50%",
            "/v1/%zz",
        ] {
            assert!(!climbs(path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_gets_a_verdict(path in "(/|%|2|e|E|f|5|c|\\.|;|é|[a-z]){0,40}") {
            let climbing = format!("{path}/../x");
            prop_assert!(climbs(&climbing));
            climbs(&path);
        }
    }
}
