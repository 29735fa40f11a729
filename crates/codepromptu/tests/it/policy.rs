//! A project's capture policy, from the command line to what is kept.

use std::io::Write as _;
use std::process::Stdio;

use cp_base::CallId;
use serde_json::{Value, json};

use crate::plaintext::{files, holds};
use crate::program::{Installation, Program, command, http, run};

/// One of each kind.
const SECRETS: [&str; 8] = [
    "ann.lee@example.com",
    "+49 30 1234567",
    "4111111111111111",
    "DE89370400440532013000",
    "078-05-1121",
    "203.0.113.7",
    "AKIAIOSFODNN7EXAMPLE",
    "E-12345",
];

/// Sets the policy as a person would, and shows it.
fn set_policy(installation: &Installation, program: &Program, policy: &Value) {
    let file = installation.dir.path().join("policy.json");
    std::fs::write(&file, policy.to_string()).unwrap();
    let policy_command = |arguments: &[&str]| {
        let output =
            run(command(installation.dir.path()).args(["policy", "--server", &program.base]).args(arguments));
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = policy_command(&["set", &file.display().to_string()]);
    assert!(said.starts_with("The capture policy has version "), "{said}");
    let shown: Value = serde_json::from_str(&policy_command(&["show"])).unwrap();
    assert_eq!(shown.get("redact"), policy.get("redact"));
}

fn redacting(mode: &str) -> Value {
    json!({
        "mode": mode, "redact_log": true,
        "redact": ["email", "phone", "card", "iban", "national_id", "ip_address", "credential", "private_key"],
        "patterns": [{ "name": "staff", "expression": r"\bE-\d{5}\b" }],
        "rules": [{ "headers": { "authorization": "*" }, "path": "/v1/models", "mode": "off" }],
    })
}

/// Tells the mock each of them, which repeats it, at once and streamed, and hears it.
async fn tell(program: &Program) -> Vec<CallId> {
    let http = http();
    let mut calls = Vec::new();
    for (secret, stream) in SECRETS.into_iter().flat_map(|secret| [(secret, false), (secret, true)]) {
        let body = json!({ "model": "gpt-4o-mini", "stream": stream, "user": SECRETS[0],
            "messages": [{ "role": "user", "content": format!("say {secret}") }] });
        let answer = program.chat(&http, &body.to_string()).await;
        let said = if stream { streamed(&answer.body) } else { answer.body };
        assert!(said.contains(secret), "the client's answer is not its own: {said}");
        calls.push(answer.call);
    }
    calls
}

fn streamed(body: &str) -> String {
    let events = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = events.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    events.filter_map(|event| Some(event.pointer("/choices/0/delta/content")?.as_str()?.to_owned())).collect()
}

fn assert_silent(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is kept: {text}");
    }
}

#[tokio::test]
async fn what_is_redacted_is_kept_nowhere_and_the_client_has_it_all() {
    let installation = Installation::new().await;
    let program = installation.serve();
    set_policy(&installation, &program, &redacting("full"));
    let mut texts = String::new();
    for call in tell(&program).await {
        let stored = program.ended_call(call).await;
        assert_eq!(stored.capture.as_ref().unwrap().policy_version, 1);
        texts += &serde_json::to_string(&stored).unwrap();
    }
    assert_silent(&texts);
    for name in ["email", "phone", "card", "iban", "national_id", "ip_address", "credential", "staff"] {
        let count = texts.matches(&format!("‹{name}:")).count();
        assert!(count >= 4, "{name} is in two questions and two answers, not in {count}");
    }
    assert!(program.terminate());
    for path in files(&installation.data()) {
        let bytes = std::fs::read(&path).unwrap();
        for secret in SECRETS {
            assert!(!holds(&bytes, secret), "{} holds {secret}", path.display());
        }
    }
}

#[tokio::test]
async fn of_a_masked_call_it_is_said_why_there_is_no_text() {
    let installation = Installation::new().await;
    let program = installation.serve();
    set_policy(&installation, &program, &redacting("masked"));
    let call = tell(&program).await.remove(0);
    let stored = program.ended_call(call).await;
    assert_silent(&serde_json::to_string(&stored).unwrap());
    assert!(stored.summary.usage.is_some() && stored.summary.cost_usd.is_some(), "{stored:?}");
    let output = run(command(installation.dir.path()).args([
        "calls",
        "show",
        &call.to_string(),
        "--server",
        &program.base,
    ]));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains("of each text only the length is kept: the capture policy says so (version 1)"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_call_that_is_not_to_be_recorded_is_counted() {
    let installation = Installation::new().await;
    let program = installation.serve();
    set_policy(&installation, &program, &redacting("off"));
    tell(&program).await;
    assert_eq!(program.metric("codepromptu_gateway_calls_unrecorded_total", "project").await, 16.0);
    set_policy(&installation, &program, &redacting("full"));
    let mut told = tell(&program).await;
    for call in &told {
        program.ended_call(*call).await;
    }
    told.reverse();
    let stored: Vec<CallId> = program.all_calls().await.into_iter().map(|call| call.id).collect();
    assert_eq!(stored, told);
}

#[tokio::test]
async fn a_text_can_be_tried() {
    let installation = Installation::new().await;
    let program = installation.serve();
    set_policy(&installation, &program, &redacting("full"));
    let mut preview = command(installation.dir.path());
    let preview = preview
        .args(["policy", "preview", "--server", &program.base])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = preview.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"mail ann.lee@example.com\n").unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(said.starts_with("mail ‹email:") && said.ends_with("›\n"), "{said}");
}
