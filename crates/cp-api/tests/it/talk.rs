//! What people say of prompts.

use std::time::Duration;

use cp_app::{Role, SESSION_PREFIX};
use cp_base::Token;
use cp_store::SessionRow;
use serde_json::{Value, json};

use crate::library::{Somebody, editor};
use crate::world::{World, with_world};

/// A member with a role, who has signed in.
async fn signed_in<'a>(world: &'a World, email: &str, role: Role) -> Somebody<'a> {
    let person = world.member(world.scope.org_scope(), email, Some(role)).await;
    let token = Token::generate(&world.random, SESSION_PREFIX);
    let session = SessionRow {
        id: world.ids.mint(),
        created_at: world.now(),
        last_seen_at: world.now(),
        expires_at: world.now().after(Duration::from_secs(3_600)),
        address: String::new(),
        user_agent: String::new(),
        home: None,
        has_second_factor: false,
    };
    let mut tx = world.tx().await;
    cp_store::create_session(&mut tx, person, &session, &token).await.unwrap();
    tx.commit().await.unwrap();
    Somebody::by(world, format!("Bearer {}", token.expose()))
}

async fn make(editor: &Somebody<'_>, name: &str) {
    editor.done("POST", "/prompts", json!({ "name": name, "version": { "content": "x" } })).await;
}

#[test]
fn what_prompts_have_to_do_with_each_other_is_seen_from_both() {
    with_world(async |world| {
        let editor = editor(&world).await;
        for name in ["old", "brief"] {
            make(&editor, name).await;
        }
        let relate = async |name: &str, json: Value| {
            editor.ask("POST", &format!("/prompts/{name}/references"), &json).await
        };
        let (status, made) =
            relate("brief", json!({ "relation": "supersedes", "prompt": "old", "note": "shorter" })).await;
        assert_eq!((status, &made["relation"], &made["prompt"]), (201, &json!("supersedes"), &json!("old")));
        // The same, said by the other.
        let (status, _) = relate("old", json!({ "relation": "superseded_by", "prompt": "brief" })).await;
        assert_eq!(status, 409);
        let (status, _) = relate("brief", json!({ "relation": "related", "prompt": "old" })).await;
        assert_eq!(status, 201);
        let (status, _) = relate("old", json!({ "relation": "related", "prompt": "brief" })).await;
        assert_eq!(status, 409);
        let ticket = json!({ "relation": "incident", "text": "https://tickets.example/17" });
        assert_eq!(relate("old", ticket).await.0, 201);
        let seen = async |name: &str| {
            let path = format!("/prompts/{name}/references");
            let found = editor.done("GET", &path, Value::Null).await;
            let end = |seen: &Value| {
                let to = seen["prompt"].as_str().or(seen["text"].as_str()).unwrap().to_owned();
                (seen["relation"].as_str().unwrap().to_owned(), to)
            };
            found["references"].as_array().unwrap().iter().map(end).collect::<Vec<_>>()
        };
        let pair = |relation: &str, to: &str| (relation.to_owned(), to.to_owned());
        assert_eq!(seen("brief").await, [pair("supersedes", "old"), pair("related", "old")]);
        let of_old = [
            pair("superseded_by", "brief"),
            pair("related", "brief"),
            pair("incident", "https://tickets.example/17"),
        ];
        assert_eq!(seen("old").await, of_old);
        editor.done("DELETE", &format!("/references/{}", made["id"].as_str().unwrap()), Value::Null).await;
        assert_eq!(seen("brief").await, [pair("related", "old")]);
        for (json, status, words) in [
            (json!({ "relation": "replaces", "prompt": "old" }), 400, "it is one of related, supersedes"),
            (json!({ "relation": "related", "text": "x" }), 400, "`tested_by` and `incident`"),
            (json!({ "relation": "related" }), 400, "one of the two"),
            (json!({ "relation": "duplicate", "prompt": "brief" }), 400, "nothing to do with itself"),
            (json!({ "relation": "related", "prompt": "olds" }), 404, "did you mean `old`"),
        ] {
            let (refused, answer) = relate("brief", json).await;
            let detail = answer["detail"].as_str().unwrap();
            assert!(refused == status && detail.contains(words), "{words}: {answer}");
        }
    });
}

#[test]
fn comments_are_answered_edited_resolved_and_hidden() {
    with_world(async |world| {
        let editor = editor(&world).await;
        make(&editor, "greeting").await;
        let (anna, bo) = (
            signed_in(&world, "anna.b@x.example", Role::Analyst).await,
            signed_in(&world, "bo@x.example", Role::Editor).await,
        );
        let at = "/prompts/greeting/versions/latest/comments";
        let text = "@bo, is this for u-17? @nobody @bo@x.example";
        let made = anna.done("POST", at, json!({ "text": text })).await;
        assert_eq!((&made["version"], &made["author"]), (&json!(1), &json!("anna.b@x.example")));
        assert_eq!(made["mentions"], json!(["bo@x.example"]));
        let id = made["id"].as_str().unwrap();
        let answer = bo.done("POST", at, json!({ "text": "@anna.b yes", "reply_to": id })).await;
        assert_eq!(answer["reply_to"], made["id"]);
        let mentioned = anna.done("GET", "/mentions", Value::Null).await;
        assert_eq!(mentioned["comments"], json!([answer]));
        assert_eq!(editor.done("GET", "/mentions", Value::Null).await["comments"], json!([]));

        let one = format!("/comments/{id}");
        let (status, detail) = bo.refused("PATCH", &one, json!({ "text": "mine" })).await;
        assert!(status == 403 && detail.contains("only its author"), "{detail}");
        let edited = anna.done("PATCH", &one, json!({ "text": "is this for u-17?" })).await;
        assert!(edited["edited_at"].is_string() && edited["mentions"] == json!([]), "{edited}");
        assert_eq!(bo.done("GET", "/mentions", Value::Null).await["comments"], json!([]));
        bo.done("PATCH", &one, json!({ "state": "resolved" })).await;

        let admin = Somebody::with(&world, Role::Admin).await;
        let named = admin.done("GET", "/subjects/u-17", Value::Null).await;
        assert_eq!((&named["comments"], &named["prompts"]), (&json!([id]), &json!([])));

        let other = format!("/comments/{}", answer["id"].as_str().unwrap());
        let (status, _) = anna.refused("PATCH", &other, json!({ "state": "hidden" })).await;
        assert_eq!(status, 403);
        bo.done("PATCH", &one, json!({ "state": "hidden" })).await;
        let (status, _) = Somebody::with(&world, Role::Analyst)
            .await
            .refused("PATCH", &one, json!({ "state": "open" }))
            .await;
        assert_eq!(status, 403);
        let listed = editor.done("GET", "/prompts/greeting/comments?version=1", Value::Null).await;
        let seen: Vec<_> = listed["comments"].as_array().unwrap().iter().map(|one| &one["text"]).collect();
        assert_eq!(seen, [&json!(""), &json!("@anna.b yes")]);
        anna.done("PATCH", &one, json!({ "state": "open" })).await;
        let listed = editor.done("GET", "/prompts/greeting/comments", Value::Null).await;
        assert_eq!(listed["comments"][0]["text"], "is this for u-17?");

        editor.done("POST", "/prompts/greeting/versions", json!({ "content": "y" })).await;
        for (json, words) in [
            (json!({ "text": "no", "reply_to": id }), "the version that the comment is about"),
            (json!({ "text": " " }), "says something"),
        ] {
            let (status, detail) = anna.refused("POST", at, json).await;
            assert!(status == 400 && detail.contains(words), "{detail}");
        }
        let (status, _) =
            anna.refused("POST", "/prompts/greeting/versions/3/comments", json!({ "text": "x" })).await;
        assert_eq!(status, 404);
    });
}

#[test]
fn a_rating_is_one_word_of_each() {
    with_world(async |world| {
        let editor = editor(&world).await;
        make(&editor, "greeting").await;
        let analyst = Somebody::with(&world, Role::Analyst).await;
        let at = "/prompts/greeting/versions/1/rating";
        for (somebody, stars) in [(&editor, 2), (&analyst, 5), (&editor, 4)] {
            somebody.done("PUT", at, json!({ "stars": stars })).await;
        }
        let found = editor.done("GET", "/prompts/greeting/versions/1/ratings", Value::Null).await;
        assert_eq!((&found["mean"], found["ratings"].as_array().unwrap().len()), (&json!(4.5), 2));
        for stars in [0, 6] {
            assert_eq!(editor.refused("PUT", at, json!({ "stars": stars })).await.0, 400);
        }
    });
}
