//! What is to be done now and then, since nobody else notices.

use std::sync::Arc;
use std::time::Duration;

use cp_gateway::{Gateway, TlsIdentity};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use super::policies::PolicyKeeper;

const INTERVAL: Duration = Duration::from_secs(5);

/// What is looked after.
pub(super) struct Upkeep {
    /// The recorder's buffers grow until somebody empties them.
    pub(super) metrics: PrometheusHandle,
    /// Its connections to providers may no longer be used.
    pub(super) gateway: Arc<Gateway>,
    /// Another node may have set one.
    pub(super) policies: Arc<PolicyKeeper>,
    /// Their files may have been renewed.
    pub(super) identities: Vec<TlsIdentity>,
    /// Who does not want to wait says so.
    pub(super) hangups: Signal,
}

impl Upkeep {
    /// Works until `closing`.
    pub(super) async fn run(mut self, closing: CancellationToken) {
        while closing.run_until_cancelled(self.wait()).await.is_some() {
            self.metrics.run_upkeep();
            self.gateway.close_idle();
            self.policies.reload().await;
            self.renew().await;
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = self.hangups.recv() => {}
        }
    }

    async fn renew(&self) {
        let identities = self.identities.clone();
        let renewing = tokio::task::spawn_blocking(move || identities.iter().for_each(TlsIdentity::renew));
        if renewing.await.is_err() {
            tracing::error!("looking for renewed certificates ended in a panic; the old ones are served");
        }
    }
}
