//! What somebody sends who wants something else than an answer: each with what becomes of it.

use std::time::Duration;

use cp_base::Outcome;
use cp_gateway::{AddressKind, Reach, UpstreamClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{PATIENCE, Provider, Rig, Settings, Step, response, text};

const HEAD: &str = "POST /openai/v1/x HTTP/1.1\r\nHost: g\r\n";
const HIDDEN: &str = "GET /openai/hidden HTTP/1.1\r\nHost: g\r\n\r\n";

fn code(answer: &str) -> &str {
    answer.split("codepromptu-error: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap_or_default()
}

/// What came of bytes on one connection: the answers, and the requests that the provider got.
async fn outcome(bytes: &[u8]) -> (String, Vec<String>) {
    let mut provider = Provider::play(vec![Step::Send(response(b"{}"))]).await;
    let mut rig = Rig::before(&provider).await;
    let mut client = rig.connect().await;
    client.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, client.read_to_end(&mut answer)).await.unwrap().ok();
    // What is still to come of it comes before everything has ended.
    rig.closing.cancel();
    while tokio::time::timeout(PATIENCE, rig.serving.join_next()).await.unwrap().is_some() {}
    let requests = provider.seen.borrow_and_update().requests.iter().map(|request| text(request)).collect();
    (text(&answer), requests)
}

#[tokio::test]
async fn no_request_is_smuggled_in_another() {
    let framings = [
        ("lengths that differ", "Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}"),
        ("lengths in a list", "Content-Length: 2, 60\r\n\r\n{}"),
        ("a signed length", "Content-Length: +2\r\n\r\n{}"),
        ("a length in hex", "Content-Length: 0x2\r\n\r\n{}"),
        ("a negative length", "Content-Length: -1\r\n\r\n{}"),
        ("a length beyond numbers", "Content-Length: 99999999999999999999999\r\n\r\n{}"),
        ("a folded header", "X-A: b\r\n Content-Length: 60\r\nContent-Length: 2\r\n\r\n{}"),
        ("a space before the colon", "Content-Length : 2\r\n\r\n{}"),
        ("a space before the name", " Content-Length: 2\r\n\r\n{}"),
        ("a bare CR in a value", "X-A: b\rContent-Length: 60\r\n\r\n{}"),
        ("a bare CR as an end", "X-A: b\r\rContent-Length: 60\r\n\r\n{}"),
        ("a NUL in a value", "X-A: b\0c\r\nContent-Length: 2\r\n\r\n{}"),
        ("a NUL in a name", "X\0A: b\r\nContent-Length: 2\r\n\r\n{}"),
        ("a coding that hides the chunks", "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        ("a coding of that sort", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("a coding with a tab", "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n"),
        ("a name that is none", "Transfer Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ];
    for (what, framing) in framings {
        let (answer, requests) = outcome(format!("{HEAD}{framing}{HIDDEN}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: {answer}");
        assert_eq!(requests, [""; 0], "{what}");
    }
}

#[tokio::test]
async fn chunks_that_are_none_break_the_call() {
    for chunks in [
        "zz\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        " 2\r\n{}\r\n0\r\n\r\n",
        "10000000000000002\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}XX0\r\n\r\n",
        "2\r{}\r\n0\r\n\r\n",
        "2;a\nb\r\n{}\r\n0\r\n\r\n",
    ] {
        let bytes = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{chunks}{HIDDEN}");
        let (answer, requests) = outcome(bytes.as_bytes()).await;
        assert!(!answer.contains(" 200 "), "{chunks:?}: {answer}");
        assert!(!answer.starts_with("HTTP/1.1 5"), "{chunks:?}: {answer}");
        assert!(requests.iter().all(|request| !request.contains("hidden")), "{chunks:?}: {requests:?}");
    }
}

#[tokio::test]
async fn extensions_of_chunks_end_at_us() {
    let bytes = format!(
        "{HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2;a=\"b\"\r\n{{}}\r\n0\r\n\r\n"
    );
    let (answer, requests) = outcome(bytes.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(requests[0].ends_with("\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), "{requests:?}");
    let long =
        format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n2;{}\r\n{{}}\r\n0\r\n\r\n", "a".repeat(100_000));
    let (answer, requests) = outcome(long.as_bytes()).await;
    assert!(!answer.contains(" 200 ") && requests.is_empty(), "{answer} {requests:?}");
}

/// RFC 9112, section 6.3: the chunks count, the length goes no further, and the connection ends after the answer.
#[tokio::test]
async fn of_length_and_chunks_the_chunks_count_and_nothing_follows() {
    for fields in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
    ] {
        let (answer, requests) = outcome(format!("{HEAD}{fields}\r\n0\r\n\r\n{HIDDEN}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        let [request] = requests.as_slice() else { panic!("{requests:?}") };
        let request = request.to_ascii_lowercase();
        assert!(request.starts_with("post /v1/x ") && !request.contains("content-length"), "{request}");
    }
}

#[tokio::test]
async fn chunks_are_not_of_http_1_0() {
    let bytes = format!(
        "POST /openai/v1/x HTTP/1.0\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"
    );
    let (answer, requests) = outcome(bytes.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.0 400 ") || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(requests, [""; 0]);
}

#[tokio::test]
async fn an_encoded_line_end_stays_encoded() {
    let bytes = b"GET /openai/v1/x%0d%0aX-Injected:%201?q=%0D%0AX-Injected:1 HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n";
    let (answer, requests) = outcome(bytes).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        requests[0].starts_with("GET /v1/x%0d%0aX-Injected:%201?q=%0D%0AX-Injected:1 HTTP/1.1\r\n"),
        "{requests:?}"
    );
    assert!(!requests[0].contains("\r\nX-Injected"), "{requests:?}");
    // Nor does what the gateway repeats of a request.
    let bytes = b"GET /nobody%0d%0aX-Injected:1/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n";
    let (answer, _) = outcome(bytes).await;
    assert!(answer.starts_with("HTTP/1.1 404 ") && !answer.contains("\r\nX-Injected"), "{answer}");
}

#[tokio::test]
async fn a_path_does_not_climb_out_of_the_base_path() {
    let mut provider = Provider::play(vec![Step::Send(response(b"{}"))]).await;
    let base_url = Some(format!("http://127.0.0.1:{}/tenant/v1", provider.port));
    let rig = Rig::with(0, Settings { base_url, ..Settings::default() }).await;
    for path in
        ["/../admin", "/%2e%2e/admin", "/x/..%2f..%2fadmin", "/%252e%252e/admin", "/..;/admin", "/..\\admin"]
    {
        let request = format!("GET /openai{path} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n");
        let answer = text(&rig.exchange(request.as_bytes()).await);
        assert!(answer.starts_with("HTTP/1.1 400 ") && code(&answer) == "climbing_path", "{path}: {answer}");
        assert!(answer.contains("\"type\":\"invalid_request_error\""), "in the provider's shape: {answer}");
    }
    assert!(provider.seen.borrow_and_update().requests.is_empty());
}

/// The page, the API and the gateway are of one origin: what a provider says must not run there.
#[tokio::test]
async fn a_browser_gets_no_page_or_script_of_a_provider() {
    let html = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 8\r\n\r\n<script>";
    let mut provider = Provider::play(vec![Step::Send(html.to_vec())]).await;
    let rig = Rig::before(&provider).await;
    let ask = async |destination: &str| {
        let request = format!(
            "GET /openai/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n\
             Sec-Fetch-Dest: {destination}\r\n\r\n"
        );
        text(&rig.exchange(request.as_bytes()).await)
    };
    for destination in
        ["document", "iframe", "embed", "object", "script", "style", "worker", "serviceworker", ""]
    {
        let answer = ask(destination).await;
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && code(&answer) == "browser_page",
            "{destination}: {answer}"
        );
        assert!(answer.to_ascii_lowercase().contains("content-type: application/json"), "{answer}");
    }
    assert!(provider.seen.borrow_and_update().requests.is_empty());
    assert!(ask("empty").await.starts_with("HTTP/1.1 200 "), "a script that asks for data gets it");
}

#[tokio::test]
async fn a_head_is_bounded() {
    let (long, many) = ("a".repeat(600_000), "X-A: b\r\n".repeat(200));
    for (what, head, status) in [
        ("a long header", format!("{HEAD}X-A: {long}\r\n\r\n"), 431),
        ("many headers", format!("{HEAD}{many}\r\n"), 431),
        ("a long path", format!("GET /openai/{} HTTP/1.1\r\nHost: g\r\n\r\n", &long[..70_000]), 414),
        ("a path without end", format!("GET /openai/{long} HTTP/1.1\r\nHost: g\r\n\r\n"), 431),
    ] {
        let (answer, requests) = outcome(head.as_bytes()).await;
        // A client that is still writing may see its connection reset instead.
        assert!(answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
        assert!(requests.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn who_says_nothing_whole_is_hung_up_on() {
    let provider = Provider::play(vec![]).await;
    let settings = Settings { head_timeout: Some(Duration::from_millis(50)), ..Settings::default() };
    let rig = Rig::with(provider.port, settings).await;
    // Nothing; the beginning of either version of HTTP; a head, and HTTP/2's settings, without an end.
    for beginning in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "POST /openai/v1/x HTTP/1.1\r\nHost: g\r\nX-A: ",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut client = rig.connect().await;
        client.write_all(beginning.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, client.read_to_end(&mut answer)).await.expect(beginning).ok();
        assert!(!text(&answer).contains(" 200 "), "{beginning:?}: {}", text(&answer));
    }
    rig.nothing_left(usize::MAX).await;
}

#[tokio::test]
async fn a_body_that_stops_coming_ends_the_call() {
    let provider = Provider::play(vec![]).await;
    let mut settings = Settings::default();
    settings.limits.first_byte_timeout = Duration::from_millis(50);
    let rig = Rig::with(provider.port, settings).await;
    let mut client = rig.connect().await;
    client.write_all(format!("{HEAD}Content-Length: 100\r\n\r\n{{\"model\"").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, client.read_to_end(&mut answer)).await.unwrap().ok();
    let answer = text(&answer);
    assert!(answer.starts_with("HTTP/1.1 408 ") && code(&answer) == "request_stalled", "{answer}");
    let (_, closing) = rig.only_call().await;
    assert_eq!((closing.outcome, closing.status), (Outcome::ClientCancelled, Some(408)));
    rig.nothing_left(usize::MAX).await;
}

/// What comes of a call to a base URL, for a client of that reach.
async fn reaching(reach: Reach, base_url: String) -> String {
    let client = UpstreamClient::within(reach, PATIENCE, false, None).unwrap();
    let rig = Rig::with(0, Settings { base_url: Some(base_url), client, ..Settings::default() }).await;
    let request = b"GET /openai/latest/meta-data HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n";
    text(&rig.exchange(request).await)
}

#[tokio::test]
async fn an_upstream_that_a_tenant_wrote_leads_out_of_this_network_only() {
    let mut provider = Provider::play(vec![Step::Send(response(b"{}"))]).await;
    let port = provider.port;
    // Names are looked up first: the system's own resolver takes short and numeric forms for addresses too.
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ] {
        let answer = reaching(Reach::Public, format!("http://{host}:{port}")).await;
        assert!(
            answer.starts_with("HTTP/1.1 502 ") && code(&answer) == "upstream_forbidden",
            "{host}: {answer}"
        );
    }
    let inner = [
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "[64:ff9b::a00:1]",
    ];
    for host in inner {
        let answer = reaching(Reach::Public, format!("http://{host}:{port}")).await;
        assert_eq!(code(&answer), "upstream_forbidden", "{host}: {answer}");
    }
    assert!(provider.seen.borrow_and_update().requests.is_empty());
    // The same provider, written by the operator.
    let answer = reaching(Reach::Private, format!("http://localhost:{port}")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_clouds_metadata_is_out_of_reach_unless_it_is_meant() {
    for host in ["169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "2852039166"] {
        let answer = reaching(Reach::Private, format!("http://{host}")).await;
        assert_eq!(code(&answer), "upstream_forbidden", "{host}: {answer}");
        assert!(answer.contains(&AddressKind::LinkLocal.to_string()), "{answer}");
        assert!(answer.contains("providers.NAME.reach"), "{answer}");
    }
}
