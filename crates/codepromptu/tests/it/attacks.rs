//! What is meant to burst the program: bodies that unfold, nest or count without end. Each is stored as what could be read of
//! it, the program lives, and its memory stays bounded.

use std::io::Write;

use bytes::Bytes;
use cp_wire::CallDetail;
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::program::{Installation, Program, http};

const MIB: usize = 1 << 20;
/// What the program may take for a hostile call, over what it takes for an ordinary one: its bodies, unfolded as far as they
/// are, a few times over.
const ROOM_BYTES: usize = 512 * MIB;

/// A provider that takes any request and answers with the same bytes.
async fn provider(encoding: &str, body: Vec<u8>) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{encoding}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let answer = Bytes::from([head.as_bytes(), &body].concat());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            connections.spawn(async move {
                read_request(&mut stream).await;
                stream.write_all(&answer).await.ok();
                stream.shutdown().await.ok();
                // A socket closed with bytes unread resets the other side.
                while !matches!(stream.read(&mut [0; 1024]).await, Ok(0) | Err(_)) {}
            });
        }
    });
    (format!("http://{address}"), tasks)
}

async fn read_request(stream: &mut tokio::net::TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |text| text.parse().unwrap())];
    stream.read_exact(&mut body).await.ok();
}

/// The most memory that the program ever had.
fn peak_bytes(program: &Program) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Sends a body to a provider that answers with another, and returns what is stored of the call.
async fn exchange(encoding: &str, request: Vec<u8>, response: Vec<u8>) -> CallDetail {
    let field = if encoding.is_empty() { String::new() } else { format!("Content-Encoding: {encoding}\r\n") };
    let (base_url, _tasks) = provider(&field, response).await;
    let installation = Installation::with(&format!("[providers.hostile]\nbase_url = \"{base_url}\"")).await;
    let program = installation.serve();
    // What an ordinary call takes is no part of it.
    let ordinary = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}]}"#;
    program.ended_call(program.chat(&http(), ordinary).await.call).await;
    let before = peak_bytes(&program);
    let uri = format!("{}/hostile/v1/chat/completions", program.base);
    let mut sent = Request::post(uri).header("content-type", "application/json");
    if !encoding.is_empty() {
        sent = sent.header("content-encoding", encoding);
    }
    let answer =
        raw(http().request(sent.body(Full::new(Bytes::from(request))).unwrap()).await.unwrap()).await;
    let stored = program.ended_call(answer).await;
    let grown = peak_bytes(&program) - before;
    assert!(grown < ROOM_BYTES, "{} MiB for {encoding}", grown / MIB);
    // It works as before, and ends in order.
    let after = program.chat(&http(), ordinary).await;
    assert!(program.ended_call(after.call).await.summary.usage.is_some());
    assert!(program.terminate());
    stored
}

/// The id of a call whose answer is received to its end.
async fn raw(response: http::Response<hyper::body::Incoming>) -> cp_base::CallId {
    let call = response.headers()["codepromptu-call-id"].to_str().unwrap().parse().unwrap();
    http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    call
}

fn zstd(bytes: &[u8], times: usize) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..times {
        encoder.write_all(bytes).unwrap();
    }
    encoder.finish().unwrap()
}

#[tokio::test]
async fn bodies_that_unfold_without_end_are_cut_off() {
    let zeros = zstd(&vec![0; MIB], 1024);
    let twice = zstd(&zeros, 1);
    assert!(twice.len() < 64 << 10, "a gigabyte in {} bytes", twice.len());
    let stored = exchange("zstd, zstd", twice.clone(), twice).await;
    assert!(!stored.warnings.is_empty());
    let stored = exchange("zstd", zeros.clone(), zeros).await;
    assert!(!stored.warnings.is_empty());
}

#[tokio::test]
async fn json_of_millions_of_values_stays_within_bounds() {
    const UNFOLDED_BYTES: usize = 4 * MIB;
    let many = |head: &str, value: &str, tail: &str| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.write_all(head.as_bytes()).unwrap();
        let some = value.repeat(1 << 16);
        for _ in 0..(UNFOLDED_BYTES / some.len()) {
            encoder.write_all(some.as_bytes()).unwrap();
        }
        encoder.write_all(tail.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    // Lists and objects, and then messages that are none.
    let request = many(r#"{"model":"m","messages":["#, "[0],", "0]}");
    let response = many(r#"{"model":"m","choices":["#, r#"{"":0},"#, "0]}");
    let stored = exchange("zstd", request, response).await;
    assert!(
        stored.warnings.iter().any(|warning| warning.contains("lists and objects")),
        "{:?}",
        stored.warnings
    );
    let request = many(r#"{"model":"m","messages":["#, "0,", "0]}");
    let stored = exchange("zstd", request, zstd(b"{}", 1)).await;
    assert!(stored.warnings.iter().any(|warning| warning.contains("values")), "{:?}", stored.warnings);
}

#[tokio::test]
async fn json_without_a_ground_is_kept_as_it_came() {
    let nested = |head: &str, open: &str, close: &str| {
        format!(
            "{head}{}{}{}",
            open.repeat(100_000),
            close.repeat(100_000),
            if head.is_empty() { "" } else { "}" }
        )
    };
    let request = nested(r#"{"model":"m","messages":"#, "[", "]").into_bytes();
    let response = nested("", r#"{"a":"#, "}").into_bytes();
    let stored = exchange("", request, response).await;
    assert!(!stored.warnings.is_empty(), "it says that it could not be read");
    assert!(serde_json::to_string(&stored.raw).unwrap().contains("[[[["), "and keeps the bytes");
}

#[tokio::test]
async fn numbers_beyond_all_numbers_are_no_usage() {
    let digits = "9".repeat(5_000);
    let request = format!(
        r#"{{"model":"gpt-4o-mini","temperature":1e400,"max_tokens":{digits},"seed":-{digits},"messages":[{{"role":"user","content":"{}"}}]}}"#,
        "x".repeat(MIB)
    );
    let response = format!(
        r#"{{"model":"gpt-4o-mini","choices":[],"usage":{{"prompt_tokens":18446744073709551615,"completion_tokens":{digits}}}}}"#
    );
    let stored = exchange("", request.into_bytes(), response.into_bytes()).await;
    let cost = stored.summary.cost_usd.map(|cost| cost.to_string()).unwrap_or_default();
    assert!(!cost.starts_with('-'), "{cost}");
    // Tokens within all numbers, and a price that is none.
    let response = br#"{"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":18446744073709551615,"total_tokens":1}}"#;
    let request = br#"{"model":"gpt-4o-mini","messages":[]}"#.to_vec();
    let stored = exchange("", request, response.to_vec()).await;
    let cost = stored.summary.cost_usd.map(|cost| cost.to_string()).unwrap_or_default();
    assert!(!cost.starts_with('-'), "{cost}");
}

/// Everything that the page shows comes from the API as JSON, which no browser takes for a page, whoever wrote it.
#[tokio::test]
async fn markup_in_any_field_is_data() {
    const MARK: &str = "<img src=x onerror=alert(1)>\"'</script><svg/onload=alert(1)>";
    let message = serde_json::json!({
        "role": MARK, "content": MARK, "name": MARK,
        "tool_calls": [{"id": MARK, "type": "function", "function": {"name": MARK, "arguments": MARK}}],
    });
    let request = serde_json::json!({
        "model": MARK, "user": MARK, "metadata": {MARK: MARK}, MARK: MARK, "messages": [message],
        "tools": [{"type": "function", "function": {"name": MARK, "description": MARK}}],
    });
    let response = serde_json::json!({
        "model": MARK, "id": MARK, MARK: MARK, "system_fingerprint": MARK,
        "choices": [{"index": 0, "finish_reason": MARK, "message": message}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    });
    let (base_url, _tasks) = provider("", response.to_string().into_bytes()).await;
    let installation = Installation::with(&format!("[providers.hostile]\nbase_url = \"{base_url}\"")).await;
    let program = installation.serve();
    let uri = format!("{}/hostile/v1/chat/completions?<script>=%3Cscript%3E", program.base);
    let uri = uri.replace('<', "%3C").replace('>', "%3E");
    let sent = Request::post(uri).header("user-agent", "<script>").header("content-type", "application/json");
    let call =
        raw(http().request(sent.body(Full::new(Bytes::from(request.to_string()))).unwrap()).await.unwrap())
            .await;
    program.ended_call(call).await;
    for path in [format!("/api/v1/calls/{call}"), "/api/v1/calls".to_owned(), format!("/api/v1/calls/{MARK}")]
    {
        let uri = format!("{}{}", program.base, percent_encoded(&path));
        let response = http().get(uri.parse().unwrap()).await.unwrap();
        let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(
            ["application/json", "application/problem+json"].contains(&media_type.as_str()),
            "{media_type}"
        );
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    let (_, json) = program.get(&format!("/api/v1/calls/{call}")).await;
    let stored: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(stored["request_model"], MARK, "and it is kept as it was written");
}

fn percent_encoded(path: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte);
    path.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
