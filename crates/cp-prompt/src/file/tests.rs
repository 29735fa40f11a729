use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{ModelConfig, Syntax};

fn file(text: &str) -> File {
    File::parse(text).unwrap().file
}

fn error(text: &str) -> String {
    File::parse(text).unwrap_err().to_string()
}

fn of_content(content: Value) -> File {
    let content = Content::try_from(content).unwrap();
    let document = Document { syntax: Syntax::Jinja, content, config: ModelConfig::default() };
    File::of(Map::new(), document).unwrap()
}

const WHOLE: &str = r#"---
kind: chat
description: Answers a request for a refund
status: draft
tags:
- mail
- refund
models:
- gpt-5
syntax: mustache
config:
  model: gpt-5
  temperature: 0.2
variables:
- name: customer
  description: Whom it goes to
criteria:
- metric: quality
  comparison: at_least
  target: 0.9
  window: 100 calls
metadata:
  ticket: 7-a
---

## role: system

Be brief.
\## role: of a text

## placeholder: history

## role: "two words" {"name":"x"}

{{customer}}
"#;

#[test]
fn a_file_is_written_as_it_is_read() {
    let read = file(WHOLE);
    assert_eq!(read.document.config.model(), Some("gpt-5"));
    assert_eq!(
        Value::from(read.document.content.clone()),
        json!([
            { "role": "system", "content": "Be brief.\n## role: of a text" },
            { "type": "placeholder", "name": "history" },
            { "role": "two words", "content": "{{customer}}", "name": "x" },
        ])
    );
    assert_eq!((read.status, read.tags.len(), read.details.criteria.len()), (Status::Draft, 2, 1));
    assert_eq!(read.format(), WHOLE);
    assert_eq!(File::of(read.said(), read.document.clone()).unwrap(), read);
}

#[test]
fn a_text_is_the_prompt_byte_for_byte() {
    let said = |text: &str| Value::from(file(text).document.content);
    assert_eq!(said("Hello"), json!("Hello"));
    assert_eq!(said("Hello\n"), json!("Hello"));
    assert_eq!(said("\nHello\n\n"), json!("\nHello\n"));
    assert_eq!(said("---\n---\nHello"), json!("Hello"));
    assert_eq!(said("---\n---\n\n\nHello \n---\n"), json!("\nHello \n---"));
    assert_eq!(of_content(json!("a\r\nb\n")).format(), "---\n---\n\na\r\nb\n\n");
}

#[test]
fn a_file_of_windows_says_the_same() {
    let theirs = "\u{feff}".to_owned() + &WHOLE.replace('\n', "\r\n");
    assert_eq!(file(&theirs), file(WHOLE));
}

#[test]
fn a_model_can_stand_beside_the_configuration() {
    let read = file("---\nmodel: gpt-5\nconfig: {temperature: 1}\ndescription:\n---\nx");
    assert_eq!(Value::from(read.document.config), json!({ "model": "gpt-5", "temperature": 1 }));
}

#[test]
fn texts_are_no_booleans_and_no_numbers() {
    let read = file("---\nconfig: {a: n, b: Yes, c: 007, d: 1_000, e: true, f: 10}\n---\nx");
    let config = json!({ "a": "n", "b": "Yes", "c": "007", "d": "1_000", "e": true, "f": 10 });
    assert_eq!(Value::from(read.document.config), config);
}

#[test]
fn errors_tell_the_line_and_what_to_write() {
    assert_eq!(error("---\nkind: chat\n"), "line 1, column 1: the front matter has no `---` at its end");
    assert_eq!(
        error("---\nkind: text\ndescripton: x\n---\n"),
        "line 3, column 1: there is no key `descripton`: what is your own goes below `metadata`"
    );
    assert_eq!(
        error("---\nkind: talk\n---\n"),
        "line 2, column 1: `kind`: `talk` is no kind of prompt: it is one of text, chat"
    );
    assert_eq!(
        error("---\nkind: chat\n---\n\nHello\n"),
        "line 5, column 1: a text of a chat stands under its role: write `## role: user` above it"
    );
    assert!(error("---\ntags: [\"a\"\nb: 1\n---\n").starts_with("line 3, column "));
    assert!(error("---\n- a\n---\n").contains("no mapping"));
    assert!(error("---\nkind: chat\n---\n## placeholder: a\nx\n").starts_with("line 5, column 1: nothing"));
    assert!(error("---\nkind: chat\n---\n## role: a {1}\nx\n").starts_with("line 4, column 1: what follows"));
    assert!(error("---\nkind: chat\n---\n## role:\nx\n").contains("is no role"));
    assert!(error("---\nvariables:\n- {name: n, type: integer, default: x}\n---\n").starts_with("line 2, "));
    assert!(File::parse_foreign("---\ntitle: x\n---\n").is_ok());
}

#[test]
fn a_template_is_wrong_at_a_line_of_the_file() {
    let parsed =
        File::parse("---\nkind: chat\n---\n\n## role: user\n\nfine\n\n## role: user\n\nx\n{{ a | b }}\n");
    let parsed = parsed.unwrap();
    let wrong = crate::Compiled::new(&parsed.file.document).unwrap_err();
    assert!(parsed.wrong_template(&wrong).to_string().starts_with("line 12, column "), "{wrong}");
}

fn texts() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "\\PC{0,12}",
        Just("---".to_owned()),
        Just("## role: user".to_owned()),
        Just("\\## role: user".to_owned()),
        Just("\\\\## placeholder: x".to_owned()),
        Just("a: |".to_owned()),
        Just("  x  ".to_owned()),
        Just("# c".to_owned()),
        Just("\u{feff}".to_owned()),
        any::<String>(),
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("")];
    proptest::collection::vec((line, end), 0..6)
        .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect())
}

fn values() -> impl Strategy<Value = Value> {
    let words =
        ["yes", "no", "null", "~", "1e3", "0x1f", "012", ".inf", "- a", "2001-01-01", "<<", "*a", "&a", "!t"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // The JSON library reads some others one bit apart.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 64.0)),
        proptest::sample::select(words.to_vec()).prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let key = prop_oneof!["[a-z]{1,4}", texts()];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::hash_map(key, inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn maps() -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::hash_map(texts(), values(), 0..3).prop_map(|map| map.into_iter().collect())
}

fn contents() -> impl Strategy<Value = Content> {
    let role = prop_oneof![Just("user".to_owned()), "[^\\p{C}]{1,6}"];
    let message = (role, texts(), maps()).prop_filter_map("no message", |(role, content, mut extra)| {
        extra.remove("type");
        crate::Message::new(role, content, extra).ok().map(Part::Message)
    });
    let placeholder = Just(Part::Placeholder { name: "history".parse().unwrap() });
    prop_oneof![
        texts().prop_map(Content::Text),
        proptest::collection::vec(prop_oneof![message, placeholder], 0..4).prop_map(Content::Chat),
    ]
}

proptest! {
    #[test]
    fn whatever_a_prompt_says_comes_back(
        (content, config, metadata) in (contents(), maps(), maps()),
        description in texts(),
    ) {
        let document = Document { syntax: Syntax::Plain, content, config: config.into() };
        let details = Details { description, metadata, ..Details::default() };
        let (status, tags, labels) = (Status::Draft, vec!["a".to_owned()], Vec::new());
        let written = File { name: None, status, tags, details, labels, document };
        let text = written.format();
        let read = File::parse(&text).map_err(|error| TestCaseError::fail(format!("{error} in\n{text}")))?;
        prop_assert_eq!(&read.file, &written, "{}", text);
        prop_assert_eq!(read.file.format(), text);
    }

    #[test]
    fn what_reads_is_written_the_same_from_then_on(text in texts(), front in any::<bool>(), chat in any::<bool>()) {
        let kind = if chat { "kind: chat\n" } else { "" };
        let text = if front { format!("---\n{kind}---\n{text}") } else { text };
        if let Ok(read) = File::parse(&text) {
            let once = read.file.format();
            prop_assert_eq!(file(&once), read.file);
        }
    }
}
