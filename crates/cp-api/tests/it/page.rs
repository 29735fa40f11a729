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

/// What a person, a program or a model wrote goes into the page by `append` of texts, which a browser never parses, and by
/// attributes of the page's own choosing. This holds the script to it.
#[test]
fn the_page_never_parses_what_it_shows() {
    let script = include_str!("../../assets/page.js");
    for parser in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "createContextualFragment",
        "srcdoc",
        "setHTML",
        "eval(",
        "new Function",
        "javascript:",
        "import(",
        ".src",
        ".href =",
        "setTimeout(\"",
        "template",
    ] {
        assert!(!script.contains(parser), "{parser}");
    }
    // Attributes are set in one place, by names that the script itself writes; of these, only addresses could do harm.
    assert_eq!(script.matches("setAttribute(").count(), 1);
    let addresses: Vec<_> = script.match_indices("href:").map(|(at, _)| &script[at..at + 20]).collect();
    assert!(addresses.iter().all(|address| address.starts_with("href: `#${")), "{addresses:?}");
    for handler in ["onclick", "onerror", "onload", "style:"] {
        assert!(!script.contains(handler), "{handler}");
    }
}
