//! What a project's policy lets into the log.

use std::sync::Arc;

use cp_base::{CaptureMode, CaptureReason, Outcome};
use cp_redact::{CapturePolicies, CapturePolicy, PolicyDocument};

use crate::rig::{Provider, Rig, Settings, Step, bytes, response, text};

const ANSWER: &[u8] = b"{\"b\": 2}";

fn policy(json: &str) -> CapturePolicy {
    CapturePolicy::new(PolicyDocument::from_json(json).unwrap(), 5).unwrap()
}

async fn rig(json: &str) -> (Provider, Rig) {
    let provider = Provider::play(vec![Step::Send(response(ANSWER))]).await;
    let rig = Rig::with(provider.port, Settings { policy: Some(policy(json)), ..Settings::default() }).await;
    (provider, rig)
}

/// Sends a call to `path` with a header, and reads the answer.
async fn call(rig: &Rig, path: &str, header: &str) -> String {
    let request = format!(
        "POST /openai{path} HTTP/1.1\r\nHost: gateway\r\n{header}\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{{\"a\": 1}}\n"
    );
    let answer = text(&rig.exchange(request.as_bytes()).await);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("{\"b\": 2}"), "{answer}");
    answer
}

#[tokio::test]
async fn a_call_that_is_not_to_be_recorded_passes_and_leaves_none() {
    let (_provider, rig) =
        rig(r#"{"mode": "off", "rules": [{"headers": {"x-keep": "*"}, "mode": "full"}]}"#).await;
    let answer = call(&rig, "/v1/chat/completions", "X-Other: 1").await;
    assert!(
        answer.contains("codepromptu-capture: off") && answer.contains("codepromptu-call-id: "),
        "{answer}"
    );
    // The second call's records are the only ones.
    let answer = call(&rig, "/v1/chat/completions", "X-Keep: 1").await;
    assert!(!answer.contains("codepromptu-capture"), "{answer}");
    let (opening, closing) = rig.only_call().await;
    assert!(answer.contains(&opening.call.to_string()));
    assert_eq!((opening.capture.mode, opening.capture.reason), (CaptureMode::Full, CaptureReason::Rule));
    assert_eq!(bytes(&closing.request), b"{\"a\": 1}\n");
}

#[tokio::test]
async fn of_metadata_only_no_body_is_in_the_log() {
    let (_provider, rig) =
        rig(r#"{"rules": [{"path": "/v1/chat*", "mode": "metadata_only"}], "redact": ["email"]}"#).await;
    call(&rig, "/v1/chat/completions", "X-Other: 1").await;
    let (opening, closing) = rig.only_call().await;
    assert_eq!(opening.capture.mode, CaptureMode::MetadataOnly);
    assert_eq!((opening.capture.policy_version, opening.capture.redacted_kinds), (5, 1));
    assert_eq!((closing.outcome, closing.status), (Outcome::Completed, Some(200)));
    assert_eq!((closing.request.captured_bytes(), closing.request.total_bytes), (0, 9));
    assert_eq!((closing.response.captured_bytes(), closing.response.total_bytes), (0, 8));
}

#[tokio::test]
async fn a_body_is_kept_up_to_the_project_s_cap() {
    let (_provider, rig) = rig(r#"{"max_body_bytes": 4}"#).await;
    call(&rig, "/v1/chat/completions", "X-Other: 1").await;
    let (_, closing) = rig.only_call().await;
    assert_eq!((bytes(&closing.request), closing.request.total_bytes), (b"{\"a\"".to_vec(), 9));
}

#[tokio::test]
async fn a_new_policy_holds_for_the_next_call() {
    let (_provider, rig) = rig(r#"{"mode": "off"}"#).await;
    call(&rig, "/v1/chat/completions", "X-Other: 1").await;
    rig.gateway.set_policies(&Arc::new(CapturePolicies::default()));
    call(&rig, "/v1/chat/completions", "X-Other: 1").await;
    let (opening, _) = rig.only_call().await;
    assert_eq!(opening.capture, cp_base::CaptureMark::default());
}
