//! The connections to providers.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::TryFutureExt;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::tee::RequestTee;

/// Idle connections kept for each host. Many, since a new TLS connection costs a client two round trips.
const IDLE_CONNECTIONS: usize = 1024;
const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// A pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct UpstreamClient {
    client: Client<TimedConnector, RequestTee>,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of certificate authorities is of no use.
    #[error("the certificate authorities in {path} cannot be read; it must be a PEM file")]
    CaFile {
        /// The file.
        path: String,
        /// The reader's error.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The TLS library refuses the settings.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

impl UpstreamClient {
    /// A pool that trusts the system's certificate authorities, the public ones where the system has none, and those in
    /// `ca_file`. It speaks HTTP/1.1, a connection for each call under way, unless `http2` is wanted: then one
    /// connection carries all calls (by ALPN over TLS, by prior knowledge without).
    pub fn new(connect_timeout: Duration, http2: bool, ca_file: Option<&Path>) -> Result<Self, ClientError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots(ca_file)?)
            .with_no_client_auth();
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let https = if http2 { https.enable_http2().wrap_connector(tcp) } else { https.wrap_connector(tcp) };
        let connector = TimedConnector { inner: https, timeout: connect_timeout };
        Ok(Self { client: Self::pool(connector, http2) })
    }

    #[expect(clippy::disallowed_methods, reason = "the gateway is where the client to providers is made")]
    fn pool(connector: TimedConnector, http2: bool) -> Client<TimedConnector, RequestTee> {
        Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_preserve_header_case(true)
            .http2_only(http2)
            .http2_adaptive_window(true)
            .build(connector)
    }

    pub(crate) async fn send(&self, request: Request<RequestTee>) -> Result<Response<Incoming>, Error> {
        self.client.request(request).await
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self::new(Duration::from_secs(1), false, None).unwrap()
    }
}

impl fmt::Debug for UpstreamClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpstreamClient")
    }
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = ca_file {
        let error = |source| ClientError::CaFile { path: path.display().to_string(), source };
        for certificate in CertificateDer::pem_file_iter(path).map_err(error)? {
            roots.add(certificate.map_err(error)?)?;
        }
    }
    Ok(roots)
}

/// Bounds the whole of a connection's making: look-up, TCP and TLS.
#[derive(Clone)]
struct TimedConnector {
    inner: HttpsConnector<HttpConnector>,
    timeout: Duration,
}

type Connecting<T> =
    Pin<Box<dyn Future<Output = Result<T, Box<dyn std::error::Error + Send + Sync>>> + Send>>;

impl tower_service::Service<Uri> for TimedConnector {
    type Response = <HttpsConnector<HttpConnector> as tower_service::Service<Uri>>::Response;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.timeout, self.inner.call(uri));
        Box::pin(
            connecting
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut).into())
                .and_then(std::future::ready),
        )
    }
}
