//! Redaction of JSON and of streams.

use serde_json::{Value, json};

use crate::redactor;

fn redacted(body: &str) -> String {
    String::from_utf8(redactor().body(body.as_bytes()).into_owned()).unwrap()
}

#[test]
fn the_rest_stays_as_it_was_written() {
    let body = "{ \"b\" : [1.50, \"x\"],\n \"a\":\"Caf\\u00e9 for ann@example.com\", \"a\":null}";
    let placeholder = redactor().text("ann@example.com").into_owned();
    assert_eq!(
        redacted(body),
        body.replace("Caf\\u00e9 for ann@example.com", &format!("Café for {placeholder}"))
    );
    let clean = "{ \"b\" : [1.50, \"x\\u00e9\"] }";
    assert_eq!(redacted(clean), clean);
}

#[test]
fn what_is_escaped_is_found() {
    let placeholder = redactor().text("ann@example.com").into_owned();
    assert_eq!(redacted(r#"{"a":"\u0061nn\u0040example.com"}"#), format!(r#"{{"a":"{placeholder}"}}"#));
    // Cut off in the middle, it is no JSON.
    assert_eq!(redacted(r#"{"a":"ann\u0040example.com and"#), format!(r#"{{"a":"{placeholder} and"#));
}

#[test]
fn arguments_are_json_in_a_string() {
    let arguments =
        json!({ "to": "ann@example.com", "nested": json!({ "card": "4111111111111111" }).to_string() })
            .to_string();
    let body = json!({ "tool_calls": [{ "function": { "arguments": arguments } }] }).to_string();
    let redacted: Value = serde_json::from_str(&redacted(&body)).unwrap();
    let arguments = redacted["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    let arguments: Value = serde_json::from_str(arguments).unwrap();
    assert!(arguments["to"].as_str().unwrap().starts_with("‹email:"), "{arguments}");
    let nested: Value = serde_json::from_str(arguments["nested"].as_str().unwrap()).unwrap();
    assert!(nested["card"].as_str().unwrap().starts_with("‹card:"), "{nested}");
}

#[test]
fn names_of_fields_and_numbers_are_looked_at() {
    let redacted = redacted(
        r#"{"ann@example.com": 4111111111111111, "phone": "4155552671", "total": 4155552671, "ssn": 219099998}"#,
    );
    let value: Value = serde_json::from_str(&redacted).unwrap();
    let fields = value.as_object().unwrap();
    assert!(fields.keys().any(|name| name.starts_with("‹email:")), "{redacted}");
    assert!(redacted.contains("‹card:") && redacted.contains("\"total\": 4155552671"), "{redacted}");
    assert!(value["phone"].as_str().unwrap().starts_with("‹phone:"), "{redacted}");
    assert!(value["ssn"].as_str().unwrap().starts_with("‹national_id:"), "{redacted}");
}

/// The text of a stream in any pieces is redacted as the whole text is.
#[test]
fn a_value_in_pieces_is_one_value() {
    let text = "Hello, I am ann@example.com, my card is 4111 1111 1111 1111. Bye";
    let whole = redactor().text(text).into_owned();
    for length in 1..12 {
        let pieces: Vec<String> =
            text.as_bytes().chunks(length).map(|piece| String::from_utf8(piece.to_vec()).unwrap()).collect();
        let chat = |piece: &String| {
            let chunk = json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [{ "index": 0, "delta": { "content": piece } }] });
            format!("data: {chunk}\n\n")
        };
        let sse: String = pieces.iter().map(chat).chain(["data: [DONE]\n\n".to_owned()]).collect();
        let out = redacted(&sse);
        assert_eq!(content(&out, "data: "), whole, "{length}\n{out}");
        assert!(out.ends_with("data: [DONE]\n\n"));
        let ndjson: String = pieces
            .iter()
            .map(|piece| format!("{}\n", json!({ "choices": [{ "delta": { "content": piece } }] })))
            .collect();
        assert_eq!(content(&redacted(&ndjson), ""), whole, "{length}");
    }
}

fn content(stream: &str, prefix: &str) -> String {
    stream
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix(prefix)?).ok())
        .map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn arguments_in_pieces_stay_json() {
    let arguments = json!({ "to": "ann@example.com", "n": 1 }).to_string();
    let events: String = arguments
        .as_bytes()
        .chunks(5)
        .map(|piece| {
            let piece = str::from_utf8(piece).unwrap();
            let event = json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": piece } });
            format!("event: content_block_delta\ndata: {event}\n\n")
        })
        .collect();
    let together: String = redacted(&events)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .map(|event| event["delta"]["partial_json"].as_str().unwrap().to_owned())
        .collect();
    let arguments: Value = serde_json::from_str(&together).unwrap();
    assert!(arguments["to"].as_str().unwrap().starts_with("‹email:"), "{arguments}");
    assert_eq!(arguments["n"], 1);
}

#[test]
fn two_streams_in_one_do_not_mix() {
    let event = |index: u64, piece: &str| {
        format!("data: {}\n\n", json!({ "choices": [{ "index": index, "delta": { "content": piece } }] }))
    };
    let sse =
        [event(0, "mail ann@exa"), event(1, "card 4111 1111 "), event(0, "mple.com"), event(1, "1111 1111")]
            .concat();
    let out = redacted(&sse);
    assert!(out.contains("‹email:") && out.contains("‹card:") && !out.contains("mple.com"), "{out}");
}

#[test]
fn what_is_no_text_keeps_its_bytes() {
    let body = [b"\xff\xfe ann@example.com \x00\x80".as_slice(), b"tail"].concat();
    let out = redactor().body(&body).into_owned();
    assert!(out.starts_with(b"\xff\xfe \xe2\x80\xb9email:") && out.ends_with(b"\x00\x80tail"));
}
