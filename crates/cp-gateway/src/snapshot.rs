//! What the gateway knows: an immutable value, replaced whole.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cp_genai::Family;
use cp_redact::CapturePolicies;
use http::header::HeaderValue;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};

use crate::pool::{Pool, SendError, UpstreamBody};
use crate::project::Projects;
use crate::tee::RequestTee;
use crate::upstream::Http2Client;
use crate::{UpstreamClient, headers};

/// Everything that the gateway decides from.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Whose calls these can be.
    pub projects: Arc<Projects>,
    /// The upstreams by name: the first segment of the path.
    pub upstreams: BTreeMap<Arc<str>, Arc<Upstream>>,
    /// What is captured of any call.
    pub capture: CaptureLimits,
    /// What projects want captured of theirs.
    pub policies: Arc<CapturePolicies>,
    /// Time-outs and sizes.
    pub limits: Limits,
}

/// How much can be captured, and what happens when nothing can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureLimits {
    /// Bytes of each body that are kept; what is longer passes and is marked truncated.
    pub max_body_bytes: usize,
    /// What a call meets when the log has no room.
    pub on_full: OnFull,
}

/// What a call meets when the capture log has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFull {
    /// Traffic first: the call passes uncaptured, and the loss is counted.
    Forward,
    /// Evidence first: the call is refused with 503.
    Reject,
}

/// Time-outs and sizes. A stream as a whole has no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the end of the request's upload to the response's head.
    pub first_byte_timeout: Duration,
    /// Between two chunks of a response.
    pub idle_timeout: Duration,
    /// The largest request body that is passed on.
    pub max_request_bytes: Option<u64>,
}

/// Where the calls of one provider go.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// How its errors read.
    pub family: Family,
    connections: Connections,
    scheme: Scheme,
    authority: Authority,
    prefix: String,
}

#[derive(Clone)]
enum Connections {
    Http1(Arc<Pool>),
    Http2(Box<Http2Client>),
}

/// Why a base URL is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{base_url}` is not a base URL: {reason}")]
pub struct UpstreamError {
    base_url: String,
    reason: &'static str,
}

impl Upstream {
    /// An upstream at `base_url`: `http` or `https`, a host, and perhaps a path that is put before that of each call.
    pub fn new(family: Family, base_url: &str, client: UpstreamClient) -> Result<Self, UpstreamError> {
        let error = |reason| UpstreamError { base_url: base_url.to_owned(), reason };
        let uri: Uri = base_url.parse().map_err(|_| error("write it like https://api.example.com/v1"))?;
        let scheme = uri.scheme().cloned().ok_or_else(|| error("it must begin with http:// or https://"))?;
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(error("only http:// and https:// are known"));
        }
        if uri.query().is_some() {
            return Err(error("a query does not belong here; it is taken from each call"));
        }
        let authority = uri.authority().cloned().ok_or_else(|| error("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(error("credentials do not belong here; each client sends its own"));
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        let connections = match client.http2 {
            Some(http2) => Connections::Http2(Box::new(http2)),
            None => {
                let host = HeaderValue::from_str(host(&scheme, &authority))
                    .map_err(|_| error("its host cannot be named in a header"))?;
                Connections::Http1(Arc::new(Pool::new(client.connector, uri, host)))
            }
        };
        Ok(Self { family, connections, scheme, authority, prefix })
    }

    /// Sends a request whose URI is one of [`Self::uri`], and waits for the head of the response.
    pub(crate) async fn send(
        &self,
        request: Request<RequestTee>,
    ) -> Result<Response<UpstreamBody>, SendError> {
        match &self.connections {
            Connections::Http1(pool) => pool.send(request).await,
            Connections::Http2(client) => Ok(client.request(request).await?.map(UpstreamBody::driven)),
        }
    }

    /// Closes the connections that nobody has used for a while.
    pub(crate) fn close_idle(&self) {
        if let Connections::Http1(pool) = &self.connections {
            pool.close_idle();
        }
    }

    /// The host, and the port where one is written.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Whether it is on this machine, where it may want no key.
    pub(crate) fn is_local(&self) -> bool {
        headers::is_loopback(self.authority())
    }

    /// The URI of a call, its path and query as the client wrote them.
    pub(crate) fn uri(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        let separator = if path_and_query.starts_with('/') { "" } else { "/" };
        let path: PathAndQuery = format!("{}{separator}{path_and_query}", self.prefix).parse()?;
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1(_) => "HTTP/1.1",
            Self::Http2(_) => "HTTP/2",
        })
    }
}

/// The host as a `Host` header names it: the port of the scheme is left out (RFC 9110, section 7.2).
fn host<'a>(scheme: &Scheme, authority: &'a Authority) -> &'a str {
    let default = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    if authority.port_u16() == Some(default) { authority.host() } else { authority.as_str() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(base_url: &str) -> Result<Upstream, UpstreamError> {
        Upstream::new(Family::OpenAi, base_url, UpstreamClient::for_tests())
    }

    #[test]
    fn a_path_is_put_behind_the_base_as_it_came() {
        let with_prefix = upstream("https://example.com:8443/openai/").unwrap();
        let uri = with_prefix.uri("/v1/a%2Fb//c?q=%20&q").unwrap();
        assert_eq!(uri, "https://example.com:8443/openai/v1/a%2Fb//c?q=%20&q");
        assert_eq!(upstream("http://h").unwrap().uri("?x").unwrap(), "http://h/?x");
    }

    #[test]
    fn a_bad_base_url_says_why() {
        for (base_url, reason) in [
            ("api.example.com", "http://"),
            ("ftp://example.com", "only http"),
            ("https://example.com?key=1", "query"),
            ("https://me:secret@example.com", "credentials"),
        ] {
            let error = upstream(base_url).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
