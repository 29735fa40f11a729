use serde_json::{Map, json};

use super::*;
use crate::{Compiled, Rendered};

fn document(syntax: Syntax, content: serde_json::Value) -> Document {
    Document { syntax, content: content.try_into().unwrap(), config: crate::ModelConfig::default() }
}

fn jinja(text: &str) -> Document {
    document(Syntax::Jinja, json!(text))
}

fn library(entries: &[(&str, Document)]) -> impl Fn(&Reference) -> Option<Fetched> + use<> {
    let entries: Vec<(String, Document)> =
        entries.iter().map(|(name, document)| ((*name).to_owned(), document.clone())).collect();
    move |reference| {
        let found = entries.iter().find(|(name, _)| *name == reference.to_string());
        let version = VersionNumber::FIRST;
        found.map(|(_, document)| Fetched { version, document: document.clone() })
    }
}

fn text(resolution: &Resolution) -> &str {
    match &resolution.document.content {
        Content::Text(text) => text,
        Content::Chat(_) => panic!("a text"),
    }
}

#[test]
fn included_texts_stand_in_their_places() {
    let fetch = library(&[
        ("a", jinja("[{% include \"b#2\" %}]")),
        ("b#2", jinja("{{ x }}")),
        ("c@staging", jinja("c")),
    ]);
    let root =
        jinja("1 {% include 'a' %} 2 @@@langfusePrompt:name=c|label=staging@@@ {%- include \"a\" -%}  3");
    let resolution = resolve(&root, fetch).unwrap();
    assert_eq!(text(&resolution), "1 [{{ x }}] 2 c[{{ x }}]3");
    let graph: Vec<_> = resolution
        .graph
        .iter()
        .map(|edge| (edge.from.as_ref().map(|(name, _)| name.to_string()), edge.reference.to_string()))
        .collect();
    let a = || Some("a".to_owned());
    assert_eq!(graph, [(None, "a".into()), (a(), "b#2".into()), (None, "c@staging".into())]);
    let places = includes(&root).unwrap();
    assert_eq!(places.len(), 3);
    assert_eq!(places[0].span, 2..19);
}

#[test]
fn texts_of_every_syntax_render_as_they_would_alone() {
    let plain = "{{ x }} {% if %} {";
    let fetch = library(&[
        ("mustache", document(Syntax::Mustache, json!("{{x}} {\"a\": {\"b\": 1}} {% raw %}"))),
        ("none", document(Syntax::Plain, json!(plain))),
        ("endraw", document(Syntax::Plain, json!("{% endraw %} \"\n"))),
        ("simple", jinja("{{ x }}!")),
    ]);
    let mut values = Map::new();
    values.insert("x".into(), json!("1"));
    let render = |document: &Document| {
        let resolved = resolve(document, &fetch).unwrap().document;
        Compiled::new(&resolved).unwrap().render(&values).unwrap()
    };
    let root = jinja("{% include 'mustache' %}|{% include 'none' %}|{% include 'endraw' %}");
    let rendered = format!("1 {{\"a\": {{\"b\": 1}}}} {{% raw %}}|{plain}|{{% endraw %}} \"\n");
    assert_eq!(render(&root), Rendered::Text(rendered));
    let root = document(Syntax::Mustache, json!("@@@langfusePrompt:name=simple|label=production@@@"));
    assert_eq!(render(&root), Rendered::Text("1!".into()));
}

#[test]
fn a_chat_includes_texts() {
    let fetch = library(&[("a", jinja("A")), ("chat", document(Syntax::Jinja, json!([])))]);
    let root = document(Syntax::Jinja, json!([{ "role": "system", "content": "{% include 'a' %}" }]));
    let resolved = resolve(&root, &fetch).unwrap().document.content;
    assert_eq!(resolved, json!([{ "role": "system", "content": "A" }]).try_into().unwrap());
    assert_eq!(includes(&root).unwrap()[0].message, Some(1));
    let error = resolve(&jinja("{% include 'chat' %}"), &fetch).unwrap_err();
    assert_eq!(error.to_string(), "`chat` is a chat, and only texts can be included");
}

#[test]
fn what_is_wrong_is_shown_with_the_way_there() {
    let fetch = library(&[
        ("a", jinja("{% include 'b' %}")),
        ("b", jinja("{% include 'c' %}")),
        ("c", jinja("{% include 'a@production' %}")),
        ("d", jinja("{% include 'missing#7' %}")),
        ("logic", jinja("{% if x %}{% endif %}")),
        ("broken", jinja("{% include 'a' %}{{")),
    ]);
    let error = |document: &Document| resolve(document, &fetch).unwrap_err().to_string();
    assert_eq!(error(&jinja("{% include 'a' %}")), "the prompt includes itself: a → b → c → a");
    assert_eq!(error(&jinja("{% include 'd' %}")), "there is no `missing#7`, which is included by d");
    assert!(
        error(&jinja("{% include 'broken' %}"))
            .starts_with("the included prompt `broken` cannot be read: line 1")
    );
    let mustache = document(Syntax::Mustache, json!("@@@langfusePrompt:name=logic|version=1@@@"));
    assert_eq!(error(&mustache), "there is no `logic#1`, which is included");
    let mustache = document(Syntax::Mustache, json!("@@@langfusePrompt:name=logic|label=production@@@"));
    assert!(error(&mustache).starts_with("`logic` has Jinja in it"));
}

#[test]
fn depth_and_size_are_bounded() {
    let chain: Vec<(String, Document)> = (1..=9)
        .map(|number| (format!("p{number}"), jinja(&format!("{{% include 'p{}' %}}", number + 1))))
        .chain([("p10".to_owned(), jinja("end"))])
        .collect();
    let chain: Vec<(&str, Document)> =
        chain.iter().map(|(name, document)| (name.as_str(), document.clone())).collect();
    let fetch = library(&chain);
    assert_eq!(text(&resolve(&jinja("{% include 'p3' %}"), &fetch).unwrap()), "end");
    assert!(matches!(resolve(&jinja("{% include 'p2' %}"), &fetch), Err(ComposeError::TooDeep(_))));
    // What was expanded in a shallow place counts with its depth in a deep one.
    let fetch = library(&[chain.as_slice(), &[("q", jinja("{% include 'p3' %}"))]].concat());
    let both = jinja("{% include 'p3' %}{% include 'q' %}");
    assert!(matches!(resolve(&both, &fetch), Err(ComposeError::TooDeep(_))));

    let wide = |next: &str| jinja(&format!("{{% include '{next}' %}}").repeat(1_000));
    let fetch = library(&[("a", wide("b")), ("b", wide("c")), ("c", wide("d")), ("d", jinja("x"))]);
    assert!(matches!(resolve(&wide("a"), &fetch), Err(ComposeError::TooLarge(_))));
    let fetch = library(&[("a", wide("b")), ("b", wide("c")), ("c", wide("d")), ("d", jinja(""))]);
    assert_eq!(text(&resolve(&wide("a"), &fetch).unwrap()), "");
}

#[test]
fn what_only_looks_like_a_tag_is_text() {
    for same in [
        "@@@langfusePrompt:name=a@@@",
        "@@@langfusePrompt:name=a|version=0@@@",
        "@@@langfusePrompt:name=a|label=A@@@",
        "@@@langfusePrompt:name=a|version=1",
        "@@@",
    ] {
        let resolution = resolve(&document(Syntax::Mustache, json!(same)), |_| None).unwrap();
        assert_eq!(text(&resolution), same);
    }
    let plain = document(Syntax::Plain, json!("@@@langfusePrompt:name=a|version=1@@@{% include 'a' %}"));
    assert_eq!(resolve(&plain, |_| None).unwrap().document, plain);
}
