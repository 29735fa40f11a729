//! `codepromptu serve`: puts the parts together, and takes them apart in order.
//!
//! Start: configuration, master key, store, capture log, pipeline, gateway, API, listeners. Stop: listeners, calls under
//! way, capture log, pipeline, store. Each part outlives those that feed it, so nothing that was accepted is dropped.

mod assemble;
mod database;
mod front;
mod ground;
mod library;
mod metrics;
mod node;
mod policies;
mod projects;
mod ready;
mod shelf;
mod signals;
mod tell;
mod upkeep;
mod waiting;

use std::net::SocketAddr;
use std::path::Path;

use clap::Args;
use cp_gateway::{Listener, TlsIdentity};
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::assemble::Parts;
pub(crate) use self::database::{MIGRATIONS, connect_database, database_file, open_database};
use self::front::Front;
use self::ground::Ground;
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
    let metrics = metrics::install()?;
    let Bound { listeners, addresses, identities } = Bound::new(&config).await?;
    let (mut signals, hangups) = (Signals::listen()?, signals::hangups()?);
    let (closing, abort) = (CancellationToken::new(), CancellationToken::new());
    let (front, serving) = (Front::default(), TaskTracker::new());
    listeners.serve(&front, &serving, (&closing, &abort));
    let ground = match Ground::lay(&config).await {
        Ok(ground) => ground,
        Err(error) => {
            match waiting::wait(&config, (&front, addresses.everything), &mut signals, error).await? {
                Some(ground) => ground,
                None => return Ok(()),
            }
        }
    };
    let parts = Box::pin(assemble::assemble(&config, ground, metrics)).await?;
    ready::announce(&config, addresses, &parts)?;
    front.open(parts.gateway.clone(), parts.api.clone());
    parts.keep(&config, (identities, hangups), &serving, &closing);
    serving.close();
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

/// What was bound at the start.
struct Bound {
    listeners: Listeners,
    addresses: Addresses,
    /// The certificates that they show.
    identities: Vec<TlsIdentity>,
}

/// The bound listeners.
struct Listeners {
    everything: Listener,
    gateway_only: Option<Listener>,
}

/// Where they listen.
#[derive(Clone, Copy)]
struct Addresses {
    everything: SocketAddr,
    gateway_only: Option<SocketAddr>,
}

impl Bound {
    async fn new(config: &Config) -> anyhow::Result<Self> {
        let identity = |files: Option<(&Path, &Path)>| {
            files.map(|(certificates, key)| TlsIdentity::from_files(certificates, key)).transpose()
        };
        let (of_server, of_gateway) = (identity(config.server.tls())?, identity(config.gateway.tls())?);
        let everything = Listener::bind(config.server.listen, of_server.clone()).await?;
        let gateway_only = match config.gateway.listen {
            Some(address) => Some(Listener::bind(address, of_gateway.clone()).await?),
            None => None,
        };
        let addresses = Addresses {
            everything: everything.address()?,
            gateway_only: gateway_only.as_ref().map(Listener::address).transpose()?,
        };
        Ok(Self {
            listeners: Listeners { everything, gateway_only },
            addresses,
            identities: [of_server, of_gateway].into_iter().flatten().collect(),
        })
    }
}

impl Listeners {
    fn serve(
        self,
        front: &Front,
        serving: &TaskTracker,
        (closing, abort): (&CancellationToken, &CancellationToken),
    ) {
        let everything = front.clone();
        let everything = move |request, peer| everything.clone().handle(request, peer);
        serving.spawn(self.everything.serve(everything, closing.clone(), abort.clone()));
        if let Some(listener) = self.gateway_only {
            let only = front.clone();
            let only = move |request, peer| only.clone().handle_call(request, peer);
            serving.spawn(listener.serve(only, closing.clone(), abort.clone()));
        }
    }
}

impl Parts {
    /// Begins what is to be done now and then, until `closing`.
    fn keep(
        &self,
        config: &Config,
        (identities, hangups): (Vec<TlsIdentity>, Signal),
        serving: &TaskTracker,
        closing: &CancellationToken,
    ) {
        let upkeep = Upkeep {
            metrics: self.metrics.clone(),
            gateway: self.gateway.clone(),
            policies: self.policies.clone(),
            identities,
            hangups,
        };
        serving.spawn(upkeep.run(closing.clone()));
        let (keeper, revision) = self.projects.clone();
        serving.spawn(keeper.run(self.gateway.clone(), revision, closing.clone()));
        serving.spawn(shelf::keep(self.app.clone(), waiting::copy_file(config), closing.clone()));
    }
}
