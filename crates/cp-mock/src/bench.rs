//! The fixed answers for load: rendered once, so that the mock's part of a measurement is small and steady.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::json;

/// The model that answers with them: about 1.1 KB of JSON, or 24 events. They are OpenAI's whatever is asked.
pub const MODEL: &str = "bench";

const EVENTS: usize = 24;
const SENTENCE: &str =
    "A steady answer of a fixed length lets two measurements be compared with each other. ";

/// The answer as JSON.
pub(crate) static WHOLE: LazyLock<Bytes> = LazyLock::new(|| {
    let body = json!({
        "id": "chatcmpl-bench0000000000000000000000000", "object": "chat.completion", "created": 1_790_000_000,
        "model": MODEL, "service_tier": "default", "system_fingerprint": "fp_0000000000",
        "choices": [{
            "index": 0, "logprobs": null, "finish_reason": "stop",
            "message": { "role": "assistant", "content": SENTENCE.repeat(7), "refusal": null, "annotations": [] },
        }],
        "usage": {
            "prompt_tokens": 320, "completion_tokens": 148, "total_tokens": 468,
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0 },
        },
    });
    Bytes::from(body.to_string())
});

/// The answer as events, `[DONE]` the last of them.
pub(crate) static STREAM: LazyLock<Vec<Bytes>> = LazyLock::new(|| {
    let chunk = |delta: serde_json::Value, finish: Option<&str>| {
        let body = json!({
            "id": "chatcmpl-bench0000000000000000000000000", "object": "chat.completion.chunk",
            "created": 1_790_000_000, "model": MODEL, "system_fingerprint": "fp_0000000000",
            "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }],
        });
        Bytes::from(format!("data: {body}\n\n"))
    };
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "", "refusal": null }), None)];
    events.extend((0..EVENTS - 3).map(|_| chunk(json!({ "content": " and so on" }), None)));
    events.push(chunk(json!({}), Some("stop")));
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
});

/// Whether the body asks for this model, and whether for a stream; found without parsing.
pub(crate) fn asked(body: &[u8]) -> Option<bool> {
    (has_field(body, b"\"model\"", b"\"bench\"")).then(|| has_field(body, b"\"stream\"", b"true"))
}

/// Whether `name` is followed by a colon and `value`, with at most one space between.
fn has_field(body: &[u8], name: &[u8], value: &[u8]) -> bool {
    let mut rest = body;
    while let Some(at) = rest.windows(name.len()).position(|window| window == name) {
        rest = rest.get(at + name.len()..).unwrap_or_default();
        let after = rest.strip_prefix(b": ").or_else(|| rest.strip_prefix(b":"));
        if after.is_some_and(|after| after.starts_with(value)) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_size_that_is_announced() {
        assert!((1_000..1_200).contains(&WHOLE.len()), "{}", WHOLE.len());
        assert_eq!(STREAM.len(), EVENTS);
    }

    #[test]
    fn is_recognised_without_parsing() {
        assert_eq!(asked(br#"{"model": "bench", "stream":true}"#), Some(true));
        assert_eq!(asked(br#"{"stream":false,"model":"bench"}"#), Some(false));
        assert_eq!(asked(br#"{"model":"gpt-4.1","messages":["bench"]}"#), None);
    }
}
