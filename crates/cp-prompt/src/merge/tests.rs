use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{ModelConfig, Syntax};

fn document(content: Value, config: Value) -> Document {
    let (content, config) = (content.try_into().unwrap(), ModelConfig::try_from(config).unwrap());
    Document { syntax: Syntax::Jinja, content, config }
}

fn text(text: &str) -> Document {
    document(json!(text), json!({}))
}

#[test]
fn changes_apart_are_both_taken() {
    let merged = merge(&text("a\nb\nc\nd\n"), &text("A\nb\nc\nd\n"), &text("a\nb\nc\nD\ne\n"));
    assert_eq!(merged, Merged { document: text("A\nb\nc\nD\ne\n"), conflicts: vec![] });
}

#[test]
fn changes_of_one_line_are_a_conflict_between_markers() {
    let merged = merge(&text("a\nb\nc"), &text("a\nB\nc"), &text("a\nbb\nc"));
    let shown = "a\n<<<<<<< ours\nB\n||||||| base\nb\n=======\nbb\n>>>>>>> theirs\nc";
    assert_eq!(merged.document, text(shown));
    let place = Place::Lines { message: None, line: 2 };
    let conflict = Conflict { place, base: json!("b\n"), ours: json!("B\n"), theirs: json!("bb\n") };
    assert_eq!(merged.conflicts, [conflict]);
    assert!(has_markers(shown) && !has_markers("a\n=======\nb"));
}

#[test]
fn messages_are_followed() {
    let chat = |parts: &[(&str, &str)]| {
        let message = |(role, content): &(&str, &str)| json!({ "role": role, "content": content });
        document(parts.iter().map(message).collect(), json!({}))
    };
    let base = chat(&[("system", "a"), ("user", "b")]);
    let ours = chat(&[("system", "A"), ("user", "b")]);
    let theirs = chat(&[("system", "a"), ("assistant", "new"), ("user", "B")]);
    let merged = merge(&base, &ours, &theirs);
    assert_eq!(merged.document, chat(&[("system", "A"), ("assistant", "new"), ("user", "B")]));
    assert_eq!(merged.conflicts, []);
    let without = chat(&[("user", "b")]);
    let merged = merge(&base, &ours, &without);
    assert_eq!(merged.document, ours);
    assert_eq!(merged.conflicts[0].place, Place::Message { message: 1 });
    assert_eq!(merged.conflicts[0].theirs, Value::Null);
}

#[test]
fn configurations_are_merged_by_field() {
    let config = |value| document(json!(""), value);
    let base = config(json!({ "model": "a", "temperature": 0, "deep": { "x": 1, "y": 1 } }));
    let ours = config(json!({ "model": "b", "deep": { "x": 2, "y": 1 } }));
    let theirs = config(json!({ "model": "c", "temperature": 0, "deep": { "x": 1, "y": 2 }, "new": [1] }));
    let merged = merge(&base, &ours, &theirs);
    assert_eq!(merged.document, config(json!({ "model": "b", "deep": { "x": 2, "y": 2 }, "new": [1] })));
    assert_eq!(merged.conflicts.len(), 1);
    assert_eq!(merged.conflicts[0].place, Place::Config { path: "/model".into() });
}

#[test]
fn another_kind_is_a_conflict() {
    let merged = merge(&text("a"), &text("b"), &document(json!([]), json!({})));
    assert_eq!(merged.document, text("b"));
    assert_eq!(merged.conflicts[0].place, Place::Kind);
}

fn some_document() -> impl Strategy<Value = Document> {
    let lines = || "([ab]?\n){0,5}[ab]?";
    let part = prop_oneof![
        ("[su]", lines(), 0..3u8)
            .prop_map(|(role, content, extra)| json!({ "role": role, "content": content, "x": extra })),
        "[ab]".prop_map(|name| json!({ "type": "placeholder", "name": name })),
    ];
    let content = prop_oneof![
        3 => lines().prop_map(Value::from),
        2 => proptest::collection::vec(part, 0..5).prop_map(Value::from),
    ];
    let config = proptest::collection::btree_map("[ab]", 0..3u8, 0..3);
    (content, config).prop_map(|(content, config)| document(content, json!(config)))
}

proptest! {
    #[test]
    fn merging_keeps_its_laws(base in some_document(), one in some_document(), other in some_document()) {
        let clean = |document: &Document| Merged { document: document.clone(), conflicts: vec![] };
        prop_assert_eq!(merge(&base, &one, &one), clean(&one));
        prop_assert_eq!(merge(&base, &base, &one), clean(&one));
        prop_assert_eq!(merge(&base, &one, &base), clean(&one));
        let (there, back) = (merge(&base, &one, &other), merge(&base, &other, &one));
        prop_assert_eq!(there.conflicts.len(), back.conflicts.len());
        for (there, back) in there.conflicts.iter().zip(&back.conflicts) {
            prop_assert_eq!((&there.base, &there.ours, &there.theirs), (&back.base, &back.theirs, &back.ours));
        }
        if there.conflicts.is_empty() {
            prop_assert_eq!(there.document, back.document);
        }
    }

    /// Every line that a side added is in the result, or in a conflict.
    #[test]
    fn no_text_is_lost(base in "([abc]\n){0,6}", one in "([abcx]\n){0,6}", other in "([abcy]\n){0,6}") {
        let merged = merge(&text(&base), &text(&one), &text(&other));
        let Content::Text(result) = &merged.document.content else { panic!("a text") };
        let count = |text: &str, line: &str| text.lines().filter(|found| *found == line).count();
        for (side, line) in [(&one, "x"), (&other, "y")] {
            prop_assert_eq!(count(result, line), count(side, line));
        }
    }
}
