//! An answer, and the same answer as the client sends it again, are the same message.

use std::fs;
use std::path::Path;

use cp_genai::{Exchange, Message, decode, identity_bytes};
use serde_json::{Value, json};

use crate::fixture::Fixture;

fn answer(fixture: &str) -> Message {
    Fixture::load(fixture).decode().output_messages.swap_remove(0)
}

/// The message as the only one of a request.
fn sent(fixture: &str, message: &Value) -> Message {
    let path = if fixture.starts_with("openai/") { "/v1/chat/completions" } else { "/v1/messages" };
    let request = json!({ "messages": [message] }).to_string();
    let exchange = Exchange { method: "POST", path, request: request.as_bytes(), ..Exchange::default() };
    decode(&exchange).input_messages.swap_remove(0)
}

#[track_caller]
fn assert_same(fixture: &str, message: &Value) {
    let show = |message: &Message| String::from_utf8(identity_bytes(message)).unwrap();
    assert_eq!(show(&answer(fixture)), show(&sent(fixture, message)), "{fixture}: {message}");
}

/// What the official SDKs put into the next request, given the answer in each of the ways that their users do.
#[test]
fn as_the_official_sdks_send_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/resent.json");
    let resent: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    for case in resent["messages"].as_array().unwrap() {
        assert_same(case["fixture"].as_str().unwrap(), &case["message"]);
    }
}

#[test]
fn with_arguments_written_by_another_language() {
    let function = |id: &str, arguments: &str| json!({ "id": id, "type": "function", "function": { "name": "get_weather", "arguments": arguments } });
    let calls =
        [function("call_p1", r#"{"city": "Paris"}"#), function("call_z2", r#"{"days":1,"city":"Zürich"}"#)];
    assert_same("openai/tool_calls", &json!({ "role": "assistant", "content": "", "tool_calls": calls }));
    assert_same("openai/tool_calls", &json!({ "role": "assistant", "tool_calls": calls }));
}

#[test]
fn with_a_cache_mark() {
    let text = json!({ "type": "text", "text": "I'll look." });
    let call = json!({
        "type": "tool_use", "id": "toolu_01A", "name": "get_weather", "input": { "days": 1, "city": "Paris" },
        "cache_control": { "type": "ephemeral" },
    });
    assert_same("anthropic/tool_use", &json!({ "role": "assistant", "content": [text, call] }));
}

#[test]
fn with_the_text_alone() {
    let text = |text: &str| json!({ "role": "assistant", "content": text });
    assert_same("anthropic/citations", &text("Grass is green."));
    assert_same("anthropic/stream_thinking", &text("Because."));
    assert_same("openai/stream_reasoning", &text("So. "));
    assert_same(
        "openai/text",
        &json!({ "role": "assistant", "content": [{ "type": "text", "text": "A mutex is \
        a lock that lets one thread at a time into a section of code." }] }),
    );
}

#[test]
fn another_answer_is_another_message() {
    let other = sent("openai/text", &json!({ "role": "assistant", "content": "A mutex is a lock." }));
    assert_ne!(identity_bytes(&answer("openai/text")), identity_bytes(&other));
}
