//! Prompts as applications get them.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use cp_app::{Role, Serving};
use cp_base::MasterKey;
use cp_testkit::TestDb;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::{World, body, with_world};

/// An editor and an application, each with a key.
struct Keys {
    editor: String,
    service: String,
}

impl Keys {
    async fn of(world: &World) -> Self {
        let scope = world.scope.org_scope();
        world.member(scope, "anna@x.example", Some(Role::Owner)).await;
        Self {
            editor: world.key(scope, None, Role::Editor).await,
            service: world.key(scope, Some(world.scope), Role::Service).await,
        }
    }

    async fn edit(&self, world: &World, method: &str, path: &str, json: Value) -> Value {
        let path = format!("/api/v1{path}");
        let headers = [("authorization", self.editor.as_str())];
        let (status, answer) = world.ask(method, &path, &headers, &json.to_string()).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }

    async fn get(&self, world: &World, path: &str, tag: &str) -> Response<Body> {
        let mut headers = vec![("host", "127.0.0.1"), ("authorization", self.service.as_str())];
        if !tag.is_empty() {
            headers.push(("if-none-match", tag));
        }
        world.request("GET", &format!("/api/v1/serve/{path}"), &headers).await
    }

    async fn served(&self, world: &World, path: &str) -> (u16, Value) {
        let response = self.get(world, path, "").await;
        (response.status().as_u16(), serde_json::from_slice(&body(response).await).unwrap())
    }

    async fn refused(&self, world: &World, path: &str) -> (u16, String) {
        let (status, answer) = self.served(world, path).await;
        (status, answer["detail"].as_str().unwrap().to_owned())
    }

    async fn render(&self, world: &World, path: &str, variables: Value) -> (u16, Value) {
        let json = json!({ "variables": variables }).to_string();
        let headers = [("authorization", self.service.as_str())];
        world.ask("POST", &format!("/api/v1/serve/{path}"), &headers, &json).await
    }

    /// Makes a prompt of one text, labelled `production`.
    async fn make(&self, world: &World, name: &str, content: &str) {
        let version = json!({ "content": content, "labels": ["production"] });
        self.edit(world, "POST", "/prompts", json!({ "name": name, "version": version })).await;
    }

    /// Saves another version of a prompt in one folder.
    async fn save(&self, world: &World, name: &str, version: Value) {
        let path = format!("/prompts/{}/versions", name.replace('/', "%2F"));
        self.edit(world, "POST", &path, version).await;
    }
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

#[test]
fn a_prompt_is_served_by_either_form_of_its_name() {
    with_world(async |world| {
        let keys = Keys::of(&world).await;
        let new = json!({
            "name": "support/refund-reply",
            "version": {
                "content": [{ "role": "system", "content": "Be {{ tone }}." }],
                "config": { "model": "gpt-5" },
                "labels": ["production"],
            },
        });
        keys.edit(&world, "POST", "/prompts", new).await;
        let (_, prompt) = keys.served(&world, "support%2Frefund-reply").await;
        let expected = json!({
            "id": prompt["id"],
            "name": "support/refund-reply",
            "version": 1,
            "label": "production",
            "kind": "chat",
            "syntax": "jinja",
            "content": [{ "role": "system", "content": "Be {{ tone }}." }],
            "config": { "model": "gpt-5" },
        });
        for name in
            ["support/refund-reply", "support%2Frefund-reply", "support%2frefund-reply?label=production"]
        {
            assert_eq!(keys.served(&world, name).await, (200, expected.clone()), "{name}");
        }
        let (_, by_number) = keys.served(&world, "support/refund-reply?version=1").await;
        assert_eq!((&by_number["label"], &by_number["content"]), (&Value::Null, &expected["content"]));
        for path in ["support/refund-reply/render", "support%2Frefund-reply/render?version=1"] {
            let (status, answer) = keys.render(&world, path, json!({ "tone": "kind" })).await;
            assert_eq!(status, 200, "{path}: {answer}");
            assert_eq!(answer["rendered"], json!([{ "role": "system", "content": "Be kind." }]));
        }
    });
}

#[test]
fn a_prompt_can_be_called_as_an_operation_is() {
    with_world(async |world| {
        let keys = Keys::of(&world).await;
        keys.make(&world, "a/render", "{{ x }}").await;
        assert_eq!(keys.served(&world, "a/render").await.1["content"], "{{ x }}");
        let (status, answer) = keys.render(&world, "a/render/render", json!({ "x": "y" })).await;
        assert_eq!((status, &answer["rendered"]), (200, &json!("y")));
        let (status, answer) = keys.render(&world, "a", json!({})).await;
        assert_eq!(status, 404);
        assert!(answer["detail"].as_str().unwrap().contains("/serve/a/render"), "{answer}");
    });
}

#[test]
fn what_is_at_hand_is_not_sent_again() {
    with_world(async |world| {
        let keys = Keys::of(&world).await;
        keys.make(&world, "p", "one").await;
        let first = keys.get(&world, "p", "").await;
        let tag = header(&first, "etag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        assert_eq!(header(&first, "cache-control"), "private, max-age=0, must-revalidate");
        assert_eq!(header(&first, "codepromptu-prompt-version"), "1");
        assert!(header(&first, "codepromptu-prompt-version-id").starts_with("pv_"));
        for shown in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let again = keys.get(&world, "p", &shown).await;
            assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, tag.as_str()), "{shown}");
            assert_eq!(header(&again, "cache-control"), "private, max-age=0, must-revalidate");
            assert!(body(again).await.is_empty());
        }
        assert_eq!(keys.get(&world, "p", "\"x\"").await.status().as_u16(), 200);
        let by_number = keys.get(&world, "p?version=1", &tag).await;
        assert_eq!(by_number.status().as_u16(), 200, "its label is another");
        keys.save(&world, "p", json!({ "content": "two" })).await;
        assert_eq!(keys.get(&world, "p", &tag).await.status().as_u16(), 304, "the label has not moved");
        keys.edit(&world, "PUT", "/prompts/p/labels/production", json!({ "version": 2 })).await;
        let moved = keys.get(&world, "p", &tag).await;
        assert_eq!((moved.status().as_u16(), header(&moved, "codepromptu-prompt-version")), (200, "2"));
        assert_ne!(header(&moved, "etag"), tag);
        keys.edit(&world, "POST", "/prompts/p/labels/production/rollback", json!({})).await;
        assert_eq!(keys.get(&world, "p", &tag).await.status().as_u16(), 304);
        let refused = keys.get(&world, "q", "").await;
        assert_eq!(header(&refused, "cache-control"), "no-store");
    });
}

#[test]
fn what_it_includes_changes_along() {
    with_world(async |world| {
        let keys = Keys::of(&world).await;
        keys.make(&world, "tone", "kind").await;
        keys.make(&world, "middle", r#"{% include "tone" %}!"#).await;
        keys.make(&world, "outer", r#"Be {% include "middle" %} {% include "tone#1" %}"#).await;
        let text = async || keys.served(&world, "outer").await.1["content"].clone();
        let tag = header(&keys.get(&world, "outer", "").await, "etag").to_owned();
        assert_eq!(text().await, "Be kind! kind");
        // The first version of what is included is neither labelled nor the newest any more.
        keys.save(&world, "tone", json!({ "content": "calm", "labels": ["production"] })).await;
        assert_eq!(text().await, "Be calm! kind");
        assert_eq!(keys.get(&world, "outer", &tag).await.status().as_u16(), 200);
        // Neither is the version that is asked for here, and what it includes moves on.
        keys.save(&world, "middle", json!({ "content": "other", "labels": ["production"] })).await;
        let old = async || keys.served(&world, "middle?version=1").await.1["content"].clone();
        assert_eq!(old().await, "calm!");
        keys.save(&world, "tone", json!({ "content": "brisk", "labels": ["production"] })).await;
        assert_eq!(old().await, "brisk!");
        assert_eq!(text().await, "Be other kind");
    });
}

#[test]
fn a_node_that_starts_has_the_library() {
    with_world(async |world| {
        let keys = Keys::of(&world).await;
        keys.make(&world, "tone", "kind").await;
        keys.make(&world, "outer", r#"{% include "tone#1" %}"#).await;
        keys.save(&world, "tone", json!({ "content": "calm", "labels": ["production"] })).await;
        let started = world.restarted().await;
        assert_eq!(keys.served(&started, "outer").await.0, 404);
        started.app.refresh_shelf().await.unwrap();
        assert_eq!(keys.served(&started, "outer").await.1["content"], "kind");
        assert_eq!(keys.served(&started, "tone").await.1["content"], "calm");
    });
}

#[test]
fn another_node_hears_of_a_moved_label() {
    cp_testkit::run_on_postgres(async |database: TestDb| {
        let (here, there) = (World::new(&database).await, World::new(&database).await);
        let keys = Keys::of(&here).await;
        keys.make(&here, "p", "one").await;
        keys.save(&here, "p", json!({ "content": "two" })).await;
        let sees = async |version: i64| {
            there.app.refresh_shelf().await.unwrap();
            keys.served(&there, "p").await.1["version"] == version
        };
        assert!(sees(1).await);
        keys.edit(&here, "PUT", "/prompts/p/labels/production", json!({ "version": 2 })).await;
        assert!(sees(2).await);
        keys.edit(&here, "PATCH", "/prompts/p", json!({ "name": "q" })).await;
        assert!(!sees(2).await);
        assert_eq!(keys.served(&there, "q").await.1["version"], 2);
    });
}

#[test]
fn errors_tell_what_was_meant() {
    with_world(async |world| {
        let keys = Keys::of(&world).await;
        keys.make(&world, "support/refund-reply", "{{ count }}{{ 1 / zero }}").await;
        let typed = json!({ "details": { "variables": [{ "name": "count", "type": "integer" }] } });
        keys.edit(&world, "PATCH", "/prompts/support%2Frefund-reply", typed).await;
        let name = "support/refund-reply";
        for (path, expected, part) in [
            ("support/refund-repyl".to_owned(), 404, "did you mean `support/refund-reply`?"),
            (format!("{name}?label=prodution"), 404, "did you mean `production`?"),
            (format!("{name}?label=zzz"), 404, "it has latest, production"),
            (format!("{name}?version=9"), 404, "its newest is 1"),
            (format!("{name}?version=0"), 400, "versions count 1, 2, 3"),
            (format!("{name}?version=1&label=production"), 400, "one of `label` and `version`"),
            (format!("{name}?lable=x"), 400, "`label`"),
            ("a//b".to_owned(), 400, "name each part"),
            ("a".repeat(300), 400, "more than 255 characters"),
        ] {
            let (status, detail) = keys.refused(&world, &path).await;
            assert_eq!(status, expected, "{path}: {detail}");
            assert!(detail.contains(part), "{path}: {detail}");
        }
        for (variables, part) in [
            (json!({ "count": "3", "zero": 1 }), "`count` is to be of type integer"),
            (json!({ "zero": 1 }), "`count` was not given"),
            (json!({ "count": 3 }), "`zero` is undefined"),
            (json!({ "count": 3, "zero": 0 }), "line 1"),
            (json!({ "count": 3, "zero": 1, "cuont": 3 }), "did you mean `count`?"),
        ] {
            let (status, answer) = keys.render(&world, &format!("{name}/render"), variables).await;
            let detail = answer["detail"].as_str().unwrap();
            assert_eq!(status, 400, "{detail}");
            assert!(detail.contains(part), "{detail}");
        }
    });
}

#[test]
fn what_is_archived_is_not_served() {
    with_world(async |world| {
        let keys = Keys::of(&world).await;
        keys.make(&world, "p", "one").await;
        keys.edit(&world, "PATCH", "/prompts/p", json!({ "archived": true })).await;
        let (status, detail) = keys.refused(&world, "p").await;
        assert_eq!((status, detail.contains("archived")), (404, true), "{detail}");
        let (_, detail) = keys.refused(&world, "pp").await;
        assert!(!detail.contains("did you mean"), "{detail}");
        keys.edit(&world, "PATCH", "/prompts/p", json!({ "archived": false })).await;
        assert_eq!(keys.served(&world, "p").await.0, 200);
    });
}

#[test]
fn each_serve_is_counted() {
    with_world(async |world| {
        let keys = Keys::of(&world).await;
        keys.make(&world, "p", "{{ x }}").await;
        keys.save(&world, "p", json!({ "content": "two" })).await;
        let tag = header(&keys.get(&world, "p", "").await, "etag").to_owned();
        assert_eq!(keys.get(&world, "p", &tag).await.status().as_u16(), 304);
        assert_eq!(keys.render(&world, "p/render", json!({ "x": "y" })).await.0, 200);
        // What fails was not served.
        assert_eq!(keys.render(&world, "p/render", json!({})).await.0, 400);
        assert_eq!(keys.served(&world, "p?label=latest").await.0, 200);
        let usage = async || {
            let headers = [("authorization", keys.editor.as_str())];
            world.ask("GET", "/api/v1/prompts/p/usage", &headers, "").await.1["usage"].clone()
        };
        let day = |after: u64| {
            world.now().after(std::time::Duration::from_secs(after)).to_string()[..10].to_owned()
        };
        let today = day(0);
        let expected = json!([
            { "day": today, "version": 1, "served": 3 },
            { "day": today, "version": 2, "served": 1 },
        ]);
        assert_eq!(usage().await, expected);
        assert_eq!(usage().await, expected, "nothing is counted twice");
        world.advance(std::time::Duration::from_secs(86_400));
        assert_eq!(keys.served(&world, "p").await.0, 200);
        let all = usage().await;
        assert_eq!(all[2], json!({ "day": day(0), "version": 1, "served": 1 }));
        assert_ne!(day(0), today);
    });
}

#[test]
fn a_key_that_is_taken_away_gets_nothing_more() {
    with_world(async |world| {
        let keys = Keys::of(&world).await;
        keys.make(&world, "p", "one").await;
        let there = world.restarted().await;
        there.app.refresh_shelf().await.unwrap();
        assert_eq!(keys.served(&there, "p").await.0, 200);
        let headers = [("authorization", keys.editor.as_str())];
        let owner = world.key(world.scope.org_scope(), None, Role::Owner).await;
        let owner = [("authorization", owner.as_str())];
        let (_, listed) = world.ask("GET", "/api/v1/project/keys", &owner, "").await;
        let id = listed["keys"][0]["id"].as_str().unwrap_or_else(|| panic!("{listed}")).to_owned();
        let (status, _) = world.ask("DELETE", &format!("/api/v1/project/keys/{id}"), &owner, "").await;
        assert_eq!(status, 204);
        assert_eq!(keys.served(&world, "p").await.0, 401);
        there.app.refresh_shelf().await.unwrap();
        assert_eq!(keys.served(&there, "p").await.0, 401);
        assert_eq!(world.ask("GET", "/api/v1/serve/p", &headers, "").await.0, 200);
    });
}

/// The events of an answer without end, as far as they have come: their names, ids and data.
async fn events(response: &mut Response<Body>, count: usize) -> Vec<(String, i64, Value)> {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let frame = tokio::time::timeout(Duration::from_secs(20), response.frame()).await;
        let frame = frame.unwrap().unwrap().unwrap();
        text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
    }
    let event = |block: &str| {
        let field = |name| block.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        (field("event:"), field("id:").parse().unwrap(), serde_json::from_str(&field("data:")).unwrap())
    };
    text.trim_end().split("\n\n").map(event).collect()
}

#[test]
fn changes_are_told_as_they_happen_and_once_more_to_whoever_comes_back() {
    with_world(async |world| {
        let keys = Keys::of(&world).await;
        keys.make(&world, "tone", "kind").await;
        keys.make(&world, "outer", r#"{% include "tone" %}"#).await;
        keys.make(&world, "other", "x").await;
        let follow = async |last: Option<i64>| {
            let last = last.map(|last| last.to_string());
            let mut headers = vec![("host", "127.0.0.1"), ("authorization", keys.service.as_str())];
            headers.extend(last.as_deref().map(|last| ("last-event-id", last)));
            world.request("GET", "/api/v1/changes", &headers).await
        };
        let mut live = follow(None).await;
        let ready = events(&mut live, 1).await;
        assert_eq!(ready[0].0, "ready");
        keys.save(&world, "tone", json!({ "content": "calm" })).await;
        keys.edit(&world, "PUT", "/prompts/tone/labels/production", json!({ "version": 2 })).await;
        let mut told = Vec::new();
        while !told.iter().any(|(_, _, data): &(String, i64, Value)| data["labels"]["production"] == 2) {
            told.extend(events(&mut live, 1).await);
        }
        let names = |told: &[(String, i64, Value)]| {
            let mut names: Vec<_> =
                told.iter().map(|told| told.2["name"].as_str().unwrap().to_owned()).collect();
            names.sort();
            names.dedup();
            names
        };
        let mut later = follow(Some(ready[0].1)).await;
        let again = events(&mut later, 2 + 1).await;
        assert_eq!((again[0].0.as_str(), names(&again[1..])), ("ready", vec!["outer".into(), "tone".into()]));
        assert!(names(&told).contains(&"tone".to_owned()) && !names(&told).contains(&"other".to_owned()));
        assert!(told.iter().all(|(name, id, _)| name == "prompt" && *id > ready[0].1));
        let status =
            world.request("GET", "/api/v1/changes", &[("host", "127.0.0.1"), ("last-event-id", "x")]);
        assert_ne!(status.await.status().as_u16(), 200);
    });
}

#[test]
fn a_node_whose_database_is_away_serves_what_it_wrote_down() {
    with_world(async |world| {
        let keys = Keys::of(&world).await;
        keys.make(&world, "tone", "kind").await;
        keys.make(&world, "outer", r#"{% include "tone#1" %} {{ x }}"#).await;
        keys.save(&world, "tone", json!({ "content": "calm", "labels": ["production"] })).await;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("library.copy");
        world.app.write_library_copy(&path).unwrap();
        let (master, clock) = (MasterKey::new([1; 32]), world.clock());
        let (serving, written_at) = Serving::restore(&path, &master, clock.clone()).unwrap();
        assert_eq!(written_at, world.now());
        let api = cp_api::waiting_router(serving, cp_api::Site::default());
        let ask = async |method: &str, path: &str, key: &str, json: &str| {
            let request = Request::builder().method(method).uri(path).header("host", "127.0.0.1");
            let request = request.header("authorization", key).header("content-type", "application/json");
            let response =
                api.clone().oneshot(request.body(Body::from(json.to_owned())).unwrap()).await.unwrap();
            let (status, text) = (response.status().as_u16(), body(response).await);
            (status, serde_json::from_slice::<Value>(&text).unwrap())
        };
        let service = keys.service.as_str();
        let (status, tone) = ask("GET", "/api/v1/serve/tone", service, "").await;
        assert_eq!((status, &tone["content"], &tone["version"]), (200, &json!("calm"), &json!(2)));
        let rendered = r#"{"variables":{"x":"!"}}"#;
        let (_, outer) = ask("POST", "/api/v1/serve/outer/render", service, rendered).await;
        assert_eq!(outer["rendered"], "kind !");
        for (method, path, key) in [
            ("GET", "/api/v1/prompts", service),
            ("GET", "/api/v1/serve/tone", "Bearer cpa_nobodys"),
            ("POST", "/openai/v1/responses", service),
        ] {
            let (status, problem) = ask(method, path, key, "{}").await;
            assert_eq!(
                (status, problem["type"].as_str().unwrap().ends_with("unavailable")),
                (503, true),
                "{problem}"
            );
        }
        assert_eq!(ask("GET", "/api/v1/serve/none", service, "").await.0, 404);
        // Nobody but who has the master key reads it, and none of it is missing unnoticed.
        let written = std::fs::read(&path).unwrap();
        assert!(!written.windows(4).any(|window| window == b"calm" || window == b"tone"));
        assert!(Serving::restore(&path, &MasterKey::new([2; 32]), clock.clone()).is_err());
        for length in [0, 10, written.len() / 2, written.len() - 1] {
            std::fs::write(&path, &written[..length]).unwrap();
            assert!(Serving::restore(&path, &master, clock.clone()).is_err(), "{length}");
        }
    });
}
