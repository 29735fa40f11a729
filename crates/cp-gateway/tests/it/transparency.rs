//! What goes in comes out: any body, in any pieces, in both directions.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{CHUNKED, PATIENCE, Provider, Rig, Step, bytes, chunk, response, text};

/// A body, the sizes of the pieces it is sent in, and whether its length is told ahead.
#[derive(Clone, Debug)]
struct Sent {
    body: Vec<u8>,
    pieces: Vec<usize>,
    chunked: bool,
}

fn sent() -> impl Strategy<Value = Sent> {
    let body = prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..3_000),
        1 => (any::<u8>(), 0..200_000usize).prop_map(|(byte, len)| vec![byte; len]),
    ];
    (body, proptest::collection::vec(1..5_000usize, 1..8), any::<bool>())
        .prop_map(|(body, pieces, chunked)| Sent { body, pieces, chunked })
}

impl Sent {
    fn pieces(&self) -> Vec<&[u8]> {
        let mut rest = self.body.as_slice();
        let mut pieces = Vec::new();
        for size in self.pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, tail) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        pieces
    }

    /// The message after its first lines: framing header, blank line, body.
    fn framed(&self) -> Vec<Vec<u8>> {
        if self.chunked {
            let head = b"Transfer-Encoding: chunked\r\n\r\n".to_vec();
            let chunks = self.pieces().into_iter().map(chunk);
            return std::iter::once(head).chain(chunks).chain([b"0\r\n\r\n".to_vec()]).collect();
        }
        let head = format!("Content-Length: {}\r\n\r\n", self.body.len()).into_bytes();
        std::iter::once(head).chain(self.pieces().into_iter().map(<[u8]>::to_vec)).collect()
    }
}

/// The lines of a message's head, and its body with the chunks undone.
fn parse(message: &[u8]) -> (Vec<String>, Vec<u8>) {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head: Vec<String> = text(&message[..end]).split("\r\n").map(str::to_owned).collect();
    let mut rest = &message[end + 4..];
    if !head.iter().any(|line| line.eq_ignore_ascii_case("transfer-encoding: chunked")) {
        return (head, rest.to_vec());
    }
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(&text(&rest[..line]), 16).unwrap();
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 4 + size..];
        if size == 0 {
            return (head, body);
        }
    }
}

async fn passes_unchanged(request: Sent, answer: Sent) {
    let mut script = vec![Step::Send(
        b"HTTP/1.1 207 Quite Unusual\r\nX-ODD-Case: \"v\"\r\nx-twice: 1\r\nx-twice: 2\r\n".to_vec(),
    )];
    script.extend(answer.framed().into_iter().map(Step::Send));
    let mut provider = Provider::play(script).await;
    let rig = Rig::before(&provider).await;
    let mut client = rig.connect().await;
    client
        .write_all(
            b"PATCH /openai/v1/%7Eodd//path;p=1?q=%20&r&r=2 HTTP/1.1\r\nHost: g\r\nX-CASED-Name: \xc3\xa9\r\n\
            Accept-Encoding: br\r\nConnection: close\r\n",
        )
        .await
        .unwrap();
    for piece in request.framed() {
        client.write_all(&piece).await.unwrap();
    }
    let mut got = Vec::new();
    tokio::time::timeout(PATIENCE, client.read_to_end(&mut got)).await.unwrap().unwrap();

    let seen = provider.wait_for(|seen| seen.requests.len() == 1).await;
    let (head, body) = parse(&seen.requests[0]);
    assert_eq!(head[0], "PATCH /v1/%7Eodd//path;p=1?q=%20&r&r=2 HTTP/1.1");
    assert!(seen.requests[0].windows(18).any(|window| window == b"X-CASED-Name: \xc3\xa9\r\n"), "{head:?}");
    assert!(head.contains(&"Accept-Encoding: br".to_owned()), "{head:?}");
    assert!(body == request.body, "{} bytes became {}", request.body.len(), body.len());

    let (head, body) = parse(&got);
    assert_eq!(head[0], "HTTP/1.1 207 Quite Unusual");
    for line in ["X-ODD-Case: \"v\"", "x-twice: 1", "x-twice: 2"] {
        assert!(head.contains(&line.to_owned()), "{head:?}");
    }
    assert!(body == answer.body, "{} bytes became {}", answer.body.len(), body.len());

    let (_, closing) = rig.only_call().await;
    assert_eq!(bytes(&closing.request), request.body);
    assert_eq!(bytes(&closing.response), answer.body);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_in_any_pieces_pass_unchanged(request in sent(), answer in sent()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(passes_unchanged(request, answer));
    }
}

#[tokio::test]
async fn a_body_much_larger_than_the_memory_passes() {
    let piece = vec![b'y'; 1 << 20];
    let mut script =
        vec![Step::Send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 32 << 20).into_bytes())];
    script.extend((0..32).map(|_| Step::Send(piece.clone())));
    let provider = Provider::play(script).await;
    let rig = Rig::before(&provider).await;
    let answer = rig.exchange(b"GET /gemini/file HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n").await;
    assert!(answer.len() > 32 << 20 && answer.ends_with(&piece));
    let (_, closing) = rig.only_call().await;
    assert_eq!(closing.response.total_bytes, 32 << 20);
    assert!(closing.response.is_truncated());
}

#[tokio::test]
async fn a_connection_serves_many_calls() {
    let mut provider = Provider::play(vec![Step::Send(response(b"{}"))]).await;
    let rig = Rig::before(&provider).await;
    let mut client = rig.connect().await;
    for method in ["GET", "POST", "DELETE", "OPTIONS"] {
        let request = format!("{method} /ollama/api/tags HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let answer = crate::rig::read_message(&mut client).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.ends_with(b"{}"), "{}", text(&answer));
    }
    let seen = provider.wait_for(|seen| seen.requests.len() == 4).await;
    assert!(text(&seen.requests[3]).starts_with("OPTIONS /api/tags HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_pooled_connection_that_dies_costs_a_reader_nothing() {
    // It answers once on each connection, and resets the next request.
    let once = vec![Step::Send(response(b"{}")), Step::AwaitRequest, Step::Reset];
    let provider = Provider::play(once).await;
    let rig = Rig::before(&provider).await;
    for _ in 0..5 {
        let answer =
            rig.exchange(b"GET /openai/v1/models HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", text(&answer));
    }
}

#[tokio::test]
async fn answers_without_a_body_end_too() {
    for head in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
    ] {
        let provider = Provider::play(vec![Step::Send(head.as_bytes().to_vec())]).await;
        let rig = Rig::before(&provider).await;
        let answer =
            text(&rig.exchange(b"GET /openai/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n").await);
        assert!(answer.starts_with(head.split("\r\n").next().unwrap()), "{answer}");
        let (_, closing) = rig.only_call().await;
        assert_eq!(closing.outcome, cp_base::Outcome::Completed);
    }
}

#[tokio::test]
async fn an_answer_that_came_in_one_piece_keeps_its_framing() {
    let pieces = [CHUNKED, &chunk(b"{\"a\":"), &chunk(b"1}"), b"0\r\n\r\n"].concat();
    for (answer, framing, end) in [
        (response(b"{}"), "content-length: 2\r\n", "\r\n\r\n{}"),
        (pieces, "transfer-encoding: chunked\r\n", "5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n"),
    ] {
        let provider = Provider::play(vec![Step::Send(answer)]).await;
        let rig = Rig::before(&provider).await;
        let asked = b"GET /openai/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n";
        let seen = text(&rig.exchange(asked).await);
        assert!(seen.to_ascii_lowercase().contains(framing) && seen.ends_with(end), "{seen}");
        let (_, closing) = rig.only_call().await;
        assert_eq!(closing.outcome, cp_base::Outcome::Completed);
        assert_eq!(closing.response.total_bytes, closing.response.captured_bytes());
    }
}
