//! From the bodies of a call to a [`DecodedCall`].
//!
//! Decoding never fails: what cannot be read is named in `warnings`, and fields without a place of their own survive
//! in `parameters`, `response_extra` or a [`Part::Generic`](crate::Part::Generic).
//!
//! The path alone names the wire format: Anthropic, Gemini and Ollama serve OpenAI's chat completions too. A format is
//! one [`Codec`] in a file of its own, and a line in [`CODECS`].

mod anthropic_messages;
mod bounds;
mod fields;
mod framing;
mod gemini;
mod gemini_interactions;
mod lenient;
mod ollama;
mod openai_chat;
mod openai_completions;
mod openai_embeddings;
mod openai_responses;
mod provider_error;

pub(crate) use openai_chat::message as chat_message;
use serde_json::Value;

use self::fields::Object;
use self::framing::Framing;
use crate::{DecodedCall, OperationName};

/// The two bodies of a call, content encoding undone, and what is needed to read them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exchange<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path at the provider, without the query.
    pub path: &'a str,
    /// The response's status; absent when there was no response.
    pub status: Option<u16>,
    /// The request's body.
    pub request: &'a [u8],
    /// The response's body.
    pub response: &'a [u8],
    /// The response's `content-type`.
    pub response_content_type: Option<&'a str>,
    /// Whether `request` is the whole body.
    pub request_complete: bool,
    /// Whether `response` is the whole body.
    pub response_complete: bool,
}

/// A wire format.
struct Codec {
    operation: OperationName,
    /// Whether a path, without a trailing slash, is served in this format.
    serves: fn(&str) -> bool,
    /// Moves the request's fields to where they belong; what it leaves becomes `parameters`.
    request: fn(&mut Object, &str, &mut DecodedCall),
    /// Puts the chunks of a stream together to the response that would have come without streaming.
    reassemble: fn(&mut dyn Iterator<Item = Object>) -> Reassembled,
    /// Moves the response's fields to where they belong; what it leaves becomes `response_extra`.
    response: fn(&mut Object, &mut DecodedCall),
}

/// What became of a stream.
struct Reassembled {
    response: Object,
    /// Whether the provider said all that it wanted to say.
    finished: bool,
}

const CODECS: &[&Codec] = &[
    &openai_chat::CODEC,
    &openai_completions::CODEC,
    &openai_embeddings::CODEC,
    &openai_responses::CODEC,
    &anthropic_messages::CODEC,
    &gemini::CODEC,
    &gemini::EMBEDDINGS,
    &gemini_interactions::CODEC,
    &ollama::CODEC,
    &ollama::GENERATE,
    &ollama::EMBEDDINGS,
    &ollama::LEGACY_EMBEDDINGS,
];

/// What kind of generation a request asks for; absent for one that is passed through unread.
#[must_use]
pub fn operation(method: &str, path: &str) -> Option<OperationName> {
    codec(method, path).map(|codec| codec.operation)
}

fn codec(method: &str, path: &str) -> Option<&'static Codec> {
    let path = path.strip_suffix('/').unwrap_or(path);
    CODECS.iter().copied().find(|codec| method == "POST" && (codec.serves)(path))
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Decodes a call. An opaque call yields only its error, where the provider answered with one.
#[must_use]
pub fn decode(exchange: &Exchange<'_>) -> DecodedCall {
    let unmarked = |body| <[u8]>::strip_prefix(body, BYTE_ORDER_MARK).unwrap_or(body);
    let exchange =
        &Exchange { request: unmarked(exchange.request), response: unmarked(exchange.response), ..*exchange };
    let mut call = DecodedCall::default();
    let Some(codec) = codec(exchange.method, exchange.path) else {
        call.error = provider_error::of_opaque(exchange.response, exchange.status);
        return call;
    };
    call.operation_name = Some(codec.operation);
    match object(exchange.request) {
        Ok(mut request) => {
            (codec.request)(&mut request, exchange.path, &mut call);
            bounds::limit(&mut call.input_messages, &mut call.warnings);
            fields::keep_location(&mut request, exchange.path);
            fields::redact(request.values_mut());
            fields::redact(&mut call.tool_definitions);
            call.parameters = request;
        }
        Err(problem) => call.warnings.push(unreadable("request", &problem, exchange.request_complete)),
    }
    if exchange.response.is_empty() {
        return call;
    }
    let mut response = match response(codec, exchange, &mut call.warnings) {
        Ok(response) => response,
        Err(problem) => {
            call.error = provider_error::from_text(exchange.response, exchange.status);
            if call.error.is_none() {
                call.warnings.push(unreadable("response", &problem, exchange.response_complete));
            }
            return call;
        }
    };
    call.error = provider_error::take(&mut response, exchange.status);
    (codec.response)(&mut response, &mut call);
    bounds::limit(&mut call.output_messages, &mut call.warnings);
    fields::keep_said(&mut response);
    call.response_extra = response;
    call
}

fn response(codec: &Codec, exchange: &Exchange<'_>, warnings: &mut Vec<String>) -> Result<Object, String> {
    let Some(framing) = Framing::of(exchange.response, exchange.response_content_type) else {
        return object(exchange.response);
    };
    let chunks = framing.chunks(exchange.response);
    let stream = (codec.reassemble)(&mut chunks.objects.into_iter());
    if chunks.unreadable > 0 {
        let skipped = chunks.unreadable;
        warnings.push(format!("Events of the stream that are not JSON objects were skipped: {skipped}."));
    }
    let failed = stream.response.get("error").is_some_and(|error| !error.is_null());
    if !(stream.finished || chunks.done || failed) {
        warnings.push("The stream ended before the provider had finished.".to_owned());
    }
    Ok(stream.response)
}

fn object(body: &[u8]) -> Result<Object, String> {
    bounds::check(body)?;
    match lenient::parse(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("it is another kind of value".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn unreadable(which: &str, problem: &str, complete: bool) -> String {
    if complete {
        format!("The {which}'s body is not a JSON object: {problem}.")
    } else {
        format!("The {which}'s body was captured only in part and could not be decoded.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_endpoints_are_known_by_their_path() {
        let chat = [
            "/v1/chat/completions",
            "/v1/chat/completions/",
            "/chat/completions",
            "/openai/deployments/my-gpt/chat/completions",
            "/v1beta/openai/chat/completions",
            "/v1/messages",
            "/anthropic/v1/messages",
        ];
        for path in chat {
            assert_eq!(operation("POST", path), Some(OperationName::Chat), "{path}");
            assert_eq!(operation("GET", path), None, "{path}");
        }
        let opaque = [
            "/v1/models",
            "/v1/chat/completions/chatcmpl-1",
            "/v1/messages/count_tokens",
            "/v1/messages/batches",
            "/v1/threads/t/messages",
            "/xchat/completions2",
            "",
        ];
        for path in opaque {
            assert_eq!(operation("POST", path), None, "{path}");
        }
    }
}
