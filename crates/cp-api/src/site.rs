//! Under which names this installation is reached.

use std::net::IpAddr;

use axum::http::Uri;
use axum::http::uri::{Authority, Scheme};

/// The names under which the API answers: the loopback ones always, and a public one where it is told.
#[derive(Clone, Debug, Default)]
pub struct Site {
    public: Option<Public>,
}

#[derive(Clone, Debug)]
struct Public {
    url: String,
    authority: Authority,
    scheme: Scheme,
}

/// A public URL that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is not a public URL: {reason}")]
pub struct SiteError {
    url: String,
    reason: &'static str,
}

impl Site {
    /// A site that people reach at `public_url`: a scheme and a host, with a port where it is not the scheme's own.
    pub fn at(public_url: &str) -> Result<Self, SiteError> {
        let error = |reason| SiteError { url: public_url.to_owned(), reason };
        let uri: Uri = public_url.parse().map_err(|_| error("write it like https://prompts.example.com"))?;
        let scheme = uri.scheme().filter(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
        let scheme = scheme.cloned().ok_or_else(|| error("it must begin with https:// or http://"))?;
        let authority = uri.authority().cloned().ok_or_else(|| error("it names no host"))?;
        if authority.as_str().contains('@') || uri.path() != "/" || uri.query().is_some() {
            return Err(error("only a host belongs into it, and perhaps a port"));
        }
        let url = public_url.trim_end_matches('/').to_owned();
        Ok(Self { public: Some(Public { url, authority, scheme }) })
    }

    /// The public URL, without a slash at its end.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.public.as_ref().map(|public| public.url.as_str())
    }

    /// The URL under which a request for this host came, without a slash at its end.
    pub(crate) fn base(&self, host: &str) -> String {
        self.public_named(host).map_or_else(|| format!("http://{host}"), |public| public.url.clone())
    }

    /// Whether a request for this host is ours.
    pub(crate) fn answers_to(&self, host: &str) -> bool {
        is_loopback(host) || self.public_named(host).is_some()
    }

    /// Whether this host is reached by TLS alone.
    pub(crate) fn is_secure(&self, host: &str) -> bool {
        self.public_named(host).is_some_and(|public| public.scheme == Scheme::HTTPS)
    }

    fn public_named(&self, host: &str) -> Option<&Public> {
        let host: Authority = host.parse().ok().filter(|_| !host.contains('@'))?;
        self.public.as_ref().filter(|public| {
            let port = |authority: &Authority| {
                authority.port_u16().unwrap_or(if public.scheme == Scheme::HTTPS { 443 } else { 80 })
            };
            host.host().eq_ignore_ascii_case(public.authority.host())
                && port(&host) == port(&public.authority)
        })
    }
}

/// Whether an authority names this machine by one of its loopback names.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_public_url_says_why() {
        for (url, reason) in [
            ("prompts.example.com", "https://"),
            ("ftp://prompts.example.com", "https://"),
            ("https://prompts.example.com/codepromptu", "only a host"),
            ("https://me:secret@prompts.example.com", "only a host"),
            ("https://", "write it like"),
        ] {
            let error = Site::at(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_port_is_the_schemes_own_where_none_is_written() {
        let site = Site::at("http://gateway.internal:8080/").unwrap();
        assert_eq!(site.public_url(), Some("http://gateway.internal:8080"));
        assert!(site.answers_to("gateway.internal:8080") && !site.answers_to("gateway.internal"));
        assert!(!site.is_secure("gateway.internal:8080"));
    }
}
