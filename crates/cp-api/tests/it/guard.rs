use crate::world::{World, body, with_world};

#[test]
fn names_that_are_not_loopback_get_nothing() {
    with_world(async |world| {
        for path in ["/", "/api/v1/calls", "/metrics", "/docs/"] {
            let response = world.request("GET", path, &[("host", "attacker.example:8080")]).await;
            assert_eq!((response.status().as_u16(), path), (403, path));
            let response = world.request("GET", path, &[("host", "localhost:8080")]).await;
            assert_eq!((response.status().as_u16(), path), (200, path));
        }
    });
}

#[test]
fn answers_carry_no_permission_for_other_origins() {
    with_world(async |world| {
        let headers = [("host", "127.0.0.1"), ("origin", "http://attacker.example")];
        let response = world.request("GET", "/api/v1/calls", &headers).await;
        assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control")));
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let response = world.request("POST", "/api/v1/calls", &headers).await;
        assert_eq!(response.status(), 403);
    });
}

/// Every path of the OpenAPI document with its methods, the page, the documents, and paths that do not exist.
fn every_route() -> Vec<(String, String)> {
    let document: serde_json::Value = serde_json::from_str(&cp_api::openapi_json()).unwrap();
    let operations = document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(|method| (method.to_uppercase(), path.replace("{id}", "call_0"))).collect::<Vec<_>>()
    });
    let others = [
        "/",
        "/assets/page.js",
        "/assets/page.css",
        "/assets/icon.svg",
        "/favicon.ico",
        "/docs",
        "/docs/",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-ui.css",
        "/api/v1/openapi.json",
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/nothing",
        "/assets/nothing",
        "/docs/nothing",
        "/api/v1/calls?limit=x",
    ];
    operations.chain(others.map(|path| ("GET".to_owned(), path.to_owned()))).collect()
}

#[test]
fn every_answer_carries_every_wall() {
    with_world(async |world: World| {
        let routes = every_route();
        assert!(routes.len() > 25, "{routes:?}");
        for (method, path) in routes {
            for host in ["127.0.0.1", "prompts.example.com", "evil.example"] {
                let response = world.request(&method, &path, &[("host", host)]).await;
                assert!(response.status() != 500, "{method} {path}");
                let headers = response.headers();
                let text = |name: &str| {
                    let value = headers.get(name).unwrap_or_else(|| panic!("{method} {path} has no {name}"));
                    value.to_str().unwrap().to_owned()
                };
                let policy = text("content-security-policy");
                for part in
                    ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]
                {
                    assert!(policy.contains(part), "{method} {path}: {policy}");
                }
                assert!(!policy.contains("unsafe") && !policy.contains('*'), "{method} {path}: {policy}");
                assert_eq!(text("x-content-type-options"), "nosniff");
                assert_eq!(text("x-frame-options"), "DENY");
                assert_eq!(text("referrer-policy"), "no-referrer");
                assert_eq!(text("cache-control"), "no-store");
                assert_eq!(text("cross-origin-opener-policy"), "same-origin");
                assert_eq!(text("cross-origin-resource-policy"), "same-origin");
                let transport = headers.get("strict-transport-security").is_some();
                assert_eq!(transport, host == "prompts.example.com", "{method} {path} at {host}");
                assert!(headers.keys().all(|name| !name.as_str().starts_with("access-control")));
                assert!(headers.get("server").is_none() && headers.get("x-powered-by").is_none());
            }
        }
    });
}

#[test]
fn no_path_leads_to_a_file() {
    with_world(async |world: World| {
        for path in [
            "/assets/../Cargo.toml",
            "/assets/%2e%2e/%2e%2e/etc/passwd",
            "/assets/..%2f..%2fetc%2fpasswd",
            "/assets/%252e%252e%252fetc%252fpasswd",
            "/assets/..\\..\\etc\\passwd",
            "/assets//etc/passwd",
            "/docs/../../etc/passwd",
            "/docs/%2e%2e/%2e%2e/etc/passwd",
            "/docs/..%2f..%2fetc%2fpasswd",
            "/docs//etc/passwd",
            "/docs/%2fetc%2fpasswd",
            "/docs/index.html%00.js",
        ] {
            let response = world.get(path).await;
            assert_eq!(response.status().as_u16(), 404, "{path}");
            let body = String::from_utf8_lossy(&body(response).await).into_owned();
            assert!(!body.contains("root:") && !body.contains("[package]"), "{path}: {body}");
        }
    });
}
