//! What providers can do wrong, or oddly: each call ends once, with the truth, and the client never takes a part for the
//! whole.

use std::time::Duration;

use cp_base::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{CHUNKED, PATIENCE, Provider, Rig, Settings, Step, bytes, chunk, response, text};

const REQUEST: &[u8] = b"POST /openai/v1/chat/completions HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\
    Content-Length: 9\r\n\r\n{\"a\": 1}\n";

/// What the client must see.
#[derive(Clone, Copy, Debug)]
enum Sees {
    /// The gateway's own answer, with this code.
    Error(u16, &'static str),
    /// The head, and then a body that breaks off.
    Broken,
    /// A whole answer that ends so.
    Whole(&'static [u8]),
}
use Sees::{Broken, Error, Whole};

const BROKE_OFF: Sees = Error(502, "upstream_broke_off");

fn send(bytes: &[u8]) -> Step {
    Step::Send(bytes.to_vec())
}

/// Whether an answer is as long as it says that it is.
fn is_whole(answer: &[u8]) -> bool {
    let answer = text(answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() == length.parse::<usize>().unwrap())
}

async fn check(name: &str, provider: Provider, settings: Settings, sees: Sees) {
    let rig = Rig::with(provider.port, settings).await;
    let mut client = rig.connect().await;
    client.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    // It ends in an error where the gateway breaks off.
    while let Ok(1..) = tokio::time::timeout(PATIENCE, client.read_buf(&mut answer)).await.unwrap() {
        // A reset overtakes what was sent before it, so it waits until that has arrived.
        provider.client_done.send_replace(true);
    }
    drop(client);
    let (_, closing) = rig.only_call().await;
    let shown = text(&answer);
    let outcome = match sees {
        Error(status, code) => {
            assert!(shown.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {shown}");
            assert!(shown.contains(&format!("codepromptu-error: {code}\r\n")), "{name}: {shown}");
            assert_eq!((closing.status, closing.error.as_deref()), (Some(status), Some(code)), "{name}");
            if status == 504 { Outcome::TimedOut } else { Outcome::UpstreamError }
        }
        Broken => {
            assert!(shown.starts_with("HTTP/1.1 200 ") && !is_whole(&answer), "{name}: a clean end: {shown}");
            assert_eq!(closing.error.as_deref(), Some("upstream_broke_off"), "{name}");
            Outcome::UpstreamError
        }
        Whole(end) => {
            assert!(is_whole(&answer) && answer.ends_with(end), "{name}: {shown}");
            assert_eq!(closing.error, None, "{name}");
            Outcome::Completed
        }
    };
    assert_eq!(closing.outcome, outcome, "{name}: {shown}");
    assert_eq!(bytes(&closing.request), b"{\"a\": 1}\n", "{name}");
    // The gateway's listener, the provider's, and what is left of the provider's connection.
    rig.nothing_left(3).await;
}

#[tokio::test]
async fn before_the_request_is_read() {
    let gone = || Provider::play_at_once(vec![Step::Close]);
    check("closes at once", gone().await, Settings::default(), BROKE_OFF).await;
    let reset = Provider::play_at_once(vec![Step::Reset]).await;
    check("resets at once", reset, Settings::default(), BROKE_OFF).await;
    let ssh = vec![send(b"SSH-2.0-OpenSSH_9.2\r\n"), Step::Close];
    check("speaks another protocol", Provider::play_at_once(ssh).await, Settings::default(), BROKE_OFF).await;
}

#[tokio::test]
async fn instead_of_a_head() {
    let long = [b"x-".as_slice(), &[b'a'; 1 << 20], b": 1\r\n"].concat();
    let cases: Vec<(&str, Vec<Step>)> = vec![
        ("closes", vec![Step::Close]),
        ("resets", vec![Step::Reset]),
        ("TLS", vec![send(b"\x15\x03\x01\x00\x02\x02\x46"), Step::Close]),
        ("a page", vec![send(b"<html>502</html>\r\n\r\n"), Step::Close]),
        ("noise", vec![send(b"\x00\xff\xfe\r\n\r\n"), Step::Close]),
        ("half a head, then the end", vec![send(b"HTTP/1.1 200 OK\r\nContent-Ty"), Step::Close]),
        ("half a head, then a reset", vec![send(b"HTTP/1.1 200 OK\r\nContent-Ty"), Step::Reset]),
        ("no number", vec![send(b"HTTP/1.1 2xx OK\r\n\r\n"), Step::Close]),
        ("two lengths", vec![send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc")]),
        ("a length that is none", vec![send(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")]),
        (
            "one field for ever",
            vec![send(b"HTTP/1.1 200 OK\r\n"), send(&long), Step::SendForever(vec![b'a'; 9999])],
        ),
        (
            "fields for ever",
            vec![send(b"HTTP/1.1 200 OK\r\n"), Step::SendForever(b"x-a: bbbbbbbbbb\r\n".to_vec())],
        ),
    ];
    for (name, script) in cases {
        check(name, Provider::play(script).await, Settings::default(), BROKE_OFF).await;
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up_in_time() {
    for script in [vec![Step::AwaitHangUp], vec![send(b"HTTP/1.1 200 OK\r\nx-a: 1\r\nx-"), Step::AwaitHangUp]]
    {
        let mut settings = Settings::default();
        settings.limits.first_byte_timeout = Duration::from_millis(30);
        check("slow", Provider::play(script).await, settings, Error(504, "first_byte_timed_out")).await;
    }
}

#[tokio::test]
async fn in_the_middle_of_a_body() {
    let sized = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort";
    let unsized_head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhal";
    let cases: Vec<(&str, Vec<Step>)> = vec![
        ("too short, then the end", vec![send(sized), Step::Close]),
        ("too short, then a reset", vec![send(sized), Step::AwaitClient, Step::Reset]),
        ("between two chunks, the end", vec![send(CHUNKED), send(&chunk(b"one")), Step::Close]),
        (
            "between two chunks, a reset",
            vec![send(CHUNKED), send(&chunk(b"one")), Step::AwaitClient, Step::Reset],
        ),
        ("within a chunk", vec![send(CHUNKED), send(b"64\r\none"), Step::Close]),
        ("without the last line", vec![send(CHUNKED), send(&chunk(b"one")), send(b"0\r\n"), Step::Close]),
        (
            "a size that is none",
            vec![send(CHUNKED), send(&chunk(b"one")), send(b"zz\r\n"), Step::AwaitHangUp],
        ),
        ("a size without end", vec![send(CHUNKED), send(&chunk(b"one")), Step::SendForever(vec![b'1'; 999])]),
        ("no length, then a reset", vec![send(unsized_head), Step::AwaitClient, Step::Reset]),
    ];
    for (name, script) in cases {
        let provider = Provider::play(script).await;
        check(name, provider, Settings::default(), Broken).await;
    }
}

#[tokio::test]
async fn oddly_but_whole() {
    let gzip = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno-gzip";
    let head_hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let then = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let cases: Vec<(&str, Vec<Step>, &[u8])> = vec![
        ("no gzip under that name", vec![send(gzip)], b"no-gzip"),
        (
            "no event under that type",
            vec![send(CHUNKED), send(&chunk(b"\x00\xff garbage")), send(b"0\r\n\r\n")],
            b"0\r\n\r\n",
        ),
        ("no JSON", vec![send(&response(b"<html>"))], b"<html>"),
        ("informational heads before", vec![send(head_hints), send(then)], b"ok"),
        ("more than was announced", vec![send(&response(b"{}")), send(b"and more"), Step::Close], b"{}"),
        (
            "no length",
            vec![send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall"), Step::Close],
            b"3\r\nall\r\n0\r\n\r\n",
        ),
        (
            "an older version",
            vec![send(b"HTTP/1.0 200 OK\r\n\r\nall"), Step::Close],
            b"3\r\nall\r\n0\r\n\r\n",
        ),
    ];
    for (name, script, end) in cases {
        check(name, Provider::play(script).await, Settings::default(), Whole(end)).await;
    }
}

#[tokio::test]
async fn answers_that_have_no_body_by_their_kind() {
    let cases = [
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
    ];
    for (method, head) in cases {
        let provider = Provider::play(vec![send(head.as_bytes())]).await;
        let rig = Rig::before(&provider).await;
        let request = format!("{method} /openai/v1/models HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n");
        let answer = text(&rig.exchange(request.as_bytes()).await);
        assert!(answer.starts_with(&head[..13]) && answer.ends_with("\r\n\r\n"), "{answer}");
        let lengths = |text: &str| text.to_ascii_lowercase().matches("content-length: 100\r\n").count();
        assert_eq!(lengths(&answer), lengths(head), "{answer}");
        assert_eq!(rig.only_call().await.1.outcome, Outcome::Completed);
        rig.nothing_left(3).await;
    }
}

#[tokio::test]
async fn an_answer_before_the_request_was_read_is_passed_on() {
    let refusal = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 7\r\n\r\ntoo big";
    let provider = Provider::play_at_once(vec![send(refusal), Step::AwaitClient, Step::Close]).await;
    let rig = Rig::before(&provider).await;
    let mut client = rig.connect().await;
    let head =
        b"POST /openai/v1/files HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n";
    client.write_all(head).await.unwrap();
    client.write_all(&[b'u'; 1000]).await.unwrap();
    let mut answer = Vec::new();
    while !text(&answer).ends_with("too big") {
        let read = tokio::time::timeout(PATIENCE, client.read_buf(&mut answer)).await.unwrap().unwrap();
        assert!(read > 0, "{}", text(&answer));
    }
    provider.client_done.send_replace(true);
    drop(client);
    let (_, closing) = rig.only_call().await;
    assert_eq!((closing.outcome, closing.status), (Outcome::Completed, Some(413)));
    rig.nothing_left(3).await;
}

#[tokio::test]
async fn whoever_expects_to_be_told_to_go_on_is_told() {
    let mut provider = Provider::play(vec![send(&response(b"{}"))]).await;
    let rig = Rig::before(&provider).await;
    let mut client = rig.connect().await;
    let head = b"POST /openai/v1/files HTTP/1.1\r\nHost: g\r\nConnection: close\r\nExpect: 100-continue\r\n\
        Content-Length: 4\r\n\r\n";
    client.write_all(head).await.unwrap();
    let mut told = [0; 25];
    tokio::time::timeout(PATIENCE, client.read_exact(&mut told)).await.unwrap().unwrap();
    assert_eq!(text(&told), "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"body").await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"{}"), "{}", text(&answer));
    let seen = provider.wait_for(|seen| seen.requests.len() == 1).await;
    assert!(seen.requests[0].ends_with(b"\r\n\r\nbody"));
    assert_eq!(bytes(&rig.only_call().await.1.request), b"body");
}

#[tokio::test]
async fn an_endless_stream_takes_no_more_memory_than_its_cap_and_ends_with_its_client() {
    let event = chunk(&[b'e'; 8_000]);
    for reads in [64 << 20, 100_000] {
        let mut provider = Provider::play(vec![send(CHUNKED), Step::SendForever(event.clone())]).await;
        let mut settings = Settings::default();
        settings.capture.max_body_bytes = 1_000_000;
        let rig = Rig::with(provider.port, settings).await;
        let mut client = rig.connect().await;
        client.write_all(REQUEST).await.unwrap();
        let (mut buffer, mut read) = (vec![0; 1 << 20], 0);
        while read < reads {
            read += tokio::time::timeout(PATIENCE, client.read(&mut buffer)).await.unwrap().unwrap();
            assert!(rig.log.stats().memory_used <= 1_000_000 + 9, "{:?}", rig.log.stats());
        }
        // Whoever does not read holds the provider up, and no more waits here than four sockets hold. Linux lets the buffers
        // of each grow to 32 MiB.
        let mut before = usize::MAX;
        while provider.seen.borrow_and_update().sent_bytes != before {
            before = provider.seen.borrow_and_update().sent_bytes;
            let waiting = before.saturating_sub(read);
            assert!(waiting < 128 << 20, "{waiting} bytes were taken from the provider and not read");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        drop(client);
        provider.wait_for(|seen| seen.hang_ups == 1).await;
        let (_, closing) = rig.only_call().await;
        assert_eq!(closing.outcome, Outcome::ClientCancelled);
        assert!(closing.response.captured_bytes() <= 1_000_000, "{}", closing.response.captured_bytes());
        assert!(closing.response.total_bytes > 90_000);
        rig.nothing_left(2).await;
    }
}
