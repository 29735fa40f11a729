use crate::world::{body, with_world};

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    with_world(async |world| {
        let response = world.get("/").await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let html = String::from_utf8(body(response).await).unwrap();
        assert!(!html.contains("//") && !html.contains("style=") && !html.contains("onclick"));
        for link in html.split('"').filter(|text| text.starts_with('/')) {
            assert_eq!(world.get(link).await.status(), 200, "{link}");
        }
    });
}

#[test]
fn the_docs_come_from_the_program() {
    with_world(async |world| {
        for file in
            ["/docs/", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/swagger-initializer.js"]
        {
            assert_eq!(world.get(file).await.status(), 200, "{file}");
        }
        let script = String::from_utf8(body(world.get("/docs/swagger-initializer.js").await).await).unwrap();
        assert!(script.contains("/api/v1/openapi.json"), "{script}");
    });
}
