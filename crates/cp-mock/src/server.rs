//! The server: accepts, serves, stops.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cp_base::{Clock, SystemClock};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::line::{Line, ResetMark};
use crate::route::{self, batches::Shelf};
use crate::seen::{Log, Seen};

/// How long answers in progress may take when the mock stops, unless told otherwise.
const GRACE: Duration = Duration::from_secs(2);

/// Requests remembered unless told otherwise.
const REMEMBERED: usize = 1_024;

/// How a mock is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many requests [`Mock::seen`] remembers. 0 saves the work, for load.
    pub remember: usize,
    /// The clock of [`crate::Ending::Cancelled`].
    pub clock: Arc<dyn Clock>,
    /// How long answers in progress may take when the mock stops.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { remember: REMEMBERED, clock: Arc::new(SystemClock::default()), grace: GRACE }
    }
}

/// The mock could not start.
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// Another program has the port, or it is not ours to have.
    #[error("cannot listen on {addr}; is another program using the port?")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

/// A running mock. Dropped, it breaks off whatever it is answering; [`Mock::stop`] lets answers finish.
#[derive(Debug)]
pub struct Mock {
    /// Where it listens; the port is the system's choice when 0 was asked for.
    pub addr: SocketAddr,
    state: Arc<State>,
    grace: Duration,
    _break_off_on_drop: DropGuard,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) log: Arc<Log>,
    pub(crate) shelf: Shelf,
    pub(crate) tasks: Tasks,
}

/// The tasks of a mock: every one can be awaited and broken off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    /// No new connections, no new requests on those there are.
    finish: CancellationToken,
    /// Everything ends here and now.
    break_off: CancellationToken,
}

impl Tasks {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let break_off = self.break_off.clone();
        self.tracker.spawn(async move { break_off.run_until_cancelled(task).await });
    }
}

impl Mock {
    /// Starts a mock.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(addr: SocketAddr, options: Options) -> Result<Self, MockError> {
        let fail = |source| MockError::Listen { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(fail)?;
        let addr = listener.local_addr().map_err(fail)?;
        let tasks = Tasks::default();
        let break_off = tasks.break_off.clone().drop_guard();
        let state = Arc::new(State {
            log: Arc::new(Log::new(options.remember, options.clock)),
            shelf: Shelf::default(),
            tasks,
        });
        state.tasks.spawn(accept(listener, state.clone()));
        Ok(Self { addr, state, grace: options.grace, _break_off_on_drop: break_off })
    }

    /// The base URL for a path, such as `/openai/v1`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The requests received, the oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state.log.all()
    }

    /// Waits until what was seen satisfies `condition`, and returns it.
    pub async fn seen_when(&self, mut condition: impl FnMut(&VecDeque<Seen>) -> bool) -> Vec<Seen> {
        let mut seen = self.state.log.watch();
        match seen.wait_for(|seen| condition(seen)).await {
            Ok(seen) => seen.iter().cloned().collect(),
            // The record lives as long as the mock.
            Err(_) => Vec::new(),
        }
    }

    /// How many requests are being answered: received, and not yet over.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.state.log.open()
    }

    /// Stops: takes no more requests, lets answers in progress finish within the grace, then breaks them off.
    pub async fn stop(self) {
        let tasks = &self.state.tasks;
        tasks.finish.cancel();
        tasks.tracker.close();
        if tokio::time::timeout(self.grace, tasks.tracker.wait()).await.is_err() {
            tasks.break_off.cancel();
            tasks.tracker.wait().await;
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let finish = state.tasks.finish.clone();
    while let Some(accepted) = finish.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => state.tasks.spawn(serve(stream, state.clone())),
            Err(error) => {
                // Out of descriptors, mostly: the connections that there are must end before another can begin.
                tracing::warn!(%error, "the mock cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    // Refused only on a connection that is already dead.
    let _ = stream.set_nodelay(true);
    let mark = ResetMark::default();
    let line = TokioIo::new(Line::new(stream, mark.clone()));
    let finish = state.tasks.finish.clone();
    let service = service_fn(|request| {
        let (state, mark) = (state.clone(), mark.clone());
        async move { route::answer(&state, mark, request).await }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection_with_upgrades(line, service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = finish.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &*error, "a connection of the mock ended early");
    }
}
