//! OpenAI's formats: what calls cost, and how one continues another.

use cp_genai::{BillingTerms, Exchange, Message, PriceBook, decode, identity_bytes};
use serde_json::{Value, json};

use crate::fixture::Fixture;

const NOW: &str = "2026-11-22T12:00:00Z";

/// Computed by hand from tokens and dollars per million.
#[test]
fn costs() {
    for (fixture, cost) in [
        // 26 × 0.25 + 14 × 2
        ("responses/text", "$0.0000345"),
        // 140 × 0.25 + 160 × 2, reasoning being among the 160
        ("responses/tool_calls", "$0.000355"),
        // 132 × 0.25 + 128 × 0.025 + 12 × 2
        ("responses/tool_results", "$0.0000602"),
        // 80 × 2 + 4,096 × 0.10 + 1,024 × 2.50 + 340 × 10
        ("responses/cache_writes", "$0.0065296"),
        // 11 × 0.25 + 16 × 2
        ("responses/incomplete", "$0.00003475"),
        // 40 × 2 + 6 × 8, the model being the stored prompt's
        ("responses/stored_prompt", "$0.000128"),
        // 6,352 × 2 + 2,048 × 0.10 + 60 × 10, and a search at 10 a thousand
        ("responses/built_in_tools", "$0.0235088"),
        // 8,000 × 2 + 40 × 10, and a search
        ("responses/stream_annotations", "$0.0264"),
        // 9 × 0.25 + 7 × 2
        ("responses/stream_text", "$0.00001625"),
        // 80 × 0.25 + 200 × 2
        ("responses/stream_reasoning_and_tools", "$0.00042"),
        // 8 × 0.25 + 16 × 2
        ("responses/stream_incomplete", "$0.000034"),
        // 4 × 1.50 + 5 × 2
        ("completions/text", "$0.000016"),
        // 1 × 1.50 + 5 × 2
        ("completions/stream_text", "$0.0000115"),
        // 2 × 2 + 2 × 2
        ("completions/several_prompts", "$0.000008"),
        // 7 × 0.02
        ("embeddings/floats", "$0.00000014"),
        // 1,000,000 × 0.13
        ("embeddings/base64", "$0.13"),
        // 5 × 0.10
        ("embeddings/token_ids", "$0.0000005"),
    ] {
        let call = Fixture::load(fixture).decode();
        let priced =
            PriceBook::shipped().price_call("openai", NOW.parse().unwrap(), &call, &BillingTerms::of(&call));
        assert_eq!(priced.unwrap().cost.to_string(), cost, "{fixture}");
    }
}

fn sent(input: &Value) -> Vec<Message> {
    let request = json!({ "model": "gpt-5-mini", "input": input }).to_string();
    let exchange = Exchange {
        method: "POST",
        path: "/v1/responses",
        request: request.as_bytes(),
        ..Exchange::default()
    };
    decode(&exchange).input_messages
}

#[track_caller]
fn assert_begins_with(after: &[Message], fixture: &str) {
    let call = Fixture::load(fixture).decode();
    let before = [call.input_messages, call.output_messages].concat();
    let show = |message: &Message| String::from_utf8(identity_bytes(message)).unwrap();
    assert!(after.len() > before.len(), "{fixture}");
    for (before, after) in before.iter().zip(after) {
        assert_eq!(show(before), show(after), "{fixture}");
    }
}

#[test]
fn a_response_continues_the_one_whose_items_it_sends_again() {
    assert_begins_with(
        &Fixture::load("responses/tool_results").decode().input_messages,
        "responses/tool_calls",
    );
    let question = json!({ "role": "user", "content": "What is a mutex?" });
    let said = "A mutex lets one thread at a time into a section of code.";
    let part = json!({ "type": "output_text", "text": said, "annotations": [], "logprobs": null });
    for answer in [
        json!({ "role": "assistant", "content": said }),
        json!({ "type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part] }),
    ] {
        let next =
            json!({ "role": "user", "content": [{ "type": "input_text", "text": "And a semaphore?" }] });
        assert_begins_with(&sent(&json!([question, answer, next])), "responses/text");
    }
}

#[test]
fn what_a_tool_of_the_provider_did_is_part_of_the_answer() {
    let call = Fixture::load("responses/built_in_tools").decode();
    let mut items = vec![json!({ "role": "user", "content": "What is new in Rust?" })];
    items.push(json!({ "id": "ws_1", "type": "web_search_call", "status": "completed",
        "action": { "type": "search", "query": "rust release", "sources": null } }));
    items.push(
        json!({ "id": "mcp_1", "type": "mcp_call", "status": "completed", "arguments": "{}", "name": "list",
        "server_label": "docs", "output": "[]" }),
    );
    items.push(json!({ "role": "assistant", "content": "Rust 1.95 is out." }));
    items.push(json!({ "role": "user", "content": "Since when?" }));
    assert_begins_with(&sent(&Value::Array(items)), "responses/built_in_tools");
    assert_eq!(call.output_messages.len(), 1);
}

/// What a tool of the provider's answers stands between the items of the model in both.
#[test]
fn the_items_of_an_answer_are_the_same_messages_when_they_are_sent_again() {
    let items = json!([
        { "type": "shell_call", "id": "sh_1", "call_id": "call_1", "status": "completed", "action": { "commands": ["ls"] } },
        { "type": "shell_call_output", "id": "sho_1", "call_id": "call_1", "output": [{ "stdout": "a\n" }] },
        { "type": "message", "id": "msg_1", "role": "assistant", "content": [{ "type": "output_text", "text": "One." }] },
    ]);
    let response = json!({ "id": "resp_1", "status": "completed", "output": items }).to_string();
    let exchange = Exchange {
        method: "POST",
        path: "/v1/responses",
        request: b"{}",
        response: response.as_bytes(),
        ..Exchange::default()
    };
    let answered = decode(&exchange).output_messages;
    let of = |messages: &[Message]| messages.iter().map(identity_bytes).collect::<Vec<_>>();
    assert_eq!(of(&answered), of(&sent(&items)));
    assert_eq!(
        answered.iter().map(|message| message.role.as_str()).collect::<Vec<_>>(),
        ["assistant", "tool", "assistant"]
    );
}
