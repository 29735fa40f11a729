//! kill -9 under load: what a client has received in full is in the store, once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cp_base::{CallId, Outcome};
use http::Request;
use http_body_util::Full;
use tokio::task::JoinSet;

use crate::program::{Answer, Http, Installation, PATIENCE, Program, http};

const ROUNDS: usize = 20;
const CLIENTS: usize = 8;

/// What the clients know: the calls whose response they have to the last byte, with the prompt that they sent.
type Received = Arc<Mutex<HashMap<CallId, String>>>;

async fn send_for_ever(http: Http, base: String, client: usize, round: usize, received: Received) {
    for n in 0.. {
        let stream = n % 2 == 0;
        let prompt = format!("round {round} client {client} request {n}");
        let body = serde_json::json!({
            "model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": prompt}],
        });
        let request = Request::post(format!("{base}/openai/v1/chat/completions"))
            .header("authorization", "Bearer sk-test")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let Ok(response) = http.request(request).await else { return };
        let Ok(answer) = Answer::read(response).await else { return };
        assert_eq!(answer.status, 200, "{}", answer.body);
        received.lock().unwrap().insert(answer.call, prompt);
    }
}

async fn check(program: &Program, received: &HashMap<CallId, String>) -> usize {
    let stored = tokio::time::timeout(PATIENCE, async {
        loop {
            let calls = program.all_calls().await;
            if calls.iter().all(|call| call.outcome.is_some()) && calls.len() >= received.len() {
                return calls;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let stored = stored.await.unwrap();
    let mut outcomes: HashMap<CallId, Outcome> = HashMap::new();
    for call in &stored {
        assert!(outcomes.insert(call.id, call.outcome.unwrap()).is_none(), "{} is stored twice", call.id);
    }
    for (call, prompt) in received {
        let outcome =
            outcomes.get(call).unwrap_or_else(|| panic!("{call} ({prompt}) was received and is not stored"));
        assert_eq!(*outcome, Outcome::Completed, "{call} ({prompt})");
    }
    for call in stored.iter().filter(|call| !received.contains_key(&call.id)) {
        assert!(
            matches!(call.outcome, Some(Outcome::Lost | Outcome::Completed | Outcome::ClientCancelled)),
            "{call:?} was cut off"
        );
    }
    // A sample, opened: the prompt is the one that was sent.
    for (call, prompt) in received.iter().take(5) {
        let detail = program.client().get_call(*call).await.unwrap();
        assert!(serde_json::to_string(&detail.input_messages).unwrap().contains(prompt.as_str()));
    }
    stored.len()
}

/// Waits until so many more calls were received.
async fn wait_for_more(received: &Received, more: usize) {
    let count = || received.lock().unwrap().len();
    let enough = count() + more;
    let waiting = async {
        while count() < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_received_survives_kill_9() {
    let installation = Installation::new().await;
    let received = Received::default();
    for round in 0..ROUNDS {
        let program = installation.serve();
        let http = http();
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(send_for_ever(http.clone(), program.base.clone(), client, round, received.clone()));
        }
        // Another moment of the program's work in each round.
        wait_for_more(&received, CLIENTS + 3 * round).await;
        program.kill();
        clients.join_all().await;
    }
    let received = received.lock().unwrap().clone();
    let program = installation.serve();
    let stored = check(&program, &received).await;
    assert!(stored >= received.len());
    assert!(program.terminate());
}

#[tokio::test]
async fn an_orderly_stop_loses_nothing() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let http = http();
    let mut calls = Vec::new();
    for n in 0..10 {
        let body =
            format!(r#"{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"stop {n}"}}]}}"#);
        calls.push(program.chat(&http, &body).await.call);
    }
    assert!(program.terminate());
    let program = installation.serve();
    let stored = program.all_calls().await;
    assert_eq!(stored.len(), calls.len());
    assert!(stored.iter().all(|call| call.outcome == Some(Outcome::Completed)));
}

#[tokio::test]
async fn a_store_that_is_gone_is_written_again_from_the_log() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let body = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"twice stored"}]}"#;
    let call = program.chat(&http(), body).await.call;
    let before = program.ended_call(call).await;
    assert!(program.terminate());
    for entry in std::fs::read_dir(installation.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("codepromptu.db") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let program = installation.serve();
    assert_eq!(program.ended_call(call).await, before);
}
