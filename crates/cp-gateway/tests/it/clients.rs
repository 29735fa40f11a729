//! Clients that go away, at each stage of a call and in each way.

use cp_base::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{CHUNKED, PATIENCE, Provider, Rig, Step, bytes, chunk, response, text};

const REQUEST: &[u8] =
    b"POST /openai/v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\n\r\nbody";

/// How a client goes away.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    Closes,
    Resets,
    /// Ends its side alone. A client that still wants its answer cannot be told from one that is leaving.
    HalfCloses,
}

const WAYS: [Leaving; 3] = [Leaving::Closes, Leaving::Resets, Leaving::HalfCloses];

impl Leaving {
    /// Leaves; what is returned must live as long as the test looks.
    async fn leave(self, mut client: TcpStream) -> Option<TcpStream> {
        match self {
            Self::Closes => None,
            Self::Resets => {
                client.set_zero_linger().unwrap();
                None
            }
            Self::HalfCloses => {
                client.shutdown().await.unwrap();
                Some(client)
            }
        }
    }
}

async fn read_until(client: &mut TcpStream, end: &str) -> String {
    let mut seen = Vec::new();
    while !text(&seen).ends_with(end) {
        let read = tokio::time::timeout(PATIENCE, client.read_buf(&mut seen)).await.unwrap().unwrap();
        assert!(read > 0, "{}", text(&seen));
    }
    text(&seen)
}

#[tokio::test]
async fn before_the_head_is_complete_there_is_no_call() {
    for way in WAYS {
        let mut provider = Provider::play(vec![]).await;
        let rig = Rig::before(&provider).await;
        let mut client = rig.connect().await;
        client.write_all(b"POST /openai/v1/chat/completions HTTP/1.1\r\nHo").await.unwrap();
        let left = way.leave(client).await;
        rig.nothing_left(2).await;
        assert_eq!(rig.records(|_| true).await.len(), 1, "{way:?}: only that the log was opened");
        assert!(provider.seen.borrow_and_update().requests.is_empty());
        drop(left);
    }
}

#[tokio::test]
async fn while_uploading() {
    for way in WAYS {
        let mut provider = Provider::play(vec![Step::Send(response(b"never"))]).await;
        let rig = Rig::before(&provider).await;
        let mut client = rig.connect().await;
        client
            .write_all(b"POST /openai/v1/files HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\nhalf")
            .await
            .unwrap();
        // The half has passed when the provider's connection has it; the gateway counts it as captured.
        while rig.log.stats().memory_used < 4 {
            tokio::task::yield_now().await;
        }
        let left = way.leave(client).await;
        let (_, closing) = rig.only_call().await;
        assert_eq!(
            (closing.outcome, bytes(&closing.request)),
            (Outcome::ClientCancelled, b"half".to_vec()),
            "{way:?}"
        );
        assert!(provider.seen.borrow_and_update().requests.is_empty());
        drop(left);
        rig.nothing_left(2).await;
    }
}

#[tokio::test]
async fn before_the_answers_head_in_its_middle_and_before_its_last_byte() {
    let one = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbyte".to_vec();
    let stages: Vec<(&str, Vec<Step>, &str)> = vec![
        ("no head", vec![], ""),
        ("the head", vec![Step::Send(CHUNKED.to_vec())], "\r\n\r\n"),
        (
            "an event",
            vec![Step::Send(CHUNKED.to_vec()), Step::Send(chunk(b"data: 1\n\n"))],
            "data: 1\n\n\r\n",
        ),
        ("all but a byte", vec![Step::Send(one)], "byte"),
        (
            "all but the last line",
            vec![Step::Send(CHUNKED.to_vec()), Step::Send(chunk(b"all")), Step::Send(b"0\r\n".to_vec())],
            "all\r\n",
        ),
    ];
    for way in WAYS {
        for (stage, mut script, seen) in stages.clone() {
            script.push(Step::AwaitHangUp);
            let mut provider = Provider::play(script).await;
            let rig = Rig::before(&provider).await;
            let mut client = rig.connect().await;
            client.write_all(REQUEST).await.unwrap();
            provider.wait_for(|seen| seen.requests.len() == 1).await;
            if !seen.is_empty() {
                read_until(&mut client, seen).await;
            }
            let left = way.leave(client).await;
            provider.wait_for(|seen| seen.hang_ups == 1).await;
            let (_, closing) = rig.only_call().await;
            assert_eq!(
                (closing.outcome, closing.error),
                (Outcome::ClientCancelled, None),
                "{stage}, {way:?}"
            );
            assert_eq!(closing.status, (!seen.is_empty()).then_some(200), "{stage}, {way:?}");
            drop(left);
            rig.nothing_left(2).await;
        }
    }
}

#[tokio::test]
async fn after_the_last_byte_nothing_changes() {
    for way in WAYS {
        let provider = Provider::play(vec![Step::Send(response(b"{}"))]).await;
        let rig = Rig::before(&provider).await;
        let mut client = rig.connect().await;
        client.write_all(REQUEST).await.unwrap();
        read_until(&mut client, "{}").await;
        let left = way.leave(client).await;
        // The provider's connection is kept for the next call.
        rig.nothing_left(3).await;
        assert_eq!(rig.only_call().await.1.outcome, Outcome::Completed, "{way:?}");
        drop(left);
    }
}

#[tokio::test]
async fn together_with_the_provider() {
    for way in [Leaving::Closes, Leaving::Resets] {
        for end in [Step::Close, Step::Reset] {
            let script =
                vec![Step::Send(CHUNKED.to_vec()), Step::Send(chunk(b"one")), Step::AwaitClient, end];
            let provider = Provider::play(script).await;
            let rig = Rig::before(&provider).await;
            let mut client = rig.connect().await;
            client.write_all(REQUEST).await.unwrap();
            read_until(&mut client, "one\r\n").await;
            // Both ends are cut before the gateway's tasks run again.
            provider.client_done.send_replace(true);
            drop(way.leave(client).await);
            let (_, closing) = rig.only_call().await;
            assert!(
                matches!(closing.outcome, Outcome::ClientCancelled | Outcome::UpstreamError),
                "{way:?}: {closing:?}"
            );
            assert_eq!(bytes(&closing.response), b"one");
            rig.nothing_left(2).await;
        }
    }
}
