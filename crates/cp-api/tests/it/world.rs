//! An API on a temporary store, with a socket, and calls to put into it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use cp_api::Router;
use cp_app::library::Measurements;
use cp_app::model::{
    CostByKind, DecodedCall, Http, Message, OperationName, Part, PriceBook, Providers, Usage,
};
use cp_app::{App, LogState, NodeStatus, NotKept, Parts, PipelineState, ProviderRow, ToldCall, ToldLog};
use cp_base::{
    CallId, Clock, IdGenerator, InstallationScope, MasterKey, NodeId, Outcome, ProjectScope, Random,
    Timestamp, UsdNanos,
};
use cp_client::Client;
use cp_db::Db;
use cp_store::{Genesis, SeenFingerprint};
use cp_testkit::{FakeClock, TestDb, ids};
use cp_traffic::{
    Batch, Billing, CallDocument, CallMessages, CallSummary, FinishedCall, LiveCalls, MIGRATIONS,
    TrafficStore, Write,
};
use http_body_util::BodyExt;
use hyper_util::client::legacy::connect::HttpConnector;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// Where people reach it.
pub(crate) const PUBLIC_URL: &str = "https://prompts.example.com";

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) api: Router,
    pub(crate) live: LiveCalls,
    pub(crate) scope: ProjectScope,
    pub(crate) log_error: Arc<Mutex<Option<String>>>,
    /// What clients told of calls.
    pub(crate) told: Arc<Mutex<Vec<ToldCall>>>,
    /// Why nothing of it is kept.
    pub(crate) refuses: Arc<Mutex<Option<NotKept>>>,
    pub(crate) db: Db,
    pub(crate) random: Arc<Random>,
    pub(crate) ids: IdGenerator,
    /// What is measured of every version.
    pub(crate) measured: Arc<Mutex<Measurements>>,
    traffic: TrafficStore,
    node: NodeId,
    clock: Arc<FakeClock>,
    servers: JoinSet<()>,
}

impl World {
    pub(crate) async fn new(test: &TestDb) -> Self {
        Self::over(&test.db).await
    }

    /// Another program on the same store.
    pub(crate) async fn restarted(&self) -> Self {
        Self::over(&self.db).await
    }

    async fn over(db: &Db) -> Self {
        let clock = Arc::new(FakeClock::default());
        let (ids, random) = (ids(&clock), Arc::new(Random::seeded(2)));
        db.migrate(&[cp_store::MIGRATIONS, MIGRATIONS], clock.now()).await.unwrap();
        let master = MasterKey::new([1; 32]);
        let genesis = Genesis { master: &master, ids: &ids, random: &random, clock: &*clock };
        let registry = cp_store::bootstrap(db, &genesis).await.unwrap();
        let scope = registry.default_scope();
        let traffic = TrafficStore::new(db.clone(), registry.data_keys().clone(), random.clone());
        let (live, node) = (LiveCalls::new(8), ids.mint());
        let log_error: Arc<Mutex<Option<String>>> = Arc::default();
        let (started_at, last_error) = (clock.now(), Arc::clone(&log_error));
        let status = move || NodeStatus {
            version: "1.2.3".to_owned(),
            node,
            started_at,
            engine: "SQLite".to_owned(),
            master_key_source: "file".to_owned(),
            log: LogState { last_error: last_error.lock().unwrap().clone(), ..LogState::default() },
            pipeline: PipelineState::default(),
            providers: vec![ProviderRow {
                name: "openai".to_owned(),
                family: "openai".to_owned(),
                base_url: "https://api.openai.com".to_owned(),
            }],
        };
        let (told, refuses) = (Arc::default(), Arc::default());
        let measured: Arc<Mutex<Measurements>> = Arc::default();
        let measures = Arc::clone(&measured);
        let app = App::new(Parts {
            is_private: true,
            db: db.clone(),
            signing: registry.signing_key().clone(),
            installation: registry.installation_key().clone(),
            ring: registry.data_keys().clone(),
            nudge: Arc::default(),
            master,
            random: random.clone(),
            scope,
            traffic: traffic.clone(),
            live: live.clone(),
            clock: Arc::<FakeClock>::clone(&clock),
            ids: ids.clone(),
            prices: PriceBook::shipped(),
            price_lists: BTreeMap::new(),
            gateway: cp_app::GatewayLink::default(),
            fingerprint_key: registry.fingerprint_key().clone(),
            node: Arc::new(status),
            providers: Providers::new(Http::over(HttpConnector::new())),
            told: told_log(&told, &refuses),
            set_policy: Arc::new(|_, _| {}),
            measure: Arc::new(move |_, _, _| {
                let measured = measures.lock().unwrap().clone();
                Box::pin(async { Ok(measured) })
            }),
        });
        let site = cp_api::Site::at(PUBLIC_URL).unwrap();
        let api = cp_api::router(app.clone(), PrometheusBuilder::new().build_recorder().handle(), site);
        let (db, servers) = (db.clone(), JoinSet::new());
        Self {
            app,
            api,
            live,
            scope,
            log_error,
            told,
            refuses,
            measured,
            db,
            random,
            ids,
            traffic,
            node,
            clock,
            servers,
        }
    }

    /// The call that a client calls so.
    pub(crate) fn app_call_observed(&self, observation: &str) -> CallId {
        self.traffic.call_observed(self.scope, observation).unwrap()
    }

    /// A client of this API over a socket.
    pub(crate) async fn client(&mut self) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let api = self.api.clone();
        self.servers.spawn(async move { axum::serve(listener, api).await.unwrap() });
        Client::new(&format!("http://{address}")).unwrap()
    }

    /// One request, straight to the router.
    pub(crate) async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.api.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Body> {
        self.request("GET", path, &[("host", "127.0.0.1:8080")]).await
    }

    /// Status and JSON of a request with a credential.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        json: &str,
    ) -> (u16, serde_json::Value) {
        let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !json.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Body::from(json.to_owned())).unwrap();
        let response = self.api.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let endless = response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let text = if endless { Vec::new() } else { body(response).await };
        (status, serde_json::from_slice(&text).unwrap_or_default())
    }

    /// Status and JSON of a GET.
    pub(crate) async fn get_json(&self, path: &str) -> (u16, serde_json::Value) {
        let response = self.get(path).await;
        (response.status().as_u16(), serde_json::from_slice(&body(response).await).unwrap())
    }

    /// A call that ended, a second after the one before, with a question and its answer.
    pub(crate) fn call(&self) -> FinishedCall {
        let started_at = self.clock.now();
        self.clock.advance(Duration::from_secs(1));
        let message = |role: &str, content: &str| Message {
            role: role.to_owned(),
            parts: vec![Part::Text { content: content.to_owned() }],
            name: None,
            finish_reason: None,
        };
        let mut decoded = DecodedCall { user: Some("u-17".to_owned()), ..DecodedCall::default() };
        decoded.parameters.insert("temperature".to_owned(), 0.5.into());
        FinishedCall {
            scope: self.scope,
            summary: CallSummary {
                call: self.ids.mint(),
                node: self.node,
                started_at,
                provider_name: "openai".to_owned(),
                operation_name: Some(OperationName::Chat),
                method: "POST".to_owned(),
                path: "/v1/chat/completions".to_owned(),
                client_fingerprint: Some([7; 16]),
                gateway_key: None,
                source: cp_base::CallSource::Gateway,
                prompt_version: None,
                outcome: Some(Outcome::Completed),
                status: Some(200),
                error_code: None,
                duration_us: Some(5_000),
                time_to_first_chunk_us: Some(1_000),
                overhead_us: Some(100),
                request_model: Some("small".to_owned()),
                response_model: Some("small-2026".to_owned()),
                stream: false,
                finish_reasons: vec!["stop".to_owned()],
                usage: Some(Usage { input_tokens: Some(3), output_tokens: Some(4), ..Usage::default() }),
                cost: Some(UsdNanos(1_234_567)),
                price_list: Some("test".to_owned()),
                billing: Billing {
                    by_kind: CostByKind { input: UsdNanos(1_234_567), ..CostByKind::default() },
                    ..Billing::default()
                },
                conversation: None,
                request_bytes: 10,
                response_bytes: 20,
            },
            chain_tip: None,
            handles: Vec::new(),
            users: Vec::new(),
            parent: None,
            document: CallDocument {
                request_headers: vec![("traceparent".to_owned(), "00-1-2-01".to_owned())],
                decoded,
                ..CallDocument::default()
            },
            messages: CallMessages {
                input: vec![message("user", "Where is my parcel?")],
                output: vec![message("assistant", &format!("Answer of {started_at}"))],
            },
            raw: None,
        }
    }

    /// Stores calls; returns their summaries, newest first.
    pub(crate) async fn store(&self, calls: Vec<FinishedCall>) -> Vec<CallSummary> {
        let mut summaries: Vec<_> = calls.iter().map(|call| call.summary.clone()).collect();
        let writes = calls.into_iter().map(|call| Write::Finished(Box::new(call))).collect();
        self.traffic.write_batch(Batch { writes, cursor: None }).await.unwrap();
        summaries.reverse();
        summaries
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The gateway saw a provider's key whose calls came to this project.
    pub(crate) async fn saw(&self, fingerprint: [u8; 16]) {
        let (at, provider) = (self.clock.now(), "openai".to_owned());
        let seen =
            SeenFingerprint { fingerprint, provider, project: None, first_at: at, last_at: at, calls: 1 };
        let mut tx = self.db.begin_write(InstallationScope::grant()).await.unwrap();
        cp_store::add_sightings(&mut tx, &[(seen, Some(self.scope))], at).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) async fn store_some(&self, count: usize) -> Vec<CallSummary> {
        self.store((0..count).map(|_| self.call()).collect()).await
    }
}

pub(crate) async fn body(response: Response<Body>) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

/// Runs a test on a fresh store of each engine: that a use case begins with the reach that it needs shows on PostgreSQL alone.
pub(crate) fn with_world(test: impl AsyncFn(World)) {
    cp_testkit::run_on_sqlite(async |database: TestDb| test(World::new(&database).await).await);
    cp_testkit::run_on_postgres(async |database: TestDb| test(World::new(&database).await).await);
}

/// Keeps what is told in memory, unless nothing is to be kept.
fn told_log(told: &Arc<Mutex<Vec<ToldCall>>>, refuses: &Arc<Mutex<Option<NotKept>>>) -> ToldLog {
    let (told, refuses) = (Arc::clone(told), Arc::clone(refuses));
    ToldLog::new(move |calls| {
        let refused = refuses.lock().unwrap().clone();
        let kept = calls.iter().map(|_| refused.clone().map_or(Ok(()), Err)).collect();
        if refused.is_none() {
            told.lock().unwrap().extend(calls);
        }
        Box::pin(std::future::ready(kept))
    })
}
