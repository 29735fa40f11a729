//! From the capture log to the store, on both engines.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use cp_base::{CallId, Clock, IdGenerator, MasterKey, Outcome, ProjectScope, Random, SigningKey, UsdNanos};
use cp_capture::{Body, Closing, Log, LogConfig, Opening, Position, Slot};
use cp_genai::{OperationName, PriceBook};
use cp_pipeline::{CONSUMER, PipelineStatus, Settlements, StoreCalls, StoreCallsParts};
use cp_redact::CapturePolicies;
use cp_store::Genesis;
use cp_testkit::{FakeClock, TestDb, db_test};
use cp_traffic::{Batch, CallDetail, LiveCalls, LiveEvent, LogCursor, TrafficStore};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);

/// A log directory and a store; the log is opened anew for each run of the process.
struct World {
    test: TestDb,
    dir: tempfile::TempDir,
    master: MasterKey,
    clock: Arc<FakeClock>,
    ids: IdGenerator,
    traffic: TrafficStore,
    scope: ProjectScope,
    signing: SigningKey,
    live: LiveCalls,
    policies: watch::Sender<Arc<CapturePolicies>>,
}

/// The consumer at work.
struct Running {
    status: watch::Receiver<PipelineStatus>,
    stop: CancellationToken,
    thread: JoinHandle<()>,
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
        let dir = tempfile::tempdir().unwrap();
        let (scope, signing) = (registry.default_scope(), registry.signing_key().clone());
        Self {
            test,
            dir,
            master,
            clock,
            ids,
            traffic,
            scope,
            signing,
            live: LiveCalls::new(64),
            policies: watch::Sender::default(),
        }
    }

    fn open_log(&self) -> Log {
        let config = LogConfig {
            segment_bytes: 2 << 20,
            memory_bytes: 1 << 20,
            max_open_calls: 64,
            ..LogConfig::new(self.dir.path().join("log"))
        };
        let random = Arc::new(Random::system());
        let key = self.master.log_key().clone();
        Log::open(config, key, &self.ids, random, self.clock.clone(), &[CONSUMER]).unwrap().0
    }

    fn run(&self, log: &Log) -> Running {
        self.run_telling(log, Settlements::default())
    }

    fn run_telling(&self, log: &Log, settlements: Settlements) -> Running {
        let (consumer, status) = StoreCalls::new(StoreCallsParts {
            log: log.clone(),
            traffic: self.traffic.clone(),
            live: self.live.clone(),
            clock: self.clock.clone(),
            prices: PriceBook::shipped(),
            price_lists: [("openai".to_owned(), "openai".to_owned())].into(),
            policies: self.policies.subscribe(),
            settlements,
            patience: PATIENCE,
        });
        let stop = CancellationToken::new();
        let thread = consumer.start(stop.clone()).unwrap();
        Running { status, stop, thread }
    }

    /// Stores what is in the log, and ends.
    async fn store_all(&self, log: &Log) {
        let running = self.run(log);
        let status = running.status.clone();
        running.finish().await;
        assert_eq!(status.borrow().last_error, None);
    }

    async fn call(&self, call: CallId) -> CallDetail {
        self.traffic.find_call(self.scope, call).await.unwrap().unwrap()
    }

    fn opening(&self, log: &Log) -> Opening {
        self.clock.advance(Duration::from_millis(2));
        Opening {
            call: self.ids.mint(),
            node: log.node(),
            org: self.scope.org(),
            project: self.scope.project(),
            started_at: self.clock.now(),
            provider: "openai".to_owned(),
            method: "POST".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            query: None,
            headers: vec![("traceparent".to_owned(), "00-a-b-01".to_owned())],
            client_fingerprint: Some([4; 16]),
            capture: cp_base::CaptureMark::default(),
            gateway_key: None,
            source: cp_base::CallSource::Gateway,
        }
    }

    /// A call from its opening to its closing, with the bodies given.
    async fn pass(&self, log: &Log, request: &[u8], response: &[u8]) -> CallId {
        self.pass_as(log, self.opening(log), request, response).await
    }

    /// An exchange of `provider` for `line`, a method and a path.
    async fn exchange(&self, log: &Log, provider: &str, line: &str, bodies: [&str; 2]) -> CallId {
        let (method, path) = line.split_once(' ').unwrap();
        let [provider, method, path] = [provider, method, path].map(str::to_owned);
        let opening = Opening { provider, method, path, ..self.opening(log) };
        let [request, response] = bodies.map(str::as_bytes);
        self.pass_as(log, opening, request, response).await
    }

    async fn pass_as(&self, log: &Log, opening: Opening, request: &[u8], response: &[u8]) -> CallId {
        let call = opening.call;
        let mut slot = log.reserve().unwrap();
        slot.open(opening.clone()).await.unwrap();
        slot.close(closing(opening, request, response)).await.unwrap();
        call
    }

    /// A response with this id to a request with these fields.
    async fn response(&self, log: &Log, id: &str, request: Value) -> CallId {
        let (slot, opening) = self.begin_response(log).await;
        let call = opening.call;
        end_response(slot, opening, id, &request).await;
        call
    }

    async fn begin_response(&self, log: &Log) -> (Slot, Opening) {
        let opening = Opening { path: "/v1/responses".to_owned(), ..self.opening(log) };
        let mut slot = log.reserve().unwrap();
        slot.open(opening.clone()).await.unwrap();
        (slot, opening)
    }

    /// A chat completion that answers `said` to `messages`.
    async fn chat(&self, log: &Log, messages: &Value, said: &str) -> CallId {
        let request = json!({"model": "gpt-4o-mini", "messages": messages, "user": "u-7"});
        let message = json!({"role": "assistant", "content": said});
        let response = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
        });
        self.pass(log, request.to_string().as_bytes(), response.to_string().as_bytes()).await
    }
}

impl Running {
    async fn finish(self) {
        self.stop.cancel();
        tokio::task::spawn_blocking(move || self.thread.join()).await.unwrap().unwrap();
    }

    async fn until(&mut self, condition: impl FnMut(&PipelineStatus) -> bool) {
        tokio::time::timeout(PATIENCE, self.status.wait_for(condition)).await.unwrap().unwrap();
    }
}

fn closing(opening: Opening, request: &[u8], response: &[u8]) -> Closing {
    let body =
        |bytes: &[u8]| Body { pieces: vec![Bytes::copy_from_slice(bytes)], total_bytes: bytes.len() as u64 };
    Closing {
        outcome: Outcome::Completed,
        ended_at: opening.started_at,
        duration_us: 1_000,
        time_to_first_chunk_us: Some(900),
        overhead_us: 50,
        status: Some(200),
        error: None,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        prompt_version: None,
        request: body(request),
        response: body(response),
        opening,
    }
}

async fn end_response(slot: Slot, opening: Opening, id: &str, request: &Value) {
    let said = json!({"type": "output_text", "text": "yes"});
    let item = json!({"type": "message", "id": format!("msg_{id}"), "role": "assistant", "content": [said]});
    let response = json!({"id": id, "status": "completed", "model": "gpt-5-mini", "output": [item]});
    let (request, response) = (request.to_string(), response.to_string());
    slot.close(closing(opening, request.as_bytes(), response.as_bytes())).await.unwrap();
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn assistant(text: &str) -> Value {
    json!({"role": "assistant", "content": text, "refusal": null})
}

mod background;
mod batches;
mod keeper;
mod privacy;
mod tenants;
mod told;

db_test! {
    async fn a_call_is_decoded_priced_and_stored(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let call = world.chat(&log, &json!([user("hi")]), "hello").await;
        world.store_all(&log).await;
        let stored = world.call(call).await;
        assert_eq!(stored.summary.operation_name, Some(OperationName::Chat));
        assert_eq!(stored.summary.response_model.as_deref(), Some("gpt-4o-mini-2024-07-18"));
        // 1,000 tokens at $0.15 and 100 at $0.60 a million.
        assert_eq!(stored.summary.cost, Some(UsdNanos(150_000 + 60_000)));
        assert_eq!((stored.messages.input.len(), stored.messages.output.len()), (1, 1));
        let document = stored.document.unwrap();
        assert_eq!(document.decoded.user.as_deref(), Some("u-7"));
        assert_eq!(document.request_headers, [("traceparent".to_owned(), "00-a-b-01".to_owned())]);
        assert_eq!(stored.raw, None);
    }

    async fn what_cannot_be_read_is_kept_raw(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let broken = world.pass(&log, b"{\"model\": ", b"\x00\xff not json").await;
        world.store_all(&log).await;
        let stored = world.call(broken).await;
        assert!(!stored.document.unwrap().decoded.warnings.is_empty());
        let raw = stored.raw.unwrap();
        assert_eq!((raw.request.as_slice(), raw.response.as_slice()), (&b"{\"model\": "[..], &b"\x00\xff not json"[..]));
    }

    async fn conversations_are_found_by_their_messages(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let first = world.chat(&log, &json!([user("hi")]), "hello").await;
        let other = world.chat(&log, &json!([user("else")]), "hello").await;
        // Within one batch, and over the boundary of two.
        let second = world.chat(&log, &json!([user("hi"), assistant("hello"), user("more")]), "sure").await;
        world.store_all(&log).await;
        let history = json!([
            {"role": "system", "content": "the date is another in each call"},
            user("hi"), assistant("hello"), user("more"), assistant(" sure\n"), user("and more")
        ]);
        let third = world.chat(&log, &history, "done").await;
        world.store_all(&log).await;
        let conversation = async |call| world.call(call).await.summary.conversation.unwrap();
        assert_eq!(conversation(first).await.uuid(), first.uuid());
        assert_eq!(conversation(second).await, conversation(first).await);
        assert_eq!(conversation(third).await, conversation(first).await);
        assert_ne!(conversation(other).await, conversation(first).await);
    }

    async fn any_choice_of_an_answer_can_be_continued(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let choice = |index: u64, said: &str| {
            json!({"index": index, "finish_reason": "stop", "message": {"role": "assistant", "content": said}})
        };
        let choices = json!([choice(0, "red"), choice(1, "green"), choice(2, "blue")]);
        let response = json!({"id": "chatcmpl-1", "model": "gpt-4o-mini", "choices": choices}).to_string();
        let request = json!({"model": "gpt-4o-mini", "n": 3, "messages": [user("colour?")]}).to_string();
        let first = world.pass(&log, request.as_bytes(), response.as_bytes()).await;
        // Within one batch, and over the boundary of two.
        let blue = world.chat(&log, &json!([user("colour?"), assistant("blue"), user("why?")]), "sky").await;
        world.store_all(&log).await;
        let green = world.chat(&log, &json!([user("colour?"), assistant("green"), user("why?")]), "grass").await;
        let red = world.chat(&log, &json!([user("colour?"), assistant("red"), user("why?")]), "fire").await;
        let none = world.chat(&log, &json!([user("colour?"), assistant("grey"), user("why?")]), "fog").await;
        world.store_all(&log).await;
        let conversation = async |call| world.call(call).await.summary.conversation.unwrap().uuid();
        for call in [blue, green, red] {
            assert_eq!(conversation(call).await, first.uuid());
        }
        assert_eq!(conversation(none).await, none.uuid());
    }

    async fn a_response_continues_the_one_that_it_names(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let first = world.response(&log, "resp_1", json!({"input": "hi"})).await;
        let second = world.response(&log, "resp_2", json!({"input": "on", "previous_response_id": "resp_1"})).await;
        let kept = world.response(&log, "resp_3", json!({"input": "a", "conversation": "conv_1"})).await;
        world.store_all(&log).await;
        let third = world.response(&log, "resp_4", json!({"input": "on", "previous_response_id": "resp_2"})).await;
        let other = world.response(&log, "resp_5", json!({"input": "on", "previous_response_id": "resp_9"})).await;
        let kept_on = world.response(&log, "resp_6", json!({"input": "b", "conversation": {"id": "conv_1"}})).await;
        world.store_all(&log).await;
        let conversation = async |call| world.call(call).await.summary.conversation.unwrap().uuid();
        for call in [first, second, third] {
            assert_eq!(conversation(call).await, first.uuid());
        }
        assert_eq!(conversation(kept_on).await, kept.uuid());
        assert_eq!((conversation(kept).await, conversation(other).await), (kept.uuid(), other.uuid()));
    }

    async fn a_response_continues_the_one_whose_items_it_refers_to(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let referring = |id: &str| {
            let reference = json!({"type": "item_reference", "id": id});
            json!({"input": [user("hi"), reference, user("on")]})
        };
        let first = world.response(&log, "resp_1", json!({"input": [user("hi")]})).await;
        let second = world.response(&log, "resp_2", referring("msg_resp_1")).await;
        let other = world.response(&log, "resp_3", referring("msg_resp_9")).await;
        world.store_all(&log).await;
        let third = world.response(&log, "resp_4", referring("msg_resp_2")).await;
        world.store_all(&log).await;
        let conversation = async |call| world.call(call).await.summary.conversation.unwrap().uuid();
        for call in [first, second, third] {
            assert_eq!(conversation(call).await, first.uuid());
        }
        assert_eq!(conversation(other).await, other.uuid());
    }

    async fn a_message_continues_the_thread_that_it_names(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let message = async |id: &str, thread: Value| {
            let opening = Opening {
                path: "/v1/messages".to_owned(), provider: "anthropic".to_owned(), ..world.opening(&log)
            };
            let request = json!({"model": "claude-opus-5-5", "messages": [user("on")], "thread": thread}).to_string();
            let response = json!({"id": id, "type": "message", "role": "assistant", "content": []}).to_string();
            let call = opening.call;
            let mut slot = log.reserve().unwrap();
            slot.open(opening.clone()).await.unwrap();
            slot.close(closing(opening, request.as_bytes(), response.as_bytes())).await.unwrap();
            call
        };
        let first = message("msg_1", json!({"type": "create"})).await;
        let second = message("msg_2", json!({"type": "continue", "previous_message_id": "msg_1"})).await;
        let other = message("msg_3", json!({"type": "create"})).await;
        world.store_all(&log).await;
        let conversation = async |call| world.call(call).await.summary.conversation.unwrap().uuid();
        assert_eq!((conversation(second).await, conversation(other).await), (first.uuid(), other.uuid()));
    }

    async fn a_call_continues_only_what_began_before_it(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let kept = json!({"input": "on", "conversation": "conv_1"});
        let first = world.response(&log, "resp_0", kept.clone()).await;
        world.store_all(&log).await;
        let conversation = async |call| world.call(call).await.summary.conversation.unwrap().uuid();
        // They end in another order than they began in: within one batch, and over the boundary of two.
        for apart in [false, true] {
            let (early, opening) = world.begin_response(&log).await;
            let late = world.response(&log, "resp_2", kept.clone()).await;
            if apart {
                world.store_all(&log).await;
            }
            let call = opening.call;
            end_response(early, opening, "resp_1", &kept).await;
            world.store_all(&log).await;
            assert_eq!((conversation(call).await, conversation(late).await), (first.uuid(), first.uuid()));
        }
    }

    async fn an_opening_without_a_closing_is_lost_at_the_next_start(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let opening = world.opening(&log);
        let call = opening.call;
        let mut slot = log.reserve().unwrap();
        slot.open(opening).await.unwrap();
        world.store_all(&log).await;
        assert_eq!(world.call(call).await.summary.outcome, None, "it may still be running");
        drop(slot);
        log.shut_down();
        drop(log);

        let log = world.open_log();
        let later = world.chat(&log, &json!([user("hi")]), "hello").await;
        world.store_all(&log).await;
        assert_eq!(world.call(call).await.summary.outcome, Some(Outcome::Lost));
        assert_eq!(world.call(later).await.summary.outcome, Some(Outcome::Completed));
    }

    async fn reading_the_log_again_changes_nothing(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let mut calls = Vec::new();
        let mut history = Vec::new();
        for n in 0..5 {
            history.push(user(&format!("question {n}")));
            calls.push(world.chat(&log, &Value::from(history.clone()), &format!("answer {n}")).await);
            history.push(assistant(&format!("answer {n}")));
        }
        world.store_all(&log).await;
        let mut before = Vec::new();
        for call in &calls {
            before.push(world.call(*call).await);
        }
        let from = world.traffic.cursor(log.node(), CONSUMER).await.unwrap();
        let start = LogCursor { node: log.node(), consumer: CONSUMER.to_owned(), from, position: 0 };
        world.traffic.write_batch(Batch { writes: Vec::new(), cursor: Some(start) }).await.unwrap();
        world.store_all(&log).await;
        for (call, before) in calls.iter().zip(before) {
            assert_eq!(world.call(*call).await, before);
        }
        assert_eq!(world.traffic.status(world.scope).await.unwrap().calls, 5);
    }

    async fn a_store_that_is_down_delays_and_loses_nothing(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        world.test.db.run_script("ALTER TABLE call_contents RENAME TO call_contents_gone").await.unwrap();
        let mut running = world.run(&log);
        let call = world.chat(&log, &json!([user("hi")]), "hello").await;
        running.until(|status| status.last_error.is_some()).await;
        world.test.db.run_script("ALTER TABLE call_contents_gone RENAME TO call_contents").await.unwrap();
        running.until(|status| status.last_error.is_none() && status.last_stored_at.is_some()).await;
        running.finish().await;
        assert_eq!(world.call(call).await.summary.outcome, Some(Outcome::Completed));
    }

    async fn a_store_that_lost_its_last_commits_is_gone_on_with_from_where_it_stands(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let mut running = world.run(&log);
        let lost = world.chat(&log, &json!([user("hi")]), "hello").await;
        running.until(|status| status.last_stored_at.is_some()).await;
        let forget = "DELETE FROM calls; DELETE FROM call_contents; DELETE FROM bodies; DELETE FROM log_cursors";
        world.test.change(forget).await;
        let later = world.chat(&log, &json!([user("again")]), "hello").await;
        running.until(|status| status.last_error.is_some()).await;
        running.until(|status| status.last_error.is_none()).await;
        running.finish().await;
        for call in [lost, later] {
            assert_eq!(world.call(call).await.summary.outcome, Some(Outcome::Completed));
        }
    }

    async fn a_clock_that_is_set_back_changes_no_order_and_prices_by_the_time_that_it_shows(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let first = world.chat(&log, &json!([user("hi")]), "hello").await;
        world.store_all(&log).await;
        // An hour back, over the boundary of two batches; then two years on, within one.
        world.clock.set_by(-3_600);
        let second = world.chat(&log, &json!([user("hi"), assistant("hello"), user("more")]), "sure").await;
        world.store_all(&log).await;
        world.clock.set_by(2 * 366 * 86_400);
        let history = json!([user("hi"), assistant("hello"), user("more"), assistant("sure"), user("and more")]);
        let third = world.chat(&log, &history, "done").await;
        world.store_all(&log).await;
        let calls = [world.call(first).await, world.call(second).await, world.call(third).await];
        for call in &calls {
            assert_eq!(call.summary.conversation.unwrap().uuid(), first.uuid());
            assert_eq!(call.summary.duration_us, Some(1_000));
            assert!(call.summary.cost.is_some(), "{:?}", call.summary.billing);
        }
        let [began, back, on] = calls.map(|call| call.summary.started_at);
        assert!(back < began && began < on, "what the clock showed is kept");
        assert!(first < second && second < third, "{first} {second} {third}");
    }

    async fn whoever_watches_hears_of_a_call_when_it_is_stored(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let mut watching = world.live.subscribe(world.scope);
        let running = world.run(&log);
        let call = world.chat(&log, &json!([user("hi")]), "hello").await;
        let heard = async {
            loop {
                match watching.next().await.unwrap() {
                    LiveEvent::Call(heard) if heard.outcome.is_some() => return heard.call,
                    _ => {}
                }
            }
        };
        assert_eq!(tokio::time::timeout(PATIENCE, heard).await.unwrap(), call);
        running.finish().await;
    }
}
