use crate::world::{body, with_world};

#[test]
fn the_pages_need_nothing_from_elsewhere() {
    with_world(async |world| {
        for page in ["/", "/setup", "/login", "/invite", "/account"] {
            let response = world.get(page).await;
            let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
            let html = String::from_utf8(body(response).await).unwrap();
            assert!(!html.contains("//") && !html.contains("style=") && !html.contains("onclick"), "{page}");
            let links: Vec<_> = html.split('"').filter(|text| text.starts_with('/')).collect();
            assert!(links.contains(&"/assets/page.css"), "{page}");
            for link in links {
                assert_eq!(world.get(link).await.status(), 200, "{page}: {link}");
            }
        }
    });
}

#[test]
fn scripts_put_text_into_the_page_and_never_html() {
    with_world(async |world| {
        for script in ["page", "forms", "account", "invite", "login", "setup"] {
            let text =
                String::from_utf8(body(world.get(&format!("/assets/{script}.js")).await).await).unwrap();
            assert!(text.starts_with("//"), "{script}");
            for way in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "javascript:"]
            {
                assert!(!text.contains(way), "{script}: {way}");
            }
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

/// What a person, a program or a model wrote goes into a page by `append` of texts, which a browser never parses, and by
/// attributes of the page's own choosing. This holds the scripts to it.
#[test]
fn the_page_never_parses_what_it_shows() {
    let scripts = [
        ("page", include_str!("../../assets/page.js")),
        ("forms", include_str!("../../assets/forms.js")),
        ("account", include_str!("../../assets/account.js")),
        ("invite", include_str!("../../assets/invite.js")),
        ("login", include_str!("../../assets/login.js")),
        ("setup", include_str!("../../assets/setup.js")),
    ];
    const PARSERS: [&str; 18] = [
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
        ".href =",
        "onclick",
        "onerror",
        "onload",
        "style:",
        "setTimeout(\"",
    ];
    for (name, script) in scripts {
        for parser in PARSERS {
            assert!(!script.contains(parser), "{name}: {parser}");
        }
        // Attributes are set in one place, by names that the script itself writes; of these, only addresses could do harm.
        assert!(script.matches("setAttribute(").count() <= 1, "{name}");
        for (key, own) in [("href:", "href: `#${"), (".src", ".src = `data:image/svg+xml,")] {
            assert_eq!(script.matches(key).count(), script.matches(own).count(), "{name}: {key}");
        }
        for target in ["location.replace(", "location.assign("] {
            for (at, _) in script.match_indices(target) {
                let argument = script.get(at + target.len()..).unwrap();
                let own = argument.starts_with("\"/")
                    || argument.starts_with("sessionStorage.getItem(\"invitation\") ? \"/")
                    || argument.starts_with("`/login/sso/${encodeURIComponent(");
                assert!(own, "{name}: {target}");
            }
        }
    }
}
