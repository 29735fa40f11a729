//! Bodies that were cut off or damaged: decoding does not fail, and shows what was received.

use cp_genai::{DecodedCall, Exchange, decode};
use proptest::prelude::*;

use crate::codecs::ALL;
use crate::fixture::{Fixture, text};

fn streams() -> impl Iterator<Item = (&'static str, Fixture)> {
    ALL.iter().filter(|name| name.contains("/stream_")).map(|name| (*name, Fixture::load(name)))
}

fn assert_is_beginning(name: &str, cut: &DecodedCall, whole: &DecodedCall) {
    assert!(cut.output_messages.len() <= whole.output_messages.len(), "{name}");
    for (cut, whole) in cut.output_messages.iter().zip(&whole.output_messages) {
        assert!(
            text(whole).starts_with(&text(cut)),
            "{name}: {} is no beginning of {}",
            text(cut),
            text(whole)
        );
    }
}

#[test]
fn a_stream_cut_at_every_byte_yields_its_beginning() {
    for (name, fixture) in streams() {
        let whole = fixture.decode();
        for end in 0..fixture.response().len() {
            let cut = fixture.decode_response(&fixture.response()[..end], false);
            assert_is_beginning(name, &cut, &whole);
        }
    }
}

#[test]
fn a_stream_cut_between_events_loses_nothing_and_says_so() {
    for (name, fixture) in streams() {
        let whole = fixture.decode();
        let stream = std::str::from_utf8(fixture.response()).unwrap();
        let mut longest = 0;
        for (start, end) in stream.match_indices(fixture.event_end()) {
            let end = start + end.len();
            let cut = fixture.decode_response(&fixture.response()[..end], false);
            assert_is_beginning(name, &cut, &whole);
            let length = cut.output_messages.iter().map(|message| text(message).len()).sum::<usize>();
            assert!(length >= longest, "{name}: text was lost at byte {end}");
            longest = length;
            let ended = !cut.finish_reasons.is_empty() || cut.error.is_some();
            assert!(ended || cut.warnings.iter().any(|warning| warning.contains("before")), "{name}: {end}");
        }
    }
}

#[test]
fn a_request_captured_in_part_is_named() {
    let fixture = Fixture::load("openai/text");
    let request = &fixture.request()[..40];
    let call = decode(&Exchange { request, request_complete: false, ..fixture.exchange() });
    assert_eq!(call.warnings, ["The request's body was captured only in part and could not be decoded."]);
    assert_eq!(call.output_messages.len(), 1);
}

#[test]
fn a_body_that_is_no_object_is_named() {
    let fixture = Fixture::load("openai/text");
    let call = decode(&Exchange { request: b"[1]", response: b"hello", ..fixture.exchange() });
    assert_eq!(call.warnings.len(), 2);
    assert!(call.warnings[0].starts_with("The request's body is not a JSON object: "), "{:?}", call.warnings);
}

#[test]
fn an_opaque_call_yields_its_error_alone() {
    let exchange = Exchange {
        method: "POST",
        path: "/v1/moderations",
        status: Some(401),
        response: br#"{"error": {"message": "Incorrect API key.", "code": "invalid_api_key"}}"#,
        ..Exchange::default()
    };
    let call = decode(&exchange);
    assert_eq!(call.operation_name, None);
    assert_eq!(call.error.unwrap().code.as_deref(), Some("invalid_api_key"));
    assert_eq!(decode(&Exchange { status: Some(200), ..exchange }), DecodedCall::default());
}

/// A JSON value of any shape, with the words of the formats in it.
fn json() -> impl Strategy<Value = String> {
    let word = "(type|text|content|role|choices|delta|index|message|messages|tool_calls|function|arguments|usage|error|message_start|content_block_delta|content_block_start|tool_use|id|name|input|contents|parts|candidates|functionCall|partialArgs|jsonPath|inlineData|usageMetadata|event_type|step.start|step.delta|steps|summary|input|output|output_index|content_index|item|part|response|response.created|response.output_item.added|response.output_text.delta|reasoning|thinking|images|prompt|done|embeddings)";
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("-1.5".to_owned()),
        any::<u64>().prop_map(|number| number.to_string()),
        word.prop_map(|word| format!("\"{word}\"")),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((word, inner), 0..5).prop_map(|fields| {
                let fields: Vec<_> =
                    fields.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

const PATHS: [&str; 10] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/messages",
    "/v1beta/models/m:streamGenerateContent",
    "/v1beta/models/m:batchEmbedContents",
    "/v1beta/interactions",
    "/api/chat",
    "/api/generate",
];

proptest! {
    #[test]
    fn any_bytes_decode(
        request in prop::collection::vec(any::<u8>(), 0..300),
        response in prop::collection::vec(any::<u8>(), 0..300),
        status in prop::option::of(100u16..600),
    ) {
        for path in PATHS {
            let (request, response) = (&request, &response);
            let _ = decode(&Exchange { method: "POST", path, status, request, response, ..Exchange::default() });
        }
    }

    #[test]
    fn any_json_decodes(request in json(), response in json(), chunks in prop::collection::vec(json(), 0..6)) {
        let events: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
        let (lines, array) = (chunks.join("\n"), format!("[{}", chunks.join(",")));
        for path in PATHS {
            for response in [&response, &events, &lines, &array].map(|body| body.as_bytes()) {
                let request = request.as_bytes();
                let _ = decode(&Exchange { method: "POST", path, request, response, ..Exchange::default() });
            }
        }
    }

    #[test]
    fn damaged_fixtures_decode(
        which in 0..ALL.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let fixture = Fixture::load(ALL[which]);
        let mut response = fixture.response().to_vec();
        for (at, byte) in damage {
            let at = at.index(response.len());
            response[at] = byte;
        }
        fixture.decode_response(&response, true);
    }
}
