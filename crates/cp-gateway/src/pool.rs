//! Connections to a provider over HTTP/1.1, each driven by the call that uses it.
//!
//! No task of its own stands between the provider's socket and the client's: what arrives wakes the client's connection,
//! which reads all that is there and writes it on at once. Between two calls a connection is driven by nobody; that the
//! provider has closed it meanwhile shows when it is taken out again.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use tokio::time::Instant;
use tower_service::Service;

use crate::tee::RequestTee;
use crate::upstream::TimedConnector;

/// Idle connections kept. Many, since a new TLS connection costs a client two round trips.
const IDLE_CONNECTIONS: usize = 1024;
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a provider did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("no connection came about")]
    Connect(#[source] Box<dyn Error + Send + Sync>),
    #[error("the connection broke off")]
    Exchange(#[from] hyper::Error),
    #[error("the HTTP/2 connection failed")]
    Http2(#[from] hyper_util::client::legacy::Error),
}

/// The connections to one provider.
pub(crate) struct Pool {
    connector: TimedConnector,
    origin: Uri,
    host: HeaderValue,
    idle: Mutex<VecDeque<Idle>>,
}

struct Idle {
    link: Link,
    since: Instant,
}

/// One connection.
struct Link {
    sender: SendRequest<RequestTee>,
    /// Reads and writes when it is polled. Absent once the connection has ended.
    driver: Option<Driver>,
}

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

impl Pool {
    /// Connections to `origin`: scheme and authority count.
    pub(crate) fn new(connector: TimedConnector, origin: Uri, host: HeaderValue) -> Self {
        Self { connector, origin, host, idle: Mutex::default() }
    }

    /// Sends a request, over an idle connection where there is one, and waits for the head of the response.
    pub(crate) async fn send(
        self: &Arc<Self>,
        mut request: Request<RequestTee>,
    ) -> Result<Response<UpstreamBody>, SendError> {
        if let Some(path) = request.uri().path_and_query() {
            *request.uri_mut() = Uri::from(path.clone());
        }
        request.headers_mut().insert(HOST, self.host.clone());
        loop {
            let idle = poll_fn(|cx| Poll::Ready(self.take_idle(cx))).await;
            let (mut link, is_new) = match idle {
                Some(link) => (link, false),
                None => (self.connect().await?, true),
            };
            match link.send(request).await {
                Ok(response) => {
                    return Ok(response.map(|body| UpstreamBody::over_link(body, link, self.clone())));
                }
                // Closed as it was taken out, before anything was sent: the next one will do.
                Err(mut unsent) => match unsent.take_message().filter(|_| !is_new) {
                    Some(again) => request = again,
                    None => return Err(unsent.into_error().into()),
                },
            }
        }
    }

    async fn connect(&self) -> Result<Link, SendError> {
        let stream = self.connector.clone().call(self.origin.clone()).await.map_err(SendError::Connect)?;
        let (sender, connection) = Builder::new().preserve_header_case(true).handshake(stream).await?;
        Ok(Link { sender, driver: Some(Box::pin(connection.with_upgrades())) })
    }

    /// The connection that was used last, which is the least likely to be closed by now.
    fn take_idle(&self, cx: &mut Context<'_>) -> Option<Link> {
        loop {
            let mut link = lock(&self.idle).pop_back()?.link;
            if link.is_ready(cx) {
                return Some(link);
            }
        }
    }

    fn put_idle(&self, link: Link) {
        let mut idle = lock(&self.idle);
        if idle.len() < IDLE_CONNECTIONS {
            idle.push_back(Idle { link, since: Instant::now() });
        }
    }

    /// Closes the connections that nobody has used for a while.
    pub(crate) fn close_idle(&self) {
        let now = Instant::now();
        let mut idle = lock(&self.idle);
        while idle.front().is_some_and(|idle| now.duration_since(idle.since) >= IDLE_TIMEOUT) {
            idle.pop_front();
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Link {
    async fn send(
        &mut self,
        request: Request<RequestTee>,
    ) -> Result<Response<Incoming>, hyper::client::conn::TrySendError<Request<RequestTee>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        poll_fn(|cx| {
            drive(driver, cx);
            answer.as_mut().poll(cx)
        })
        .await
    }

    /// Whether the connection is open and takes a request.
    fn is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        drive(&mut self.driver, cx);
        self.driver.is_some() && self.sender.is_ready()
    }
}

/// What goes wrong on the way reaches those who wait for the response or its body.
fn drive(driver: &mut Option<Driver>, cx: &mut Context<'_>) {
    if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
        *driver = None;
    }
}

/// The body of a provider's response. It drives the connection that it comes over, and gives it back at its end;
/// dropped earlier, it closes it.
pub(crate) struct UpstreamBody {
    body: Incoming,
    /// Absent over HTTP/2, whose connection carries other calls too.
    link: Option<(Link, Arc<Pool>)>,
}

impl UpstreamBody {
    fn over_link(body: Incoming, link: Link, pool: Arc<Pool>) -> Self {
        Self { body, link: Some((link, pool)) }
    }

    /// A body that somebody else drives.
    pub(crate) fn driven(body: Incoming) -> Self {
        Self { body, link: None }
    }

    /// Drives the connection until it ends, or leaves HTTP.
    pub(crate) async fn run_connection(mut self) {
        if let Some(driver) = self.link.take().and_then(|(link, _)| link.driver) {
            // Whoever was promised the connection learns of the failure.
            let _ = driver.await;
        }
    }
}

impl fmt::Debug for UpstreamBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpstreamBody").field(&self.body).finish()
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        let Self { body, link: Some((link, _)) } = &mut *self else { return frame };
        if frame.is_ready() {
            return frame;
        }
        drive(&mut link.driver, cx);
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        let Some((mut link, pool)) = self.link.take() else { return };
        // A connection with the rest of a response, or of a request, in it is not ready for another.
        if link.is_ready(&mut Context::from_waker(Waker::noop())) {
            pool.put_idle(link);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
