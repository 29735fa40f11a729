//! Gateway keys, the vault, claims and access over the API.

use serde_json::{Value, json};

use crate::world::{World, with_world};

async fn call(world: &World, method: &str, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    world.ask(method, &format!("/api/v1{path}"), &[], &body).await
}

#[test]
fn a_gateway_key_is_shown_once_and_limited_and_ended() {
    with_world(async |world| {
        let limits = json!([{"window": "month", "usd": "5.00", "requests": 10}]);
        let new = json!({"name": "bot", "providers": ["openai"], "limits": limits});
        let (status, made) = call(&world, "POST", "/gateway-keys", new).await;
        assert_eq!(status, 201, "{made}");
        let token = made["token"].as_str().unwrap();
        assert!(token.starts_with("cpk_") && token.starts_with(made["key"]["shown"].as_str().unwrap()));
        assert_eq!(made["key"]["limits"], limits);
        let (_, listed) = call(&world, "GET", "/gateway-keys", Value::Null).await;
        assert!(!listed.to_string().contains(token));
        assert_eq!(listed["keys"][0]["name"], "bot");
        let nothing = json!({"window": "month", "requests": 0, "tokens": 0, "usd": "0.00"});
        assert_eq!(listed["keys"][0]["used"][3], nothing);

        let path = format!("/gateway-keys/{}", made["key"]["id"].as_str().unwrap());
        let other = json!({"limits": [{"window": "minute", "tokens": 7}]});
        let (status, key) = call(&world, "PUT", &format!("{path}/limits"), other.clone()).await;
        assert_eq!((status, &key["limits"]), (200, &other["limits"]));
        assert_eq!(call(&world, "DELETE", &path, Value::Null).await.0, 204);
        let (_, listed) = call(&world, "GET", "/gateway-keys", Value::Null).await;
        assert!(listed["keys"][0]["revoked_at"].is_string(), "{listed}");
        let (_, audit) = call(&world, "GET", "/audit", Value::Null).await;
        let done: Vec<_> =
            audit["events"].as_array().unwrap().iter().map(|event| &event["event"]["action"]).collect();
        assert_eq!(done, ["gateway_key.revoke", "gateway_key.limit", "gateway_key.create"]);
        assert!(!audit.to_string().contains(token));
    });
}

#[test]
fn what_goes_into_the_vault_stays_there() {
    with_world(async |world| {
        let key = json!({"key": " sk-secret-1 \n", "label": "billing"});
        let (status, set) = call(&world, "PUT", "/provider-keys/openai", key).await;
        assert_eq!((status, &set["label"]), (200, &json!("billing")), "{set}");
        let (_, listed) = call(&world, "GET", "/provider-keys", Value::Null).await;
        assert_eq!(listed["keys"][0], set);
        let (_, audit) = call(&world, "GET", "/audit", Value::Null).await;
        assert_eq!(audit["events"][0]["event"]["action"], "provider_key.set");
        for shown in [&set, &listed, &audit] {
            assert!(!shown.to_string().contains("sk-secret"), "{shown}");
        }
        assert_eq!(call(&world, "DELETE", "/provider-keys/openai", Value::Null).await.0, 204);
        assert_eq!(call(&world, "DELETE", "/provider-keys/openai", Value::Null).await.0, 404);
    });
}

#[test]
fn a_key_is_claimed_by_itself_and_by_a_fingerprint_that_came() {
    with_world(async |world| {
        let (status, claim) = call(&world, "POST", "/fingerprints/claim", json!({"key": "sk-1"})).await;
        assert_eq!(status, 200, "{claim}");
        let (status, _) = call(&world, "POST", "/fingerprints/claim", json!({"key": "sk-1"})).await;
        assert_eq!(status, 409, "it is claimed");
        let unseen = json!({"fingerprint": "00".repeat(16)});
        assert_eq!(call(&world, "POST", "/fingerprints/claim", unseen.clone()).await.0, 404);
        world.saw([0; 16]).await;
        assert_eq!(call(&world, "POST", "/fingerprints/claim", unseen).await.0, 200);
        let (_, found) = call(&world, "GET", "/fingerprints", Value::Null).await;
        assert_eq!(found["claims"].as_array().map(Vec::len), Some(2), "{found}");
        assert_eq!(found["seen"], json!([]), "what is claimed is no longer offered");
        let path = format!("/fingerprints/{}", claim["fingerprint"].as_str().unwrap());
        assert_eq!(call(&world, "DELETE", &path, Value::Null).await.0, 204);
        assert_eq!(call(&world, "DELETE", &path, Value::Null).await.0, 404);
    });
}

#[test]
fn a_project_can_ask_for_a_key() {
    with_world(async |world| {
        let access = async |method: &str, body| call(&world, method, "/gateway-access", body).await;
        assert_eq!(access("GET", Value::Null).await, (200, json!({"access": "open"})));
        assert_eq!(access("PUT", json!({"access": "with_key"})).await.0, 200);
        assert_eq!(access("GET", Value::Null).await, (200, json!({"access": "with_key"})));
        assert_eq!(access("PUT", json!({"access": "shut"})).await.0, 400);
    });
}

#[test]
fn what_is_wrong_is_refused_with_a_reason() {
    with_world(async |world| {
        let limit = |limit: Value| json!({"name": "bot", "limits": [limit]});
        for (method, path, body, reason) in [
            ("POST", "/gateway-keys", json!({"name": " "}), "a name takes"),
            ("POST", "/gateway-keys", json!({"name": "b", "providers": ["opnai"]}), "there are openai"),
            (
                "POST",
                "/gateway-keys",
                json!({"name": "b", "expires_at": "2001-01-01T00:00:00Z"}),
                "later time",
            ),
            (
                "POST",
                "/gateway-keys",
                limit(json!({"window": "year", "usd": "1.00"})),
                "minute, hour, day, month",
            ),
            ("POST", "/gateway-keys", limit(json!({"window": "day"})), "says of what"),
            ("POST", "/gateway-keys", limit(json!({"window": "day", "usd": "-1.00"})), "negative"),
            ("POST", "/gateway-keys", limit(json!({"window": "day", "tokens": u64::MAX})), "larger"),
            ("PUT", "/provider-keys/nobody", json!({"key": "sk"}), "no provider `nobody`"),
            ("PUT", "/provider-keys/openai", json!({"key": "sk x"}), "without a space"),
            ("PUT", "/provider-keys/openai", json!({"key": ""}), "without a space"),
            ("PUT", "/provider-keys/openai", json!({"key": "cpk_1"}), "gateway key"),
            ("POST", "/fingerprints/claim", json!({}), "one of them"),
            ("POST", "/fingerprints/claim", json!({"fingerprint": "12"}), "32 hexadecimal digits"),
            ("DELETE", "/fingerprints/xyz", Value::Null, "32 hexadecimal digits"),
            ("DELETE", "/gateway-keys/key_1", Value::Null, "not an id"),
        ] {
            let (status, problem) = call(&world, method, path, body).await;
            let detail = problem["detail"].as_str().unwrap_or_default();
            assert!(status == 400 && detail.contains(reason), "{method} {path}: {status} {problem}");
        }
        let twice =
            json!({"name": "b", "limits": [{"window": "day", "tokens": 1}, {"window": "day", "tokens": 2}]});
        assert_eq!(call(&world, "POST", "/gateway-keys", twice).await.0, 400);
    });
}

#[test]
fn only_who_manages_a_project_may_and_nobody_of_another() {
    with_world(async |world| {
        let key = async |role: &str| {
            let (_, made) = call(&world, "POST", "/keys", json!({"name": role, "role": role})).await;
            format!("Bearer {}", made["token"].as_str().unwrap())
        };
        let (viewer, admin) = (key("viewer").await, key("admin").await);
        for path in ["/gateway-keys", "/provider-keys", "/fingerprints"] {
            for (credential, expected) in [(&viewer, 403), (&admin, 200)] {
                let headers = [("authorization", credential.as_str())];
                let (status, answer) = world.ask("GET", &format!("/api/v1{path}"), &headers, "").await;
                assert_eq!(status, expected, "{path}: {answer}");
            }
        }
        let (_, made) = call(&world, "POST", "/gateway-keys", json!({"name": "bot"})).await;
        call(&world, "POST", "/projects", json!({"name": "Other"})).await;
        let path = format!("/api/v1/gateway-keys/{}", made["key"]["id"].as_str().unwrap());
        let elsewhere = [("x-codepromptu-project", "other")];
        assert_eq!(world.ask("DELETE", &path, &elsewhere, "").await.0, 404);
        let (_, listed) = world.ask("GET", "/api/v1/gateway-keys", &elsewhere, "").await;
        assert_eq!(listed["keys"], json!([]));
    });
}
