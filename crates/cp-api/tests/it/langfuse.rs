//! Langfuse's prompt API, in what its client libraries do not show.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cp_app::Role;
use serde_json::{Value, json};

use crate::world::{World, with_world};

async fn ask(world: &World, method: &str, path: &str, key: &str, json: &Value) -> (u16, Value) {
    let basic = format!("Basic {}", STANDARD.encode(format!("pk-lf-any:{key}")));
    let body = if json.is_null() { String::new() } else { json.to_string() };
    world.ask(method, &format!("/api/public{path}"), &[("authorization", &basic)], &body).await
}

async fn secret(world: &World, role: Role) -> String {
    world.member(world.scope.org_scope(), "anna@x.example", Some(Role::Owner)).await;
    key(world, role).await
}

async fn key(world: &World, role: Role) -> String {
    let bearer = world.key(world.scope.org_scope(), None, role).await;
    bearer.trim_start_matches("Bearer ").to_owned()
}

#[test]
fn failures_have_the_shapes_that_libraries_read() {
    with_world(async |world| {
        let key = secret(&world, Role::Editor).await;
        let (status, absent) =
            ask(&world, "GET", "/v2/prompts/a%2Fb?label=staging", &key, &Value::Null).await;
        let expected = json!({ "message": "Prompt not found: 'a/b' with label 'staging'", "error": "LangfuseNotFoundError" });
        assert_eq!((status, absent), (404, expected));
        let (status, unknown) = ask(&world, "GET", "/v2/prompts", "cpa_wrong", &Value::Null).await;
        assert_eq!((status, &unknown["error"]), (401, &json!("UnauthorizedError")));
        let (status, unsupported) = ask(&world, "POST", "/media", &key, &json!({})).await;
        assert_eq!((status, &unsupported["error"]), (404, &json!("NotSupportedError")));
        assert!(unsupported["message"].as_str().unwrap().contains("/api/public/media"), "{unsupported}");
        for (json, words) in [
            (json!({ "name": "new", "prompt": "x" }), "cannot be a prompt's name"),
            (json!({ "name": "a", "prompt": "x", "type": "chat" }), "`type` is chat"),
            (json!({ "name": "a", "prompt": "x", "labels": ["No"] }), "is no label"),
            (json!({ "name": "a", "prompt": "x", "commitMessage": "x".repeat(501) }), "500 characters"),
            (json!({ "prompt": "x" }), "name"),
        ] {
            let (status, wrong) = ask(&world, "POST", "/v2/prompts", &key, &json).await;
            assert_eq!((status, &wrong["message"]), (400, &json!("Invalid request data")), "{wrong}");
            assert!(wrong["error"][0]["message"].as_str().unwrap().contains(words), "{wrong}");
        }
        let (status, paging) = ask(&world, "GET", "/v2/prompts?limit=101", &key, &Value::Null).await;
        assert_eq!(status, 400, "{paging}");
    });
}

#[test]
fn an_application_is_served_and_writes_nothing() {
    with_world(async |world| {
        let editor = secret(&world, Role::Editor).await;
        let new = json!({ "name": "greeting", "prompt": "Hello {{name}}", "labels": ["production"] });
        let (status, made) = ask(&world, "POST", "/v2/prompts", &editor, &new).await;
        assert_eq!((status, &made["labels"]), (201, &json!(["production", "latest"])), "{made}");
        let service = key(&world, Role::Service).await;
        let (status, served) = ask(&world, "GET", "/v2/prompts/greeting", &service, &Value::Null).await;
        assert_eq!((status, &served["prompt"]), (200, &json!("Hello {{name}}")), "{served}");
        let (status, refused) = ask(&world, "POST", "/v2/prompts", &service, &new).await;
        assert_eq!((status, &refused["error"]), (403, &json!("ForbiddenError")), "{refused}");
    });
}

#[test]
fn what_is_deleted_is_put_away_and_what_is_included_stays() {
    with_world(async |world| {
        let key = secret(&world, Role::Editor).await;
        let tag = "@@@langfusePrompt:name=tone|label=production@@@ {{name}}";
        for (name, text) in [("tone", "Be kind."), ("greeting", tag)] {
            let new = json!({ "name": name, "prompt": text, "labels": ["production"] });
            let (status, made) = ask(&world, "POST", "/v2/prompts", &key, &new).await;
            assert_eq!(status, 201, "{made}");
        }
        let (_, whole) = ask(&world, "GET", "/v2/prompts/greeting", &key, &Value::Null).await;
        assert_eq!(whole["prompt"], "Be kind. {{name}}");
        assert_eq!(
            whole["resolutionGraph"]["dependencies"]["greeting#1"],
            json!([{ "name": "tone", "version": 1 }])
        );
        let (_, raw) = ask(&world, "GET", "/v2/prompts/greeting?resolve=false", &key, &Value::Null).await;
        assert_eq!((&raw["prompt"], &raw["resolutionGraph"]), (&json!(tag), &Value::Null));
        let (status, kept) = ask(&world, "DELETE", "/v2/prompts/tone", &key, &Value::Null).await;
        assert_eq!((status, &kept["error"]), (409, &json!("LangfuseConflictError")), "{kept}");
        let (status, single) =
            ask(&world, "DELETE", "/v2/prompts/greeting?version=1", &key, &Value::Null).await;
        assert_eq!(status, 400, "{single}");
        for (path, expected) in
            [("/v2/prompts/greeting", 204), ("/v2/prompts/greeting", 404), ("/v2/prompts/tone", 204)]
        {
            let (status, answer) = ask(&world, "DELETE", path, &key, &Value::Null).await;
            assert_eq!(status, expected, "{path}: {answer}");
        }
        let (status, gone) = ask(&world, "GET", "/v2/prompts/tone", &key, &Value::Null).await;
        assert_eq!(status, 404, "{gone}");
        // What is refused brings nothing back, and changes nothing.
        let wrong = json!({ "name": "tone", "type": "chat", "prompt": [], "tags": ["lost"] });
        let (status, refused) = ask(&world, "POST", "/v2/prompts", &key, &wrong).await;
        assert_eq!(status, 400, "{refused}");
        assert_eq!(ask(&world, "GET", "/v2/prompts/tone", &key, &Value::Null).await.0, 404);
        // Made again, it goes on where it was, without its labels.
        let again = json!({ "name": "tone", "prompt": "Be brief." });
        let (status, made) = ask(&world, "POST", "/v2/prompts", &key, &again).await;
        assert_eq!((status, &made["version"]), (201, &json!(2)), "{made}");
        assert_eq!((&made["labels"], &made["tags"]), (&json!(["latest"]), &json!([])), "{made}");
        assert_eq!(ask(&world, "GET", "/v2/prompts/tone", &key, &Value::Null).await.0, 404);
        // Labels move together or not at all.
        for wrong in ["BAD", "latest"] {
            let labels = json!({ "newLabels": ["staging", wrong] });
            let (status, refused) = ask(&world, "PATCH", "/v2/prompts/tone/versions/1", &key, &labels).await;
            assert_eq!(status, 400, "{refused}");
        }
        let (_, first) = ask(&world, "GET", "/v2/prompts/tone?version=1", &key, &Value::Null).await;
        assert_eq!(first["labels"], json!([]), "{first}");
        let (_, page) = ask(&world, "GET", "/v2/prompts?limit=1&page=1", &key, &Value::Null).await;
        assert_eq!(page["meta"], json!({ "page": 1, "limit": 1, "totalItems": 1, "totalPages": 1 }));
        assert_eq!(page["data"][0]["versions"], json!([1, 2]));
    });
}
