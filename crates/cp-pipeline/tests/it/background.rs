//! Responses made in the background: created in one exchange, and told in a later one.

use cp_base::{CallId, UsdNanos};
use cp_capture::Log;
use cp_genai::Part;
use cp_testkit::db_test;
use cp_traffic::{CallDetail, CallFilter, Label};
use serde_json::{Value, json};

use crate::World;

const CREATE: &str = "POST /v1/responses";
const FETCH: &str = "GET /v1/responses/resp_1";
const CREATED_AT: i64 = 1_790_000_000;

fn request() -> Value {
    json!({"model": "gpt-4.1-mini", "input": "Write an essay.", "background": true, "instructions": "Be terse.",
           "metadata": {"feature": "essay"}, "safety_identifier": "u-7", "service_tier": "flex"})
}

fn response(status: &str) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": CREATED_AT, "status": status, "background": true,
           "model": "gpt-4.1-mini-2025-04-14", "instructions": "Be terse.", "metadata": {"feature": "essay"},
           "error": null, "output": [], "usage": null})
}

fn ended(status: &str) -> Value {
    let mut response = response(status);
    let said = json!([{"type": "output_text", "text": "An essay."}]);
    response["output"] = json!([{"type": "message", "id": "msg_1", "role": "assistant", "content": said}]);
    response["usage"] = json!({"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100});
    response
}

/// 1,000 tokens at $0.40 and 100 at $1.60 a million.
const COST: UsdNanos = UsdNanos(400_000 + 160_000);

impl World {
    async fn exchanged(&self, log: &Log, line: &str, request: &Value, response: &Value) -> CallId {
        let request = if request.is_null() { String::new() } else { request.to_string() };
        self.exchange(log, "openai", line, [&request, &response.to_string()]).await
    }

    async fn everything(&self) -> Vec<CallDetail> {
        self.traffic.list_details(self.scope, &CallFilter::default(), None, 100).await.unwrap().calls
    }

    /// The calls that were made of a fetched response.
    async fn fetched(&self) -> Vec<CallDetail> {
        let origin =
            |call: &CallDetail| call.document.as_ref().is_some_and(|document| document.batch.is_some());
        self.everything().await.into_iter().filter(origin).collect()
    }

    /// What all calls cost.
    async fn cost(&self) -> i64 {
        self.everything().await.iter().filter_map(|call| call.summary.cost).map(|cost| cost.0).sum()
    }
}

fn event(kind: &str, response: &Value) -> String {
    let event = json!({"type": kind, "response": response});
    format!("event: {kind}\ndata: {event}\n\n")
}

fn delta(text: &str) -> String {
    let event =
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text});
    format!("event: response.output_text.delta\ndata: {event}\n\n")
}

db_test! {
    async fn the_poll_that_shows_the_end_is_the_call_that_was_asked_for(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let created = world.exchanged(&log, CREATE, &request(), &response("queued")).await;
        let early = world.exchanged(&log, FETCH, &Value::Null, &response("in_progress")).await;
        world.store_all(&log).await;
        assert_eq!((world.fetched().await.len(), world.cost().await), (0, 0));

        let fetch = world.exchanged(&log, FETCH, &Value::Null, &ended("completed")).await;
        world.store_all(&log).await;
        let calls = world.fetched().await;
        let [call] = calls.as_slice() else { panic!("{calls:?}") };
        let document = call.document.as_ref().unwrap();
        let origin = document.batch.as_ref().unwrap();
        assert_eq!((origin.sent_by, origin.fetched_by), (Some(created), fetch));
        assert_eq!((origin.batch_id.as_deref(), origin.custom_id.as_str()), (None, "resp_1"));
        assert_eq!((call.summary.method.as_str(), call.summary.path.as_str()), ("POST", "/v1/responses"));
        // Flex is half the price.
        assert_eq!(call.summary.billing.terms.service_tier().as_deref(), Some("flex"));
        assert_eq!(call.summary.request_model.as_deref(), Some("gpt-4.1-mini"));
        assert_eq!((call.messages.input.len(), call.summary.finish_reasons.as_slice()), (1, &["completed".to_owned()][..]));
        assert_eq!(call.messages.output[0].parts[0], Part::Text { content: "An essay.".to_owned() });
        assert_eq!((document.decoded.system_instructions.len(), document.decoded.warnings.len()), (1, 0));
        assert_eq!((call.raw.is_none(), call.summary.duration_us), (true, None));
        let first = world.call(created).await;
        assert_eq!(call.summary.started_at, first.summary.started_at);
        assert_eq!(call.summary.conversation, first.summary.conversation);
        assert!(call.summary.conversation.is_some());
        for opaque in [early, fetch] {
            assert_eq!(world.call(opaque).await.summary.operation_name, None);
        }
        for label in [
            Label::User("u-7".to_owned()),
            Label::Metadata { name: "feature".to_owned(), value: "essay".to_owned() },
        ] {
            let filter = CallFilter { labels: vec![label], ..CallFilter::default() };
            let found = world.traffic.list_calls(world.scope, &filter, None, 10).await.unwrap().calls;
            assert!(found.iter().any(|found| found.call == call.summary.call));
        }
    }

    async fn an_end_that_is_fetched_again_is_counted_once(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let mut asked = request();
        asked["service_tier"] = Value::Null;
        // In one stretch of the log, and again in a later one.
        world.exchanged(&log, CREATE, &asked, &response("queued")).await;
        let fetch = world.exchanged(&log, FETCH, &Value::Null, &ended("completed")).await;
        world.exchanged(&log, FETCH, &Value::Null, &ended("completed")).await;
        world.store_all(&log).await;
        let next = json!({"model": "gpt-4.1-mini", "input": "Longer.", "previous_response_id": "resp_1"});
        let next = world.exchanged(&log, CREATE, &next, &json!({"id": "resp_2", "status": "completed"})).await;
        world.exchanged(&log, FETCH, &Value::Null, &ended("completed")).await;
        world.store_all(&log).await;

        let calls = world.fetched().await;
        let [call] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!(call.document.as_ref().unwrap().batch.as_ref().unwrap().fetched_by, fetch);
        assert_eq!((call.summary.cost, world.cost().await), (Some(COST), COST.0));
        assert_eq!(world.call(next).await.summary.conversation, call.summary.conversation);
    }

    async fn what_its_creating_call_has_counted_is_not_counted_again(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        // It was streamed to its end; another one was made while the client waited.
        let stream = event("response.created", &response("queued")) + &event("response.completed", &ended("completed"));
        let mut asked = request();
        (asked["stream"], asked["service_tier"]) = (true.into(), Value::Null);
        world.exchange(&log, "openai", CREATE, [&asked.to_string(), &stream]).await;
        let mut waited = ended("completed");
        (waited["id"], waited["background"]) = ("resp_2".into(), false.into());
        world.exchanged(&log, CREATE, &json!({"model": "gpt-4.1-mini", "input": "Hi"}), &waited).await;
        world.exchanged(&log, FETCH, &Value::Null, &ended("completed")).await;
        world.store_all(&log).await;
        world.exchanged(&log, FETCH, &Value::Null, &ended("completed")).await;
        world.exchanged(&log, "GET /v1/responses/resp_2", &Value::Null, &waited).await;
        // Nor what was made elsewhere while its client waited.
        waited["id"] = "resp_3".into();
        world.exchanged(&log, "GET /v1/responses/resp_3", &Value::Null, &waited).await;
        world.store_all(&log).await;
        assert_eq!((world.fetched().await.len(), world.cost().await), (0, 2 * COST.0));
    }

    async fn a_stream_that_is_taken_up_again_tells_the_end(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let mut asked = request();
        (asked["stream"], asked["service_tier"]) = (true.into(), Value::Null);
        let begun = event("response.created", &response("in_progress")) + &delta("An ");
        let created = world.exchange(&log, "openai", CREATE, [&asked.to_string(), &begun]).await;
        world.exchange(&log, "openai", FETCH, ["", &delta("ess")]).await;
        let rest = delta("ay.") + &event("response.completed", &ended("completed"));
        world.exchange(&log, "openai", FETCH, ["", &rest]).await;
        world.store_all(&log).await;

        // What was cut off is not estimated: the provider went on, and counted it all.
        assert_eq!(world.call(created).await.summary.usage, None);
        let calls = world.fetched().await;
        let [call] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!(call.messages.output[0].parts[0], Part::Text { content: "An essay.".to_owned() });
        assert_eq!((call.summary.stream, call.summary.cost, world.cost().await), (true, Some(COST), COST.0));
    }

    async fn an_end_without_its_beginning_has_its_tokens_and_cost(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        // Azure's path, and an end that is none of success; what cancels a response may tell it, too.
        let cancel = "POST /openai/responses/resp_1/cancel";
        world.exchanged(&log, cancel, &Value::Null, &response("cancelled")).await;
        world.store_all(&log).await;
        assert_eq!(world.fetched().await.len(), 0);
        world.exchanged(&log, cancel, &Value::Null, &ended("cancelled")).await;
        world.store_all(&log).await;
        // The creating call comes later, from another node.
        let azure = ["POST /openai/responses", "GET /openai/responses/resp_1"];
        world.exchanged(&log, azure[0], &request(), &response("queued")).await;
        world.exchanged(&log, azure[1], &Value::Null, &ended("cancelled")).await;
        world.store_all(&log).await;

        let calls = world.fetched().await;
        let [call] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!(call.document.as_ref().unwrap().batch.as_ref().unwrap().sent_by, None);
        assert_eq!(call.document.as_ref().unwrap().decoded.warnings.len(), 1);
        assert_eq!(call.summary.started_at.0, CREATED_AT * 1_000_000);
        assert_eq!(call.summary.finish_reasons, ["cancelled"]);
        assert_eq!((call.summary.cost, world.cost().await), (Some(COST), COST.0));
    }

    async fn googles_interactions_are_told_in_the_same_way(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let asked = json!({"model": "gemini-2.5-flash", "input": "Write an essay.", "background": true});
        let open = json!({"id": "v1_1", "object": "interaction", "status": "in_progress", "model": "gemini-2.5-flash"});
        let text = |kind: &str, text: &str| json!({"type": kind, "content": [{"type": "text", "text": text}]});
        let done = json!({"id": "v1_1", "object": "interaction", "status": "completed", "model": "gemini-2.5-flash",
            "steps": [text("user_input", "Write an essay."), text("model_output", "An essay.")],
            "usage": {"total_input_tokens": 1000, "total_output_tokens": 100, "total_tokens": 1100}});
        let line = "POST /v1beta/interactions";
        let get = "GET /v1beta/interactions/v1_1";
        let created = world.exchange(&log, "gemini", line, [&asked.to_string(), &open.to_string()]).await;
        for answer in [&open, &done, &done] {
            world.exchange(&log, "gemini", get, ["", &answer.to_string()]).await;
        }
        world.store_all(&log).await;

        let calls = world.fetched().await;
        let [call] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!(call.document.as_ref().unwrap().batch.as_ref().unwrap().sent_by, Some(created));
        // 1,000 tokens at $0.30 and 100 at $2.50 a million.
        assert_eq!(call.summary.cost, Some(UsdNanos(300_000 + 250_000)));
        assert_eq!((call.messages.input.len(), call.messages.output.len()), (1, 1));
        assert_eq!(call.summary.conversation, world.call(created).await.summary.conversation);
    }
}
