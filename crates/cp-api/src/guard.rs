//! Security of a loopback API without a login, and the headers that every answer carries.
//!
//! A page on the web can make a browser talk to this machine. Three things keep it out: a request whose `Host` is not a
//! loopback name is refused (DNS rebinding), a request that changes something and comes from another origin is refused,
//! and no CORS header is ever sent, so that no foreign page reads an answer.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cp_base::ErrorKind;

use crate::problem::Refusal;

const FOR_EVERY_ANSWER: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// The page's own files only. Swagger UI alone needs inline styles.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let policy = if request.uri().path().starts_with("/docs") { DOCS_POLICY } else { PAGE_POLICY };
    let mut response = match refusal(&request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in FOR_EVERY_ANSWER {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

fn refusal(request: &Request) -> Option<Refusal> {
    let host = host(request).unwrap_or_default();
    if !is_loopback(host) {
        return Some(Refusal::new(
            ErrorKind::Forbidden,
            format!(
                "this API answers on a loopback name only, and the request says `Host: {host}`; use 127.0.0.1"
            ),
        ));
    }
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    (!safe && !is_same_origin(request.headers(), host))
        .then(|| Refusal::new(ErrorKind::Forbidden, "a page of another origin may not change anything here"))
}

/// The authority that the client meant: HTTP/2 has it in the URI, HTTP/1.1 in `Host`.
fn host(request: &Request) -> Option<&str> {
    let authority = request.uri().authority().map(|authority| authority.as_str());
    authority.or_else(|| request.headers().get(header::HOST)?.to_str().ok())
}

fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<axum::http::uri::Authority>() else { return false };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_same_origin(headers: &HeaderMap, host: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin = headers.get(header::ORIGIN).is_none_or(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host)
    });
    site && origin
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn verdict(method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/api/v1/calls");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        refusal(&request.body(Body::empty()).unwrap()).is_none()
    }

    #[test]
    fn only_loopback_names_are_answered() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080"] {
            assert!(verdict("GET", &[("host", host)]), "{host}");
        }
        for host in
            ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "a@b@c"]
        {
            assert!(!verdict("GET", &[("host", host)]), "{host}");
        }
        assert!(!verdict("GET", &[]));
    }

    #[test]
    fn another_origin_reads_nothing_and_changes_nothing() {
        let host = ("host", "127.0.0.1:8080");
        assert!(verdict("POST", &[host]));
        assert!(verdict(
            "POST",
            &[host, ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")]
        ));
        assert!(!verdict("POST", &[host, ("origin", "http://127.0.0.1:9090")]));
        assert!(!verdict("DELETE", &[host, ("origin", "null")]));
        assert!(!verdict("POST", &[host, ("sec-fetch-site", "cross-site")]));
        assert!(verdict("GET", &[host, ("origin", "http://evil.example")]));
    }
}
