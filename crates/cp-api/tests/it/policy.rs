//! Capture policies through the API.

use crate::access::make_key;
use crate::world::with_world;

const POLICY: &str = "/api/v1/capture-policy";
const PREVIEW: &str = "/api/v1/capture-policy/preview";

#[test]
fn a_policy_is_read_set_and_kept_from_being_overwritten() {
    with_world(async |world| {
        let (status, policy) = world.ask("GET", POLICY, &[], "").await;
        assert_eq!((status, &policy["version"], &policy["policy"]["mode"]), (200, &0.into(), &"full".into()));
        let set = r#"{"policy": {"mode": "masked", "redact": ["email"], "rules": [{"path": "/v1/files*", "mode": "off"}]}}"#;
        let (status, policy) = world.ask("PUT", POLICY, &[], set).await;
        assert_eq!((status, &policy["version"]), (200, &1.into()), "{policy}");
        let (_, again) = world.ask("GET", POLICY, &[], "").await;
        assert_eq!(again, policy);
        assert_eq!(again["policy"]["rules"][0]["path"], "/v1/files*");
        let late = r#"{"version": 0, "policy": {"mode": "off"}}"#;
        assert_eq!(world.ask("PUT", POLICY, &[], late).await.0, 409);
        let seen = r#"{"version": 1, "policy": {"mode": "off"}}"#;
        assert_eq!(world.ask("PUT", POLICY, &[], seen).await.1["version"], 2);
        let (_, audit) = world.ask("GET", "/api/v1/audit", &[], "").await;
        let actions: Vec<_> =
            audit["events"].as_array().unwrap().iter().map(|event| &event["event"]["action"]).collect();
        assert_eq!(actions, ["capture_policy.set", "capture_policy.set"]);
    });
}

#[test]
fn a_policy_that_cannot_be_used_is_refused_with_the_reason() {
    with_world(async |world| {
        for (policy, word) in [
            (r#"{"mode": "sometimes"}"#, "sometimes"),
            (r#"{"patterns": [{"name": "staff", "expression": "E-(\\d"}]}"#, "`staff`"),
            (r#"{"sampling": {"rate": 7}}"#, "sampling.rate"),
            (r#"{"unknown": 1}"#, "unknown"),
        ] {
            let (status, problem) =
                world.ask("PUT", POLICY, &[], &format!(r#"{{"policy": {policy}}}"#)).await;
            assert!(
                status == 400 && problem["detail"].as_str().unwrap().contains(word),
                "{policy}: {problem}"
            );
        }
        assert_eq!(world.ask("GET", POLICY, &[], "").await.1["version"], 0);
    });
}

#[test]
fn a_preview_shows_what_would_be_redacted_and_only_to_whoever_sets_policies() {
    with_world(async |world| {
        let tried = r#"{"text": "{\"to\": \"ann@example.com\"}", "policy": {"redact": ["email"]}}"#;
        let (status, preview) = world.ask("POST", PREVIEW, &[], tried).await;
        assert_eq!(status, 200, "{preview}");
        let placeholder = preview["found"][0]["placeholder"].as_str().unwrap();
        assert_eq!(preview["redacted"], format!("{{\"to\": \"{placeholder}\"}}"));
        assert_eq!(
            (&preview["found"][0]["kind"], &preview["found"][0]["start"]),
            (&"email".into(), &8.into())
        );
        // The project itself has no redaction.
        let (_, preview) = world.ask("POST", PREVIEW, &[], r#"{"text": "ann@example.com"}"#).await;
        assert_eq!(preview["redacted"], "ann@example.com");
        let (_, viewer) = make_key(&world, "/api/v1/keys", "viewer", "default").await;
        let key = [("authorization", viewer.as_str())];
        assert_eq!(world.ask("GET", POLICY, &key, "").await.0, 200);
        assert_eq!(world.ask("POST", PREVIEW, &key, tried).await.0, 403);
        assert_eq!(world.ask("PUT", POLICY, &key, r#"{"policy": {}}"#).await.0, 403);
        let long = format!(r#"{{"text": "{}"}}"#, "a".repeat(300_000));
        assert_eq!(world.ask("POST", PREVIEW, &[], &long).await.0, 413);
    });
}
