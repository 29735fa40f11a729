//! Connections that change their protocol.

use cp_base::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{PATIENCE, Provider, Rig, Step, text};

const SWITCHING: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n";

#[tokio::test]
async fn an_upgrade_is_passed_through_and_bytes_flow_both_ways() {
    let mut provider = Provider::play(vec![Step::Send(SWITCHING.to_vec()), Step::Echo]).await;
    let rig = Rig::before(&provider).await;
    let mut client = rig.connect().await;
    let upgrade = b"GET /openai/v1/realtime?model=x HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Key: x\r\n\r\n";
    client.write_all(upgrade).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(client.read_u8().await.unwrap());
    }
    let answer = text(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 101 ") && answer.contains("sec-websocket-accept: y"), "{answer}");
    let seen = provider.wait_for(|seen| seen.requests.len() == 1).await;
    assert!(text(&seen.requests[0]).to_lowercase().contains("upgrade: websocket"));

    for frame in [b"ping-1".as_slice(), b"\x00\xff binary"] {
        client.write_all(frame).await.unwrap();
        let mut echoed = vec![0; frame.len()];
        tokio::time::timeout(PATIENCE, client.read_exact(&mut echoed)).await.unwrap().unwrap();
        assert_eq!(echoed, frame);
    }
    client.shutdown().await.unwrap();
    let (opening, closing) = rig.only_call().await;
    assert_eq!((closing.outcome, closing.status), (Outcome::Completed, Some(101)));
    assert_eq!(opening.path, "/v1/realtime");
}

#[tokio::test]
async fn an_offer_of_http2_is_not_an_upgrade() {
    let mut provider = Provider::play(vec![Step::Send(crate::rig::response(b"{}"))]).await;
    let rig = Rig::before(&provider).await;
    let request =
        b"GET /openai/v1/models HTTP/1.1\r\nHost: g\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
    let answer = text(&rig.exchange(request).await);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let seen = provider.wait_for(|seen| seen.requests.len() == 1).await;
    let request = text(&seen.requests[0]).to_lowercase();
    assert!(!request.contains("h2c") && !request.contains("http2-settings"), "{request}");
}
