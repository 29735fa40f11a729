//! What a project's policy lets into the store, and into the log.

use std::io::Write as _;
use std::sync::Arc;

use cp_base::{CallId, CaptureMark, CaptureMode, CaptureReason};
use cp_capture::{Log, LogConfig, Opening, Position, Record};
use cp_redact::{CapturePolicy, DataKind, PolicyDocument};
use cp_testkit::db_test;
use cp_traffic::Label;
use serde_json::json;

use crate::{CONSUMER, World, closing};

/// One of each kind, and what the project itself looks for.
const SECRETS: [&str; 9] = [
    "ann.lee@example.com",
    "+49 30 1234567",
    "4111 1111 1111 1111",
    "DE89370400440532013000",
    "078-05-1121",
    "203.0.113.7",
    "AKIAIOSFODNN7EXAMPLE",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
    "E-12345",
];

fn everything() -> PolicyDocument {
    PolicyDocument::from_json(
        r#"{"redact": ["email", "phone", "card", "iban", "national_id", "ip_address", "credential", "private_key"],
            "patterns": [{"name": "staff", "expression": "\\bE-\\d{5}\\b"}], "redact_log": true}"#,
    )
    .unwrap()
}

impl World {
    /// The project has this policy from now on.
    fn set_policy(&self, document: PolicyDocument) {
        let policy = CapturePolicy::new(document, 1).unwrap();
        self.policies.send_modify(|known| {
            *known = Arc::new(cp_redact::CapturePolicies::clone(known).with(self.scope.project(), policy));
        });
    }

    fn open_redacted_log(&self) -> Log {
        let rewrite = cp_pipeline::redact_log(self.policies.subscribe(), self.traffic.clone());
        let config = LogConfig {
            segment_bytes: 2 << 20,
            memory_bytes: 1 << 20,
            max_open_calls: 64,
            rewrite: Some(rewrite),
            ..LogConfig::new(self.dir.path().join("log"))
        };
        let random = Arc::new(cp_base::Random::system());
        let key = self.master.log_key().clone();
        Log::open(config, key, &self.ids, random, self.clock.clone(), &[CONSUMER]).unwrap().0
    }

    fn marked(&self, log: &Log, mark: CaptureMark) -> Opening {
        Opening { capture: mark, query: Some(format!("from={}", SECRETS[0])), ..self.opening(log) }
    }

    /// Everything that is stored of a call, in the clear.
    async fn stored(&self, call: CallId) -> String {
        format!("{:?}", self.call(call).await)
    }
}

fn kinds() -> u32 {
    DataKind::ALL.iter().fold(0, |bits, kind| bits | kind.bit())
}

fn request() -> String {
    let text = format!("Remember: {}", SECRETS.join(", "));
    let arguments = json!({ "to": SECRETS[0], SECRETS[8]: SECRETS[2] }).to_string();
    json!({
        "model": "gpt-4o-mini", "stream": true, "user": SECRETS[0], "metadata": { "customer": SECRETS[3] },
        "messages": [
            { "role": "system", "content": text },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "mail", "arguments": arguments } }] },
            { "role": "tool", "tool_call_id": "c1", "content": text },
            { "role": "user", "content": [{ "type": "text", "text": text }] },
        ],
    })
    .to_string()
}

/// An answer that says all of it, in events of a few letters.
fn streamed() -> String {
    let text = format!("You said: {}.", SECRETS.join("; "));
    let letters: Vec<char> = text.chars().collect();
    let chunk = |delta: serde_json::Value, end: Option<&str>| {
        let chunk = json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-mini-2024-07-18",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": end }] });
        format!("data: {chunk}\n\n")
    };
    let pieces =
        letters.chunks(3).map(|piece| chunk(json!({ "content": piece.iter().collect::<String>() }), None));
    let end = [chunk(json!({}), Some("stop")), "data: [DONE]\n\n".to_owned()];
    pieces.chain(end).collect()
}

fn assert_silent(text: &str, whose: &str) {
    for secret in SECRETS {
        let escaped = secret.escape_debug().to_string();
        assert!(!text.contains(secret) && !text.contains(&escaped), "{whose} tells {secret}: {text}");
    }
}

db_test! {
    async fn nothing_that_is_looked_for_reaches_the_store(test: TestDb) {
        let world = World::new(test).await;
        world.set_policy(everything());
        let log = world.open_log();
        let mark = CaptureMark { redacted_kinds: kinds(), policy_version: 1, ..CaptureMark::default() };
        let (request, response) = (request(), streamed());
        let call = world.pass_as(&log, world.marked(&log, mark), request.as_bytes(), response.as_bytes()).await;
        // One that does not decode, and so is kept as it passed.
        let broken = format!("{} and on", &request[..request.len() - 4]);
        let opaque = world.pass_as(&log, world.marked(&log, mark), broken.as_bytes(), response.as_bytes()).await;
        world.store_all(&log).await;
        for call in [call, opaque] {
            let stored = world.stored(call).await;
            assert_silent(&stored, "the store");
            for name in ["email", "phone", "card", "iban", "national_id", "ip_address", "credential", "private_key", "staff"] {
                assert!(stored.contains(&format!("‹{name}:")), "{name}: {stored}");
            }
        }
        let detail = world.call(call).await;
        assert_eq!(detail.document.as_ref().unwrap().capture, mark);
        assert!(detail.raw.is_none() && detail.summary.usage.is_some(), "{detail:?}");
        assert!(world.call(opaque).await.raw.is_some());
        // What the client calls the user finds the call, though it is not stored.
        let labels = vec![Label::User(SECRETS[0].to_owned())];
        let filter = cp_traffic::CallFilter { labels, ..Default::default() };
        let found = world.traffic.list_calls(world.scope, &filter, None, 10).await.unwrap();
        assert_eq!(found.calls.len(), 1);
    }

    async fn a_policy_that_was_taken_back_holds_for_the_calls_that_had_it(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let mark = CaptureMark { redacted_kinds: DataKind::Email.bit(), ..CaptureMark::default() };
        let call = world.pass_as(&log, world.marked(&log, mark), request().as_bytes(), b"{}").await;
        world.store_all(&log).await;
        let stored = world.stored(call).await;
        assert!(!stored.contains(SECRETS[0]) && stored.contains(SECRETS[2]), "{stored}");
    }

    async fn of_a_masked_call_only_lengths_are_stored(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let mark = CaptureMark { mode: CaptureMode::Masked, reason: CaptureReason::Rule, ..CaptureMark::default() };
        let opening = || Opening { query: None, ..world.marked(&log, mark) };
        let first = world.pass_as(&log, opening(), request().as_bytes(), streamed().as_bytes()).await;
        // The conversation goes on, and is known to, though all that is stored of it are lengths.
        let answer = format!("You said: {}.", SECRETS.join("; "));
        let mut next: serde_json::Value = serde_json::from_str(&request()).unwrap();
        let said = [json!({ "role": "assistant", "content": answer }), json!({ "role": "user", "content": "Go on" })];
        next["messages"].as_array_mut().unwrap().extend(said);
        let second = world.pass_as(&log, opening(), next.to_string().as_bytes(), streamed().as_bytes()).await;
        world.store_all(&log).await;
        let stored = world.stored(first).await;
        assert_silent(&stored, "the store");
        assert!(!stored.contains("Remember") && stored.contains("‹text:"), "{stored}");
        let [first, second] = [world.call(first).await, world.call(second).await];
        assert_eq!(first.summary.request_model.as_deref(), Some("gpt-4o-mini"));
        assert!(first.summary.usage.is_some() && first.summary.cost.is_some(), "{first:?}");
        assert_eq!(first.summary.conversation, second.summary.conversation);
        assert_eq!(first.messages.input.len(), 4);
    }

    async fn of_metadata_only_there_is_no_body_and_no_complaint(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let mark = CaptureMark { mode: CaptureMode::MetadataOnly, ..CaptureMark::default() };
        let opening = world.marked(&log, mark);
        let call = opening.call;
        let mut slot = log.reserve().unwrap();
        slot.open(opening.clone()).await.unwrap();
        let mut closing = closing(opening, b"", b"");
        (closing.request.total_bytes, closing.response.total_bytes) = (900, 400);
        slot.close(closing).await.unwrap();
        world.store_all(&log).await;
        let detail = world.call(call).await;
        let document = detail.document.unwrap();
        assert!(document.decoded.warnings.is_empty() && !document.truncated && detail.raw.is_none(), "{document:?}");
        assert_eq!(document.capture.mode, CaptureMode::MetadataOnly);
        assert_eq!((detail.summary.request_bytes, detail.summary.response_bytes), (900, 400));
    }

    async fn nothing_that_is_looked_for_reaches_a_redacted_log(test: TestDb) {
        let world = World::new(test).await;
        world.set_policy(everything());
        let log = world.open_redacted_log();
        let mark = CaptureMark { redacted_kinds: kinds(), redact_log: true, policy_version: 1, ..CaptureMark::default() };
        let plain = world.pass_as(&log, world.marked(&log, mark), request().as_bytes(), streamed().as_bytes()).await;
        let opening = world.marked(&log, mark);
        let zipped = opening.call;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(streamed().as_bytes()).unwrap();
        let mut closing = closing(opening.clone(), request().as_bytes(), &encoder.finish().unwrap());
        closing.headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
        let mut slot = log.reserve().unwrap();
        slot.open(opening).await.unwrap();
        slot.close(closing).await.unwrap();
        let records = log.reader(Position(0)).read(usize::MAX).unwrap().records;
        assert_eq!(records.len(), 5);
        for record in &records {
            if let Record::Closing(closing) = record {
                for body in [&closing.request, &closing.response] {
                    assert_silent(&String::from_utf8(body.pieces.concat()).unwrap(), "the log");
                }
            }
            assert_silent(&format!("{record:?}"), "the log");
        }
        world.store_all(&log).await;
        for call in [plain, zipped] {
            assert_silent(&world.stored(call).await, "the store");
            let detail = world.call(call).await;
            assert!(detail.document.unwrap().decoded.warnings.is_empty());
            let [answer] = &*detail.messages.output else { panic!("{:?}", detail.messages) };
            assert_eq!(answer.finish_reason.as_deref(), Some("stop"));
            assert!(format!("{answer:?}").contains("You said: ‹email:"), "{answer:?}");
        }
    }

    async fn what_another_coding_hides_is_not_written_to_a_redacted_log(test: TestDb) {
        let world = World::new(test).await;
        world.set_policy(everything());
        let log = world.open_redacted_log();
        let mark = CaptureMark { redacted_kinds: kinds(), redact_log: true, ..CaptureMark::default() };
        let opening = world.marked(&log, mark);
        let mut closing = closing(opening.clone(), b"{}", b"unreadable");
        closing.headers.push(("content-encoding".to_owned(), "x-unknown".to_owned()));
        let mut slot = log.reserve().unwrap();
        slot.open(opening).await.unwrap();
        slot.close(closing).await.unwrap();
        let records = log.reader(Position(0)).read(usize::MAX).unwrap().records;
        let Some(Record::Closing(closing)) = records.last() else { panic!("{records:?}") };
        assert_eq!((closing.response.captured_bytes(), closing.response.is_truncated()), (0, true));
    }
}
