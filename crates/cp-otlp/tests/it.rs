//! From the capture log to a collector.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use cp_base::{CallId, Clock, IdGenerator, MasterKey, Outcome, ProjectScope, Random};
use cp_capture::{Body, Closing, Log, LogConfig, Opening};
use cp_otlp::{Collector, SpanExporter, SpanExporterParts};
use cp_store::Genesis;
use cp_testkit::{FakeClock, TestDb, db_test};
use cp_traffic::TrafficStore;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);
/// The consumer that holds the log, in place of the pipeline.
const HOLDER: &str = "store-calls";
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// Status, `retry-after`, body.
type Answer = (u16, Option<&'static str>, Bytes);

/// A collector that answers as it is told, 200 without a word.
#[derive(Clone)]
struct Receiver {
    url: String,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    taken: watch::Sender<Vec<Span>>,
    requests: watch::Sender<usize>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let receiver = Self {
            url,
            answers: Arc::default(),
            taken: watch::Sender::new(Vec::new()),
            requests: watch::Sender::new(0),
        };
        let serving = receiver.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let receiver = serving.clone();
                let service = service_fn(move |request| receiver.clone().answer(request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        receiver
    }

    async fn answer(self, request: http::Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        assert_eq!(request.headers()["content-type"], "application/x-protobuf");
        assert_eq!(request.headers()["x-tenant"], "seven");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let message = ExportTraceServiceRequest::decode(body).unwrap();
        let answer = self.answers.lock().unwrap().pop_front();
        let (status, retry_after, body) = answer.unwrap_or((200, None, Bytes::new()));
        if status == 200 {
            let resources = message.resource_spans.into_iter();
            let spans = resources.flat_map(|of| of.scope_spans).flat_map(|of| of.spans);
            self.taken.send_modify(|taken| taken.extend(spans));
        }
        self.requests.send_modify(|count| *count += 1);
        let mut response = Response::builder().status(status);
        if let Some(after) = retry_after {
            response = response.header("retry-after", after);
        }
        Ok(response.body(Full::new(body)).unwrap())
    }

    fn will_answer(&self, status: u16, retry_after: Option<&'static str>) {
        self.answers.lock().unwrap().push_back((status, retry_after, Bytes::new()));
    }

    async fn spans(&self, count: usize) -> Vec<Span> {
        let mut taken = self.taken.subscribe();
        let waiting = taken.wait_for(|taken| taken.len() >= count);
        tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap().clone()
    }

    async fn requests(&self, count: usize) {
        let mut requests = self.requests.subscribe();
        let waiting = requests.wait_for(|requests| *requests >= count);
        tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap();
    }
}

struct World {
    _test: TestDb,
    dir: tempfile::TempDir,
    master: MasterKey,
    clock: Arc<FakeClock>,
    ids: IdGenerator,
    traffic: TrafficStore,
    scope: ProjectScope,
    receiver: Receiver,
}

struct Running(CancellationToken, JoinHandle<()>);

impl Running {
    async fn finish(self) {
        self.0.cancel();
        tokio::task::spawn_blocking(move || self.1.join()).await.unwrap().unwrap();
    }
}

impl World {
    async fn new(test: TestDb) -> Self {
        let clock = Arc::new(FakeClock::default());
        let ids = cp_testkit::ids(&clock);
        let master = MasterKey::new([9; 32]);
        let random = Arc::new(Random::seeded(3));
        test.db.migrate(&[cp_store::MIGRATIONS, cp_traffic::MIGRATIONS], clock.now()).await.unwrap();
        let genesis = Genesis { master: &master, ids: &ids, random: &random, clock: clock.as_ref() };
        let registry = cp_store::bootstrap(&test.db, &genesis).await.unwrap();
        let traffic = TrafficStore::new(test.db.clone(), registry.data_keys().clone(), random);
        let (dir, scope) = (tempfile::tempdir().unwrap(), registry.default_scope());
        Self { _test: test, dir, master, clock, ids, traffic, scope, receiver: Receiver::start().await }
    }

    fn open_log(&self) -> Log {
        let config = LogConfig {
            segment_bytes: 1 << 20,
            memory_bytes: 1 << 19,
            max_open_calls: 16,
            min_retention: Duration::ZERO,
            ..LogConfig::new(self.dir.path().join("log"))
        };
        let (random, key) = (Arc::new(Random::system()), self.master.log_key().clone());
        Log::open(config, key, &self.ids, random, self.clock.clone(), &[HOLDER]).unwrap().0
    }

    fn export(&self, log: &Log) -> Running {
        let mut headers = HeaderMap::new();
        headers.insert("x-tenant", "seven".parse().unwrap());
        let exporter = SpanExporter::new(SpanExporterParts {
            log: log.clone(),
            traffic: self.traffic.clone(),
            connector: HttpConnector::new(),
            collector: Collector {
                url: self.receiver.url.parse().unwrap(),
                headers,
                timeout: Duration::from_secs(10),
                resource: vec![("service.name".to_owned(), "codepromptu".to_owned())],
            },
            servers: [("openai".to_owned(), ("api.openai.com".to_owned(), 443))].into(),
        });
        let stop = CancellationToken::new();
        Running(stop.clone(), exporter.start(stop).unwrap())
    }

    /// The place in the log is kept from the first start on.
    async fn is_placed(&self, log: &Log) {
        let placed = async {
            while self.traffic.cursor(log.node(), "otlp").await.unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, placed).await.unwrap();
    }

    async fn call(&self, log: &Log, traceparent: Option<&str>, change: impl FnOnce(&mut Closing)) -> CallId {
        self.clock.advance(Duration::from_millis(2));
        let headers = traceparent.map(|value| ("traceparent".to_owned(), value.to_owned()));
        let opening = Opening {
            call: self.ids.mint(),
            node: log.node(),
            org: self.scope.org(),
            project: self.scope.project(),
            started_at: self.clock.now(),
            provider: "openai".to_owned(),
            method: "POST".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            query: None,
            headers: headers.into_iter().collect(),
            client_fingerprint: None,
            capture: cp_base::CaptureMark::default(),
            gateway_key: None,
            source: cp_base::CallSource::Gateway,
        };
        let request = json!({"model": "gpt-4o-mini", "temperature": 0.5,
                             "messages": [{"role": "user", "content": "a private question"}]});
        let message = json!({"role": "assistant", "content": "a private answer"});
        let response = json!({
            "id": "chatcmpl-1", "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
        });
        let body = |value: serde_json::Value| {
            let bytes = Bytes::from(value.to_string());
            Body { total_bytes: bytes.len() as u64, pieces: vec![bytes] }
        };
        let mut closing = Closing {
            outcome: Outcome::Completed,
            ended_at: opening.started_at,
            duration_us: 1_500,
            time_to_first_chunk_us: Some(900),
            overhead_us: 50,
            status: Some(200),
            error: None,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            prompt_version: None,
            request: body(request),
            response: body(response),
            opening: opening.clone(),
        };
        change(&mut closing);
        let mut slot = log.reserve().unwrap();
        slot.open(opening.clone()).await.unwrap();
        slot.close(closing).await.unwrap();
        opening.call
    }
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a Value> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

fn text(span: &Span, key: &str) -> String {
    match attribute(span, key) {
        Some(Value::StringValue(text)) => text.clone(),
        other => panic!("{key} is {other:?}"),
    }
}

db_test! {
    async fn a_call_is_a_span_in_the_clients_trace(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let running = world.export(&log);
        world.is_placed(&log).await;
        let joined = world.call(&log, Some(SAMPLED), |_| {}).await;
        world.call(&log, Some(UNSAMPLED), |_| {}).await;
        let alone = world.call(&log, None, |closing| {
            closing.status = Some(502);
            closing.outcome = Outcome::UpstreamError;
            closing.error = Some("upstream_unreachable".to_owned());
            closing.response = Body::default();
        }).await;
        let spans = world.receiver.spans(2).await;
        running.finish().await;
        assert_eq!(world.receiver.taken.borrow().len(), 2, "the trace that the client does not sample has no span");
        let [first, second] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!(first.trace_id, 0x4bf92f3577b34da6a3ce929d0e0e4736_u128.to_be_bytes());
        assert_eq!(first.parent_span_id, 0x00f067aa0ba902b7_u64.to_be_bytes());
        assert_eq!((first.name.as_str(), first.kind, &first.status), ("chat gpt-4o-mini", 3, &None));
        assert_eq!((first.flags, second.flags), (0x301, 0x101));
        assert_eq!(first.end_time_unix_nano - first.start_time_unix_nano, 1_500_000);
        assert_eq!(text(first, "codepromptu.call.id"), joined.to_string());
        assert_eq!(text(first, "gen_ai.response.model"), "gpt-4o-mini-2024-07-18");
        assert_eq!(text(first, "server.address"), "api.openai.com");
        assert_eq!(attribute(first, "gen_ai.usage.input_tokens"), Some(&Value::IntValue(9)));
        assert_eq!(attribute(first, "gen_ai.usage.output_tokens"), Some(&Value::IntValue(3)));
        assert_eq!(attribute(first, "gen_ai.request.temperature"), Some(&Value::DoubleValue(0.5)));
        assert!(!format!("{spans:?}").contains("private"));
        assert_eq!(second.trace_id, alone.uuid().as_bytes());
        assert_eq!((second.parent_span_id.len(), second.status.as_ref().unwrap().code), (0, 2));
        assert_eq!(text(second, "error.type"), "upstream_unreachable");
        assert_ne!(first.span_id, second.span_id);
    }

    async fn what_the_collector_cannot_take_now_it_gets_later(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        world.receiver.will_answer(503, Some("0"));
        world.receiver.will_answer(429, None);
        let running = world.export(&log);
        world.is_placed(&log).await;
        let call = world.call(&log, None, |_| {}).await;
        let spans = world.receiver.spans(1).await;
        assert_eq!(text(&spans[0], "codepromptu.call.id"), call.to_string());
        world.receiver.requests(3).await;
        // What it will never take does not stop the rest.
        world.receiver.will_answer(400, None);
        world.call(&log, None, |_| {}).await;
        world.receiver.requests(4).await;
        let last = world.call(&log, None, |_| {}).await;
        let spans = world.receiver.spans(2).await;
        assert_eq!(text(&spans[1], "codepromptu.call.id"), last.to_string());
        let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: "no".to_owned() };
        let answer = ExportTraceServiceResponse { partial_success: Some(partial) };
        world.receiver.answers.lock().unwrap().push_back((200, None, answer.encode_to_vec().into()));
        world.call(&log, None, |_| {}).await;
        world.receiver.requests(6).await;
        running.finish().await;
        assert_eq!(*world.receiver.requests.borrow(), 6, "a part that was refused is not sent again");
    }

    async fn a_restart_goes_on_where_it_was(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        world.call(&log, None, |_| {}).await;
        let running = world.export(&log);
        world.is_placed(&log).await;
        let mut calls = vec![world.call(&log, None, |_| {}).await];
        world.receiver.spans(1).await;
        running.finish().await;
        for _ in 0..3 {
            calls.push(world.call(&log, None, |_| {}).await);
        }
        world.export(&log).finish().await;
        let sent: Vec<_> = world.receiver.taken.borrow().iter().map(|span| text(span, "codepromptu.call.id")).collect();
        assert_eq!(sent, calls.iter().map(ToString::to_string).collect::<Vec<_>>(), "nothing from before the first start");
    }

    async fn a_dead_collector_holds_up_neither_the_log_nor_the_end(test: TestDb) {
        let mut world = World::new(test).await;
        let log = world.open_log();
        let (_dead, port) = cp_testkit::hold_port();
        let alive = std::mem::replace(&mut world.receiver.url, format!("http://127.0.0.1:{port}/v1/traces"));
        let running = world.export(&log);
        world.is_placed(&log).await;
        let first = log.first_position();
        let mut noise = vec![0; 200_000];
        Random::seeded(5).fill(&mut noise);
        for _ in 0..12 {
            world.call(&log, None, |closing| {
                closing.request = Body { pieces: vec![Bytes::from(noise.clone())], total_bytes: noise.len() as u64 };
            }).await;
            log.release(HOLDER, *log.written().borrow());
        }
        let freed = async {
            while log.first_position() == first {
                log.release(HOLDER, *log.written().borrow());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, freed).await.unwrap();
        // It is given some seconds to deliver, and no more.
        tokio::time::timeout(PATIENCE, running.finish()).await.unwrap();
        world.receiver.url = alive;
        let last = world.call(&log, None, |_| {}).await;
        let running = world.export(&log);
        let mut taken = world.receiver.taken.subscribe();
        let arrived = taken.wait_for(|taken| taken.iter().any(|span| text(span, "codepromptu.call.id") == last.to_string()));
        tokio::time::timeout(PATIENCE, arrived).await.unwrap().unwrap();
        running.finish().await;
        assert!(world.receiver.taken.borrow().len() < 13, "what left the log in the meantime is not sent");
    }
}
