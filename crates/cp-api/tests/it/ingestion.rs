//! What Langfuse's libraries tell of calls.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cp_app::model::Observation;
use cp_app::{NotKept, Role};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{World, with_world};

/// A request with a key of this role.
async fn send(world: &World, role: Role, path: &str, kind: &str, body: Vec<u8>) -> (u16, Value) {
    let bearer = world.key(world.scope.org_scope(), None, role).await;
    let key = bearer.trim_start_matches("Bearer ");
    let request = Request::post(format!("/api/public{path}"))
        .header("host", "127.0.0.1:8080")
        .header("content-type", kind)
        .header("authorization", format!("Basic {}", STANDARD.encode(format!("pk:{key}"))))
        .body(Body::from(body))
        .unwrap();
    let response = world.api.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn ingest(world: &World, batch: Value) -> (u16, Value) {
    let body = json!({ "batch": batch }).to_string().into_bytes();
    send(world, Role::Service, "/ingestion", "application/json", body).await
}

/// What was told so far, and forgotten here.
fn told(world: &World) -> Vec<Observation> {
    let told: Vec<_> = std::mem::take(&mut *world.told.lock().unwrap());
    told.into_iter().map(|call| call.observation).collect()
}

fn ids(answers: &Value) -> Vec<&str> {
    answers.as_array().unwrap().iter().map(|answer| answer["id"].as_str().unwrap()).collect()
}

#[test]
fn a_batch_is_answered_event_by_event() {
    with_world(async |world| {
        world.member(world.scope.org_scope(), "anna@x.example", Some(Role::Owner)).await;
        let event = |id: &str, kind: &str, body: Value| json!({ "id": id, "type": kind, "timestamp": "2025-12-31T00:00:00Z", "body": body });
        let usage = json!({ "input": 10, "output": 2 });
        let batch = json!([
            event(
                "e1",
                "trace-create",
                json!({ "id": "t1", "name": "chat", "userId": "ann", "sessionId": "s1", "tags": ["a"], "metadata": { "team": "x" } })
            ),
            event(
                "e2",
                "generation-create",
                json!({
                    "id": "g1", "traceId": "t1", "name": "answer", "model": "gpt-4o-mini", "startTime": "2025-12-31T00:00:00Z",
                    "input": [{ "role": "user", "content": "hi" }], "modelParameters": { "temperature": 0.1 }, "promptName": "p", "promptVersion": 3,
                })
            ),
            event(
                "e3",
                "generation-update",
                json!({ "id": "g1", "traceId": "t1", "endTime": "2025-12-31T00:00:01Z", "output": "hello",
                "usageDetails": usage, "costDetails": { "total": 0.5 }, "level": "ERROR", "statusMessage": "late" })
            ),
            event("e4", "span-create", json!({ "id": "sp", "traceId": "t1" })),
            event(
                "e5",
                "score-create",
                json!({ "id": "sc", "name": "ok", "value": 1, "traceId": "t1", "observationId": "g1" })
            ),
            event("e6", "score-create", json!({ "name": "lost", "value": 1 })),
            event("e7", "generation-create", json!({ "name": "without an id" })),
            event("e8", "parade-create", json!({})),
            event(
                "e9",
                "observation-create",
                json!({ "id": "g2", "type": "GENERATION", "startTime": "yesterday" })
            ),
            json!({ "id": "e10", "type": 7 }),
            event(
                "e11",
                "observation-create",
                json!({ "id": "g3", "type": "GENERATION", "model": "claude-sonnet-4-5" })
            ),
            event("e12", "sdk-log", json!({ "log": "x" })),
        ]);
        let (status, answer) = ingest(&world, batch).await;
        assert_eq!(status, 207, "{answer}");
        assert_eq!(ids(&answer["successes"]), ["e1", "e2", "e3", "e4", "e5", "e11", "e12"]);
        assert_eq!(ids(&answer["errors"]), ["e6", "e7", "e8", "e9", "e10"], "{answer}");
        for error in answer["errors"].as_array().unwrap() {
            assert_eq!(error["status"], 400);
            assert!(!error["message"].as_str().unwrap().is_empty());
        }
        let calls = told(&world);
        assert_eq!(calls.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["g1", "g1", "g3"]);
        assert_eq!((calls[0].user.as_deref(), calls[0].session.as_deref()), (Some("ann"), Some("s1")));
        let metadata = Value::from(calls[0].metadata.clone());
        assert_eq!(
            metadata,
            json!({ "prompt_name": "p", "prompt_version": 3, "trace_name": "chat", "tags": ["a"], "team": "x" })
        );
        let usage = calls[1].usage.clone().unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(10), Some(2)));
        assert_eq!((calls[1].cost_usd_nanos, calls[1].error.as_deref()), (Some(500_000_000), Some("late")));
        assert_eq!(calls[2].provider.as_deref(), Some("anthropic"));
        let call = world.app_call_observed("g1");
        let owner = world.key(world.scope.org_scope(), None, Role::Owner).await;
        let (_, scores) =
            world.ask("GET", &format!("/api/v1/scores?call={call}"), &[("authorization", &owner)], "").await;
        assert_eq!(scores["scores"][0]["name"], "ok", "{scores}");
    });
}

#[test]
fn what_is_not_kept_is_no_success() {
    with_world(async |world| {
        world.member(world.scope.org_scope(), "anna@x.example", Some(Role::Owner)).await;
        let batch = json!([{ "id": "e", "type": "generation-create", "body": { "id": "g" } }]);
        *world.refuses.lock().unwrap() = Some(NotKept::ByPolicy);
        let (status, answer) = ingest(&world, batch.clone()).await;
        assert_eq!((status, &answer["errors"][0]["status"]), (207, &json!(403)), "{answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains("capture policy"), "{answer}");
        let span = json!({ "traceId": "01", "spanId": "02", "attributes": [
            { "key": "langfuse.observation.type", "value": { "stringValue": "generation" } }] });
        let spans =
            json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] }).to_string().into_bytes();
        let (status, answer) =
            send(&world, Role::Service, "/otel/v1/traces", "application/json", spans.clone()).await;
        assert_eq!((status, &answer["partialSuccess"]["rejectedSpans"]), (200, &json!("1")), "{answer}");

        *world.refuses.lock().unwrap() = Some(NotKept::Failed("full".to_owned()));
        assert_eq!(ingest(&world, batch.clone()).await.0, 503);
        assert_eq!(send(&world, Role::Service, "/otel/v1/traces", "application/json", spans).await.0, 503);
        *world.refuses.lock().unwrap() = None;
        let body = json!({ "batch": batch }).to_string().into_bytes();
        let (status, answer) = send(&world, Role::Viewer, "/ingestion", "application/json", body).await;
        assert_eq!((status, &answer["error"]), (403, &json!("ForbiddenError")), "{answer}");
        let large = vec![b' '; 4_700_000];
        assert_eq!(send(&world, Role::Service, "/ingestion", "application/json", large).await.0, 413);
        let (status, answer) =
            send(&world, Role::Service, "/otel/v1/traces", "application/json", b"{".to_vec()).await;
        assert_eq!(status, 400, "{answer}");
        let (status, answer) = send(&world, Role::Service, "/otel/v1/traces", "text/plain", Vec::new()).await;
        assert_eq!(status, 400, "{answer}");
    });
}

#[test]
fn spans_of_both_conventions_become_calls() {
    with_world(async |world| {
        world.member(world.scope.org_scope(), "anna@x.example", Some(Role::Owner)).await;
        let attribute = |(key, value): &(&str, Value)| {
            let kind = match value {
                Value::Number(_) => "intValue",
                Value::Array(_) => "arrayValue",
                _ => "stringValue",
            };
            let value = match value {
                Value::Array(items) => {
                    json!({ "values": items.iter().map(|item| json!({ "stringValue": item })).collect::<Vec<_>>() })
                }
                value => value.clone(),
            };
            json!({ "key": key, "value": { kind: value } })
        };
        let span = |id: &str, attributes: &[(&str, Value)]| {
            json!({
                "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": id, "name": "n",
                "startTimeUnixNano": "1767225600000000000", "endTimeUnixNano": "1767225601000000000",
                "attributes": attributes.iter().map(attribute).collect::<Vec<_>>(),
            })
        };
        let spans = [
            span(
                "00f067aa0ba902b1",
                &[
                    ("langfuse.observation.type", json!("span")),
                    ("langfuse.trace.name", json!("flow")),
                    ("user.id", json!("ann")),
                    ("session.id", json!("s1")),
                    ("langfuse.trace.tags", json!(["a", "b"])),
                ],
            ),
            span(
                "00f067aa0ba902b2",
                &[
                    ("langfuse.observation.type", json!("generation")),
                    ("langfuse.observation.model.name", json!("gpt-4o-mini")),
                    ("langfuse.observation.input", json!("[{\"role\": \"user\", \"content\": \"hi\"}]")),
                    ("langfuse.observation.output", json!("hello")),
                    ("langfuse.observation.usage_details", json!("{\"input\": 10, \"output\": 2}")),
                    ("langfuse.observation.prompt.name", json!("p")),
                    ("langfuse.observation.prompt.version", json!(3)),
                    ("langfuse.observation.metadata.team", json!("\"search\"")),
                ],
            ),
            span(
                "00f067aa0ba902b3",
                &[
                    ("gen_ai.operation.name", json!("chat")),
                    ("gen_ai.provider.name", json!("gcp.gemini")),
                    ("gen_ai.request.model", json!("gemini-2.5-pro")),
                    (
                        "gen_ai.input.messages",
                        json!(
                            "[{\"role\": \"user\", \"parts\": [{\"type\": \"text\", \"content\": \"hi\"}]}]"
                        ),
                    ),
                    ("gen_ai.usage.input_tokens", json!(7)),
                    ("gen_ai.response.finish_reasons", json!(["stop"])),
                ],
            ),
            span(
                "00f067aa0ba902b4",
                &[
                    ("openinference.span.kind", json!("LLM")),
                    ("llm.model_name", json!("claude-sonnet-4-5")),
                    ("llm.input_messages.0.message.role", json!("user")),
                    ("llm.input_messages.0.message.content", json!("hi")),
                    ("llm.token_count.prompt", json!(5)),
                ],
            ),
            span("00f067aa0ba902b5", &[("gen_ai.operation.name", json!("execute_tool"))]),
        ];
        let body = json!({ "resourceSpans": [{
            "resource": { "attributes": [attribute(&("deployment.environment.name", json!("staging")))] },
            "scopeSpans": [{ "spans": spans }],
        }] });
        let (status, answer) =
            send(&world, Role::Service, "/otel/v1/traces", "application/json", body.to_string().into_bytes())
                .await;
        assert_eq!((status, answer), (200, json!({})));
        let calls = told(&world);
        let shown: Vec<_> = calls
            .iter()
            .map(|call| {
                (
                    call.id.as_str(),
                    call.provider.as_deref().unwrap(),
                    call.usage.as_ref().unwrap().input_tokens.unwrap(),
                    call.decode().input_messages.len(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("00f067aa0ba902b2", "openai", 10, 1),
                ("00f067aa0ba902b3", "gemini", 7, 1),
                ("00f067aa0ba902b4", "anthropic", 5, 1),
            ]
        );
        for call in &calls {
            assert_eq!((call.user.as_deref(), call.session.as_deref()), (Some("ann"), Some("s1")));
            assert_eq!(call.trace.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
            assert_eq!(
                (&call.metadata["environment"], &call.metadata["trace_name"]),
                (&json!("staging"), &json!("flow"))
            );
        }
        assert_eq!(
            (&calls[0].metadata["team"], &calls[0].metadata["prompt_version"]),
            (&json!("search"), &json!(3))
        );
        assert_eq!(calls[1].finish_reasons, ["stop"]);
    });
}
