//! The listening side: sockets, TLS, HTTP/1.1 and HTTP/2, and an orderly end.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections open at a time; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 16_384;
/// How long a connection may take over a TLS handshake or a request's head, and lie idle between requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// What is waited when the process has no descriptor left for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has it.
    #[error("{0} is in use by another program; stop that one, or choose another address with --listen")]
    InUse(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {address}")]
    Other {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is of no use.
    #[error("{path} cannot be read as PEM")]
    File {
        /// The file.
        path: String,
        /// The reader's error.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not go together, or are of no use.
    #[error("the certificate and its key are not accepted")]
    Identity(#[from] rustls::Error),
}

/// The certificate that clients are shown.
#[derive(Clone)]
pub struct TlsIdentity(TlsAcceptor);

impl TlsIdentity {
    /// Reads a chain of certificates and its private key, both PEM.
    pub fn from_files(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        let error = |path: &Path| {
            let path = path.display().to_string();
            move |source| TlsError::File { path, source }
        };
        let chain = CertificateDer::pem_file_iter(certificates).map_err(error(certificates))?;
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(error(certificates))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(error(key))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsIdentity")
    }
}

/// A bound address.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsIdentity>,
}

impl Listener {
    /// Binds `address`; clients must speak TLS where there is a certificate.
    pub async fn bind(address: SocketAddr, tls: Option<TlsIdentity>) -> Result<Self, ListenError> {
        let socket = TcpListener::bind(address).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(address),
            _ => ListenError::Other { address, source },
        })?;
        Ok(Self { socket, tls })
    }

    /// The address, with the port that the system chose where 0 was asked for.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `closing` is cancelled, then lets requests under way end. Cancelling `abort` drops them.
    pub async fn serve<H, F, B>(self, handler: H, closing: CancellationToken, abort: CancellationToken)
    where
        H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (connections, room) = (TaskTracker::new(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).preserve_header_case(true);
        builder.http2().timer(TokioTimer::new()).adaptive_window(true);
        while let Some((stream, peer, permit)) = closing.run_until_cancelled(self.accept(&room)).await {
            let (builder, handler, tls) = (builder.clone(), handler.clone(), self.tls.clone());
            let handler = move |request| handler(request, peer);
            let (closing, abort) = (closing.clone(), abort.clone());
            connections.spawn(async move {
                let _permit = permit;
                let served = async {
                    match tls {
                        None => converse(&builder, stream, handler, closing).await,
                        Some(TlsIdentity(acceptor)) => {
                            let Ok(Ok(stream)) =
                                tokio::time::timeout(HEAD_TIMEOUT, acceptor.accept(stream)).await
                            else {
                                return;
                            };
                            converse(&builder, stream, handler, closing).await;
                        }
                    }
                };
                abort.run_until_cancelled(served).await;
            });
        }
        drop(self.socket);
        connections.close();
        connections.wait().await;
    }

    async fn accept(&self, room: &Arc<Semaphore>) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
        // The semaphore is never closed; without a permit the connection would only go uncounted.
        let permit = room.clone().acquire_owned().await.ok();
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    // Without this the second small write of a stream waits for the client's delayed acknowledgement.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY cannot be set");
                    }
                    return (stream, peer, permit);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Serves one connection to its end.
async fn converse<S, H, F, B>(
    builder: &auto::Builder<TokioExecutor>,
    stream: S,
    handler: H,
    closing: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let service = service_fn(|request| {
        let response = handler(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection ended early");
    }
}
