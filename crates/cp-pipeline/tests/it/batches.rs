//! The calls of batches: sent in one exchange, answered in another.

use cp_base::{CallId, Outcome, UsdNanos};
use cp_testkit::db_test;
use cp_traffic::{CallDetail, CallFilter, Label};
use serde_json::{Value, json};

use crate::World;

/// A file of OpenAI's that was uploaded in a form.
fn form(lines: &[Value]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    format!("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n{lines}\r\n--x--\r\n")
}

fn jsonl(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn completion(said: &str) -> Value {
    json!({
        "id": format!("chatcmpl-{said}"), "object": "chat.completion", "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    })
}

fn answered(custom_id: &str, said: &str) -> Value {
    json!({"id": "batch_req_1", "custom_id": custom_id, "error": null,
           "response": {"status_code": 200, "request_id": "r", "body": completion(said)}})
}

impl World {
    async fn of_batch(&self, batch: &str) -> Vec<CallDetail> {
        let labels = vec![Label::Batch(batch.to_owned())];
        let filter = CallFilter { labels, ..CallFilter::default() };
        let mut calls = self.traffic.list_details(self.scope, &filter, None, 100).await.unwrap().calls;
        calls.sort_by_key(|call| custom_id(call).to_owned());
        calls
    }
}

fn custom_id(call: &CallDetail) -> &str {
    &call.document.as_ref().unwrap().batch.as_ref().unwrap().custom_id
}

fn origin(call: &CallDetail) -> (Option<CallId>, CallId) {
    let batch = call.document.as_ref().unwrap().batch.as_ref().unwrap();
    (batch.sent_by, batch.fetched_by)
}

db_test! {
    async fn openais_answers_become_the_calls_that_the_file_asked_for(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let line = |custom_id: &str, text: &str| json!({
            "custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], "user": "u-7"}});
        let file = form(&[line("a", "first"), line("b", "second"), line("c", "third")]);
        let upload = world.exchange(&log, "openai", "POST /v1/files", [&file, r#"{"id": "file-in"}"#]).await;
        let batch = json!({"id": "batch_1", "object": "batch", "endpoint": "/v1/chat/completions",
            "input_file_id": "file-in", "output_file_id": "file-out", "error_file_id": "file-err",
            "created_at": 1_790_000_000});
        world.exchange(&log, "openai", "GET /v1/batches/batch_1", ["", &batch.to_string()]).await;
        // Of another provider the same names mean nothing.
        world.exchange(&log, "azure", "POST /v1/files", [&form(&[line("a", "other")]), r#"{"id": "file-in"}"#]).await;
        world.store_all(&log).await;

        let content = "GET /v1/files/file-out/content";
        let answers = jsonl(&[answered("b", "two"), answered("a", "one"), json!({"no": "answer"})]);
        let fetch = world.exchange(&log, "openai", content, ["", &answers]).await;
        let expired = json!({"custom_id": "c", "response": null, "error": {"code": "batch_expired", "message": "late"}});
        let failed = world.exchange(&log, "openai", "GET /v1/files/file-err/content", ["", &jsonl(&[expired])]).await;
        world.store_all(&log).await;

        let calls = world.of_batch("batch_1").await;
        let [first, second, third] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!([first, second, third].map(custom_id), ["a", "b", "c"]);
        assert_eq!(origin(first), (Some(upload), fetch));
        assert_eq!(origin(third), (Some(upload), failed));
        assert_eq!(first.summary.started_at.0, 1_790_000_000_000_000);
        assert_eq!(first.summary.response_model.as_deref(), Some("gpt-4o-mini-2024-07-18"));
        assert_eq!(first.summary.billing.terms.service_tier().as_deref(), Some("batch"));
        // Half of 1,000 tokens at $0.15 and 100 at $0.60 a million.
        assert_eq!(first.summary.cost, Some(UsdNanos((150_000 + 60_000) / 2)));
        assert_eq!((first.summary.duration_us, first.summary.outcome), (None, Some(Outcome::Completed)));
        assert_eq!((first.messages.input.len(), first.messages.output.len(), first.raw.is_none()), (1, 1, true));
        assert_eq!(second.messages.input[0].parts, [cp_genai::Part::Text { content: "second".to_owned() }]);
        assert_eq!(third.summary.outcome, Some(Outcome::UpstreamError));
        assert_eq!(third.summary.billing.unpriced.as_deref(), Some("failed"));
        let users = CallFilter { labels: vec![Label::User("u-7".to_owned())], ..CallFilter::default() };
        assert_eq!(world.traffic.list_calls(world.scope, &users, None, 10).await.unwrap().calls.len(), 3);
    }

    async fn answers_that_are_fetched_again_are_the_same_calls(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        // All in one stretch of the log; the file was never uploaded here, and nobody asked for the batch.
        let content = "GET /v1/files/file-out/content";
        let whole = jsonl(&[answered("a", "one"), answered("b", "two")]);
        let torn = &whole[..whole.len() / 2 + 10];
        let fetch = world.exchange(&log, "openai", content, ["", torn]).await;
        world.exchange(&log, "openai", content, ["", &whole]).await;
        world.store_all(&log).await;
        // Now the batch is told of, and nothing else becomes of it.
        let batch = json!({"id": "batch_1", "output_file_id": "file-out", "created_at": 1_790_000_000}).to_string();
        world.exchange(&log, "openai", "GET /v1/batches/batch_1", ["", &batch]).await;
        world.exchange(&log, "openai", content, ["", &whole]).await;
        world.store_all(&log).await;

        let all = world.traffic.list_details(world.scope, &CallFilter::default(), None, 100).await.unwrap().calls;
        let batched = |call: &&CallDetail| call.document.as_ref().unwrap().batch.is_some();
        let mut calls: Vec<_> = all.iter().filter(batched).collect();
        calls.sort_by_key(|call| custom_id(call).to_owned());
        let [first, second] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!((custom_id(first), custom_id(second)), ("a", "b"));
        assert_eq!(origin(first), (None, fetch));
        assert_eq!(first.summary.path, "/v1/chat/completions");
        assert_eq!(first.summary.cost, Some(UsdNanos(105_000)));
        assert_eq!(first.document.as_ref().unwrap().decoded.warnings.len(), 1);
        assert_eq!(all.len(), 4 + 2);
    }

    async fn anthropics_answers_meet_the_requests_that_made_the_batch(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let params = json!({"model": "claude-sonnet-4-5", "max_tokens": 9,
                            "messages": [{"role": "user", "content": "hi"}], "metadata": {"user_id": "u-8"}});
        let requests = json!({"requests": [{"custom_id": "a", "params": params}, {"custom_id": "b", "params": params}]});
        let made = json!({"id": "msgbatch_1", "type": "message_batch", "created_at": "2026-11-24T00:00:00Z"});
        let made = world
            .exchange(&log, "anthropic", "POST /v1/messages/batches", [&requests.to_string(), &made.to_string()])
            .await;
        let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
            "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn",
            "usage": {"input_tokens": 1000, "output_tokens": 100, "service_tier": "batch"}});
        let error = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}});
        let answers = jsonl(&[
            json!({"custom_id": "a", "result": {"type": "succeeded", "message": message}}),
            json!({"custom_id": "b", "result": {"type": "errored", "error": error}}),
        ]);
        let fetch =
            world.exchange(&log, "anthropic", "GET /v1/messages/batches/msgbatch_1/results", ["", &answers]).await;
        world.store_all(&log).await;

        let calls = world.of_batch("msgbatch_1").await;
        let [first, second] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!(origin(first), (Some(made), fetch));
        assert_eq!(first.summary.started_at, world.call(made).await.summary.started_at);
        // Half of 1,000 tokens at $3 and 100 at $15 a million.
        assert_eq!(first.summary.cost, Some(UsdNanos((3_000_000 + 1_500_000) / 2)));
        assert_eq!(first.document.as_ref().unwrap().decoded.user.as_deref(), Some("u-8"));
        assert_eq!(second.document.as_ref().unwrap().decoded.error.as_ref().unwrap().message, "no");
        assert_eq!(second.summary.cost, None);
    }

    async fn googles_answers_are_read_from_the_operation(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let contents = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
        let making = json!({"batch": {"inputConfig": {"requests": {"requests": [{"request": contents}]}}}});
        let made = json!({"name": "batches/b", "metadata": {"model": "models/gemini-2.5-flash"}});
        let bodies = [&*making.to_string(), &*made.to_string()];
        let line = "POST /v1beta/models/gemini-2.5-flash:batchGenerateContent";
        let made = world.exchange(&log, "gemini", line, bodies).await;
        let answer = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 100}, "modelVersion": "gemini-2.5-flash"});
        let output = json!({"inlinedResponses": {"inlinedResponses": [{"response": answer}]}});
        let done = json!({"name": "batches/b", "done": true,
                          "metadata": {"model": "models/gemini-2.5-flash", "output": output}});
        let get = "GET /v1beta/batches/b";
        let fetch = world.exchange(&log, "gemini", get, ["", &done.to_string()]).await;
        world.exchange(&log, "gemini", get, ["", &done.to_string()]).await;
        world.store_all(&log).await;

        let calls = world.of_batch("batches/b").await;
        let [call] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!((custom_id(call), origin(call)), ("0", (Some(made), fetch)));
        assert_eq!(call.summary.path, "/v1beta/models/gemini-2.5-flash:generateContent");
        // Half of 1,000 tokens at $0.30 and 100 at $2.50 a million.
        assert_eq!(call.summary.cost, Some(UsdNanos((300_000 + 250_000) / 2)));
        assert_eq!((call.messages.input.len(), call.messages.output.len()), (1, 1));
    }
}
