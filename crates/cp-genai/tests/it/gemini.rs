//! Google's formats: what calls cost, and how one continues another.

use cp_genai::{BillingTerms, Exchange, Message, Part, PriceBook, decode, identity_bytes};
use serde_json::{Value, json};

use crate::fixture::Fixture;

const NOW: &str = "2026-11-22T12:00:00Z";

fn cost_at(fixture: &str, time: &str) -> Option<String> {
    let call = Fixture::load(fixture).decode();
    let priced = PriceBook::shipped()
        .price_call("gemini", time.parse().unwrap(), &call, &BillingTerms::of(&call))
        .ok()?;
    Some(priced.cost.to_string())
}

/// Computed by hand from tokens and dollars per million.
#[test]
fn costs() {
    for (fixture, cost) in [
        // 12 × 0.30 + 18 × 2.50
        ("gemini/text", "$0.0000486"),
        // 80 × 2 + (36 + 100) × 12
        ("gemini/tool_calls", "$0.001792"),
        // 7 × 1.25 + (9 + 340) × 10
        ("gemini/thinking", "$0.00349875"),
        // 210,000 tokens of input are above the threshold: 60,000 × 2.50 + 150,000 × 0.25 + 500 × 15, grounded at 35 a
        // thousand
        ("gemini/cached_and_tool_tokens", "$0.23"),
        // 2 × 0.30 + 42 × 2.50, thoughts being among the 42
        ("gemini/vertex_thoughts_inside", "$0.0001056"),
        // 4 × 0.30
        ("gemini/prompt_blocked", "$0.0000012"),
        // 4 × 0.30 + 47 × 2.50
        ("gemini/limit_spent_on_thoughts", "$0.0001187"),
        // (6 + 40) × 0.30 + 20 × 2.50
        ("gemini/code_execution", "$0.0000638"),
        // 9 × 0.30 + 8 × 2.50
        ("gemini/stream_text", "$0.0000227"),
        ("gemini/stream_array", "$0.0000227"),
        // 20 × 0.30 + 10 × 0.03 + (34 + 120) × 2.50
        ("gemini/stream_thinking_and_tools", "$0.0003913"),
        // (5 + 60) × 0.30 + 12 × 2.50, grounded
        ("gemini/stream_grounding_two_candidates", "$0.0350495"),
        // 6 × 0.75 + 4 × 0.075 + (3 + 20) × 3.75
        ("interactions/text", "$0.00009105"),
        // (8 + 500) × 0.75 + (4 + 30) × 3.75, and a search at $14 a thousand
        ("interactions/server_tools", "$0.0145085"),
        // 24 × 0.75 + 16 × 0.075 + (15 + 30) × 3.75
        ("interactions/stream_thought_and_tools", "$0.00018795"),
    ] {
        assert_eq!(cost_at(fixture, NOW).as_deref(), Some(cost), "{fixture}");
    }
    // From 2027 on: 6 × 1.50 + 4 × 0.15 + 23 × 7.50
    assert_eq!(cost_at("interactions/text", "2027-01-01T00:00:00Z").unwrap(), "$0.0001821");
}

/// The messages of a request.
fn sent(path: &str, request: &Value) -> Vec<Message> {
    let request = request.to_string();
    decode(&Exchange { method: "POST", path, request: request.as_bytes(), ..Exchange::default() })
        .input_messages
}

#[track_caller]
fn assert_continues(fixture: &str, path: &str, request: &Value) {
    let call = Fixture::load(fixture).decode();
    let mut before = call.input_messages;
    before.extend(call.output_messages);
    let show = |message: &Message| String::from_utf8(identity_bytes(message)).unwrap();
    let after = sent(path, request);
    assert!(after.len() > before.len(), "{fixture}");
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(show(before), show(after), "{fixture}");
    }
}

const GENERATE: &str = "/v1beta/models/gemini-2.5-flash:generateContent";

fn user(text: &str) -> Value {
    json!({ "role": "user", "parts": [{ "text": text }] })
}

#[test]
fn a_chat_continues_what_was_streamed() {
    for fixture in ["gemini/stream_text", "gemini/stream_array"] {
        let question = user("Greet naïvely in 你好 🙂.");
        let whole = json!({ "role": "model", "parts": [{ "text": "Héllo 你好 🙂!" }] });
        assert_continues(fixture, GENERATE, &json!({ "contents": [question, whole, user("Again.")] }));
        // The official client's chat sends the chunks as they came, others their parts in one content.
        let pieces = ["Hé", "llo 你", "好 🙂", "!"].map(|text| json!({ "text": text }));
        let mut contents = vec![question.clone()];
        contents.extend(pieces.iter().map(|part| json!({ "role": "model", "parts": [part] })));
        contents.push(user("Again."));
        assert_continues(fixture, GENERATE, &json!({ "contents": contents }));
        let one = json!({ "role": "model", "parts": pieces });
        assert_continues(fixture, GENERATE, &json!({ "contents": [question, one, user("Again.")] }));
    }
}

#[test]
fn tool_results_continue_the_calls() {
    let question = user("Weather in Paris and Zürich?");
    let call = |id: &str, city: &str| json!({ "function_call": { "id": id, "name": "get_weather", "args": { "city": city } } });
    let thought = json!({ "text": "Two cities to ask for.", "thought": true });
    let text = json!({ "text": "I’ll look that up." });
    let result = json!({ "role": "user", "parts": [{ "functionResponse": { "name": "get_weather", "response": {} } }] });
    let parts =
        json!([text, call("f1", "Paris"), call("f2", "Zürich"), { "text": "", "thoughtSignature": "CrUB" }]);
    let answer = json!({ "role": "model", "parts": parts });
    let request = json!({ "contents": [question, answer, result] });
    assert_continues("gemini/stream_thinking_and_tools", GENERATE, &request);
    let answer =
        json!({ "role": "model", "parts": [thought, text, call("f1", "Paris"), call("f2", "Zürich")] });
    let request = json!({ "contents": [question, answer, result] });
    assert_continues("gemini/stream_thinking_and_tools", GENERATE, &request);
    let whole = json!({ "role": "model", "parts": [
        { "functionCall": { "name": "get_weather", "args": { "city": "Paris" } } },
        { "functionCall": { "name": "get_weather", "args": { "days": 1, "city": "Zürich" } } },
    ] });
    assert_continues("gemini/tool_calls", GENERATE, &json!({ "contents": [question, whole, result] }));
}

/// The Python client sends bytes in the URL-safe alphabet of base64.
#[test]
fn an_image_continues_in_either_alphabet() {
    let call = Fixture::load("gemini/multimodal").decode();
    let Some(Part::Generic { value }) = call.output_messages[0].parts.get(1) else { panic!("{call:?}") };
    assert_eq!(value["inlineData"]["data"], "iVBO+w/8");
    let image = json!({ "inline_data": { "mime_type": "image/png", "data": "iVBO-w_8" }, "thoughtSignature": "EsQB" });
    let again = json!({ "role": "model", "parts": [{ "text": "Here it is: " }, image] });
    let messages = sent(GENERATE, &json!({ "contents": [again] }));
    assert_eq!(identity_bytes(&messages[0]), identity_bytes(&call.output_messages[0]));
}

#[test]
fn steps_sent_again_continue_an_interaction() {
    let path = "/v1beta/interactions";
    let asked =
        json!({ "type": "user_input", "content": [{ "type": "text", "text": "Weather in Zürich?" }] });
    let steps = json!([
        asked,
        { "type": "thought", "summary": [{ "type": "text", "text": "One city." }], "signature": "Eo8B" },
        { "type": "google_search_call", "id": "g1", "arguments": { "queries": ["weather"] } },
        { "type": "function_call", "id": "fc1", "name": "get_weather", "arguments": { "city": "Zürich" } },
        { "type": "function_result", "call_id": "fc1", "result": "18 degrees" },
    ]);
    assert_continues("interactions/stream_thought_and_tools", path, &json!({ "input": steps }));
}

#[test]
fn nothing_secret_is_echoed() {
    let call = Fixture::load("interactions/tool_calls").decode();
    assert!(!format!("{call:?}").contains("Bearer secret"));
}
