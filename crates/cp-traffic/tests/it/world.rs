//! Two projects, a store that knows both, and calls to put into it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cp_base::{
    CallId, Clock, Digest, IdGenerator, InstallationScope, KeyRing, Kind, MasterKey, NodeId, Outcome,
    ProjectScope, Random, Timestamp, UsdNanos,
};
use cp_db::Db;
use cp_genai::{CostByKind, DecodedCall, Message, OperationName, Part, Usage};
use cp_testkit::{FakeClock, TestDb, ids};
use cp_traffic::{
    Batch, Billing, CallDocument, CallFilter, CallMessages, CallSummary, FinishedCall, MIGRATIONS,
    TrafficStore, Write,
};

pub(crate) struct World {
    pub(crate) store: TrafficStore,
    pub(crate) ours: ProjectScope,
    pub(crate) theirs: ProjectScope,
    pub(crate) node: NodeId,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) keys: KeyRing,
    pub(crate) random: Arc<Random>,
    ids: IdGenerator,
}

impl World {
    pub(crate) async fn new(test: &TestDb) -> Self {
        let clock = Arc::new(FakeClock::default());
        let (ids, random) = (ids(&clock), Arc::new(Random::seeded(2)));
        test.db.migrate(&[MIGRATIONS], clock.now()).await.unwrap();
        let ours = ProjectScope::grant(ids.mint(), ids.mint());
        let theirs = ProjectScope::grant(ids.mint(), ids.mint());
        let master = MasterKey::new([1; 32]);
        let keys: HashMap<_, _> =
            [ours, theirs].map(|scope| (scope.project(), master.new_data_key(&random, b"").0)).into();
        let keys = KeyRing::from(keys);
        let store = TrafficStore::new(test.db.clone(), keys.clone(), random.clone());
        Self { store, ours, theirs, node: ids.mint(), clock, keys, random, ids }
    }

    pub(crate) fn mint<K: Kind>(&self) -> cp_base::Id<K> {
        self.ids.mint()
    }

    /// A call that begins now; the clock moves on by a second.
    pub(crate) fn opened(&self) -> CallSummary {
        let started_at = self.clock.now();
        self.clock.advance(Duration::from_secs(1));
        CallSummary {
            call: self.mint(),
            node: self.node,
            started_at,
            provider_name: "openai".to_owned(),
            operation_name: None,
            method: "POST".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            client_fingerprint: Some([7; 16]),
            gateway_key: None,
            source: cp_base::CallSource::Gateway,
            prompt_version: None,
            outcome: None,
            status: None,
            error_code: None,
            duration_us: None,
            time_to_first_chunk_us: None,
            overhead_us: None,
            request_model: None,
            response_model: None,
            stream: false,
            finish_reasons: Vec::new(),
            usage: None,
            cost: None,
            price_list: None,
            billing: Billing::default(),
            conversation: None,
            request_bytes: 0,
            response_bytes: 0,
        }
    }

    /// That call, ended, with a question and its answer.
    pub(crate) fn ended(&self, opened: CallSummary) -> FinishedCall {
        let summary = CallSummary {
            operation_name: Some(OperationName::Chat),
            outcome: Some(Outcome::Completed),
            status: Some(200),
            duration_us: Some(1_500_000),
            time_to_first_chunk_us: Some(300_000),
            overhead_us: Some(120),
            request_model: Some("gpt-4o".to_owned()),
            response_model: Some("gpt-4o-2024-08-06".to_owned()),
            stream: true,
            finish_reasons: vec!["stop".to_owned()],
            usage: Some(Usage { input_tokens: Some(20), output_tokens: Some(5), ..Usage::default() }),
            cost: Some(UsdNanos(100_000)),
            price_list: Some("openai 2026-01-01".to_owned()),
            billing: Billing {
                by_kind: CostByKind { input: UsdNanos(100_000), ..CostByKind::default() },
                ..Billing::default()
            },
            request_bytes: 900,
            response_bytes: 400,
            ..opened
        };
        FinishedCall {
            scope: self.ours,
            summary,
            chain_tip: None,
            handles: Vec::new(),
            users: Vec::new(),
            parent: None,
            document: CallDocument {
                query: Some("api-version=1".to_owned()),
                request_headers: vec![("user-agent".to_owned(), "OpenAI/Python".to_owned())],
                response_headers: vec![("x-request-id".to_owned(), "req_1".to_owned())],
                decoded: DecodedCall {
                    operation_name: Some(OperationName::Chat),
                    system_instructions: vec![text("You answer briefly.")],
                    tool_definitions: vec![
                        serde_json::json!({"name": "look_up", "parameters": {"type": "object"}}),
                    ],
                    user: Some("user-17".to_owned()),
                    ..DecodedCall::default()
                },
                truncated: false,
                batch: None,
                ..CallDocument::default()
            },
            messages: CallMessages {
                input: vec![message("user", "What is the capital of Peru?")],
                output: vec![message("assistant", "Lima.")],
            },
            raw: None,
        }
    }

    /// A new call, ended.
    pub(crate) fn finished(&self) -> FinishedCall {
        self.ended(self.opened())
    }

    /// A new call of these end users, with a question and its answer.
    pub(crate) fn said_by(&self, users: &[&str], question: &str) -> FinishedCall {
        let mut call = self.finished();
        call.users = users.iter().map(|user| self.person(user)).collect();
        call.handles.clone_from(&call.users);
        call.document.decoded.user = users.first().map(|user| (*user).to_owned());
        call.messages.input = vec![message("user", question)];
        call.messages.output = vec![message("assistant", &format!("answer to {question}"))];
        call
    }

    pub(crate) fn person(&self, user: &str) -> Digest {
        self.store.person(self.ours, user).unwrap()
    }

    pub(crate) async fn count(&self, db: &Db, table: &'static str) -> i64 {
        let statement = match table {
            "calls" => cp_db::Statement::new("COUNT", "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM calls"),
            "bodies" => cp_db::Statement::new("COUNT", "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM bodies"),
            "call_contents" => {
                cp_db::Statement::new("COUNT", "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM call_contents")
            }
            "call_handles" => {
                cp_db::Statement::new("COUNT", "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM call_handles")
            }
            other => panic!("count {other} too"),
        };
        let mut tx = db.begin_read(InstallationScope::grant()).await.unwrap();
        tx.fetch_optional(statement, vec![]).await.unwrap().unwrap().get("n").unwrap()
    }

    pub(crate) async fn write(&self, writes: Vec<Write>) {
        self.store.write_batch(Batch { writes, cursor: None }).await.unwrap();
    }

    pub(crate) async fn store_finished(&self, calls: Vec<FinishedCall>) {
        self.write(calls.into_iter().map(|call| Write::Finished(Box::new(call))).collect()).await;
    }

    /// Stores one new call, changed as told, and returns its id.
    pub(crate) async fn add(&self, change: impl FnOnce(&mut FinishedCall)) -> CallId {
        let mut call = self.finished();
        change(&mut call);
        let id = call.summary.call;
        self.store_finished(vec![call]).await;
        id
    }

    /// All calls of our project that pass, newest first.
    pub(crate) async fn list(&self, filter: CallFilter) -> Vec<CallSummary> {
        self.store.list_calls(self.ours, &filter, None, 500).await.unwrap().calls
    }

    pub(crate) async fn outcome(&self, call: CallId) -> Option<Outcome> {
        self.store.find_call(self.ours, call).await.unwrap().unwrap().summary.outcome
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

pub(crate) fn text(content: &str) -> Part {
    Part::Text { content: content.to_owned() }
}

pub(crate) fn message(role: &str, content: &str) -> Message {
    Message { role: role.to_owned(), parts: vec![text(content)], name: None, finish_reason: None }
}
