use serde_json::json;

use super::tokenizer::MAX_BYTES;
use super::*;
use crate::{Exchange, decode};

fn counted(path: &str, request: &Value, response: &str) -> Option<Usage> {
    let request = request.to_string();
    let mut call = decode(&Exchange {
        method: "POST",
        path,
        status: Some(200),
        request: request.as_bytes(),
        response: response.as_bytes(),
        ..Exchange::default()
    });
    estimate_usage(&mut call);
    call.usage
}

const CHAT: &str = "/v1/chat/completions";

fn messages() -> Value {
    // The example of OpenAI's cookbook, whose counts are published: 129 with gpt-3.5-turbo and gpt-4, 124 with gpt-4o.
    json!([
        {"role": "system", "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
        {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
        {"role": "system", "name": "example_user", "content": "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
        {"role": "system", "name": "example_assistant", "content": "Let's talk later when we're less busy about how to do better."},
        {"role": "user", "content": "This late pivot means we don't have time to boil the ocean for the client deliverable."},
    ])
}

#[test]
fn messages_count_as_published() {
    let answer = r#"{"choices": [{"message": {"role": "assistant", "content": "hello world"}, "finish_reason": "stop"}]}"#;
    for (model, tokens) in
        [("gpt-3.5-turbo", 129), ("gpt-4-0613", 129), ("gpt-4o", 124), ("gpt-4o-mini", 124)]
    {
        let usage = counted(CHAT, &json!({"model": model, "messages": messages()}), answer).unwrap();
        let counts = (usage.input_tokens, usage.output_tokens, usage.source);
        assert_eq!(counts, (Some(tokens), Some(2), UsageSource::Estimated), "{model}");
    }
}

#[test]
fn functions_count_as_published() {
    let unit = json!({"type": "string", "description": "The unit of temperature to return", "enum": ["celsius", "fahrenheit"]});
    let location = json!({"type": "string", "description": "The city and state, e.g. San Francisco, CA"});
    let tool = json!({"type": "function", "function": {
        "name": "get_current_weather", "description": "Get the current weather in a given location",
        "parameters": {"type": "object", "properties": {"location": location, "unit": unit}, "required": ["location"]},
    }});
    let messages = json!([
        {"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
        {"role": "user", "content": "What's the weather like in San Francisco?"},
    ]);
    let answer =
        r#"{"choices": [{"message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}"#;
    for (model, tokens) in [("gpt-3.5-turbo", 105), ("gpt-4", 105), ("gpt-4o", 101), ("gpt-4o-mini", 101)] {
        let usage = counted(CHAT, &json!({"model": model, "messages": messages, "tools": [tool]}), answer);
        assert_eq!(usage.unwrap().input_tokens, Some(tokens), "{model}");
    }
}

#[test]
fn a_stream_that_was_cut_counts_what_came() {
    let request = json!({"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let cut = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"hello world\"}}]}\n\n";
    let usage = counted(CHAT, &request, cut).unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (Some(8), Some(2)));
    let so_far = "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"hello\"}]}}],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":1,\"totalTokenCount\":10}}\n\n";
    let request = json!({"contents": [{"parts": [{"text": "hi"}]}]});
    let usage = counted("/v1beta/models/gemini-2.5-pro:streamGenerateContent", &request, so_far).unwrap();
    assert_eq!((usage.input_tokens, usage.source), (Some(9), UsageSource::Estimated));
}

#[test]
fn embeddings_and_completions_count_their_texts() {
    let request = json!({"model": "text-embedding-3-small", "input": ["hello world", "hello"]});
    let usage = counted("/v1/embeddings", &request, r#"{"data": [{"index": 0}]}"#).unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (Some(3), None));
    let request = json!({"model": "davinci-002", "prompt": [1, 2, 3]});
    let answer = r#"{"choices": [{"text": " hello world", "finish_reason": "stop"}]}"#;
    let usage = counted("/v1/completions", &request, answer).unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (Some(3), Some(2)));
}

#[test]
fn what_is_not_known_is_not_guessed() {
    let answer =
        r#"{"choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]}"#;
    let ask = |model: &str, content: Value| json!({"model": model, "messages": [{"role": "user", "content": content}]});
    assert_eq!(counted(CHAT, &ask("llama-4", json!("hi")), answer), None);
    let picture = json!([{"type": "image_url", "image_url": {"url": "data:"}}]);
    assert_eq!(counted(CHAT, &ask("gpt-4o", picture), answer).unwrap().input_tokens, None);
    let long = "a ".repeat(MAX_BYTES / 2 + 1);
    assert_eq!(counted(CHAT, &ask("gpt-4o", json!(long)), answer).unwrap().input_tokens, None);
    assert_eq!(counted(CHAT, &ask("gpt-4o", json!("hi")), r#"{"error": {"message": "no"}}"#), None);
    assert_eq!(counted(CHAT, &ask("gpt-4o", json!("hi")), ""), None);
}

#[test]
fn ollama_and_routers_run_models_with_a_known_tokenizer() {
    let request = json!({"model": "gpt-oss:20b", "messages": [{"role": "user", "content": "hello world"}]});
    let line = json!({"model": "gpt-oss:20b", "message": {"role": "assistant", "content": "hello world"}, "done": true});
    let usage = counted("/api/chat", &request, &format!("{line}\n")).unwrap();
    // The reply, the message and its role, its text.
    assert_eq!((usage.input_tokens, usage.output_tokens), (Some(3 + 3 + 1 + 2), Some(2)));
}

#[test]
fn a_call_without_its_request_or_its_answer_is_not_counted() {
    let answer =
        r#"{"choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]}"#;
    let usage = counted(CHAT, &json!({"model": "gpt-4o"}), answer).unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (None, Some(1)));
    let request = json!({"model": "text-embedding-3-small", "input": "hello"});
    assert_eq!(counted("/v1/embeddings", &request, ""), None);
    assert_eq!(counted("/v1/embeddings", &request, r#"{"error": {"message": "no"}}"#), None);
}

#[test]
fn everything_that_is_tokenized_is_bounded() {
    let answer =
        r#"{"choices": [{"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]}"#;
    let messages = json!([{"role": "user", "content": "hi"}]);
    let tool = json!({"type": "function", "function": {"name": "f", "description": "a ".repeat(MAX_BYTES)}});
    let usage = counted(CHAT, &json!({"model": "gpt-4o", "messages": messages, "tools": [tool]}), answer);
    assert_eq!(usage.unwrap().input_tokens, None);
}

#[test]
fn nested_properties_are_counted() {
    let answer =
        r#"{"choices": [{"message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}"#;
    let messages = json!([{"role": "user", "content": "hi"}]);
    let input = |properties: Value| {
        let function = json!({"name": "f", "parameters": {"properties": properties}});
        let tools = json!([{"type": "function", "function": function}]);
        counted(CHAT, &json!({"model": "gpt-4o", "messages": messages, "tools": tools}), answer)
            .unwrap()
            .input_tokens
            .unwrap()
    };
    let inner = json!({"b": {"type": "string"}});
    let flat = input(json!({"a": {"type": "object"}}));
    let nested = input(json!({"a": {"type": "object", "properties": inner}}));
    // The list's beginning, the property, and the four tokens of `b:string:`.
    assert!(nested > flat + PROPERTIES_BEGIN + PROPERTY, "{nested} {flat}");
}
