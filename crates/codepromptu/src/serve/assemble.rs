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
use cp_audit::{AuditStream, Webhook};
use cp_base::{Clock, IdGenerator, Random, SystemClock, Token};
use cp_capture::{Log, LogConfig, LogKeys, Recovery};
use cp_db::Db;
use cp_gateway::{
    CaptureLimits, Gateway, GatewayParts, Limits, Meters, Projects, Reach, Snapshot, Upstream, UpstreamClient,
};
use cp_genai::PriceBook;
use cp_otlp::{SpanExporter, SpanExporterParts};
use cp_pipeline::{CONSUMER, Keeper, KeeperParts, Settlements, StoreCalls, StoreCallsParts};
use cp_redact::CapturePolicies;
use cp_store::{Genesis, Registry};
use cp_traffic::{LiveCalls, TrafficStore};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::database::{database_timeout, open_database, open_secrets};
use super::metrics as recorder;
use super::node::NodeView;
use super::policies::{self, PolicyKeeper};
use super::projects::ProjectKeeper;
use crate::config::{Config, ProviderRow};
use crate::master_key::{self, FoundKey};

/// Storing a stretch of the log is some thousand statements, each of which may wait a little.
const PATIENCE_FACTOR: u32 = 30;
/// How long a connection to a receiver of audit events may take.
const AUDIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection to a provider that people sign in with may take.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(5);
/// Calls kept for live views that lag.
const LIVE_CALLS: usize = 1024;

/// The running parts, in the order in which they stop.
pub(super) struct Parts {
    pub(super) gateway: Arc<Gateway>,
    pub(super) api: cp_api::Router,
    pub(super) app: App,
    pub(super) metrics: PrometheusHandle,
    pub(super) policies: Arc<PolicyKeeper>,
    /// Keeps the gateway's projects, from this revision of the registry on.
    pub(super) projects: (ProjectKeeper, i64),
    log: Log,
    pipeline: Consumer,
    keeper: Consumer,
    spans: Option<Consumer>,
    audit: Vec<Consumer>,
    db: Db,
    /// People's secrets.
    secrets: Db,
    /// Where the master key lies, when it was made just now.
    pub(super) new_master_key: Option<PathBuf>,
    /// What makes the owner, while there is none.
    pub(super) setup: Option<Token>,
    /// What a person should know of this start.
    pub(super) notices: Vec<String>,
}

/// What everything else stands on.
struct Ground {
    clock: Arc<SystemClock>,
    random: Arc<Random>,
    ids: IdGenerator,
    master: FoundKey,
    db: Db,
    secrets: Db,
    registry: Registry,
    traffic: TrafficStore,
    /// What projects want captured.
    policies: watch::Sender<Arc<CapturePolicies>>,
    log: Log,
    recovery: Recovery,
}

impl Ground {
    async fn lay(config: &Config) -> anyhow::Result<Self> {
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

    fn projects(&self, config: &Config) -> ProjectKeeper {
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
    fn keeper(&self, nudge: &Arc<Notify>) -> anyhow::Result<Consumer> {
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

    fn gateway(&self, snapshot: Snapshot) -> Arc<Gateway> {
        Arc::new(Gateway::new(GatewayParts {
            snapshot: Snapshot { policies: self.policies.borrow().clone(), ..snapshot },
            log: self.log.clone(),
            ids: self.ids.clone(),
            clock: self.clock.clone(),
            fingerprint_key: self.registry.fingerprint_key().clone(),
        }))
    }
}

/// Makes everything.
pub(super) async fn assemble(config: &Config) -> anyhow::Result<Parts> {
    let prices = prices(config)?;
    let metrics = recorder::install()?;
    let ground = Ground::lay(config).await?;
    let live = LiveCalls::new(LIVE_CALLS);
    let rows = config.provider_rows()?;
    let price_lists: BTreeMap<_, _> = rows.iter().map(|row| (row.name.clone(), row.prices.clone())).collect();
    let projects = ground.projects(config);
    projects.load_spends().await?;
    let known = projects.read().await?;
    let (consumer, pipeline_status) = StoreCalls::new(StoreCallsParts {
        log: ground.log.clone(),
        traffic: ground.traffic.clone(),
        live: live.clone(),
        clock: ground.clock.clone(),
        prices: prices.clone(),
        price_lists: price_lists.clone(),
        policies: ground.policies.subscribe(),
        settlements: settlements(&projects.meters),
        patience: database_timeout(config) * PATIENCE_FACTOR,
    });
    let pipeline = Consumer::start("pipeline", |stop| consumer.start(stop))?;
    let spans = spans(config, &rows, &ground.log, &ground.traffic)?;
    let nudge = Arc::new(Notify::new());
    let keeper = ground.keeper(&nudge)?;
    let audit = audit(config, &ground.db, &ground.clock)?;
    let gateway = ground.gateway(snapshot(config, &rows, known.projects)?);
    let Ground { clock, random, ids, master, db, secrets, registry, traffic, policies, log, recovery } =
        ground;
    let policies = Arc::new(PolicyKeeper { db: db.clone(), gateway: gateway.clone(), policies });
    let setter = policies.clone();
    let node = NodeView {
        started_at: clock.now(),
        engine: db.engine().as_str(),
        master_key_source: master.source,
        log: log.clone(),
        pipeline: pipeline_status,
        rows,
    };
    let app = App::new(cp_app::Parts {
        db: db.clone(),
        master: master.key,
        signing: registry.signing_key().clone(),
        installation: registry.installation_key().clone(),
        ring: registry.data_keys().clone(),
        nudge,
        random,
        scope: registry.default_scope(),
        traffic,
        live,
        clock,
        ids,
        prices,
        price_lists,
        gateway: projects.link(),
        fingerprint_key: registry.fingerprint_key().clone(),
        node: Arc::new(move || node.now()),
        providers: sign_in_providers(config)?,
        set_policy: Arc::new(move |project, policy| setter.set(project, policy)),
        is_private: config.server.public_url.is_none(),
    });
    let setup = app.offer_setup().await.context("it cannot be read whether anybody has signed up")?;
    let api = cp_api::router(app.clone(), metrics.clone(), config.server.site()?);
    Ok(Parts {
        gateway,
        api,
        app,
        metrics,
        policies,
        projects: (projects, known.revision),
        log,
        pipeline,
        keeper,
        spans,
        audit,
        db,
        secrets,
        new_master_key: master.made,
        setup,
        notices: notices(&recovery),
    })
}

/// The shipped price lists, and those of this installation over them.
fn prices(config: &Config) -> anyhow::Result<PriceBook> {
    let mut book = PriceBook::shipped();
    for file in &config.prices.files {
        let shown = file.display();
        let json = std::fs::read_to_string(file)
            .with_context(|| format!("prices.files: the price list {shown} cannot be read"))?;
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
        book.add_own_list(&json, &name)
            .with_context(|| format!("prices.files: the price list {shown} cannot be used"))?;
    }
    Ok(book)
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
        let spans = self.spans.map(Consumer::stop);
        let audit = self.audit.into_iter().map(Consumer::stop);
        tokio::join!(self.pipeline.stop(), self.keeper.stop(), async {
            for consumer in spans.into_iter().chain(audit) {
                consumer.await;
            }
        });
        self.db.close().await;
        self.secrets.close().await;
    }
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

/// What stored calls used goes to the meters of their keys.
fn settlements(meters: &Meters) -> Settlements {
    let meters = meters.clone();
    Settlements::new(move |settled| meters.settle(settled))
}

fn snapshot(config: &Config, rows: &[ProviderRow], projects: Arc<Projects>) -> anyhow::Result<Snapshot> {
    let connect_timeout = Duration::from_millis(config.gateway.connect_timeout_ms);
    let shared = UpstreamClient::new(connect_timeout, false, None)?;
    let mut upstreams = BTreeMap::new();
    for row in rows {
        let client = match (&row.ca_file, row.http2, row.reach) {
            (None, false, Reach::Private) => shared.clone(),
            (ca_file, http2, reach) => {
                UpstreamClient::within(reach, connect_timeout, http2, ca_file.as_deref())
                    .with_context(|| format!("provider {} cannot be used", row.name))?
            }
        };
        let upstream = Upstream::new(row.family, &row.base_url, client)
            .with_context(|| format!("providers.{}.base_url cannot be used", row.name))?;
        upstreams.insert(row.name.as_str().into(), Arc::new(upstream));
    }
    let capture =
        CaptureLimits { max_body_bytes: config.capture.max_body_bytes, on_full: config.capture.on_full() };
    let limits = Limits {
        first_byte_timeout: Duration::from_millis(config.gateway.first_byte_timeout_ms),
        idle_timeout: Duration::from_millis(config.gateway.idle_timeout_ms),
        max_request_bytes: config.gateway.max_request_bytes,
    };
    Ok(Snapshot { projects, upstreams, capture, policies: Arc::default(), limits })
}

/// The exporter of spans, where a collector is configured.
fn spans(
    config: &Config,
    rows: &[ProviderRow],
    log: &Log,
    traffic: &TrafficStore,
) -> anyhow::Result<Option<Consumer>> {
    let Some(collector) = config.otlp.collector()? else { return Ok(None) };
    let exporter = SpanExporter::new(SpanExporterParts {
        log: log.clone(),
        traffic: traffic.clone(),
        connector: UpstreamClient::new(collector.timeout, false, None)?.connector(),
        collector,
        servers: rows.iter().filter_map(server).collect(),
    });
    Consumer::start("exporter of spans", |stop| exporter.start(stop)).map(Some)
}

/// What sends the audit log to the targets that are configured.
fn audit(config: &Config, db: &Db, clock: &Arc<SystemClock>) -> anyhow::Result<Vec<Consumer>> {
    let connector = UpstreamClient::new(AUDIT_TIMEOUT, false, None)?.connector();
    let mut streams = Vec::new();
    if let Some((url, secret)) = config.audit.webhook()? {
        let webhook = Webhook::new(connector.clone(), url, secret, clock.clone());
        streams.push(AuditStream::to_webhook(db.clone(), webhook));
    }
    if let Some(syslog) = config.audit.syslog()? {
        streams.push(AuditStream::to_syslog(db.clone(), syslog));
    }
    let start = |stream: AuditStream<_>| Consumer::start("stream of audit events", |stop| stream.start(stop));
    streams.into_iter().map(start).collect()
}

/// The providers that people sign in with, as far as they may be reached.
fn sign_in_providers(config: &Config) -> anyhow::Result<cp_app::model::Providers> {
    let (reach, ca_file) = (config.sso.reach()?, config.sso.ca_file.as_deref());
    let client = UpstreamClient::within(reach, SIGN_IN_TIMEOUT, false, ca_file)?;
    Ok(cp_app::model::Providers::new(cp_app::model::Http::over(client.connector())))
}

/// Host and port of a provider, by its name.
fn server(row: &ProviderRow) -> Option<(String, (String, u16))> {
    let url = row.base_url.parse::<http::Uri>().ok()?;
    let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 });
    Some((row.name.clone(), (url.host()?.to_owned(), port)))
}

/// A consumer of the log, at work on its thread.
struct Consumer {
    name: &'static str,
    thread: JoinHandle<()>,
    stop: CancellationToken,
}

impl Consumer {
    fn start(
        name: &'static str,
        start: impl FnOnce(CancellationToken) -> std::io::Result<JoinHandle<()>>,
    ) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let thread = start(stop.clone()).with_context(|| format!("the {name} cannot be started"))?;
        Ok(Self { name, thread, stop })
    }

    /// Lets it read the log to its end, and waits for that.
    async fn stop(self) {
        self.stop.cancel();
        if !matches!(tokio::task::spawn_blocking(move || self.thread.join()).await, Ok(Ok(()))) {
            tracing::error!("the {} ended in a panic; what it had not done is in the log", self.name);
        }
    }
}
