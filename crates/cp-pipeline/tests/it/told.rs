//! Calls that clients tell of, in pieces.

use cp_base::{CallId, CallSource, CaptureMark, CaptureMode, Timestamp};
use cp_capture::{Log, Opening};
use cp_genai::{Observation, Part, Usage};
use cp_redact::DataKind;
use cp_testkit::db_test;
use cp_traffic::{CallDetail, CallFilter, Label};
use serde_json::{Map, Value, json};

use crate::World;

/// A call, begun and not answered.
fn begun() -> Observation {
    Observation {
        id: "obs-1".to_owned(),
        trace: Some("trace-1".to_owned()),
        name: Some("answer".to_owned()),
        started_at: Some(Timestamp(1_767_225_600_000_000)),
        provider: Some("openai".to_owned()),
        request_model: Some("gpt-4o-mini".to_owned()),
        input: Some(
            json!([{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "Capital of Peru?" }]),
        ),
        user: Some("ann".to_owned()),
        session: Some("session-1".to_owned()),
        metadata: entries(json!({ "team": "search", "step": 1 })),
        ..Observation::default()
    }
}

/// Its answer.
fn ended() -> Observation {
    Observation {
        id: "obs-1".to_owned(),
        ended_at: Some(Timestamp(1_767_225_602_500_000)),
        output: Some(json!({ "role": "assistant", "content": "Lima." })),
        usage: Some(Usage { input_tokens: Some(1_000), output_tokens: Some(100), ..Usage::default() }),
        metadata: entries(json!({ "step": 2 })),
        ..Observation::default()
    }
}

fn entries(json: Value) -> Map<String, Value> {
    json.as_object().unwrap().clone()
}

impl World {
    async fn tell(&self, log: &Log, told: &Observation) -> CallId {
        self.tell_as(log, told, CaptureMark::default()).await
    }

    async fn tell_as(&self, log: &Log, told: &Observation, capture: CaptureMark) -> CallId {
        let opening = Opening {
            call: self.traffic.call_observed(self.scope, &told.id).unwrap(),
            provider: told.provider.clone().unwrap_or_else(|| "unknown".to_owned()),
            path: "/told".to_owned(),
            headers: Vec::new(),
            client_fingerprint: None,
            source: CallSource::Ingestion,
            capture,
            ..self.opening(log)
        };
        let (call, json) = (opening.call, serde_json::to_vec(told).unwrap());
        log.reserve().unwrap().close(crate::closing(opening, &json, b"")).await.unwrap();
        call
    }

    async fn labelled(&self, label: Label) -> usize {
        let filter = CallFilter { labels: vec![label], ..CallFilter::default() };
        self.traffic.list_calls(self.scope, &filter, None, 10).await.unwrap().calls.len()
    }
}

fn texts(call: &CallDetail) -> Vec<&str> {
    let messages = call.messages.input.iter().chain(&call.messages.output);
    let parts = messages.flat_map(|message| &message.parts);
    parts
        .filter_map(|part| if let Part::Text { content } = part { Some(content.as_str()) } else { None })
        .collect()
}

/// What the two pieces come to, whenever each was stored.
async fn assert_whole(world: &World, call: CallId) {
    let stored = world.call(call).await;
    let summary = &stored.summary;
    assert_eq!(texts(&stored), ["Be brief.", "Capital of Peru?", "Lima."]);
    assert_eq!((summary.source, summary.provider_name.as_str()), (CallSource::Ingestion, "openai"));
    assert_eq!(summary.started_at, Timestamp(1_767_225_600_000_000));
    assert_eq!(summary.duration_us, Some(2_500_000));
    // 1000 × $0.15 and 100 × $0.60 a million.
    assert_eq!(summary.cost.map(|cost| cost.0), Some(210_000));
    let decoded = &stored.document.as_ref().unwrap().decoded;
    assert_eq!(decoded.user.as_deref(), Some("ann"));
    let expected =
        json!({ "team": "search", "step": 2, "name": "answer", "session": "session-1", "trace": "trace-1" });
    assert_eq!(Value::from(decoded.metadata.clone()), expected);
    for label in [
        Label::User("ann".to_owned()),
        Label::Trace("trace-1".to_owned()),
        Label::Session("session-1".to_owned()),
        Label::Metadata { name: "team".to_owned(), value: "search".to_owned() },
    ] {
        assert_eq!(world.labelled(label.clone()).await, 1, "{label:?}");
    }
    let told = CallFilter { source: Some(CallSource::Ingestion), ..CallFilter::default() };
    assert_eq!(world.traffic.list_calls(world.scope, &told, None, 10).await.unwrap().calls.len(), 1);
    let passed = CallFilter { source: Some(CallSource::Gateway), ..CallFilter::default() };
    assert_eq!(world.traffic.list_calls(world.scope, &passed, None, 10).await.unwrap().calls, []);
}

db_test! {
    async fn pieces_told_together_are_one_call(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let call = world.tell(&log, &begun()).await;
        assert_eq!(world.tell(&log, &ended()).await, call);
        world.store_all(&log).await;
        assert_whole(&world, call).await;
    }

    async fn a_piece_that_comes_later_is_laid_over_what_is_stored(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let call = world.tell(&log, &begun()).await;
        world.store_all(&log).await;
        let first = world.call(call).await;
        assert_eq!((texts(&first).len(), first.summary.cost, first.summary.duration_us), (2, None, None));
        world.tell(&log, &ended()).await;
        world.store_all(&log).await;
        assert_whole(&world, call).await;
        // Told once more, whole: nothing changes, and nothing is left over.
        world.tell(&log, &begun()).await;
        world.tell(&log, &ended()).await;
        world.store_all(&log).await;
        assert_whole(&world, call).await;
        assert_eq!(world.traffic.collect_garbage(world.scope).await.unwrap().bodies, 0);
    }

    async fn what_the_client_says_of_cost_and_failure_is_believed(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let call = world.tell(&log, &begun()).await;
        let failed = Observation { cost_usd_nanos: Some(77), error: Some("too long".to_owned()), ..ended() };
        world.tell(&log, &failed).await;
        world.store_all(&log).await;
        let stored = world.call(call).await;
        assert_eq!(stored.summary.cost.map(|cost| cost.0), Some(77));
        assert_eq!(stored.summary.price_list.as_deref(), Some("client"));
        assert_eq!(stored.summary.outcome, Some(cp_base::Outcome::UpstreamError));
        assert_eq!(stored.document.unwrap().decoded.error.unwrap().message, "too long");
    }

    async fn calls_of_a_session_are_a_conversation(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let one = world.tell(&log, &begun()).await;
        let same = Observation { id: "obs-2".to_owned(), trace: Some("trace-2".to_owned()), ..begun() };
        let same = world.tell(&log, &same).await;
        let other = Observation { id: "obs-3".to_owned(), session: None, ..begun() };
        let other = world.tell(&log, &other).await;
        world.store_all(&log).await;
        let mut conversations = Vec::new();
        for call in [one, same, other] {
            conversations.push(world.call(call).await.summary.conversation.unwrap());
        }
        assert_eq!(conversations[0], conversations[1]);
        assert_ne!(conversations[0], conversations[2]);
    }

    async fn what_a_policy_leaves_out_is_left_out_of_each_piece(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let mark = |mode| CaptureMark { mode, ..CaptureMark::default() };
        let call = world.tell_as(&log, &begun(), mark(CaptureMode::MetadataOnly)).await;
        world.store_all(&log).await;
        world.tell_as(&log, &ended(), mark(CaptureMode::MetadataOnly)).await;
        world.store_all(&log).await;
        let stored = world.call(call).await;
        let shown = format!("{stored:?}");
        for said in ["Peru", "Lima", "brief", "ann", "search", "session-1"] {
            assert!(!shown.contains(said), "{said}: {shown}");
        }
        assert_eq!(stored.summary.cost.map(|cost| cost.0), Some(210_000));
        assert_eq!(world.labelled(Label::Trace("trace-1".to_owned())).await, 1);

        let kinds = CaptureMark { redacted_kinds: DataKind::ALL.iter().fold(0, |bits, kind| bits | kind.bit()), ..CaptureMark::default() };
        let told = Observation { id: "obs-4".to_owned(), input: Some(json!("write to ann.lee@example.com")), ..begun() };
        let call = world.tell_as(&log, &told, kinds).await;
        world.tell_as(&log, &Observation { id: "obs-4".to_owned(), ..ended() }, kinds).await;
        world.store_all(&log).await;
        let shown = format!("{:?}", world.call(call).await);
        assert!(shown.contains("write to") && shown.contains("Lima") && !shown.contains("ann.lee"), "{shown}");
    }

    async fn what_was_erased_does_not_come_back_when_more_is_told(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let call = world.tell(&log, &begun()).await;
        world.store_all(&log).await;
        let person = world.traffic.person(world.scope, "ann").unwrap();
        let until = cp_base::Clock::now(&*world.clock);
        let secrets = world.traffic.shred_person(world.scope, person, until).await.unwrap();
        while !world.traffic.erase_step(world.scope, person, until, &secrets).await.unwrap().is_nothing() {}
        world.tell(&log, &ended()).await;
        world.store_all(&log).await;
        assert_eq!(world.traffic.find_call(world.scope, call).await.unwrap(), None);
        world.tell(&log, &begun()).await;
        world.store_all(&log).await;
        assert_eq!(world.traffic.find_call(world.scope, call).await.unwrap(), None);
    }
}
