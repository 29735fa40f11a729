//! Who is let in, and where: API keys, projects, the audit log.

use crate::world::{World, body, with_world};

pub(crate) async fn make_key(world: &World, path: &str, role: &str, project: &str) -> (String, String) {
    let json = format!(r#"{{"name":"{role} key","role":"{role}"}}"#);
    let (status, made) = world.ask("POST", path, &[("x-codepromptu-project", project)], &json).await;
    assert_eq!(status, 201, "{made}");
    let text = |pointer| made.pointer(pointer).and_then(serde_json::Value::as_str).unwrap();
    (text("/key/id").to_owned(), format!("Bearer {}", text("/token")))
}

#[test]
fn a_key_reads_what_its_role_may() {
    with_world(async |world| {
        let call = world.store_some(1).await.remove(0).call;
        let (_, operator) = make_key(&world, "/api/v1/keys", "operator", "default").await;
        let (_, viewer) = make_key(&world, "/api/v1/keys", "viewer", "default").await;
        let (_, service) = make_key(&world, "/api/v1/keys", "service", "default").await;
        let one = format!("/api/v1/calls/{call}");
        for (key, path, expected) in [
            (&operator, "/api/v1/calls", 200),
            (&operator, one.as_str(), 403),
            (&operator, "/api/v1/calls?text=parcel", 403),
            (&operator, "/api/v1/calls/export", 403),
            (&operator, "/api/v1/status", 200),
            (&viewer, one.as_str(), 200),
            (&viewer, "/api/v1/keys", 403),
            (&viewer, "/api/v1/audit", 403),
            (&service, "/api/v1/calls", 403),
            (&service, "/api/v1/project", 200),
        ] {
            let (status, answer) = world.ask("GET", path, &[("authorization", key)], "").await;
            assert_eq!(status, expected, "{path}: {answer}");
        }
    });
}

#[test]
fn a_key_that_has_ended_or_never_was_opens_nothing() {
    with_world(async |world| {
        let (id, key) = make_key(&world, "/api/v1/keys", "viewer", "default").await;
        let see = async |key: &str| world.ask("GET", "/api/v1/me", &[("authorization", key)], "").await;
        assert_eq!(see(&key).await.0, 200);
        let (status, made) =
            world.ask("POST", &format!("/api/v1/keys/{id}/rotate"), &[], r#"{"overlap_hours":1}"#).await;
        assert_eq!(status, 201);
        let next = format!("Bearer {}", made["token"].as_str().unwrap());
        assert_eq!((see(&key).await.0, see(&next).await.0), (200, 200));
        world.advance(std::time::Duration::from_secs(3600));
        assert_eq!((see(&key).await.0, see(&next).await.0), (401, 200));
        let path = format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap());
        assert_eq!(world.ask("DELETE", &path, &[], "").await.0, 204);
        for key in [next.as_str(), "Bearer cpa_unknown", "Bearer", "Basic YTpi"] {
            let (status, problem) = see(key).await;
            assert_eq!((status, problem["title"].as_str()), (401, Some("Unauthenticated")), "{key}");
        }
    });
}

#[test]
fn a_key_of_one_project_reaches_no_other() {
    with_world(async |world| {
        let call = world.store_some(1).await.remove(0).call;
        let (status, made) =
            world.ask("POST", "/api/v1/projects", &[], r#"{"name":"Customer Support"}"#).await;
        assert_eq!((status, made["slug"].as_str()), (201, Some("customer-support")));
        let (_, key) = make_key(&world, "/api/v1/project/keys", "admin", "customer-support").await;
        let calls = async |project: &str| {
            let headers = [("authorization", key.as_str()), ("x-codepromptu-project", project)];
            let (status, page) = world.ask("GET", "/api/v1/calls", &headers, "").await;
            (status, page["calls"].as_array().map(Vec::len))
        };
        assert_eq!(calls("customer-support").await, (200, Some(0)));
        // What is another's and what is not there cannot be told apart.
        assert_eq!(calls("default").await, (404, None));
        assert_eq!(calls("nowhere").await, (404, None));
        let unnamed = world.ask("GET", "/api/v1/project", &[("authorization", &key)], "").await;
        assert_eq!(unnamed.1["slug"], "customer-support");
        let path = format!("/api/v1/calls/{call}");
        assert_eq!(world.ask("GET", &path, &[("authorization", &key)], "").await.0, 404);
        assert_eq!(world.ask("GET", "/api/v1/keys", &[("authorization", &key)], "").await.0, 403);
        let again = world.ask("POST", "/api/v1/projects", &[], r#"{"name":"Customer Support"}"#).await;
        assert_eq!(again.0, 409);
    });
}

#[test]
fn what_is_done_is_on_record_and_the_record_holds_together() {
    with_world(async |world| {
        let call = world.store_some(1).await.remove(0).call;
        let (id, key) = make_key(&world, "/api/v1/keys", "viewer", "default").await;
        world.ask("GET", &format!("/api/v1/calls/{call}"), &[("authorization", &key)], "").await;
        world.ask("GET", "/api/v1/calls/export?limit=1", &[("authorization", &key)], "").await;
        let named = "/api/v1/calls/export?user=somebody-17&text=parcel";
        world.ask("GET", named, &[("authorization", &key)], "").await;
        world.ask("DELETE", &format!("/api/v1/keys/{id}"), &[], "").await;
        let (_, page) = world.ask("GET", "/api/v1/audit", &[], "").await;
        let done: Vec<_> = page["events"].as_array().unwrap().iter().map(|event| &event["event"]).collect();
        let seen: Vec<_> = done
            .iter()
            .map(|event| (event["action"].as_str().unwrap(), event["actor"]["name"].as_str().unwrap()))
            .collect();
        assert_eq!(
            seen,
            [
                ("api_key.revoke", "this machine"),
                ("calls.export", "viewer key"),
                ("call.read", "viewer key"),
                ("api_key.create", "this machine")
            ]
        );
        let text = page.to_string();
        assert!(!text.contains(key.trim_start_matches("Bearer ")) && !text.contains("parcel"), "{text}");
        assert!(text.contains("by user, text") && !text.contains("somebody-17"), "{text}");
        let response = world.get("/api/v1/audit/export").await;
        let export = body(response).await;
        let mut check = cp_store::ChainCheck::default();
        for line in export.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            check.follow(&serde_json::from_slice(line).unwrap()).unwrap();
        }
        assert_eq!(check.sequence(), 4);
        let (_, checkpoint) = world.ask("GET", "/api/v1/audit/checkpoint", &[], "").await;
        let text = checkpoint["text"].as_str().unwrap();
        assert!(text.contains(&format!("\n4\n{}\n", check.hash())), "{text}");
        let key: cp_base::PublicKey = checkpoint["public_key"].as_str().unwrap().parse().unwrap();
        assert_eq!(key.verify(text.as_bytes(), checkpoint["signature"].as_str().unwrap()), Ok(()));
    });
}

#[test]
fn a_body_that_says_too_much_is_refused() {
    with_world(async |world| {
        for json in [
            r#"{"name":"a","role":"viewer","org_id":"org_1"}"#,
            r#"{"name":"a"}"#,
            "[",
            r#"{"name":"a","role":"root"}"#,
            r#"{"name":" ","role":"viewer"}"#,
        ] {
            let (status, problem) = world.ask("POST", "/api/v1/keys", &[], json).await;
            assert_eq!(status, 400, "{json}: {problem}");
        }
    });
}
