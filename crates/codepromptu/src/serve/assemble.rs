//! The parts of a running program, each made once and handed down.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use cp_app::App;
use cp_base::{Clock as _, IdGenerator, ProjectScope, Random, SystemClock};
use cp_capture::{Log, LogConfig, Recovery};
use cp_db::{Db, Durability as DbDurability};
use cp_gateway::{CapturePolicy, Gateway, GatewayParts, Limits, Snapshot, Upstream, UpstreamClient};
use cp_genai::PriceBook;
use cp_pipeline::{CONSUMER, PipelineStatus, StoreCalls, StoreCallsParts};
use cp_store::{Genesis, Registry};
use cp_traffic::{LiveCalls, TrafficStore};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::metrics as recorder;
use super::node::NodeView;
use crate::config::{Config, ProviderRow};
use crate::master_key;

/// Calls kept for live views that lag.
const LIVE_CALLS: usize = 1024;
/// Calls under way at a time that can be captured.
const MAX_OPEN_CALLS: usize = 16_384;
/// The file of the embedded store.
const DATABASE_FILE: &str = "codepromptu.db";

/// The running parts, in the order in which they stop.
pub(super) struct Parts {
    pub(super) gateway: Arc<Gateway>,
    pub(super) api: cp_api::Router,
    pub(super) app: App,
    pub(super) metrics: PrometheusHandle,
    log: Log,
    pipeline: Pipeline,
    db: Db,
    /// Where the master key lies, when it was made just now.
    pub(super) new_master_key: Option<PathBuf>,
    /// What a person should know of this start.
    pub(super) notices: Vec<String>,
}

/// Makes everything.
pub(super) async fn assemble(config: &Config) -> anyhow::Result<Parts> {
    make_data_dir(&config.data_dir)?;
    let metrics = recorder::install()?;
    let (clock, random) = (Arc::new(SystemClock::default()), Arc::new(Random::system()));
    let ids = IdGenerator::new(clock.clone(), random.clone());
    let master = master_key::find(config, &random)?;
    let genesis = Genesis { master: &master.key, ids: &ids, random: &random, clock: clock.as_ref() };
    let (db, registry) = open_store(config, &genesis).await?;
    let log_key = master.key.log_key().clone();
    let (log, recovery) =
        Log::open(log_config(config), log_key, &ids, random.clone(), clock.clone(), &[CONSUMER])?;
    let traffic = TrafficStore::new(db.clone(), registry.data_keys().clone(), random);
    let live = LiveCalls::new(LIVE_CALLS);
    let rows = config.provider_rows()?;
    let pipeline = Pipeline::start(StoreCallsParts {
        log: log.clone(),
        traffic: traffic.clone(),
        live: live.clone(),
        clock: clock.clone(),
        prices: PriceBook::shipped(),
        price_lists: rows.iter().map(|row| (row.name.clone(), row.prices.clone())).collect(),
    })?;
    let scope = registry.default_scope();
    let gateway = Arc::new(Gateway::new(GatewayParts {
        snapshot: snapshot(config, &rows, scope)?,
        log: log.clone(),
        ids,
        clock: clock.clone(),
        fingerprint_key: master.key.fingerprint_key().clone(),
    }));
    let node = NodeView {
        started_at: clock.now(),
        engine: db.engine().as_str(),
        master_key_source: master.source,
        log: log.clone(),
        pipeline: pipeline.status.clone(),
        rows,
    };
    let node = Arc::new(move || node.now());
    let app = App::new(cp_app::Parts { scope, traffic, live, clock, node });
    let api = cp_api::router(app.clone(), metrics.clone());
    Ok(Parts {
        gateway,
        api,
        app,
        metrics,
        log,
        pipeline,
        db,
        new_master_key: master.made,
        notices: notices(&recovery),
    })
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

/// What a person should know of how the log was found.
fn notices(recovery: &Recovery) -> Vec<String> {
    let torn = (recovery.torn_bytes > 0).then(|| {
        format!(
            "The capture log ended in a torn record ({} bytes); it was cut off, the rest is whole.",
            recovery.torn_bytes
        )
    });
    torn.into_iter().collect()
}

impl Parts {
    /// Stops what stands behind the gateway, which takes no more calls by now: the log is flushed, what is in it is
    /// stored, and the store is closed.
    pub(super) async fn stop(self) {
        let log = self.log;
        if tokio::task::spawn_blocking(move || log.shut_down()).await.is_err() {
            tracing::error!("the capture log was not flushed in order; it is repaired at the next start");
        }
        self.pipeline.stop().await;
        self.db.close().await;
    }
}

async fn open_store(config: &Config, genesis: &Genesis<'_>) -> anyhow::Result<(Db, Registry)> {
    let file = config.data_dir.join(DATABASE_FILE);
    let location = config.database_url.clone().unwrap_or_else(|| file.display().to_string());
    let durability = match config.durability() {
        cp_capture::Durability::Process => DbDurability::Process,
        cp_capture::Durability::Strict => DbDurability::Power,
    };
    let db = Db::connect(&location, durability).await?;
    db.migrate(&[cp_store::MIGRATIONS, cp_traffic::MIGRATIONS], genesis.clock.now()).await?;
    let registry = cp_store::bootstrap(&db, genesis).await?;
    Ok((db, registry))
}

fn log_config(config: &Config) -> LogConfig {
    LogConfig {
        dir: config.data_dir.join("log"),
        durability: config.durability(),
        segment_bytes: config.log.segment_bytes,
        max_bytes: config.log.max_bytes,
        min_retention: Duration::from_secs(config.log.min_retention_s),
        memory_bytes: config.capture.memory_bytes,
        max_open_calls: MAX_OPEN_CALLS,
    }
}

fn snapshot(config: &Config, rows: &[ProviderRow], scope: ProjectScope) -> anyhow::Result<Snapshot> {
    let connect_timeout = Duration::from_millis(config.gateway.connect_timeout_ms);
    let shared = UpstreamClient::new(connect_timeout, false, None)?;
    let mut upstreams = BTreeMap::new();
    for row in rows {
        let client = match (&row.ca_file, row.http2) {
            (None, false) => shared.clone(),
            (ca_file, http2) => UpstreamClient::new(connect_timeout, http2, ca_file.as_deref())
                .with_context(|| format!("provider {} cannot be used", row.name))?,
        };
        let upstream = Upstream::new(row.family, &row.base_url, client)
            .with_context(|| format!("providers.{}.base_url cannot be used", row.name))?;
        upstreams.insert(row.name.as_str().into(), Arc::new(upstream));
    }
    let capture = CapturePolicy { max_body_bytes: config.capture.max_body_bytes, on_full: config.on_full() };
    let limits = Limits {
        first_byte_timeout: Duration::from_millis(config.gateway.first_byte_timeout_ms),
        idle_timeout: Duration::from_millis(config.gateway.idle_timeout_ms),
        max_request_bytes: config.gateway.max_request_bytes,
    };
    Ok(Snapshot { scope, upstreams, capture, limits })
}

/// The consumer of the log, at work.
struct Pipeline {
    thread: JoinHandle<()>,
    stop: CancellationToken,
    status: watch::Receiver<PipelineStatus>,
}

impl Pipeline {
    fn start(parts: StoreCallsParts) -> anyhow::Result<Self> {
        let (consumer, status) = StoreCalls::new(parts);
        let stop = CancellationToken::new();
        let thread = consumer.start(stop.clone()).context("the pipeline cannot be started")?;
        Ok(Self { thread, stop, status })
    }

    /// Stores what is in the log, then ends.
    async fn stop(self) {
        self.stop.cancel();
        if !matches!(tokio::task::spawn_blocking(move || self.thread.join()).await, Ok(Ok(()))) {
            tracing::error!("the pipeline ended in a panic; what it had not stored is in the log");
        }
    }
}
