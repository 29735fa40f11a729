//! What is read in one organisation holds no byte of another.

use cp_app::Role;
use cp_base::{OrgId, ProjectId, ProjectScope};

use crate::world::{World, body, with_world};

/// Fills an organisation with something of everything, all of it named by one word. Returns the header of its owner's key.
async fn fill(world: &World, scope: ProjectScope, word: &str) -> String {
    let owner = format!("owner@{word}.example");
    world.member(scope.org_scope(), &owner, Some(Role::Owner)).await;
    let key = world.key(scope.org_scope(), None, Role::Owner).await;
    let conversation = world.ids.mint();
    let calls = (0..3).map(|number| {
        let mut call = world.call();
        call.scope = scope;
        call.summary.conversation = Some(conversation);
        call.summary.path = format!("/{word}/{number}");
        call.summary.request_model = Some(format!("{word}-model"));
        call.summary.response_model = Some(format!("{word}-model"));
        call.document.query = Some(word.to_owned());
        call.messages.input[0].name = Some(word.to_owned());
        call
    });
    world.store(calls.collect()).await;
    for (method, path, json) in [
        ("POST", "/teams", format!(r#"{{"name":"{word} team"}}"#)),
        ("PUT", &format!("/teams/{word}-team/members/{owner}"), String::new()),
        ("PUT", &format!("/project/grants/{word}-team"), r#"{"role":"editor"}"#.to_owned()),
        ("POST", "/keys", format!(r#"{{"name":"{word} key","role":"viewer"}}"#)),
        ("POST", "/project/keys", format!(r#"{{"name":"{word} key","role":"viewer"}}"#)),
        ("POST", "/projects", format!(r#"{{"name":"{word} project"}}"#)),
        ("POST", "/prices/reprice", String::new()),
        (
            "PUT",
            "/sso",
            format!(
                r#"{{"issuer":"http://127.0.0.1:9","client_id":"{word}","client_secret":"s","domains":["{word}.example"]}}"#
            ),
        ),
    ] {
        let (status, answer) = world.ask(method, &format!("/api/v1{path}"), &headers(&key), &json).await;
        assert!((200..300).contains(&status), "{method} {path}: {answer}");
    }
    key
}

fn headers(key: &str) -> [(&'static str, &str); 2] {
    [("authorization", key), ("x-codepromptu-project", "default")]
}

/// The body of every read that the document lists and that names nothing, as text.
async fn read_all(world: &World, key: &str) -> String {
    let document: serde_json::Value = serde_json::from_str(&cp_api::openapi_json()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let reads = paths.filter(|(path, methods)| methods.get("get").is_some() && !path.contains('{'));
    let mut seen = String::new();
    // A key has no account, and a tail no end.
    let others = ["/api/v1/account", "/api/v1/calls/tail", "/api/v1/changes"];
    for (path, _) in reads.filter(|(path, _)| !others.contains(&path.as_str())) {
        let all: Vec<_> = headers(key).into_iter().chain([("host", "127.0.0.1:8080")]).collect();
        let response = world.request("GET", path, &all).await;
        assert_eq!(response.status(), 200, "{path}");
        seen += &String::from_utf8(body(response).await).unwrap();
    }
    for call in ids(&seen, "call_") {
        let (status, call) = world.ask("GET", &format!("/api/v1/calls/{call}"), &headers(key), "").await;
        assert_eq!(status, 200, "{call}");
        seen += &call.to_string();
    }
    for conversation in ids(&seen, "conv_") {
        let path = format!("/api/v1/conversations/{conversation}");
        let (status, page) = world.ask("GET", &path, &headers(key), "").await;
        assert_eq!(status, 200, "{page}");
        seen += &page.to_string();
    }
    seen
}

/// The ids of a kind in a text.
fn ids(text: &str, prefix: &str) -> std::collections::BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let is_id = |word: &&str| word.starts_with(prefix) && word.len() == prefix.len() + 26;
    words.filter(is_id).map(str::to_owned).collect()
}

#[test]
fn no_read_of_the_api_crosses_an_organisation() {
    with_world(async |world| {
        // At the machine itself, before anybody has signed up.
        let (status, made) = world.ask("POST", "/api/v1/orgs", &[], r#"{"name":"Theirs"}"#).await;
        assert_eq!(status, 201, "{made}");
        let id = |pointer| made.pointer(pointer).and_then(serde_json::Value::as_str).unwrap();
        let org: OrgId = id("/org/id").parse().unwrap();
        let project: ProjectId = id("/project/id").parse().unwrap();
        let theirs = ProjectScope::grant(org, project);
        let (our_key, their_key) =
            (fill(&world, world.scope, "zebra").await, fill(&world, theirs, "quagga").await);
        let (ours, other) = (read_all(&world, &our_key).await, read_all(&world, &their_key).await);
        assert!(ours.contains("zebra") && !ours.contains("quagga"), "{ours}");
        assert!(other.contains("quagga") && !other.contains("zebra"), "{other}");
        for kind in ["call_", "conv_", "key_", "team_", "usr_", "prj_"] {
            let (ours, other) = (ids(&ours, kind), ids(&other, kind));
            assert!(!ours.is_empty() && ours.is_disjoint(&other), "{kind}: {ours:?} {other:?}");
        }
    });
}
