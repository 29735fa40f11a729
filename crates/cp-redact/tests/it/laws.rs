//! What holds of every text.

use std::borrow::Cow;
use std::sync::Arc;

use cp_base::SealingKey;
use cp_redact::{DataKind, Redactor, Rules};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::redactor;

/// Pieces that personal data is made of, and such as stand around it.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "ann@example.com",
            "4111 1111 1111 1111",
            "+49 30 1234567",
            "DE89370400440532013000",
            "078-05-1121",
            "E-12345",
            "203.0.113.7",
            "2001:db8::8a2e:370:7334",
            "415-555-2671",
            " ",
            "\n",
            "-",
            ".",
            "@",
            "é",
            "‹",
            "›",
            "\"",
            "\\",
            "\\u0040",
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "data: ",
            "phone ",
            "Bearer ",
            "postgres://u:pw@h/",
            "-----BEGIN PRIVATE KEY-----",
            "‹email:0123456789abcdef›",
            "0",
            "1",
            "‹text:12›",
            ";base64,",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,8}",
        "[0-9 .-]{0,12}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
}

fn strings(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            out.push(name.clone());
            strings(value, out);
        }),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_is_redacted_twice(text in text()) {
        let redactor = redactor();
        let once = redactor.text(&text).into_owned();
        prop_assert_eq!(redactor.text(&once), once.as_str());
        let body = redactor.body(text.as_bytes()).into_owned();
        prop_assert_eq!(redactor.body(&body), body.as_slice());
    }

    #[test]
    fn what_is_found_lies_in_order_on_letters(text in text()) {
        let mut at = 0;
        for found in redactor().find(&text) {
            prop_assert!(found.range.start >= at && found.range.start < found.range.end);
            prop_assert!(text.get(found.range.clone()).is_some());
            at = found.range.end;
        }
    }

    #[test]
    fn any_bytes_are_a_body(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let redactor = redactor();
        let once = redactor.body(&bytes).into_owned();
        prop_assert_eq!(redactor.body(&once), once.as_slice());
    }

    #[test]
    fn json_stays_json_and_loses_nothing_else(texts in prop::collection::vec(text(), 1..4)) {
        let redactor = redactor();
        let value = json!({ "a": texts, "n": 12.5, "deep": [{ "b": texts.first() }] });
        let written = serde_json::to_vec(&value).unwrap();
        let redacted: Value = serde_json::from_slice(&redactor.body(&written)).unwrap();
        prop_assert_eq!(&redacted["n"], &json!(12.5));
        let mut again = value.clone();
        redactor.value(&mut again);
        let mut out = Vec::new();
        strings(&again, &mut out);
        for text in out {
            prop_assert!(matches!(redactor.text(&text), Cow::Borrowed(_)), "{text}");
        }
    }
}

#[test]
fn equal_values_are_equal_within_a_project_and_differ_between_two() {
    let redactor = redactor();
    let [first, second, spaced] =
        ["Ann@Example.com", "ann@example.com", "+49 30 1234567"].map(|text| redactor.text(text).into_owned());
    assert_eq!(first, second);
    assert_eq!(redactor.text("0049 30 1234567"), spaced);
    assert_eq!(first.len(), "‹email:0123456789abcdef›".len());
    let rules = Rules::new(DataKind::ALL.into_iter().collect(), &[]).unwrap();
    let other = Redactor::new(Arc::new(rules), &SealingKey::new([8; 32]));
    assert_ne!(other.text("ann@example.com"), first.as_str());
}

#[test]
fn base_64_is_left_alone() {
    let data = "QUtJQUlPU0ZPRE5ON0VYQU1QTEU0MTExMTExMTExMTExMTEx/4111111111111111+".repeat(12);
    let redactor = redactor();
    assert_eq!(redactor.text(&data), data.as_str());
    let uri = format!("see data:image/png;base64,{} now", &data[..100]);
    assert_eq!(redactor.text(&uri), uri.as_str());
}

#[test]
fn overlapping_finds_leave_no_part_behind() {
    let redacted = redactor().text("postgres://app:ann@example.com@db.example.com/x").into_owned();
    assert!(redacted.starts_with("postgres://app:‹credential:"), "{redacted}");
    assert!(!redacted.contains("ann"), "{redacted}");
}

/// The work grows with the text alone: of such inputs a method that tries again and again would take hours.
#[test]
fn hostile_texts_take_no_longer() {
    let redactor = redactor();
    for piece in [
        "a.",
        "1 ",
        "1",
        "@",
        "a@",
        "DE89 ",
        "+1",
        "-----BEGIN PRIVATE KEY-----",
        "::",
        "http://:",
        "\\u0040",
        "[",
        "{\"",
        "‹email:",
        "eyJ",
        "0171/",
    ] {
        let text = piece.repeat(50_000 / piece.len());
        drop(redactor.text(&text));
        drop(redactor.body(text.as_bytes()));
    }
}
