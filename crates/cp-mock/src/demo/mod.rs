//! The demo's traffic: what several applications send in a busy hour, in a few seconds.
//!
//! A seed decides everything that is sent. The requests go through the gateway as any client's do; the applications
//! know nothing of it but its address.

mod apps;
mod client;
mod values;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use futures_util::StreamExt as _;
use http::{StatusCode, Uri};

use self::client::Client;

/// Where the shipped providers `demo-openai` and `demo-anthropic` expect the mock.
pub const MOCK_ADDR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8091);

/// Sessions that run at the same time.
const CONCURRENCY: usize = 8;

/// How far the demo has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Calls sent and over.
    pub done: usize,
    /// Calls in all.
    pub total: usize,
}

/// What was sent, and how it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Calls of each application.
    pub applications: BTreeMap<&'static str, usize>,
    /// Calls answered in full.
    pub answered: usize,
    /// Calls that the provider refused, by status. The demo means them to happen.
    pub refused: BTreeMap<u16, usize>,
    /// Streams that the application left early. Meant, too.
    pub hung_up: usize,
    /// Calls whose answer broke off. A few are meant.
    pub broken: usize,
    /// The first call that found nobody to talk to.
    pub unreachable: Option<String>,
}

impl Report {
    /// Calls in all.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.applications.values().sum()
    }

    fn add(&mut self, application: &'static str, end: &End) {
        *self.applications.entry(application).or_default() += 1;
        match end {
            End::Answered => self.answered += 1,
            End::Refused(status) => *self.refused.entry(*status).or_default() += 1,
            End::HungUp => self.hung_up += 1,
            End::Broken => self.broken += 1,
            End::Unreachable(why) => {
                self.unreachable.get_or_insert_with(|| why.clone());
            }
        }
    }
}

/// How one call ended, as its application saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Answered,
    Refused(u16),
    HungUp,
    Broken,
    Unreachable(String),
}

/// Why a gateway cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address is not one.
    #[error("`{0}` is not an address like http://127.0.0.1:8080")]
    Address(Uri),
    /// Nobody answers.
    #[error("no gateway answers at {0}")]
    Absent(Uri),
    /// Somebody answers, but not a gateway in good health.
    #[error("{0}healthz answers {1}: that is no healthy gateway")]
    Unhealthy(Uri, StatusCode),
}

/// Asks the gateway whether it is there.
///
/// # Errors
/// When it is not, or not in good health.
pub async fn check(gateway: &Uri) -> Result<(), GatewayError> {
    let client = Client::new(gateway).ok_or_else(|| GatewayError::Address(gateway.clone()))?;
    match client.get("/healthz").await {
        Some(StatusCode::OK) => Ok(()),
        Some(status) => Err(GatewayError::Unhealthy(gateway.clone(), status)),
        None => Err(GatewayError::Absent(gateway.clone())),
    }
}

/// Sends `calls` calls through the gateway. `progress` hears of each session that ends.
///
/// # Errors
/// When `gateway` is no plain HTTP address. What happens to the calls is in the report.
pub async fn run(
    gateway: &Uri,
    calls: usize,
    seed: u64,
    mut progress: impl FnMut(Progress),
) -> Result<Report, GatewayError> {
    let client = Client::new(gateway).ok_or_else(|| GatewayError::Address(gateway.clone()))?;
    let sessions = apps::plan(seed, calls).into_iter().map(|session| session.run(&client));
    let mut sessions = futures_util::stream::iter(sessions).buffer_unordered(CONCURRENCY);
    let mut report = Report::default();
    while let Some((application, ends)) = sessions.next().await {
        ends.iter().for_each(|end| report.add(application, end));
        progress(Progress { done: report.calls(), total: calls });
    }
    Ok(report)
}
