//! How calls end: each of them with one closing that says the truth.

use std::time::Duration;

use cp_base::Outcome;
use cp_capture::Record;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{CHUNKED, PATIENCE, Provider, Rig, Settings, Step, bytes, chunk, response, text};

const REQUEST: &[u8] =
    b"POST /openai/v1/chat/completions?alt=1&key=sk-in-query HTTP/1.1\r\nHost: gateway\r\n\
    Authorization: Bearer sk-secret\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\
    traceparent: 00-1-2-01\r\nConnection: close\r\n\r\n{\"a\": 1}\n";

#[tokio::test]
async fn a_completed_call_is_opened_and_closed_once() {
    let provider = Provider::play(vec![Step::Send(response(b"{\"b\": 2}"))]).await;
    let rig = Rig::before(&provider).await;
    let answer = text(&rig.exchange(REQUEST).await);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("{\"b\": 2}"), "{answer}");
    assert!(answer.contains("codepromptu-overhead-us: "), "{answer}");

    let (opening, closing) = rig.only_call().await;
    assert!(answer.contains(&format!("codepromptu-call-id: {}", opening.call)), "{answer}");
    assert_eq!(closing.opening, opening);
    assert_eq!((closing.outcome, closing.status), (Outcome::Completed, Some(200)));
    assert_eq!(
        (bytes(&closing.request), bytes(&closing.response)),
        (b"{\"a\": 1}\n".into(), b"{\"b\": 2}".into())
    );
    assert_eq!((opening.provider.as_str(), opening.path.as_str()), ("openai", "/v1/chat/completions"));
    assert_eq!(opening.query.as_deref(), Some("alt=1&key=REDACTED"));
    assert!(opening.headers.contains(&("traceparent".into(), "00-1-2-01".into())));
    assert!(opening.client_fingerprint.is_some());
    assert!(!format!("{:?}", (opening, closing)).contains("sk-"));
}

#[tokio::test]
async fn an_answer_received_in_full_is_in_the_log_already() {
    let provider = Provider::play(vec![Step::Send(response(b"{}"))]).await;
    for durability in [cp_capture::Durability::Process, cp_capture::Durability::Strict] {
        let rig = Rig::with(provider.port, Settings { durability, ..Settings::default() }).await;
        for n in 1..=20 {
            rig.exchange(REQUEST).await;
            // No waiting: what a client has must be readable at once.
            let records = rig.records(|_| true).await;
            let closings = records.iter().filter(|record| matches!(record, Record::Closing(_))).count();
            assert_eq!(closings, n);
        }
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_mid_stream_cancels_the_provider() {
    let script = vec![Step::Send(CHUNKED.to_vec()), Step::Send(chunk(b"data: one\n\n")), Step::AwaitHangUp];
    let mut provider = Provider::play(script).await;
    let rig = Rig::before(&provider).await;
    let mut client = rig.connect().await;
    client.write_all(REQUEST).await.unwrap();
    let mut seen = Vec::new();
    while !text(&seen).contains("data: one") {
        client.read_buf(&mut seen).await.unwrap();
    }
    drop(client);
    provider.wait_for(|seen| seen.hang_ups == 1).await;
    let (_, closing) = rig.only_call().await;
    assert_eq!(closing.outcome, Outcome::ClientCancelled);
    assert_eq!(text(&bytes(&closing.response)), "data: one\n\n");
    assert_eq!(bytes(&closing.request), b"{\"a\": 1}\n");
    assert!(closing.time_to_first_chunk_us.is_some());
}

#[tokio::test]
async fn a_client_that_hangs_up_before_the_head_cancels_the_provider() {
    let mut provider = Provider::play(vec![Step::AwaitHangUp]).await;
    let rig = Rig::before(&provider).await;
    let mut client = rig.connect().await;
    client.write_all(REQUEST).await.unwrap();
    provider.wait_for(|seen| seen.requests.len() == 1).await;
    drop(client);
    provider.wait_for(|seen| seen.hang_ups == 1).await;
    let (_, closing) = rig.only_call().await;
    assert_eq!((closing.outcome, closing.status), (Outcome::ClientCancelled, None));
}

#[tokio::test]
async fn a_client_that_hangs_up_while_uploading_cancels_the_provider() {
    let mut provider = Provider::play(vec![]).await;
    let rig = Rig::before(&provider).await;
    let mut client = rig.connect().await;
    client
        .write_all(b"POST /openai/v1/files HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\nhalf")
        .await
        .unwrap();
    let opened = |records: &[Record]| records.iter().any(|record| matches!(record, Record::Opening(_)));
    rig.records(opened).await;
    drop(client);
    let (_, closing) = rig.only_call().await;
    assert_eq!(closing.outcome, Outcome::ClientCancelled);
    assert!(provider.seen.borrow_and_update().requests.is_empty());
}

#[tokio::test]
async fn a_provider_that_dies_mid_stream_is_seen_to_have_died() {
    for last in [Step::Reset, Step::Send(b"no chunk size\r\n".to_vec())] {
        let script =
            vec![Step::Send(CHUNKED.to_vec()), Step::Send(chunk(b"data: one\n\n")), last, Step::Reset];
        let provider = Provider::play(script).await;
        let rig = Rig::before(&provider).await;
        let answer = rig.exchange(REQUEST).await;
        assert!(!answer.ends_with(b"0\r\n\r\n"), "a clean end: {}", text(&answer));
        let (_, closing) = rig.only_call().await;
        assert_eq!(closing.outcome, Outcome::UpstreamError);
        assert_eq!(closing.error.as_deref(), Some("upstream_broke_off"));
    }
}

#[tokio::test]
async fn a_short_body_is_a_broken_one() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".to_vec();
    let provider = Provider::play(vec![Step::Send(head), Step::Reset]).await;
    let rig = Rig::before(&provider).await;
    let answer = text(&rig.exchange(REQUEST).await);
    assert!(answer.contains("content-length: 100") || answer.contains("Content-Length: 100"), "{answer}");
    let (_, closing) = rig.only_call().await;
    assert_eq!(closing.outcome, Outcome::UpstreamError);
}

#[tokio::test]
async fn chunks_outweigh_a_length_that_contradicts_them() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let provider =
        Provider::play(vec![Step::Send(head), Step::Send(chunk(b"hello")), Step::Send(chunk(b""))]).await;
    let rig = Rig::before(&provider).await;
    let answer = text(&rig.exchange(REQUEST).await);
    assert!(answer.contains("hello") && answer.ends_with("0\r\n\r\n"), "{answer}");
    let (_, closing) = rig.only_call().await;
    assert_eq!((closing.outcome, bytes(&closing.response)), (Outcome::Completed, b"hello".to_vec()));
}

#[tokio::test]
async fn a_provider_that_stalls_is_given_up() {
    let idle = Duration::from_millis(50);
    let stalled_body = vec![Step::Send(CHUNKED.to_vec()), Step::Send(chunk(b"x")), Step::AwaitHangUp];
    let mut settings = Settings::default();
    settings.limits.idle_timeout = idle;
    let mut provider = Provider::play(stalled_body).await;
    let rig = Rig::with(provider.port, settings).await;
    let answer = rig.exchange(REQUEST).await;
    assert!(!answer.ends_with(b"0\r\n\r\n"));
    provider.wait_for(|seen| seen.hang_ups == 1).await;
    let (_, closing) = rig.only_call().await;
    assert_eq!((closing.outcome, closing.error.as_deref()), (Outcome::TimedOut, Some("idle_timed_out")));

    let mut settings = Settings::default();
    settings.limits.first_byte_timeout = idle;
    let mut provider = Provider::play(vec![Step::AwaitHangUp]).await;
    let rig = Rig::with(provider.port, settings).await;
    let answer = text(&rig.exchange(REQUEST).await);
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    provider.wait_for(|seen| seen.hang_ups == 1).await;
    let (_, closing) = rig.only_call().await;
    assert_eq!((closing.outcome, closing.status), (Outcome::TimedOut, Some(504)));
    let (all, ours) = (closing.duration_us, closing.overhead_us);
    assert!(all >= ours + 40_000, "the provider's time is not the gateway's: {ours} of {all}");
}

#[tokio::test]
async fn a_shut_down_lets_calls_end_and_then_ends_them() {
    let script = vec![Step::Send(CHUNKED.to_vec()), Step::Send(chunk(b"data: one\n\n")), Step::AwaitHangUp];
    let mut provider = Provider::play(script).await;
    let mut rig = Rig::before(&provider).await;
    let mut client = rig.connect().await;
    client.write_all(REQUEST).await.unwrap();
    let mut seen = Vec::new();
    while !text(&seen).contains("data: one") {
        client.read_buf(&mut seen).await.unwrap();
    }
    rig.closing.cancel();
    assert!(tokio::time::timeout(Duration::from_millis(50), rig.serving.join_next()).await.is_err());
    rig.gateway.stop().await;
    rig.abort.cancel();
    tokio::time::timeout(PATIENCE, rig.serving.join_next()).await.unwrap().unwrap().unwrap();
    provider.wait_for(|seen| seen.hang_ups == 1).await;
    assert_eq!(rig.only_call().await.1.outcome, Outcome::ShutDown);
}

#[tokio::test]
async fn what_passes_the_cap_is_not_kept_and_the_record_says_so() {
    let body = vec![b'x'; 300_000];
    let provider = Provider::play(vec![Step::Send(response(&body))]).await;
    let mut settings = Settings::default();
    settings.capture.max_body_bytes = 100_000;
    let rig = Rig::with(provider.port, settings).await;
    let answer = rig.exchange(REQUEST).await;
    assert!(answer.ends_with(&body));
    let (_, closing) = rig.only_call().await;
    assert_eq!((closing.response.captured_bytes(), closing.response.total_bytes), (100_000, 300_000));
    assert!(closing.response.is_truncated() && !closing.request.is_truncated());
}

#[tokio::test]
async fn each_chunk_is_passed_on_as_it_comes() {
    // The provider sends a chunk only after the client has the one before: buffering would stop them both.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let rig = Rig::with(port, Settings::default()).await;
    let mut client = rig.connect().await;
    client.write_all(REQUEST).await.unwrap();
    let (mut provider, _) = listener.accept().await.unwrap();
    crate::rig::read_message(&mut provider).await.unwrap();
    provider.write_all(CHUNKED).await.unwrap();
    let mut seen = Vec::new();
    for n in 0..50 {
        provider.write_all(&chunk(format!("data: {n}\n\n").as_bytes())).await.unwrap();
        while !text(&seen).contains(&format!("data: {n}\n\n")) {
            let read = tokio::time::timeout(PATIENCE, client.read_buf(&mut seen)).await;
            assert!(read.unwrap().unwrap() > 0, "ended at {n}");
        }
    }
}
