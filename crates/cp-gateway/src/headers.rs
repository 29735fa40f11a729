//! Which headers pass, which are kept, and which are secret.

use std::net::IpAddr;

use cp_base::SealingKey;
use http::Uri;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;

/// Headers that speak of one connection (RFC 9110, section 7.6.1) or that the next hop writes anew.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Where clients put their credential. Never kept.
pub(crate) const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// How the names of query parameters that hold a credential end: `key`, `api-key`, `access_token`, `X-Amz-Signature`.
const CREDENTIAL_ENDINGS: [&str; 8] =
    ["auth", "credential", "key", "password", "secret", "sig", "signature", "token"];

/// Headers that tell something of a call. A list of what is kept, not of what is dropped: an unknown header may hold a
/// secret.
const KEPT: [&str; 20] = [
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "content-encoding",
    "content-length",
    "content-type",
    "http-referer",
    "openai-beta",
    "openai-model",
    "openai-organization",
    "openai-processing-ms",
    "openai-project",
    "openai-version",
    "request-id",
    "retry-after",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-request-id",
    "x-title",
];

const KEPT_PREFIXES: [&str; 4] =
    ["anthropic-ratelimit-", "x-ratelimit-", "x-stainless-", "x-envoy-upstream-"];

/// The longest text that is kept of a header's value, a path or a query: a record is bounded, whatever a client sends.
const MAX_KEPT: usize = 1024;

/// The first part of a text, whole characters.
pub(crate) fn clipped(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_KEPT)).unwrap_or_default().to_owned()
}

/// Removes what belongs to the connection it came on. `TE: trailers` stays: it is what lets trailers through.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // The length of a message that comes in chunks is what its chunks add up to (RFC 9112, section 6.3).
        headers.remove(header::CONTENT_LENGTH);
    }
    let named = connection_options(headers);
    for name in named.iter().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()) {
        if name != header::TE {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    let trailers =
        headers.get_all(header::TE).iter().any(|value| tokens(value).any(|token| token == "trailers"));
    headers.remove(header::TE);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// A transfer coding other than chunks, which only the server that received it could undo (RFC 9112, section 6.1).
pub(crate) fn transfer_coding(headers: &HeaderMap) -> Option<String> {
    headers.get_all(header::TRANSFER_ENCODING).iter().flat_map(tokens).find(|coding| coding != "chunked")
}

/// The protocol that an `Upgrade` asks for, where the `Connection` header means it. `h2c` is left to the next hop.
pub(crate) fn wanted_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let upgrade = headers.get(header::UPGRADE)?;
    let meant = connection_options(headers).iter().any(|option| option == "upgrade");
    (meant && !tokens(upgrade).any(|protocol| protocol == "h2c")).then(|| upgrade.clone())
}

/// The host under which a browser's page reached us, where it is none of this machine's own names. Such a page may be
/// anybody's (DNS rebinding), and the provider cannot tell: it gets its own host name from us. Programs send neither
/// header that gives a page away.
pub(crate) fn foreign_page(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let is_page = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or(uri.authority().map(Authority::as_str)).unwrap_or_default();
    (is_page && !is_loopback(host)).then(|| host.to_owned())
}

/// What a browser would make of the answer, where that is more than data or a WebSocket for a script that asked: a page, a
/// script, a style. Programs do not send the header (W3C, Fetch Metadata Request Headers).
pub(crate) fn browser_destination(headers: &HeaderMap) -> Option<String> {
    let destination = headers.get("sec-fetch-dest")?.to_str().unwrap_or_default();
    (!matches!(destination, "empty" | "websocket")).then(|| destination.to_owned())
}

/// Whether `host`, with or without a port, is this machine by one of its loopback names.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name =
        host.parse::<Authority>().map(|authority| authority.host().to_ascii_lowercase()).unwrap_or_default();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || name.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn connection_options(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(header::CONNECTION).iter().flat_map(tokens).collect()
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = String> {
    let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
    text.split(',').map(|token| token.trim().to_owned()).collect::<Vec<_>>().into_iter()
}

/// The headers worth keeping with a call.
pub(crate) fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let keeps = |name: &str| {
        KEPT.binary_search(&name).is_ok() || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    headers
        .iter()
        .filter(|(name, _)| keeps(name.as_str()))
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

/// A keyed fingerprint of the client's credential: tells clients apart, and cannot be turned back.
pub(crate) fn fingerprint(key: &SealingKey, headers: &HeaderMap, query: Option<&str>) -> Option<[u8; 16]> {
    let in_header = CREDENTIALS.iter().find_map(|name| headers.get(*name)).map(HeaderValue::as_bytes);
    let in_query = || {
        pairs(query?).find(|(name, _)| is_credential(name)).and_then(|(_, value)| value).map(str::as_bytes)
    };
    let credential = in_header.or_else(in_query)?;
    let bare = match credential.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer ") => rest,
        _ => credential,
    };
    Some(key.fingerprint(bare))
}

/// The query as it may be stored: the values of credentials replaced.
pub(crate) fn redacted_query(query: &str) -> String {
    let redacted = |(name, value): (&str, Option<&str>)| match value {
        Some(_) if is_credential(name) => format!("{name}=REDACTED"),
        Some(value) => format!("{name}={value}"),
        None => name.to_owned(),
    };
    clipped(&pairs(query).map(redacted).collect::<Vec<_>>().join("&"))
}

pub(crate) fn is_credential(parameter: &str) -> bool {
    let name = percent_decoded(parameter).to_ascii_lowercase();
    CREDENTIAL_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// A name or value as the provider reads it: a letter may be written as `%6B`.
pub(crate) fn percent_decoded(name: &str) -> String {
    let mut pieces = name.split('%');
    let mut decoded = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let byte = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => {
                decoded.push(byte);
                decoded.extend_from_slice(piece.as_bytes().get(2..).unwrap_or_default());
            }
            None => decoded.extend_from_slice(piece.as_bytes()),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn kept_names_are_sorted_for_the_search() {
        assert!(KEPT.is_sorted());
    }

    #[test]
    fn what_belongs_to_the_connection_stays_behind() {
        let mut passing = headers(&[
            ("connection", "close, X-Private, TE"),
            ("x-private", "1"),
            ("te", "gzip, trailers"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("x-public", "2"),
        ]);
        strip_hop_by_hop(&mut passing);
        assert_eq!(passing, headers(&[("x-public", "2"), ("te", "trailers")]));
    }

    #[test]
    fn only_a_meant_upgrade_counts() {
        let websocket = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(wanted_upgrade(&websocket).unwrap(), "websocket");
        assert_eq!(wanted_upgrade(&headers(&[("upgrade", "websocket")])), None);
        assert_eq!(
            wanted_upgrade(&headers(&[("connection", "upgrade, http2-settings"), ("upgrade", "h2c")])),
            None
        );
    }

    #[test]
    fn credentials_are_fingerprinted_and_not_kept() {
        let key = SealingKey::new([1; 32]);
        let bearer = headers(&[("authorization", "Bearer sk-1"), ("user-agent", "x"), ("cookie", "c")]);
        let plain = headers(&[("x-api-key", "sk-1")]);
        assert_eq!(kept(&bearer), [("user-agent".to_owned(), "x".to_owned())]);
        let fingerprint_of = |headers: &HeaderMap, query| fingerprint(&key, headers, query);
        assert_eq!(fingerprint_of(&bearer, None), fingerprint_of(&plain, None));
        assert_eq!(
            fingerprint_of(&bearer, None),
            fingerprint_of(&HeaderMap::new(), Some("alt=sse&key=sk-1"))
        );
        assert_eq!(fingerprint_of(&HeaderMap::new(), Some("alt=sse")), None);
    }

    #[test]
    fn a_page_by_another_name_is_foreign() {
        let uri = Uri::from_static("/ollama/api/tags");
        let page = |host| foreign_page(&headers(&[("host", host), ("sec-fetch-site", "same-origin")]), &uri);
        assert_eq!(page("evil.example:8080").as_deref(), Some("evil.example:8080"));
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "app.localhost"] {
            assert_eq!(page(host), None, "{host}");
        }
        assert_eq!(foreign_page(&headers(&[("host", "gateway.internal")]), &uri), None, "a program");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        assert_eq!(clipped(&"é".repeat(600)).len(), MAX_KEPT);
        assert_eq!(clipped(&format!("x{}", "é".repeat(600))).len(), MAX_KEPT - 1);
        assert_eq!(clipped("short"), "short");
    }

    #[test]
    fn queries_lose_their_secrets_only() {
        assert_eq!(redacted_query("alt=sse&key=AIza&x"), "alt=sse&key=REDACTED&x");
        for secret in ["apikey=1", "Subscription-Key=1", "%6Bey=1", "access_token=1", "X-Amz-Signature=1"] {
            assert!(redacted_query(secret).ends_with("=REDACTED"), "{secret}");
        }
        assert_eq!(redacted_query("model=a%2&keyword=b"), "model=a%2&keyword=b");
    }
}
