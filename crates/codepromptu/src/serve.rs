//! `codepromptu serve`: puts the parts together, and takes them apart in order.
//!
//! Start: configuration, master key, store, capture log, pipeline, gateway, API, listeners. Stop: listeners, calls under
//! way, capture log, pipeline, store. Each part outlives those that feed it, so nothing that was accepted is dropped.

mod assemble;
mod database;
mod metrics;
mod node;
mod policies;
mod projects;
mod ready;
mod signals;
mod upkeep;

use std::net::SocketAddr;
use std::path::Path;

use clap::Args;
use cp_gateway::{Listener, TlsIdentity};
use http_body_util::Either;
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use self::assemble::Parts;
pub(crate) use self::database::{MIGRATIONS, connect_database, database_file, open_database};
use self::signals::Signals;
use self::upkeep::Upkeep;
use crate::config::Config;

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
    let (mut signals, hangups) = (Signals::listen()?, signals::hangups()?);
    ready::announce(&config, &listeners, &parts)?;
    let (closing, abort) = (CancellationToken::new(), CancellationToken::new());
    let serving = listeners.serve(&parts, hangups, &closing, &abort);
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

/// The bound addresses.
struct Listeners {
    everything: Listener,
    gateway_only: Option<Listener>,
    /// The certificates that they show.
    identities: Vec<TlsIdentity>,
}

impl Listeners {
    async fn bind(config: &Config) -> anyhow::Result<Self> {
        let identity = |files: Option<(&Path, &Path)>| {
            files.map(|(certificates, key)| TlsIdentity::from_files(certificates, key)).transpose()
        };
        let (of_server, of_gateway) = (identity(config.server.tls())?, identity(config.gateway.tls())?);
        let everything = Listener::bind(config.server.listen, of_server.clone()).await?;
        let gateway_only = match config.gateway.listen {
            Some(address) => Some(Listener::bind(address, of_gateway.clone()).await?),
            None => None,
        };
        Ok(Self {
            everything,
            gateway_only,
            identities: [of_server, of_gateway].into_iter().flatten().collect(),
        })
    }

    fn serve(
        self,
        parts: &Parts,
        hangups: Signal,
        closing: &CancellationToken,
        abort: &CancellationToken,
    ) -> TaskTracker {
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
        let upkeep = Upkeep {
            metrics: parts.metrics.clone(),
            gateway: parts.gateway.clone(),
            policies: parts.policies.clone(),
            identities: self.identities,
            hangups,
        };
        serving.spawn(upkeep.run(closing.clone()));
        let (keeper, revision) = parts.projects.clone();
        serving.spawn(keeper.run(parts.gateway.clone(), revision, closing.clone()));
        serving.close();
        serving
    }
}
