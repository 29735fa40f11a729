//! What people say of prompts.

use serde_json::{Value, json};

use crate::library::{Somebody, editor};
use crate::world::with_world;

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
