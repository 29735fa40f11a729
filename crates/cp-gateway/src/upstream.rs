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
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;

use crate::reach::{Reach, Resolver};
use crate::tee::RequestTee;

const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// Makes connections. Cheap to clone.
#[derive(Clone)]
pub struct UpstreamClient {
    pub(crate) connector: TimedConnector,
    /// Present where HTTP/2 is spoken: one connection then carries all calls.
    pub(crate) http2: Option<Http2Client>,
}

pub(crate) type Http2Client = Client<TimedConnector, RequestTee>;

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
    /// A client that trusts the system's certificate authorities, the public ones where the system has none, and those
    /// in `ca_file`. It speaks HTTP/1.1, a connection for each call under way, unless `http2` is wanted: then one
    /// connection carries all calls (by ALPN over TLS, by prior knowledge without).
    ///
    /// It is for what the operator wrote: see [`Reach::Private`].
    pub fn new(connect_timeout: Duration, http2: bool, ca_file: Option<&Path>) -> Result<Self, ClientError> {
        Self::within(Reach::Private, connect_timeout, http2, ca_file)
    }

    /// A client that connects to addresses within `reach` only.
    pub fn within(
        reach: Reach,
        connect_timeout: Duration,
        http2: bool,
        ca_file: Option<&Path>,
    ) -> Result<Self, ClientError> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new(reach));
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
        let connector = TimedConnector { inner: https, reach, timeout: connect_timeout };
        let http2 = http2.then(|| Self::http2(connector.clone()));
        Ok(Self { connector, http2 })
    }

    /// What makes its connections, for other clients of this program.
    #[must_use]
    pub fn connector(&self) -> TimedConnector {
        self.connector.clone()
    }

    #[expect(clippy::disallowed_methods, reason = "the gateway is where the client to providers is made")]
    fn http2(connector: TimedConnector) -> Http2Client {
        Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION_TIMEOUT)
            .http2_only(true)
            .http2_adaptive_window(true)
            .build(connector)
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

/// Bounds a connection's making: where it leads, and the time of look-up, TCP and TLS together.
#[derive(Clone)]
pub struct TimedConnector {
    inner: HttpsConnector<HttpConnector<Resolver>>,
    reach: Reach,
    timeout: Duration,
}

pub(crate) type Connecting<T> =
    Pin<Box<dyn Future<Output = Result<T, Box<dyn std::error::Error + Send + Sync>>> + Send>>;

impl tower_service::Service<Uri> for TimedConnector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if let Err(forbidden) = self.reach.check_written(&uri) {
            return Box::pin(std::future::ready(Err(forbidden.into())));
        }
        let connecting = tokio::time::timeout(self.timeout, self.inner.call(uri));
        Box::pin(
            connecting
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut).into())
                .and_then(std::future::ready),
        )
    }
}
