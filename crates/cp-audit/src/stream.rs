//! The loop that reads the chains and sends what is new of them.

use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use cp_base::{InstallationScope, OrgId};
use cp_db::{Db, DbError};
use cp_store::ChainedEvent;
use hyper_util::client::legacy::connect::Connect;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{SendError, Syslog, Webhook};

/// Events in one request; bounds memory.
const BATCH: u64 = 100;
/// Chains that are looked at in one round.
const CHAINS: u64 = 100;
/// The wait after all was sent.
const POLL: Duration = Duration::from_secs(1);
/// Waits between tries.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What is left to a request under way when the program stops.
const GRACE: Duration = Duration::from_secs(3);

/// Sends every organisation's chain to one target.
#[derive(Debug)]
pub struct AuditStream<C> {
    db: Db,
    target: Target<C>,
}

#[derive(Debug)]
enum Target<C> {
    Webhook(Box<Webhook<C>>),
    Syslog(Syslog),
}

/// Why a round was not done.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error("the store does not tell the events, or does not keep the place")]
    Store(#[from] DbError),
    #[error("the target takes no events now: {0}")]
    Send(#[from] SendError),
}

impl<C: Connect + Clone + Send + Sync + 'static> AuditStream<C> {
    /// A stream to a webhook; it does nothing until it is started.
    #[must_use]
    pub fn to_webhook(db: Db, webhook: Webhook<C>) -> Self {
        Self::new(db, Target::Webhook(Box::new(webhook)))
    }

    /// A stream to a receiver of syslog messages; it does nothing until it is started.
    #[must_use]
    pub fn to_syslog(db: Db, syslog: Syslog) -> Self {
        Self::new(db, Target::Syslog(syslog))
    }

    fn new(db: Db, target: Target<C>) -> Self {
        describe_counter!(
            "codepromptu_audit_events_sent_total",
            "Events of the audit log that a target took"
        );
        describe_counter!("codepromptu_audit_errors_total", "Failed tries to send events, each tried again");
        describe_gauge!("codepromptu_audit_lag_events", "Events of the audit log that a target lacks");
        Self { db, target }
    }

    /// Runs on a thread of its own until `stop` is cancelled; a request under way then has a few seconds to end.
    ///
    /// # Errors
    /// When the system gives no thread.
    ///
    /// # Panics
    /// Outside of a Tokio runtime, which drives its connections.
    pub fn start(self, stop: CancellationToken) -> io::Result<JoinHandle<()>> {
        let runtime = Handle::current();
        let run = async move {
            tokio::select! {
                () = self.run(&stop) => {}
                () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => {}
            }
        };
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || runtime.block_on(run))
    }

    async fn run(&self, stop: &CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            let wait = match self.round().await {
                Ok(0) => {
                    pause = FIRST_PAUSE;
                    POLL
                }
                Ok(_) => {
                    pause = FIRST_PAUSE;
                    continue;
                }
                Err(error) => {
                    counter!("codepromptu_audit_errors_total", "target" => self.name()).increment(1);
                    tracing::warn!(%error, target = self.name(), "audit events wait, and are sent later");
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    wait
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
    }

    /// Sends a batch of each chain that has something new. How many events went out.
    async fn round(&self) -> Result<u64, RoundError> {
        let mut tx = self.db.begin_read(InstallationScope::grant()).await?;
        let behind = cp_store::list_unsent(&mut tx, self.name(), CHAINS).await?;
        drop(tx);
        let lag: u64 = behind.iter().map(|chain| chain.head - chain.sent).sum();
        let lag_events = gauge!("codepromptu_audit_lag_events", "target" => self.name());
        lag_events.set(to_f64(lag));
        let mut sent = 0;
        for chain in behind {
            let mut tx = self.db.begin_read(chain.scope).await?;
            let events = cp_store::list_events(&mut tx, chain.scope, chain.sent, BATCH).await?;
            drop(tx);
            let Some(last) = events.last().map(|last| last.event.sequence) else { continue };
            self.send(chain.scope.org(), &events).await?;
            let mut tx = self.db.begin_write(chain.scope).await?;
            cp_store::set_sent(&mut tx, chain.scope, self.name(), last).await?;
            tx.commit().await?;
            sent += events.len() as u64;
            counter!("codepromptu_audit_events_sent_total", "target" => self.name())
                .increment(events.len() as u64);
            lag_events.set(to_f64(lag - sent.min(lag)));
        }
        Ok(sent)
    }

    async fn send(&self, org: OrgId, events: &[ChainedEvent]) -> Result<(), SendError> {
        match &self.target {
            Target::Webhook(webhook) => webhook.send(org, events).await,
            Target::Syslog(syslog) => syslog.send(events).await,
        }
    }

    const fn name(&self) -> &'static str {
        match &self.target {
            Target::Webhook(_) => "webhook",
            Target::Syslog(_) => "syslog",
        }
    }
}

/// Exact below 2^32, and no count of what waits is larger.
fn to_f64(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
