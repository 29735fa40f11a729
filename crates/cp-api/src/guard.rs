//! Which requests are answered at all, and the headers that every answer carries.
//!
//! A page on the web can make a browser talk to this machine. Three things keep it out: a request whose `Host` is neither a
//! loopback name nor the site's public one is refused (DNS rebinding), a request that changes something and comes from
//! another origin is refused, and no CORS header is ever sent, so that no foreign page reads an answer.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cp_base::ErrorKind;

use crate::problem::Refusal;
use crate::site::Site;

const FOR_EVERY_ANSWER: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    // For browsers that do not know `frame-ancestors`.
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Set on an answer that says itself how it may be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MayBeKept;

/// The program's own files only, and nothing inline.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A browser that came once by TLS comes by nothing else for a year.
const TRANSPORT_POLICY: &str = "max-age=31536000";

pub(crate) async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    let secure = host(&request).is_some_and(|host| site.is_secure(host));
    let mut response = match refusal(&site, &request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    let may_be_kept = response.extensions().get::<MayBeKept>().is_some();
    let headers = response.headers_mut();
    for (name, value) in FOR_EVERY_ANSWER {
        if may_be_kept && name == header::CACHE_CONTROL {
            continue;
        }
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    if secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TRANSPORT_POLICY));
    }
    response
}

fn refusal(site: &Site, request: &Request) -> Option<Refusal> {
    let host = host(request).unwrap_or_default();
    if !site.answers_to(host) {
        return Some(Refusal::new(
            ErrorKind::Forbidden,
            format!(
                "this API answers to a loopback name or the one in `server.public_url`, and the request says `Host: {host}`; use {}",
                site.public_url().unwrap_or("127.0.0.1")
            ),
        ));
    }
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    (!safe && !is_same_origin(site, request.headers(), host))
        .then(|| Refusal::new(ErrorKind::Forbidden, "a page of another origin may not change anything here"))
}

/// The authority that the client meant: HTTP/2 has it in the URI, HTTP/1.1 in `Host`.
fn host(request: &Request) -> Option<&str> {
    let authority = request.uri().authority().map(|authority| authority.as_str());
    authority.or_else(|| request.headers().get(header::HOST)?.to_str().ok())
}

fn is_same_origin(site: &Site, headers: &HeaderMap, host: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let from_here = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin = headers.get(header::ORIGIN).is_none_or(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        // What comes without TLS may have been changed on its way.
        let plain = origin.strip_prefix("http://").filter(|_| !site.is_secure(host));
        plain.or_else(|| origin.strip_prefix("https://")) == Some(host)
    });
    from_here && origin
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
        refusal(&Site::default(), &request.body(Body::empty()).unwrap()).is_none()
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
    fn the_public_name_is_answered_by_its_own_origin() {
        let site = Site::at("https://prompts.example.com").unwrap();
        let verdict = |method: &str, headers: &[(&str, &str)]| {
            let mut request = Request::builder().method(method).uri("/api/v1/calls");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            refusal(&site, &request.body(Body::empty()).unwrap()).is_none()
        };
        for host in ["prompts.example.com", "PROMPTS.example.com", "prompts.example.com:443", "127.0.0.1"] {
            assert!(verdict("GET", &[("host", host)]), "{host}");
        }
        for host in ["prompts.example.com:80", "prompts.example.com.evil.example", "example.com", ""] {
            assert!(!verdict("GET", &[("host", host)]), "{host}");
        }
        let host = ("host", "prompts.example.com");
        assert!(verdict("POST", &[host, ("origin", "https://prompts.example.com")]));
        for origin in
            ["http://prompts.example.com", "https://evil.example", "https://prompts.example.com:8443", "null"]
        {
            assert!(!verdict("POST", &[host, ("origin", origin)]), "{origin}");
        }
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
