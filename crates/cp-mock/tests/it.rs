//! The mock as its clients meet it: formats, determinism, faults, the record of what it saw.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use cp_mock::{Ending, Mock, MockError, Options, Seen};
use futures_util::future::join_all;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const CHAT: &str = "/openai/v1/chat/completions";
const MESSAGES: &str = "/anthropic/v1/messages";

async fn mock() -> Mock {
    Mock::start(SocketAddr::from(([127, 0, 0, 1], 0)), Options::default()).await.unwrap()
}

/// A connection; dropped, it is closed.
struct Client {
    sender: SendRequest<Full<Bytes>>,
    _driver: JoinSet<()>,
}

impl Client {
    async fn new(mock: &Mock) -> Self {
        let stream = TcpStream::connect(mock.addr).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            let _ = connection.await;
        });
        Self { sender, _driver: driver }
    }

    async fn post(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> hyper::Result<Response<Incoming>> {
        let mut request = Request::builder().method(Method::POST).uri(path).header("host", "mock");
        request = request.header("authorization", "Bearer sk-test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.sender.send_request(request.body(Full::new(body.into())).unwrap()).await
    }
}

/// Sends one request, and reads the answer whole.
async fn post(
    mock: &Mock,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> (StatusCode, HeaderMap, Bytes) {
    let mut client = Client::new(mock).await;
    let response = client.post(path, headers, body.to_string()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
}

async fn post_json(mock: &Mock, path: &str, body: &Value) -> Value {
    let (_, _, body) = post(mock, path, &[], body).await;
    serde_json::from_slice(&body).unwrap()
}

/// The data of server-sent events, `[DONE]` as a string.
fn events(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| Value::from(data))).collect()
}

fn chat(text: &str, more: Value) -> Value {
    let mut body = json!({ "model": "gpt-4.1-mini", "messages": [{ "role": "user", "content": text }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn message(text: &str, more: Value) -> Value {
    let mut body = chat(text, json!({ "model": "claude-sonnet-5-5", "max_tokens": 4_000 }));
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn weather_tool() -> Value {
    json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] })
}

#[tokio::test]
async fn answers_are_a_function_of_the_body() {
    let mock = mock().await;
    let body = chat("hello", json!({}));
    let (_, first_headers, first) = post(&mock, CHAT, &[], &body).await;
    let (_, second_headers, second) = post(&mock, CHAT, &[("x-stainless-lang", "python")], &body).await;
    assert_eq!(first, second);
    assert_eq!(first_headers["x-request-id"], second_headers["x-request-id"]);
    assert_ne!(first, post(&mock, CHAT, &[], &chat("hello!", json!({}))).await.2);
}

#[tokio::test]
async fn a_chat_stream_is_the_message_in_pieces() {
    let mock = mock().await;
    let body = chat("hello", json!({ "stream": true, "stream_options": { "include_usage": true } }));
    let (status, headers, stream) = post(&mock, CHAT, &[], &body).await;
    assert_eq!(
        (status, headers["content-type"].as_bytes()),
        (StatusCode::OK, &b"text/event-stream; charset=utf-8"[..])
    );
    let mut events = events(&stream);
    assert_eq!(events.pop().unwrap(), "[DONE]");
    let usage = events.pop().unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["completion_tokens"].as_u64().unwrap() > 0);
    assert!(events.iter().all(|event| event["usage"].is_null() && event.get("usage").is_some()));
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "stop");
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(text.starts_with("Certainly — about “hello”"), "{text}");
}

#[tokio::test]
async fn openai_tools_are_called_and_their_results_used() {
    let mock = mock().await;
    let tools =
        json!([{ "type": "function", "function": { "name": "weather", "parameters": weather_tool() } }]);
    let question = chat("weather? mock:parallel=2", json!({ "tools": tools }));
    let answer = post_json(&mock, CHAT, &question).await;
    let message = &answer["choices"][0]["message"];
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    assert!(message["content"].is_null());
    let calls = message["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_ne!(calls[0]["id"], calls[1]["id"]);
    let arguments: Value = serde_json::from_str(calls[0]["function"]["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["city"].is_string());

    let mut again = question;
    let result = json!({ "role": "tool", "tool_call_id": calls[0]["id"], "content": "21 degrees" });
    again["messages"].as_array_mut().unwrap().extend([message.clone(), result]);
    let answer = post_json(&mock, CHAT, &again).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().contains("21 degrees"));
}

#[tokio::test]
async fn an_anthropic_stream_has_its_events_in_order() {
    let mock = mock().await;
    let more = json!({
        "stream": true,
        "thinking": { "type": "enabled", "budget_tokens": 1024 },
        "tools": [{ "name": "weather", "input_schema": weather_tool() }],
    });
    let (_, _, stream) = post(&mock, MESSAGES, &[], &message("weather? mock:text-first", more)).await;
    let events = events(&stream);
    let mut kinds: Vec<String> = events
        .iter()
        .map(|event| {
            let detail = [&event["content_block"]["type"], &event["delta"]["type"]];
            let detail = detail.into_iter().find_map(Value::as_str).unwrap_or_default();
            format!("{} {detail}", event["type"].as_str().unwrap()).trim().to_owned()
        })
        .collect();
    kinds.dedup();
    let expected = [
        "message_start",
        "content_block_start thinking",
        "ping",
        "content_block_delta thinking_delta",
        "content_block_delta signature_delta",
        "content_block_stop",
        "content_block_start text",
        "content_block_delta text_delta",
        "content_block_stop",
        "content_block_start tool_use",
        "content_block_delta input_json_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(kinds, expected);
    let arguments: String =
        events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert!(serde_json::from_str::<Value>(&arguments).unwrap()["city"].is_string());
}

#[tokio::test]
async fn anthropic_counts_cached_tokens_apart() {
    let mock = mock().await;
    let system = json!([{ "type": "text", "text": "Be brief. ".repeat(40), "cache_control": { "type": "ephemeral", "ttl": "1h" } }]);
    let mut body = message("hello", json!({ "system": system }));
    let usage = post_json(&mock, MESSAGES, &body).await["usage"].clone();
    assert_eq!(usage["cache_creation"]["ephemeral_1h_input_tokens"], 100);
    assert_eq!(
        (&usage["cache_creation_input_tokens"], &usage["cache_read_input_tokens"]),
        (&json!(100), &json!(0))
    );
    let turns =
        [json!({ "role": "assistant", "content": "hi" }), json!({ "role": "user", "content": "more" })];
    body["messages"].as_array_mut().unwrap().extend(turns);
    assert_eq!(post_json(&mock, MESSAGES, &body).await["usage"]["cache_read_input_tokens"], 100);
}

#[tokio::test]
async fn text_ends_at_limits_stop_sequences_and_refusals() {
    let mock = mock().await;
    let reason = async |path: &str, body: Value| {
        let answer = post_json(&mock, path, &body).await;
        let reason = answer.pointer("/choices/0/finish_reason").or(answer.get("stop_reason"));
        reason.and_then(Value::as_str).unwrap().to_owned()
    };
    assert_eq!(reason(CHAT, chat("hi mock:words=90", json!({ "max_tokens": 5 }))).await, "length");
    assert_eq!(reason(MESSAGES, message("hi mock:words=90", json!({ "max_tokens": 5 }))).await, "max_tokens");
    assert_eq!(
        reason(MESSAGES, message("hi", json!({ "stop_sequences": ["about"] }))).await,
        "stop_sequence"
    );
    assert_eq!(reason(MESSAGES, message("mock:refusal", json!({}))).await, "refusal");
    let refused = post_json(&mock, CHAT, &chat("mock:refusal", json!({}))).await;
    assert!(refused["choices"][0]["message"]["refusal"].is_string());
}

#[tokio::test]
async fn errors_have_the_shape_of_the_provider() {
    let mock = mock().await;
    let cases = [
        (CHAT, chat("mock:status=429", json!({})), 429, "/error/code", "rate_limit_exceeded"),
        (CHAT, chat("hi", json!({ "model": "missing-model" })), 404, "/error/code", "model_not_found"),
        (CHAT, json!({ "model": "gpt-4.1" }), 400, "/error/param", "messages"),
        (CHAT, chat("mock:status=500", json!({})), 500, "/error/type", "server_error"),
        ("/openai/v1/nothing", json!({}), 404, "/error/code", "unknown_url"),
        (MESSAGES, message("mock:status=529", json!({})), 529, "/error/type", "overloaded_error"),
        (MESSAGES, message("mock:status=429", json!({})), 429, "/error/type", "rate_limit_error"),
        (MESSAGES, json!({ "model": "claude-haiku-4-5" }), 400, "/error/type", "invalid_request_error"),
        ("/anthropic/v1/nothing", json!({}), 404, "/error/type", "not_found_error"),
    ];
    for (path, body, status, pointer, expected) in cases {
        let (answered, headers, error) = post(&mock, path, &[], &body).await;
        let error: Value = serde_json::from_slice(&error).unwrap();
        assert_eq!(
            (answered.as_u16(), error.pointer(pointer).unwrap()),
            (status, &json!(expected)),
            "{path} {body}"
        );
        assert_eq!(headers.contains_key("retry-after"), status == 429);
    }
    let (status, _, _) = post(&mock, CHAT, &[], &Value::String(String::from("not an object"))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_stream_can_end_with_an_error() {
    let mock = mock().await;
    let (_, _, stream) = post(&mock, CHAT, &[], &chat("mock:stream-error", json!({ "stream": true }))).await;
    assert_eq!(events(&stream).last().unwrap()["error"]["type"], "server_error");
    let (_, _, stream) =
        post(&mock, MESSAGES, &[], &message("mock:stream-error", json!({ "stream": true }))).await;
    assert_eq!(events(&stream).last().unwrap()["error"]["type"], "overloaded_error");
}

#[tokio::test]
async fn chunking_and_compression_change_nothing_but_the_wire() {
    let mock = mock().await;
    let body = chat("naïve 你好 🙂", json!({ "stream": true }));
    let (_, _, plain) = post(&mock, CHAT, &[], &body).await;
    let (_, _, split) = post(&mock, CHAT, &[("x-mock", "chunk=1")], &body).await;
    assert_eq!(plain, split);
    let (_, headers, packed) =
        post(&mock, CHAT, &[("x-mock", "gzip-stream"), ("accept-encoding", "gzip")], &body).await;
    assert_eq!(headers["content-encoding"], "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.as_ref()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(plain, unpacked);
}

#[derive(Debug, PartialEq, Eq)]
enum Tail {
    Clean,
    Broken,
}

#[tokio::test]
async fn faults_break_what_they_say() {
    let mock = mock().await;
    let whole = chat("hello", json!({}));
    let stream = chat("hello", json!({ "stream": true }));
    let answer = async |fault: &str, body: &Value| {
        let mut client = Client::new(&mock).await;
        let response = client.post(CHAT, &[("x-mock-fault", fault)], body.to_string()).await?;
        let (parts, mut body) = response.into_parts();
        let mut received = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => received.extend_from_slice(frame.data_ref().unwrap()),
                Err(_) => return Ok((parts, received, Tail::Broken)),
            }
        }
        hyper::Result::Ok((parts, received, Tail::Clean))
    };
    assert!(answer("reset-before-head", &whole).await.is_err());
    for body in [&whole, &stream] {
        let (_, received, tail) = answer("reset-mid-body", body).await.unwrap();
        assert_eq!((received.is_empty(), tail), (false, Tail::Broken));
    }
    let (_, _, tail) = answer("truncate", &whole).await.unwrap();
    assert_eq!(tail, Tail::Broken, "the length was announced");
    let (_, received, tail) = answer("truncate", &stream).await.unwrap();
    assert_eq!((received.ends_with(b"[DONE]\n\n"), tail), (false, Tail::Clean));
    let (parts, received, _) = answer("garbage", &whole).await.unwrap();
    assert_eq!(parts.headers["content-type"], "application/json");
    assert!(serde_json::from_slice::<Value>(&received).is_err());

    let broken = mock.seen().iter().filter(|seen| seen.ending == Ending::Broken).count();
    assert_eq!(broken, 3);
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_to_leave() {
    let mock = mock().await;
    let stream = chat("hello", json!({ "stream": true })).to_string();
    for directive in ["stall-body", "endless pace=1"] {
        let mut client = Client::new(&mock).await;
        let mut response = client.post(CHAT, &[("x-mock", directive)], stream.clone()).await.unwrap();
        assert!(response.frame().await.unwrap().is_ok());
        assert_eq!(mock.open_streams(), 1, "{directive}");
        drop((response, client));
        let gone = |seen: &Seen| matches!(seen.ending, Ending::Cancelled(_));
        mock.seen_when(|seen| seen.back().is_some_and(gone)).await;
        assert_eq!(mock.open_streams(), 0, "{directive}");
    }
    let mut client = Client::new(&mock).await;
    tokio::select! {
        _ = client.post(CHAT, &[("x-mock", "stall-head")], stream) => panic!("there is no head"),
        _ = mock.seen_when(|seen| seen.len() == 3) => {}
    }
    drop(client);
    mock.seen_when(|seen| seen.iter().all(|seen| seen.ending != Ending::Open)).await;
}

#[tokio::test]
async fn what_was_sent_is_remembered_up_to_a_bound() {
    let options = Options { remember: 2, ..Options::default() };
    let mock = Mock::start(SocketAddr::from(([127, 0, 0, 1], 0)), options).await.unwrap();
    let bodies = ["one", "two", "three"].map(|text| chat(text, json!({})));
    for body in &bodies {
        post(&mock, CHAT, &[("x-marker", "m")], body).await;
    }
    let seen = mock.seen();
    assert_eq!(seen.len(), 2);
    let last = bodies[2].to_string();
    assert_eq!(seen[1].body_hash, Seen::hash_of(last.as_bytes()));
    assert_eq!(seen[1].body_bytes, last.len() as u64);
    assert_eq!((seen[1].headers["x-marker"].as_bytes(), seen[1].ending), (&b"m"[..], Ending::Answered));
}

#[tokio::test]
async fn echo_returns_the_bytes_with_trailers_on_request() {
    let mock = mock().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for query in ["", "?chunk=777", "?sized", "?duplex", "?status=418&trailers"] {
        let mut client = Client::new(&mock).await;
        let headers = [("x-marker", "m"), ("te", "trailers")];
        let response = client.post(&format!("/echo{query}"), &headers, bytes.clone()).await.unwrap();
        assert_eq!(response.headers()["x-echo-x-marker"], "m");
        assert_eq!(response.headers().contains_key("content-length"), query == "?sized");
        assert_eq!(response.status() == StatusCode::IM_A_TEAPOT, query.contains("418"));
        let body = response.collect().await.unwrap();
        assert_eq!(body.trailers().is_some(), query.contains("trailers"), "{query}");
        assert!(body.to_bytes() == bytes, "{query}");
        assert!(mock.seen().iter().all(|seen| seen.body_hash == Seen::hash_of(&bytes)));
    }
}

#[tokio::test]
async fn an_upgraded_connection_echoes() {
    let mock = mock().await;
    let mut stream = TcpStream::connect(mock.addr).await.unwrap();
    let head =
        "GET /upgrade/echo HTTP/1.1\r\nhost: mock\r\nconnection: upgrade\r\nupgrade: chatter\r\n\r\nhello";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(answer.contains("upgrade: chatter") && answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn the_bench_model_has_fixed_answers() {
    let mock = mock().await;
    let (_, headers, body) =
        post(&mock, CHAT, &[], &chat("x", json!({ "model": cp_mock::BENCH_MODEL }))).await;
    assert_eq!(headers["content-length"].to_str().unwrap(), body.len().to_string());
    assert!(serde_json::from_slice::<Value>(&body).unwrap()["choices"][0]["message"]["content"].is_string());
    let stream = chat("x", json!({ "model": cp_mock::BENCH_MODEL, "stream": true }));
    assert_eq!(events(&post(&mock, CHAT, &[], &stream).await.2).len(), 24);
}

#[tokio::test]
async fn embeddings_and_models() {
    let mock = mock().await;
    let body = json!({ "model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 8 });
    let answer = post_json(&mock, "/v1/embeddings", &body).await;
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    assert_eq!(answer["data"][1]["embedding"].as_array().unwrap().len(), 8);
    let (_, _, models) = post(&mock, "/v1/models", &[("anthropic-version", "2023-06-01")], &json!({})).await;
    assert_eq!(serde_json::from_slice::<Value>(&models).unwrap()["has_more"], false);
    assert_eq!(post_json(&mock, "/v1/models", &json!({})).await["object"], "list");
}

#[tokio::test]
async fn stopping_ends_streams_and_frees_the_port() {
    let options = Options { grace: Duration::ZERO, ..Options::default() };
    let mock = Mock::start(SocketAddr::from(([127, 0, 0, 1], 0)), options).await.unwrap();
    let addr = mock.addr;
    let taken = Mock::start(addr, Options::default()).await;
    assert!(matches!(taken, Err(MockError::Listen { .. })));
    let clients = join_all((0..3).map(|_| post_stalled(&mock))).await;
    mock.stop().await;
    drop(clients);
    Mock::start(addr, Options::default()).await.unwrap();
}

async fn post_stalled(mock: &Mock) -> (Client, Response<Incoming>) {
    let mut client = Client::new(mock).await;
    let body = chat("hello", json!({ "stream": true })).to_string();
    let response = client.post(CHAT, &[("x-mock", "stall-body")], body).await.unwrap();
    (client, response)
}

#[tokio::test]
async fn the_demo_sends_what_it_reports() {
    // The mock stands where the gateway would: it knows neither the prefixes nor the health check.
    let mock = mock().await;
    let gateway = mock.url("").parse().unwrap();
    let mut last = None;
    let report = cp_mock::demo::run(&gateway, 23, 1, |progress| last = Some(progress)).await.unwrap();
    assert_eq!((report.calls(), mock.seen().len()), (23, 23));
    assert_eq!(last.unwrap().done, 23);
    assert_eq!(report.refused.keys().copied().collect::<Vec<_>>(), [404]);
    assert!(report.unreachable.is_none());
    assert!(cp_mock::demo::check(&gateway).await.is_err());
    let https = "https://127.0.0.1:1/".parse().unwrap();
    assert!(cp_mock::demo::check(&https).await.is_err());
}
