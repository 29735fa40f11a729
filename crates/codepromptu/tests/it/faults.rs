//! What can fail around the running program. While it does, calls flow and the program says what is wrong; afterwards
//! everything that was acknowledged is stored, once, without a hand.

mod directory;
mod disk;
mod provider;
mod store;

use std::collections::BTreeSet;
use std::time::Duration;

use cp_base::{CallId, Outcome};

use crate::program::{Answer, Http, Installation, PATIENCE, Program};

/// Asks again and again, until there is an answer.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// A call whose prompt takes so many bytes and does not compress.
async fn chat(program: &Program, http: &Http, prompt_bytes: usize) -> Answer {
    let random = cp_base::Random::system();
    let prompt: String =
        (0..prompt_bytes.div_ceil(2)).map(|_| format!("{:02x}", random.bytes::<1>()[0])).collect();
    let body = format!(r#"{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"{prompt}"}}]}}"#);
    program.chat(http, &body).await
}

/// Calls that must all be answered and captured.
async fn chats(program: &Program, http: &Http, count: usize) -> Vec<CallId> {
    let mut calls = Vec::with_capacity(count);
    for _ in 0..count {
        let answer = chat(program, http, 100).await;
        assert!(answer.status == 200 && answer.captured, "{answer:?}");
        calls.push(answer.call);
    }
    calls
}

/// Waits until the program says that a part is down, and why; then looks at all places where it says so.
async fn is_away(installation: &Installation, program: &Program, part: &str, reason: &str) {
    let part = format!("\"part\":\"{part}\"");
    let says = async || {
        let (status, body) = program.get("/readyz").await;
        (status == 503 && body.contains(&part) && body.contains(reason)).then_some(())
    };
    until(&format!("{part} {reason}"), says).await;
    assert_eq!(program.get("/healthz").await.0, 200);
    let says = async || {
        let said = program.status(installation.dir.path());
        (said.contains("trouble") && said.contains(reason)).then_some(())
    };
    until(&format!("status {reason}"), says).await;
}

/// Waits until the program says that all is well; then everything is stored.
async fn is_back(installation: &Installation, program: &Program, calls: &[CallId]) {
    until("ready", async || (program.get("/readyz").await.0 == 200).then_some(())).await;
    let all = async || {
        let stored = program.all_calls().await;
        (stored.len() >= calls.len() && stored.iter().all(|call| call.outcome.is_some())).then_some(stored)
    };
    let stored = until("all are stored", all).await;
    let ids: BTreeSet<CallId> = stored.iter().map(|call| call.id).collect();
    assert_eq!(stored.len(), ids.len(), "a call is stored twice");
    assert_eq!(ids, calls.iter().copied().collect::<BTreeSet<_>>());
    assert!(stored.iter().all(|call| call.outcome == Some(Outcome::Completed)), "{stored:?}");
    let backlog = async || {
        (program.metric("codepromptu_capture_backlog_bytes", "store-calls").await == 0.0).then_some(())
    };
    until("no backlog", backlog).await;
    assert_eq!(program.metric("codepromptu_capture_lost_records_total", "").await, 0.0);
    assert_eq!(program.metric("codepromptu_capture_open_calls", "").await, 0.0);
    assert_eq!(program.metric("codepromptu_capture_memory_bytes", "").await, 0.0);
    let said = program.status(installation.dir.path());
    assert!(!said.contains("cannot") && !said.contains("does not answer"), "{said}");
}
