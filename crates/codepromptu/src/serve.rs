//! `codepromptu serve`: puts the parts together, and takes them apart in order.
//!
//! Start: configuration, master key, store, capture log, pipeline, gateway, API, listeners. Stop: listeners, calls under
//! way, capture log, pipeline, store. Each part outlives those that feed it, so nothing that was accepted is dropped.

mod assemble;
mod metrics;
mod node;
mod ready;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use cp_gateway::{Gateway, Listener, TlsIdentity};
use http_body_util::Either;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use self::assemble::Parts;
use crate::config::Config;

const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// What `serve` can be told on the command line; everything else is in the configuration file.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration file; `codepromptu.toml` where it exists
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,
    /// The address of API, page and gateway
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where everything is kept
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// A PostgreSQL database instead of the embedded one
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

impl ServeArgs {
    fn config(&self) -> anyhow::Result<Config> {
        let flags = [
            ("server.listen", &self.listen),
            ("data_dir", &self.data_dir),
            ("database_url", &self.database_url),
        ];
        let flags: Vec<_> = flags.into_iter().filter_map(|(key, flag)| Some((key, flag.clone()?))).collect();
        Ok(Config::load(self.config.as_deref(), &flags)?)
    }
}

/// Runs until a signal asks it to stop. A second signal ends what is still under way.
pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = args.config()?;
    let listeners = Listeners::bind(&config).await?;
    let parts = Box::pin(assemble::assemble(&config)).await?;
    // Whoever reads that it is ready may stop it at once.
    let mut signals = Signals::listen()?;
    ready::announce(&config, &listeners, &parts)?;
    let (closing, abort) = (CancellationToken::new(), CancellationToken::new());
    let serving = listeners.serve(&parts, &closing, &abort);
    signals.next().await;
    tracing::info!(drain_timeout = ?config.gateway.drain_timeout(), "stopping: calls under way may end");
    parts.app.stop_tails();
    closing.cancel();
    tokio::select! {
        () = serving.wait() => {}
        () = tokio::time::sleep(config.gateway.drain_timeout()) => tracing::warn!("calls were still under way and are ended"),
        () = signals.next() => {}
    }
    parts.gateway.stop().await;
    abort.cancel();
    serving.wait().await;
    parts.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// What is to be done now and then: the recorder's buffers grow until somebody empties them, and nobody else notices a
/// connection that is no longer used.
async fn upkeep(metrics: PrometheusHandle, gateway: Arc<Gateway>, closing: CancellationToken) {
    while closing.run_until_cancelled(tokio::time::sleep(UPKEEP_INTERVAL)).await.is_some() {
        metrics.run_upkeep();
        gateway.close_idle();
    }
}

/// The signals that ask the program to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened to");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The bound addresses.
struct Listeners {
    everything: Listener,
    gateway_only: Option<Listener>,
}

impl Listeners {
    async fn bind(config: &Config) -> anyhow::Result<Self> {
        let everything = Listener::bind(config.server.listen, None).await?;
        let tls = match (&config.gateway.tls_cert, &config.gateway.tls_key) {
            (Some(certificates), Some(key)) => Some(TlsIdentity::from_files(certificates, key)?),
            _ => None,
        };
        let gateway_only = match config.gateway.listen {
            Some(address) => Some(Listener::bind(address, tls).await?),
            None => None,
        };
        Ok(Self { everything, gateway_only })
    }

    fn serve(self, parts: &Parts, closing: &CancellationToken, abort: &CancellationToken) -> TaskTracker {
        let serving = TaskTracker::new();
        let (gateway, api) = (parts.gateway.clone(), parts.api.clone());
        let everything = move |mut request: http::Request<_>, peer: SocketAddr| {
            let (gateway, mut api) = (gateway.clone(), api.clone());
            async move {
                if !cp_api::serves(request.uri().path()) {
                    return gateway.handle(request).await.map(Either::Left);
                }
                cp_api::tell_peer(&mut request, peer);
                let Ok(response) = Service::call(&mut api, request).await;
                response.map(Either::Right)
            }
        };
        serving.spawn(self.everything.serve(everything, closing.clone(), abort.clone()));
        if let Some(listener) = self.gateway_only {
            let gateway = parts.gateway.clone();
            let only = move |request, _| {
                let gateway = gateway.clone();
                async move { gateway.handle(request).await }
            };
            serving.spawn(listener.serve(only, closing.clone(), abort.clone()));
        }
        serving.spawn(upkeep(parts.metrics.clone(), parts.gateway.clone(), closing.clone()));
        serving.close();
        serving
    }
}
