use crate::world::with_world;

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
