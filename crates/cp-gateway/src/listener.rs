//! The listening side: sockets, TLS, HTTP/1.1 and HTTP/2, and an orderly end.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::tls::TlsIdentity;

/// Connections open at a time; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 16_384;
/// How long a connection may take over a TLS handshake, over its first request or over a later one's head, and lie idle
/// between requests. After as much silence an HTTP/2 connection is asked whether somebody is there.
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

/// A bound address.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsIdentity>,
    head_timeout: Duration,
}

impl Listener {
    /// Binds `address`; clients must speak TLS where there is a certificate.
    pub async fn bind(address: SocketAddr, tls: Option<TlsIdentity>) -> Result<Self, ListenError> {
        let socket = TcpListener::bind(address).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(address),
            _ => ListenError::Other { address, source },
        })?;
        Ok(Self { socket, tls, head_timeout: HEAD_TIMEOUT })
    }

    /// Waits so long for a TLS handshake and for the head of a request.
    #[must_use]
    pub fn with_head_timeout(mut self, head_timeout: Duration) -> Self {
        self.head_timeout = head_timeout;
        self
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
        let (builder, head_timeout) = (protocols(self.head_timeout), self.head_timeout);
        while let Some((stream, peer, permit)) = closing.run_until_cancelled(self.accept(&room)).await {
            let (builder, handler, tls) = (builder.clone(), handler.clone(), self.tls.clone());
            let handler = move |request| handler(request, peer);
            let (closing, abort) = (closing.clone(), abort.clone());
            connections.spawn(async move {
                let _permit = permit;
                let served = async {
                    match tls {
                        None => converse(&builder, head_timeout, stream, handler, closing).await,
                        Some(tls) => {
                            let handshake = tls.acceptor().accept(stream);
                            let Ok(Ok(stream)) = tokio::time::timeout(head_timeout, handshake).await else {
                                return;
                            };
                            converse(&builder, head_timeout, stream, handler, closing).await;
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

/// Both versions of HTTP; each connection says which one it speaks.
fn protocols(head_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout).preserve_header_case(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .adaptive_window(true)
        .keep_alive_interval(head_timeout)
        .keep_alive_timeout(head_timeout);
    builder
}

/// Serves one connection to its end. Until its first request is there nothing else bounds it: the library waits for ever
/// to learn which version of HTTP it speaks.
async fn converse<S, H, F, B>(
    builder: &auto::Builder<TokioExecutor>,
    head_timeout: Duration,
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
    let begun = Notify::new();
    let service = service_fn(|request| {
        begun.notify_one();
        let response = handler(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let silent = async {
        if tokio::time::timeout(head_timeout, begun.notified()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = silent => return,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection ended early");
    }
}
