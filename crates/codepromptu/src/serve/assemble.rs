//! The parts of a running program, each made once and handed down.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use cp_app::App;
use cp_audit::{AuditStream, Webhook};
use cp_base::{Clock, SystemClock, Token};
use cp_capture::{Log, Recovery};
use cp_db::Db;
use cp_gateway::{
    CaptureLimits, Gateway, Limits, Meters, Projects, Reach, Snapshot, Upstream, UpstreamClient,
};
use cp_genai::PriceBook;
use cp_otlp::{SpanExporter, SpanExporterParts};
use cp_pipeline::{Settlements, StoreCalls, StoreCallsParts};
use cp_traffic::{LiveCalls, TrafficStore};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::database::database_timeout;
use super::ground::Ground;
use super::library::Prompts;
use super::node::NodeView;
use super::policies::PolicyKeeper;
use super::projects::ProjectKeeper;
use super::shelf;
use super::tell::Teller;
use crate::config::{Config, ProviderRow};

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

/// Makes everything.
pub(super) async fn assemble(
    config: &Config,
    ground: Ground,
    metrics: PrometheusHandle,
) -> anyhow::Result<Parts> {
    let prices = prices(config)?;
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
    let teller = Teller { log: log.clone(), policies: policies.subscribe(), clock: clock.clone() };
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
        told: teller.link(),
        set_policy: Arc::new(move |project, policy| setter.set(project, policy)),
        measure: cp_app::library::measure_nothing(),
        is_private: config.server.public_url.is_none(),
    });
    app.refresh_shelf().await.context("the prompt library cannot be read")?;
    gateway.set_library(Arc::new(Prompts(app.serving())));
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
        shelf::flush(&self.app).await;
        self.db.close().await;
        self.secrets.close().await;
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
pub(super) struct Consumer {
    name: &'static str,
    thread: JoinHandle<()>,
    stop: CancellationToken,
}

impl Consumer {
    pub(super) fn start(
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
