//! Providers and clients that fail, seen from outside: what is stored and counted, and that nothing stays open. Every
//! fault by itself is in the gateway's own tests.

use bytes::Bytes;
use cp_base::Outcome;
use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::task::JoinSet;

use super::until;
use crate::program::{Http, Installation, Program, http};

const TIMES: usize = 5;

/// What is asked of the mock, how the call ends, and the gateway's error code.
const FAULTS: [(&str, Outcome, &str); 8] = [
    ("reset-before-head", Outcome::UpstreamError, "upstream_broke_off"),
    ("stall-head", Outcome::TimedOut, "first_byte_timed_out"),
    ("reset-mid-body", Outcome::UpstreamError, "upstream_broke_off"),
    ("truncate,gzip-stream", Outcome::Completed, ""),
    ("stall-body", Outcome::TimedOut, "idle_timed_out"),
    ("garbage", Outcome::Completed, ""),
    ("status=529", Outcome::Completed, ""),
    ("endless", Outcome::ClientCancelled, ""),
];

async fn suffer(base: String, http: Http, directive: &str) {
    let body = r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"go"}]}"#;
    let request = Request::post(format!("{base}/openai/v1/chat/completions"))
        .header("authorization", "Bearer sk-test")
        .header("x-mock", directive)
        .body(Full::new(Bytes::from_static(body.as_bytes())))
        .unwrap();
    let mut body = http.request(request).await.unwrap().into_body();
    // An endless stream is left after a while.
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > 300_000 {
            return;
        }
    }
}

fn descriptors(program: &Program) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_stored_and_counted_and_leave_nothing_open() {
    let limits = "[gateway]\nfirst_byte_timeout_ms = 1000\nidle_timeout_ms = 1000";
    let installation = Installation::with(limits).await;
    let program = installation.serve();
    program.get("/readyz").await;
    let before = descriptors(&program);
    let http = http();
    for (directive, ..) in FAULTS {
        // At once, and with a long time-out: a busy machine is no fault of the provider's.
        let suffering: JoinSet<()> =
            (0..TIMES).map(|_| suffer(program.base.clone(), http.clone(), directive)).collect();
        suffering.join_all().await;
    }
    drop(http);

    let stored = until("all are stored", async || {
        let calls = program.all_calls().await;
        (calls.len() == FAULTS.len() * TIMES && calls.iter().all(|call| call.outcome.is_some()))
            .then_some(calls)
    });
    let stored = stored.await;
    for outcome in [Outcome::Completed, Outcome::UpstreamError, Outcome::TimedOut, Outcome::ClientCancelled] {
        let expected = FAULTS.iter().filter(|fault| fault.1 == outcome).count() * TIMES;
        let found = stored.iter().filter(|call| call.outcome == Some(outcome)).count();
        let all: Vec<_> = stored.iter().map(|call| (call.outcome, call.status, &call.error_code)).collect();
        assert_eq!(found, expected, "{outcome:?} of {all:?}");
        let label = format!("outcome=\"{}\"", outcome.as_str());
        assert_eq!(
            program.metric("codepromptu_gateway_calls_total", &label).await,
            expected as f64,
            "{outcome:?}"
        );
    }
    for code in ["upstream_broke_off", "first_byte_timed_out", "idle_timed_out"] {
        let expected = FAULTS.iter().filter(|fault| fault.2 == code).count() * TIMES;
        let found = stored.iter().filter(|call| call.error_code.as_deref() == Some(code)).count();
        assert_eq!(found, expected, "{code}");
    }
    for gauge in ["gateway_calls_in_progress", "capture_open_calls", "capture_memory_bytes"] {
        let name = format!("codepromptu_{gauge}");
        until(gauge, async || (program.metric(&name, "").await == 0.0).then_some(())).await;
    }
    // Some connections to the provider may be kept for the next call.
    until("descriptors are given back", async || (descriptors(&program) <= before + TIMES).then_some(()))
        .await;
    assert_eq!(program.get("/readyz").await.0, 200);
}
