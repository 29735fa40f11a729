//! The prompt library over the API: what people and programs are told.

use cp_app::Role;
use serde_json::{Value, json};

use crate::world::{World, with_world};

/// Somebody with a role in the organisation.
pub(crate) struct Somebody<'a>(&'a World, String);

impl<'a> Somebody<'a> {
    pub(crate) async fn with(world: &'a World, role: Role) -> Self {
        Self(world, world.key(world.scope.org_scope(), None, role).await)
    }

    /// Whoever this header says.
    pub(crate) const fn by(world: &'a World, header: String) -> Self {
        Self(world, header)
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, json: &Value) -> (u16, Value) {
        let body = if json.is_null() { String::new() } else { json.to_string() };
        self.0.ask(method, &format!("/api/v1{path}"), &[("authorization", &self.1)], &body).await
    }

    pub(crate) async fn done(&self, method: &str, path: &str, json: Value) -> Value {
        let (status, answer) = self.ask(method, path, &json).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }

    pub(crate) async fn refused(&self, method: &str, path: &str, json: Value) -> (u16, String) {
        let (status, answer) = self.ask(method, path, &json).await;
        (status, answer["detail"].as_str().unwrap().to_owned())
    }
}

pub(crate) async fn editor(world: &World) -> Somebody<'_> {
    world.member(world.scope.org_scope(), "anna@x.example", Some(Role::Owner)).await;
    Somebody::with(world, Role::Editor).await
}

pub(crate) fn refund() -> Value {
    json!({
        "name": "support/refund-reply",
        "version": {
            "content": [
                { "role": "system", "content": "Answer in {{ language }}." },
                { "type": "placeholder", "name": "history" },
                { "role": "user", "content": "{{ question }}" },
            ],
            "config": { "model": "gpt-5", "temperature": 0.2 },
            "message": "first",
            "labels": ["production"],
        },
        "details": {
            "purpose": "refunds",
            "tags": ["support", "refund"],
            "variables": [{ "name": "language", "type": "string", "default": "English" }],
            "criteria": [
                { "metric": "latency_p95_ms", "comparison": "at_most", "target": 800.0, "window": "7 days" },
                { "expression": "score.tone > 0.8" },
            ],
        },
    })
}

pub(crate) const AT: &str = "/prompts/support%2Frefund-reply";

#[test]
fn a_prompt_is_kept_as_it_was_made() {
    with_world(async |world| {
        let editor = editor(&world).await;
        let made = editor.done("POST", "/prompts", refund()).await;
        assert_eq!(made["is_new"], true);
        let prompt = editor.done("GET", AT, Value::Null).await;
        assert_eq!(prompt["id"], made["prompt"]["id"]);
        assert_eq!(prompt["labels"], json!({ "latest": 1, "production": 1 }));
        assert_eq!(prompt["tags"], json!(["refund", "support"]));
        assert_eq!(prompt["criteria"], refund()["details"]["criteria"]);
        assert_eq!(prompt["kind"], "chat");
        let version = editor.done("GET", &format!("{AT}/versions/production"), Value::Null).await;
        for field in ["content", "config", "message"] {
            assert_eq!(version[field], refund()["version"][field], "{field}");
        }
        assert_eq!(version["labels"], json!(["latest", "production"]));
        let by_id = format!("/prompts/{}", prompt["id"].as_str().unwrap());
        assert_eq!(editor.done("GET", &by_id, Value::Null).await, prompt);
    });
}

#[test]
fn what_is_saved_twice_is_one_version() {
    with_world(async |world| {
        let editor = editor(&world).await;
        editor.done("POST", "/prompts", refund()).await;
        let mut same = refund()["version"].clone();
        // The order of keys, the message and the labels are not what it says.
        same["config"] = json!({ "temperature": 0.2, "model": "gpt-5" });
        same["message"] = "again".into();
        same["labels"] = json!(["staging"]);
        let (status, saved) = editor.ask("POST", &format!("{AT}/versions"), &same).await;
        assert_eq!((status, &saved["is_new"]), (200, &json!(false)));
        assert_eq!(saved["version"]["message"], "first");
        assert_eq!(saved["prompt"]["labels"], json!({ "latest": 1, "production": 1, "staging": 1 }));
        same["content"][0]["content"] = "Answer briefly.".into();
        let (status, saved) = editor.ask("POST", &format!("{AT}/versions"), &same).await;
        assert_eq!((status, &saved["version"]["number"]), (201, &json!(2)));
        let first = saved["version"]["parent"].as_str().unwrap();
        assert!(first.starts_with("pv_"));
        let versions = editor.done("GET", &format!("{AT}/versions?limit=1"), Value::Null).await;
        assert_eq!((versions["versions"].as_array().unwrap().len(), &versions["next"]), (1, &json!(2)));
        let rest = editor.done("GET", &format!("{AT}/versions?before=2"), Value::Null).await;
        assert_eq!(rest["versions"][0]["id"], first);
        assert_eq!(rest["next"], Value::Null);
    });
}

#[test]
fn whoever_comes_late_is_told_of_both_sides() {
    with_world(async |world| {
        let editor = editor(&world).await;
        editor.done("POST", "/prompts", refund()).await;
        let save = |content: &str, parent: i64| json!({ "content": [{ "role": "user", "content": content }], "parent": parent, "message": content });
        editor.done("POST", &format!("{AT}/versions"), save("theirs", 1)).await;
        let (status, detail) = editor.refused("POST", &format!("{AT}/versions"), save("ours", 1)).await;
        assert_eq!(status, 409);
        for part in ["version 1", "version 2", "theirs", "on top of 2"] {
            assert!(detail.contains(part), "{part}: {detail}");
        }
        let change = json!({ "revision": 1, "details": { "purpose": "one" } });
        editor.done("PATCH", AT, change.clone()).await;
        let (status, detail) = editor.refused("PATCH", AT, change).await;
        assert_eq!((status, detail.contains("revision 2 by now")), (409, true), "{detail}");
        let (status, _) = editor.refused("POST", "/prompts", refund()).await;
        assert_eq!(status, 409);
    });
}

#[test]
fn labels_move_go_back_and_keep_their_history() {
    with_world(async |world| {
        let editor = editor(&world).await;
        editor.done("POST", "/prompts", refund()).await;
        let second = json!({ "content": [{ "role": "user", "content": "x" }] });
        editor.done("POST", &format!("{AT}/versions"), second).await;
        let label = format!("{AT}/labels/production");
        let to =
            |version: i64, from: Value| json!({ "version": version, "from": from, "reason": "it is better" });
        let (status, detail) = editor.refused("PUT", &label, to(2, 0.into())).await;
        assert_eq!((status, detail.contains("at version 1 by now")), (409, true), "{detail}");
        editor.done("PUT", &label, to(2, 1.into())).await;
        let (status, detail) = editor.refused("PUT", &label, to(3, Value::Null)).await;
        assert_eq!((status, detail.contains("its newest is 2")), (404, true), "{detail}");
        let back = editor.done("POST", &format!("{label}/rollback"), json!({})).await;
        assert_eq!(back["labels"]["production"], 1);
        editor.done("DELETE", &label, Value::Null).await;
        let moves = editor.done("GET", &format!("{AT}/label-moves"), Value::Null).await;
        let path = |key: &str| {
            moves["moves"].as_array().unwrap().iter().map(|moved| moved[key].clone()).collect::<Vec<_>>()
        };
        assert_eq!(path("to"), [Value::Null, 1.into(), 2.into(), 1.into()]);
        assert_eq!(path("reason"), ["", "rolled back", "it is better", ""]);
        let (status, detail) =
            editor.refused("PUT", &format!("{AT}/labels/latest"), to(1, Value::Null)).await;
        assert_eq!((status, detail.contains("moves by itself")), (400, true), "{detail}");
    });
}

#[test]
fn a_protected_label_is_moved_by_those_who_may() {
    with_world(async |world| {
        let editor = editor(&world).await;
        let admin = Somebody::with(&world, Role::Admin).await;
        editor.done("POST", "/prompts", refund()).await;
        admin.done("PUT", "/protected-labels/production", json!({ "roles": ["owner", "admin"] })).await;
        let second = json!({ "content": [{ "role": "user", "content": "x" }], "labels": ["production"] });
        let (status, detail) = editor.refused("POST", &format!("{AT}/versions"), second.clone()).await;
        assert_eq!(status, 403);
        assert!(detail.contains("owner, admin") && detail.contains("yours here: editor"), "{detail}");
        // Nothing was half done.
        assert_eq!(editor.done("GET", AT, Value::Null).await["latest"], 1);
        admin.done("POST", &format!("{AT}/versions"), second).await;
        admin.done("DELETE", "/protected-labels/production", Value::Null).await;
        editor.done("PUT", &format!("{AT}/labels/production"), json!({ "version": 1 })).await;
        let roles = json!({ "roles": ["viewer"] });
        let (status, _) = admin.refused("PUT", "/protected-labels/production", roles).await;
        assert_eq!(status, 400);
    });
}

#[test]
fn wrong_input_is_named() {
    with_world(async |world| {
        let editor = editor(&world).await;
        editor.done("POST", "/prompts", refund()).await;
        let text = json!({ "content": "a text" });
        let cases = [
            (
                "GET",
                "/prompts/support%2Frefund-repyl",
                Value::Null,
                404,
                "did you mean `support/refund-reply`",
            ),
            ("GET", "/prompts/a%7Cb", Value::Null, 400, "names cannot hold"),
            ("GET", &format!("{AT}/versions/7"), Value::Null, 404, "its newest is 1"),
            ("GET", &format!("{AT}/versions/stagin"), Value::Null, 404, "it has `production` and `latest`"),
            ("POST", &format!("{AT}/versions"), text, 400, "never changes its kind"),
            (
                "POST",
                "/prompts",
                json!({ "name": "x".repeat(256), "version": { "content": "" } }),
                400,
                "255 characters",
            ),
            (
                "POST",
                "/prompts",
                json!({ "name": "x", "version": { "content": 7 } }),
                400,
                "this is a number",
            ),
            (
                "POST",
                "/prompts",
                json!({ "name": "x", "version": { "content": "x".repeat(1 << 20) + "x" } }),
                400,
                "at most 1048576",
            ),
            ("PATCH", AT, json!({ "details": { "tags": ["a,b"] } }), 400, "is no tag"),
            ("PATCH", AT, json!({ "details": { "status": "done" } }), 400, "draft, active, deprecated"),
            ("PATCH", AT, json!({ "details": { "team": "nobody" } }), 404, "no team `nobody`"),
            ("PATCH", AT, json!({ "details": { "criteria": [{ "metric": "speed" }] } }), 400, "criteria"),
            (
                "PATCH",
                AT,
                json!({ "details": { "variables": [{ "name": "a" }, { "name": "a" }] } }),
                400,
                "described twice",
            ),
            ("GET", "/prompts?lable=x", Value::Null, 400, "did you mean `label`"),
        ];
        for (method, path, json, expected, words) in cases {
            let (status, detail) = editor.refused(method, path, json).await;
            assert_eq!(status, expected, "{method} {path}: {detail}");
            assert!(detail.contains(words), "{method} {path}: {detail}");
        }
    });
}

#[test]
fn prompts_are_put_together_and_rendered() {
    with_world(async |world| {
        let editor = editor(&world).await;
        let make = async |name: &str, content: &str| {
            let json = json!({ "name": name, "version": { "content": content, "labels": ["production"] } });
            editor.ask("POST", "/prompts", &json).await
        };
        assert_eq!(make("tone", "Be {{ mood }}.").await.0, 201);
        assert_eq!(make("greeting", "{% include \"tone\" %} Greet {{ name }}.").await.0, 201);
        let render = async |values: Value| {
            let json = json!({ "variables": values });
            editor.ask("POST", "/prompts/greeting/versions/production/render", &json).await
        };
        let (status, rendered) = render(json!({ "mood": "kind", "name": "Ada" })).await;
        assert_eq!((status, &rendered["rendered"]), (200, &json!("Be kind. Greet Ada.")), "{rendered}");
        assert_eq!(rendered["included"], json!([{ "from": null, "reference": "tone", "version": 1 }]));
        let (status, refused) = render(json!({ "mood": "kind", "nmae": "Ada" })).await;
        let detail = refused["detail"].as_str().unwrap();
        assert!(status == 400 && detail.contains("did you mean `name`"), "{refused}");
        // What a change of the snippet would change, and that it is there as long as it is needed.
        let includers = editor.done("GET", "/prompts/tone/includers", Value::Null).await;
        let includer = &includers["includers"][0];
        assert_eq!((&includer["name"], &includer["includes"]), (&json!("greeting"), &json!("@production")));
        for change in [json!({ "archived": true }), json!({ "name": "mood" })] {
            let (status, detail) = editor.refused("PATCH", "/prompts/tone", change).await;
            assert!(status == 409 && detail.contains("`greeting` (version 1) includes it"), "{detail}");
        }
        // It does not come back to itself, by whatever way.
        let back = json!({ "content": "{% include \"greeting\" %}" });
        let (status, detail) = editor.refused("POST", "/prompts/tone/versions", back).await;
        assert!(status == 400 && detail.contains("`greeting` → `tone`"), "{detail}");
        for (content, words) in [
            ("{% include \"tnoe\" %}", "did you mean `tone`"),
            ("{% include \"tone@staging\" %}", "no label `staging`"),
            ("{% if x %}", "line 1"),
            ("a\n{{ x | upperr }}", "line 2"),
        ] {
            let (status, refused) = make("wrong", content).await;
            let detail = refused["detail"].as_str().unwrap();
            assert!(status == 400 && detail.contains(words), "{content}: {refused}");
        }
    });
}

#[test]
fn a_prompt_is_renamed_put_away_and_taken_back() {
    with_world(async |world| {
        let editor = editor(&world).await;
        editor.done("POST", "/prompts", refund()).await;
        editor.done("POST", "/prompts", json!({ "name": "other", "version": { "content": "x" } })).await;
        let (status, _) = editor.refused("PATCH", AT, json!({ "name": "other" })).await;
        assert_eq!(status, 409);
        editor.done("PATCH", AT, json!({ "name": "support/refunds", "archived": true })).await;
        let names = |page: Value| {
            let names = page["prompts"].as_array().unwrap().iter().map(|prompt| prompt["name"].clone());
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(editor.done("GET", "/prompts", Value::Null).await), ["other"]);
        let archived = editor.done("GET", "/prompts?archived=true", Value::Null).await;
        assert_eq!(names(archived), ["support/refunds"]);
        let save = json!({ "content": [{ "role": "user", "content": "x" }] });
        let path = "/prompts/support%2Frefunds";
        let (status, detail) = editor.refused("POST", &format!("{path}/versions"), save).await;
        assert_eq!((status, detail.contains("restore it first")), (409, true), "{detail}");
        editor.done("PATCH", path, json!({ "archived": false })).await;
        let found = editor
            .done("GET", "/prompts?folder=support&tag=refund&label=production&limit=1", Value::Null)
            .await;
        assert_eq!(names(found), ["support/refunds"]);
    });
}
