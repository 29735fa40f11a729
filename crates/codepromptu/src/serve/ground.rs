//! What everything else stands on: time, keys, the store, the capture log.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use cp_base::{Clock as _, IdGenerator, Random, SystemClock};
use cp_capture::{Log, LogConfig, LogKeys, Recovery};
use cp_db::Db;
use cp_gateway::{Gateway, GatewayParts, Meters, Snapshot};
use cp_pipeline::{CONSUMER, Keeper, KeeperParts};
use cp_redact::CapturePolicies;
use cp_store::{Genesis, Registry};
use cp_traffic::TrafficStore;
use tokio::sync::{Notify, watch};

use super::assemble::Consumer;
use super::database::{open_database, open_secrets};
use super::policies;
use super::projects::ProjectKeeper;
use crate::config::Config;
use crate::master_key::{self, FoundKey};

/// What everything else stands on.
pub(super) struct Ground {
    pub(super) clock: Arc<SystemClock>,
    pub(super) random: Arc<Random>,
    pub(super) ids: IdGenerator,
    pub(super) master: FoundKey,
    pub(super) db: Db,
    pub(super) secrets: Db,
    pub(super) registry: Registry,
    pub(super) traffic: TrafficStore,
    /// What projects want captured.
    pub(super) policies: watch::Sender<Arc<CapturePolicies>>,
    pub(super) log: Log,
    pub(super) recovery: Recovery,
}

impl Ground {
    /// Opens the store and the log. It asks the store first: while that is away, nothing is done.
    pub(super) async fn lay(config: &Config) -> anyhow::Result<Self> {
        make_data_dir(&config.data_dir)?;
        let (clock, random) = (Arc::new(SystemClock::default()), Arc::new(Random::system()));
        let ids = IdGenerator::new(clock.clone(), random.clone());
        let master = master_key::find(config, &random)?;
        let genesis = Genesis { master: &master.key, ids: &ids, random: &random, clock: clock.as_ref() };
        let (db, registry) = open_store(config, &genesis).await?;
        let secrets = open_secrets(config, &db, clock.as_ref()).await?;
        let traffic = TrafficStore::new(db.clone(), registry.data_keys().clone(), random.clone())
            .with_secrets_in(secrets.clone());
        let policies = watch::Sender::new(Arc::new(policies::load(&db).await?));
        let rewrite = cp_pipeline::redact_log(policies.subscribe(), traffic.clone());
        let log_keys =
            LogKeys { current: master.key.log_key().clone(), earlier: registry.earlier_log_keys().to_vec() };
        let log_config = LogConfig { rewrite: Some(rewrite), ..log_config(config) };
        let (log, recovery) =
            Log::open(log_config, log_keys, &ids, random.clone(), clock.clone(), &[CONSUMER])?;
        Ok(Self { clock, random, ids, master, db, secrets, registry, traffic, policies, log, recovery })
    }

    pub(super) fn projects(&self, config: &Config) -> ProjectKeeper {
        ProjectKeeper {
            db: self.db.clone(),
            master: self.master.key.clone(),
            traffic: self.traffic.clone(),
            meters: Meters::new(self.clock.now()),
            clock: self.clock.clone(),
            node: self.log.node(),
            default_project: config.gateway.default_project.clone(),
            changed: Arc::default(),
        }
    }

    /// Who erases, and deletes what is too old.
    pub(super) fn keeper(&self, nudge: &Arc<Notify>) -> anyhow::Result<Consumer> {
        let keeper = Keeper::new(KeeperParts {
            db: self.db.clone(),
            traffic: self.traffic.clone(),
            log: self.log.clone(),
            clock: self.clock.clone(),
            master: self.master.key.clone(),
            ring: self.registry.data_keys().clone(),
            signing: self.registry.signing_key().clone(),
            nudge: nudge.clone(),
        });
        Consumer::start("keeper", |stop| keeper.start(stop))
    }

    pub(super) fn gateway(&self, snapshot: Snapshot) -> Arc<Gateway> {
        Arc::new(Gateway::new(GatewayParts {
            snapshot: Snapshot { policies: self.policies.borrow().clone(), ..snapshot },
            log: self.log.clone(),
            ids: self.ids.clone(),
            clock: self.clock.clone(),
            fingerprint_key: self.registry.fingerprint_key().clone(),
        }))
    }
}

fn make_data_dir(dir: &Path) -> anyhow::Result<()> {
    // Who called which model when is nobody else's business either.
    DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| {
        let dir = dir.display();
        format!(
            "the data directory {dir} cannot be made; give another one with --data-dir, or make it writable"
        )
    })
}

async fn open_store(config: &Config, genesis: &Genesis<'_>) -> anyhow::Result<(Db, Registry)> {
    let db = open_database(config, genesis.clock).await?;
    let registry = cp_store::bootstrap(&db, genesis).await?;
    Ok((db, registry))
}

fn log_config(config: &Config) -> LogConfig {
    LogConfig {
        dir: config.data_dir.join("log"),
        durability: config.capture.durability(),
        segment_bytes: config.log.segment_bytes,
        max_bytes: config.log.max_bytes,
        min_retention: Duration::from_secs(config.log.min_retention_s),
        memory_bytes: config.capture.memory_bytes,
        max_open_calls: config.capture.max_open_calls,
        rewrite: None,
    }
}
