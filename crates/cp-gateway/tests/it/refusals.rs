//! What the gateway says itself, each in the shape of the provider.

use std::time::Duration;

use cp_base::Outcome;
use cp_gateway::{OnFull, UpstreamClient};
use tokio::io::AsyncWriteExt;

use crate::rig::{PATIENCE, Provider, Rig, Settings, Step, response, text};

fn request(path: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}")
        .into_bytes()
}

fn code(answer: &str) -> &str {
    answer.split("codepromptu-error: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap_or_default()
}

#[tokio::test]
async fn an_unknown_provider_is_told_the_known_ones() {
    let provider = Provider::play(vec![]).await;
    let rig = Rig::before(&provider).await;
    let answer = text(&rig.exchange(&request("/opnai/v1/chat/completions")).await);
    assert!(answer.starts_with("HTTP/1.1 404 ") && code(&answer) == "unknown_provider", "{answer}");
    assert!(answer.contains("opnai") && answer.contains("anthropic, gemini, ollama, openai"), "{answer}");
    assert!(answer.contains("codepromptu-call-id: call_") && answer.contains("codepromptu-overhead-us: "));
}

#[tokio::test]
async fn an_unreachable_provider_is_a_502_in_its_own_shape() {
    // A port that is taken, and that nobody listens on.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = nobody.local_addr().unwrap().port();
    let shapes = [
        ("openai", "\"param\":null"),
        ("anthropic", "\"type\":\"error\""),
        ("gemini", "\"code\":502"),
        ("ollama", "{\"error\":\""),
    ];
    for (family, shape) in shapes {
        let rig = Rig::with(port, Settings::default()).await;
        let answer = text(&rig.exchange(&request(&format!("/{family}/v1/x"))).await);
        assert!(answer.starts_with("HTTP/1.1 502 ") && code(&answer) == "upstream_unreachable", "{answer}");
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        assert!(body.contains(shape), "{body}");
        assert!(body.contains(&format!("127.0.0.1:{port}")), "{body}");
        let (_, closing) = rig.only_call().await;
        assert_eq!((closing.outcome, closing.status), (Outcome::UpstreamError, Some(502)));
        assert_eq!(closing.error.as_deref(), Some("upstream_unreachable"));
        assert_eq!(crate::rig::bytes(&closing.request), b"{}", "what was asked is kept");
    }
}

#[tokio::test]
async fn a_provider_that_accepts_no_connection_in_time_is_a_504() {
    // TLS is awaited from a socket that never speaks.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("https://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let client = UpstreamClient::new(Duration::from_millis(50), false, None).unwrap();
    let rig = Rig::with(0, Settings { base_url: Some(base_url), client, ..Settings::default() }).await;
    let answer = text(&rig.exchange(&request("/anthropic/v1/messages")).await);
    assert!(answer.starts_with("HTTP/1.1 504 ") && code(&answer) == "connect_timed_out", "{answer}");
    assert_eq!(rig.only_call().await.1.outcome, Outcome::TimedOut);
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused_at_once_or_midway() {
    let mut provider = Provider::play(vec![Step::Send(response(b"{}"))]).await;
    let mut settings = Settings::default();
    settings.limits.max_request_bytes = Some(10);
    let rig = Rig::with(provider.port, settings).await;
    let declared = b"POST /openai/v1/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 11\r\n\r\n12345678901";
    let answer = text(&rig.exchange(declared).await);
    assert!(answer.starts_with("HTTP/1.1 413 ") && code(&answer) == "request_too_large", "{answer}");
    assert!(answer.contains("max_request_bytes"), "{answer}");

    let mut client = rig.connect().await;
    let head =
        b"POST /openai/v1/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.write_all(head).await.unwrap();
    client.write_all(b"6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n").await.unwrap();
    let answer =
        tokio::time::timeout(PATIENCE, crate::rig::read_message(&mut client)).await.unwrap().unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 413 "), "{}", text(&answer));
    let (_, closing) = rig.only_call().await;
    assert_eq!((closing.outcome, closing.status), (Outcome::Rejected, Some(413)));
    assert!(provider.seen.borrow_and_update().requests.is_empty());
}

/// A request whose body does not compress, the `n`-th of its kind.
fn noise(n: u64) -> Vec<u8> {
    let mut body = vec![0; 15_000];
    cp_base::Random::seeded(n).fill(&mut body);
    let head = "POST /anthropic/v1/messages HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 15000\r\n\r\n";
    [head.as_bytes(), &body].concat()
}

/// Sends calls until one is answered otherwise than captured, and returns that answer.
async fn fill(rig: &Rig) -> String {
    for n in 0..100 {
        let answer = text(&rig.exchange(&noise(n)).await);
        if !answer.starts_with("HTTP/1.1 200 ") || answer.contains("codepromptu-capture: skipped") {
            return answer;
        }
    }
    panic!("the log never filled up");
}

#[tokio::test]
async fn a_full_log_refuses_or_lets_pass_as_it_is_told() {
    for on_full in [OnFull::Reject, OnFull::Forward] {
        let mut provider = Provider::play(vec![Step::Send(response(b"{}"))]).await;
        let mut settings = Settings { max_log_bytes: 300_000, ..Settings::default() };
        settings.capture.on_full = on_full;
        let rig = Rig::with(provider.port, settings).await;
        let answer = fill(&rig).await;
        let before = provider.seen.borrow_and_update().requests.len();
        match on_full {
            OnFull::Reject => {
                assert!(answer.starts_with("HTTP/1.1 503 ") && code(&answer) == "capture_full", "{answer}");
                assert!(
                    answer.contains("\"type\":\"error\"") && answer.contains("retry-after: 1"),
                    "{answer}"
                );
                rig.exchange(&noise(7)).await;
                assert_eq!(
                    provider.seen.borrow_and_update().requests.len(),
                    before,
                    "the provider was asked"
                );
            }
            OnFull::Forward => assert!(answer.ends_with("{}"), "{answer}"),
        }
        assert!(rig.log.stats().refused > 0, "the loss is counted");
        // Room again: the consumer has stored what is there. The log looks for it once a second.
        rig.log.release("test", *rig.log.written().borrow());
        let captured = async {
            loop {
                let answer = text(&rig.exchange(&noise(1)).await);
                if answer.starts_with("HTTP/1.1 200 ") && !answer.contains("codepromptu-capture") {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, captured).await.unwrap();
    }
}

#[tokio::test]
async fn a_foreign_page_does_not_reach_a_provider_on_this_machine() {
    let mut provider = Provider::play(vec![Step::Send(response(b"{}"))]).await;
    let rig = Rig::before(&provider).await;
    let page = |host: &str| {
        format!(
            "GET /ollama/api/tags HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n"
        )
    };
    let answer = text(&rig.exchange(page("evil.example:8080").as_bytes()).await);
    assert!(answer.starts_with("HTTP/1.1 403 ") && code(&answer) == "foreign_page", "{answer}");
    assert!(provider.seen.borrow_and_update().requests.is_empty());
    let answer = text(&rig.exchange(page("localhost:8080").as_bytes()).await);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn responses_over_websocket_answer_426() {
    let provider = Provider::play(vec![]).await;
    let rig = Rig::before(&provider).await;
    let upgrade =
        b"GET /openai/v1/responses HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let mut client = rig.connect().await;
    client.write_all(upgrade).await.unwrap();
    let answer = text(&crate::rig::read_message(&mut client).await.unwrap());
    assert!(answer.starts_with("HTTP/1.1 426 ") && code(&answer) == "websocket_unsupported", "{answer}");
}

#[tokio::test]
async fn a_coding_that_only_we_could_undo_is_a_501() {
    let provider = Provider::play(vec![]).await;
    let rig = Rig::before(&provider).await;
    let request = b"POST /openai/v1/chat/completions HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\
        Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    let answer = text(&rig.exchange(request).await);
    assert!(answer.starts_with("HTTP/1.1 501 ") && code(&answer) == "transfer_coding", "{answer}");
    assert!(answer.contains("`gzip`"), "{answer}");
}
