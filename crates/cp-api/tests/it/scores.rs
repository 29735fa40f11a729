//! Scores over the API, and as Langfuse's libraries give them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cp_app::Role;
use serde_json::{Value, json};

use crate::matrix::a_call;
use crate::world::{World, with_world};

/// Somebody with a role, and a way to ask.
struct Asker<'a> {
    world: &'a World,
    bearer: String,
}

impl<'a> Asker<'a> {
    async fn with(world: &'a World, role: Role) -> Self {
        world.member(world.scope.org_scope(), "anna@x.example", Some(Role::Owner)).await;
        Self { world, bearer: world.key(world.scope.org_scope(), None, role).await }
    }

    async fn ask(&self, method: &str, path: &str, json: Value) -> (u16, Value) {
        let body = if json.is_null() { String::new() } else { json.to_string() };
        self.world.ask(method, &format!("/api/v1{path}"), &[("authorization", &self.bearer)], &body).await
    }

    /// The same, as Langfuse's libraries do.
    async fn public(&self, method: &str, path: &str, json: Value) -> (u16, Value) {
        let key = self.bearer.trim_start_matches("Bearer ");
        let basic = format!("Basic {}", STANDARD.encode(format!("pk-lf-any:{key}")));
        let body = if json.is_null() { String::new() } else { json.to_string() };
        self.world.ask(method, &format!("/api/public{path}"), &[("authorization", &basic)], &body).await
    }
}

fn names(page: &Value) -> Vec<&str> {
    page["scores"].as_array().unwrap().iter().map(|score| score["name"].as_str().unwrap()).collect()
}

#[test]
fn a_score_is_given_read_replaced_and_deleted() {
    with_world(async |world| {
        let editor = Asker::with(&world, Role::Editor).await;
        let (call, _) = a_call(&world).await;
        let new = json!({
            "client_id": "mine", "name": "tone", "value": "warm", "call_id": call, "comment": "kind words",
            "source": "annotation", "metadata": { "page": 3 }, "environment": "staging",
        });
        let (status, made) = editor.ask("POST", "/scores", new).await;
        assert_eq!(status, 201, "{made}");
        let path = format!("/scores/{}", made["id"].as_str().unwrap());
        assert_eq!(editor.ask("GET", &path, Value::Null).await, (200, made.clone()));
        for (field, value) in [
            ("client_id", json!("mine")),
            ("data_type", json!("categorical")),
            ("value", json!("warm")),
            ("call_id", json!(call)),
            ("comment", json!("kind words")),
            ("source", json!("annotation")),
            ("metadata", json!({ "page": 3 })),
        ] {
            assert_eq!(made[field], value, "{field}");
        }
        let again = json!({ "client_id": "mine", "name": "tone", "value": true, "call_id": call });
        let (_, again) = editor.ask("POST", "/scores", again).await;
        assert_eq!(
            (&again["id"], &again["data_type"], &again["value"]),
            (&made["id"], &json!("boolean"), &json!(true))
        );
        assert_eq!(again["created_at"], made["created_at"]);
        let (_, of_call) = editor.ask("GET", &format!("/calls/{call}/scores"), Value::Null).await;
        assert_eq!(names(&of_call), ["tone"]);
        assert_eq!(editor.ask("DELETE", &path, Value::Null).await.0, 204);
        assert_eq!(editor.ask("GET", &path, Value::Null).await.0, 404);
        assert_eq!(editor.ask("DELETE", &path, Value::Null).await.0, 404);
    });
}

#[test]
fn what_is_wrong_with_a_score_is_said() {
    with_world(async |world| {
        let editor = Asker::with(&world, Role::Editor).await;
        for (new, words) in [
            (json!({ "name": "n", "value": 1 }), "what is it about"),
            (json!({ "name": "", "value": 1, "trace_id": "t" }), "1 to 500 characters"),
            (json!({ "name": "n", "trace_id": "t" }), "`value` is missing"),
            (json!({ "name": "n", "value": 2, "data_type": "boolean", "trace_id": "t" }), "not boolean"),
            (json!({ "name": "n", "value": "x", "data_type": "numeric", "trace_id": "t" }), "not numeric"),
            (
                json!({ "name": "n", "value": 1, "data_type": "stars", "trace_id": "t" }),
                "`stars` is no data type",
            ),
            (json!({ "name": "n", "value": 1, "source": "me", "trace_id": "t" }), "`me` is no source"),
            (
                json!({ "name": "n", "value": 1, "trace_id": "t", "comment": "x".repeat(70_000) }),
                "at most 65536 bytes",
            ),
        ] {
            let (status, refused) = editor.ask("POST", "/scores", new).await;
            assert_eq!(status, 400, "{refused}");
            assert!(refused["detail"].as_str().unwrap().contains(words), "{words}: {refused}");
        }
        let version =
            json!({ "name": "n", "value": 1, "prompt_version_id": "pv_00000000000000000000000000" });
        assert_eq!(editor.ask("POST", "/scores", version).await.0, 404);
        let (status, page) = editor.ask("GET", "/scores?data_type=stars", Value::Null).await;
        assert_eq!(status, 400, "{page}");
        let absent = "/calls/call_00000000000000000000000000/scores";
        assert_eq!(editor.ask("GET", absent, Value::Null).await.0, 404);
    });
}

#[test]
fn a_list_goes_on_where_its_page_ended() {
    with_world(async |world| {
        let editor = Asker::with(&world, Role::Editor).await;
        for number in 0..5 {
            let new = json!({ "name": format!("n{number}"), "value": number, "session_id": "s" });
            assert_eq!(editor.ask("POST", "/scores", new).await.0, 201);
        }
        let (_, all) = editor.ask("GET", "/scores?session=s", Value::Null).await;
        let (mut seen, mut path) = (Vec::new(), "/scores?limit=2".to_owned());
        loop {
            let (status, page) = editor.ask("GET", &path, Value::Null).await;
            assert_eq!(status, 200, "{page}");
            seen.extend(names(&page).into_iter().map(str::to_owned));
            match page["next"].as_str() {
                Some(next) => path = format!("/scores?limit=2&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen, names(&all));
        assert_eq!(seen.len(), 5);
        let (_, one) = editor.ask("GET", "/scores?name=n3", Value::Null).await;
        assert_eq!(names(&one), ["n3"]);
    });
}

#[test]
fn langfuse_s_libraries_give_scores_one_by_one_and_together() {
    with_world(async |world| {
        let editor = Asker::with(&world, Role::Editor).await;
        let one =
            json!({ "id": "s-1", "name": "novelty", "value": 0.9, "traceId": "t1", "dataType": "NUMERIC" });
        assert_eq!(editor.public("POST", "/scores", one).await, (200, json!({ "id": "s-1" })));
        let good = json!([
            { "id": "s-2", "name": "ok", "value": 1, "dataType": "BOOLEAN", "traceId": "t1", "observationId": "o1" },
            { "id": "s-3", "name": "kind", "value": "a", "sessionId": "se", "timestamp": "2025-12-31T03:04:05Z" },
        ]);
        assert_eq!(editor.public("POST", "/scores", good).await, (202, json!({ "message": "Accepted" })));
        let mixed = json!([
            { "id": "s-4", "name": "long", "value": "words", "dataType": "TEXT", "traceId": "t1" },
            { "name": "nothing", "value": 1 },
            { "name": "run", "value": 1, "datasetRunId": "r" },
            { "name": "fixed", "value": "x", "dataType": "CORRECTION", "traceId": "t1" },
        ]);
        let (status, told) = editor.public("POST", "/scores", mixed).await;
        assert_eq!((status, &told["accepted"], &told["rejected"]), (207, &json!(1), &json!(3)), "{told}");
        assert!(
            told["errors"][0]["message"].as_str().unwrap().starts_with("score 1: what is it about"),
            "{told}"
        );

        let (_, found) = editor.public("GET", "/v2/scores/s-2", Value::Null).await;
        assert_eq!((&found["value"], &found["stringValue"]), (&json!(1.0), &json!("True")));
        assert_eq!((&found["traceId"], &found["observationId"]), (&json!("t1"), &json!("o1")));
        let (_, page) = editor.public("GET", "/v2/scores?traceId=t1&limit=2", Value::Null).await;
        assert_eq!(page["meta"], json!({ "page": 1, "limit": 2, "totalItems": 3, "totalPages": 2 }));
        let (_, newest) = editor.public("GET", "/v3/scores?traceId=t1&limit=2", Value::Null).await;
        let cursor = newest["meta"]["cursor"].as_str().unwrap();
        let (_, rest) = editor
            .public("GET", &format!("/v3/scores?traceId=t1&limit=2&cursor={cursor}"), Value::Null)
            .await;
        assert_eq!((rest["data"].as_array().unwrap().len(), &rest["meta"]["cursor"]), (1, &Value::Null));
        let (_, by_id) = editor.public("GET", "/v3/scores?id=s-3,s-9", Value::Null).await;
        assert_eq!(by_id["data"][0]["subject"], json!({ "kind": "session", "id": "se" }));
        assert_eq!(by_id["data"][0]["timestamp"], json!("2025-12-31T03:04:05.000000Z"));
        let (_, of_one) = editor.public("GET", "/v3/scores?traceId=t1&observationId=o1", Value::Null).await;
        assert_eq!(of_one["data"][0]["value"], json!(true));
        let (status, refused) = editor.public("GET", "/v3/scores?userId=u", Value::Null).await;
        assert_eq!(status, 400, "{refused}");
        assert_eq!(editor.public("DELETE", "/scores/s-1", Value::Null).await.0, 202);
        assert_eq!(editor.public("GET", "/scores/s-1", Value::Null).await.0, 404);
    });
}

#[test]
fn what_a_project_wants_redacted_is_redacted_of_scores() {
    with_world(async |world| {
        let owner = Asker::with(&world, Role::Owner).await;
        let policy = json!({ "policy": { "redact": ["email"] } });
        assert_eq!(owner.ask("PUT", "/capture-policy", policy).await.0, 200);
        for value in [json!(1), json!("ask ann.lee@example.com")] {
            let new = json!({ "name": "n", "value": value, "trace_id": "t", "comment": "by ann.lee@example.com",
                "metadata": { "to": ["ann.lee@example.com"] } });
            let (status, made) = owner.ask("POST", "/scores", new).await;
            assert_eq!(status, 201, "{made}");
            assert!(made["comment"].as_str().unwrap().starts_with("by "), "{made}");
            assert!(!made.to_string().contains("ann.lee"), "{made}");
        }
    });
}
