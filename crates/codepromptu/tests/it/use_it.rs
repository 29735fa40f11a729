//! What a person does with it, from the first call to the last line of an export.

use std::process::Stdio;

use cp_base::Outcome;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::program::{Installation, PATIENCE, command, http, run, stderr};

fn chat(messages: serde_json::Value) -> String {
    serde_json::json!({"model": "gpt-4o-mini", "messages": messages, "user": "u-1"}).to_string()
}

#[tokio::test]
async fn a_call_is_stored_with_tokens_cost_and_its_conversation() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let http = http();
    let question = serde_json::json!({"role": "user", "content": "What is a monad?"});
    let first = program.chat(&http, &chat(serde_json::json!([question]))).await;
    let answer: serde_json::Value = serde_json::from_str(&first.body).unwrap();
    let stored = program.ended_call(first.call).await;
    assert_eq!((stored.summary.outcome, stored.summary.status), (Some(Outcome::Completed), Some(200)));
    assert_eq!(stored.user.as_deref(), Some("u-1"));
    let usage = stored.summary.usage.as_ref().unwrap();
    assert_eq!(usage.input_tokens, answer["usage"]["prompt_tokens"].as_u64());
    assert_eq!(usage.output_tokens, answer["usage"]["completion_tokens"].as_u64());
    assert!(stored.summary.cost_usd.is_some());

    // A client that sends nothing but the messages goes on with its conversation.
    let said = &answer["choices"][0]["message"];
    let next = serde_json::json!([question, said, {"role": "user", "content": "And a functor?"}]);
    let second = program.chat(&http, &chat(next)).await;
    let second = program.ended_call(second.call).await;
    assert!(stored.summary.conversation_id.is_some());
    assert_eq!(second.summary.conversation_id, stored.summary.conversation_id);
    let alone = program.chat(&http, &chat(serde_json::json!([{"role": "user", "content": "Else"}]))).await;
    assert_ne!(program.ended_call(alone.call).await.summary.conversation_id, stored.summary.conversation_id);
}

#[tokio::test]
async fn the_commands_show_what_was_captured() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let dir = installation.dir.path();
    let mut tail = tokio::process::Command::from({
        let mut tail = command(dir);
        tail.args(["calls", "tail", "--json", "--server", &program.base]).stdout(Stdio::piped());
        tail
    });
    let mut tail = tail.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();

    // The tail is on when it shows a call; until then there is nothing to wait for but another call.
    let http = http();
    let mut calls = Vec::new();
    let shown = tokio::time::timeout(PATIENCE, async {
        loop {
            calls.push(
                program.chat(&http, &chat(serde_json::json!([{"role": "user", "content": "hello"}]))).await,
            );
            let soon = tokio::time::timeout(std::time::Duration::from_millis(500), lines.next_line()).await;
            if let Ok(line) = soon {
                return line.unwrap().unwrap();
            }
        }
    });
    let shown = shown.await.unwrap();
    assert!(calls.iter().any(|call| shown.contains(&call.call.to_string())), "{shown}");

    let call = program.ended_call(calls[0].call).await;
    let shown =
        run(command(dir).args(["calls", "show", &call.summary.id.to_string(), "--server", &program.base]));
    let text = String::from_utf8(shown.stdout.clone()).unwrap();
    assert!(shown.status.success(), "{}", stderr(&shown));
    for wanted in ["hello", "gpt-4o-mini", "completed", "$"] {
        assert!(text.contains(wanted), "no {wanted} in\n{text}");
    }

    let file = dir.join("calls.jsonl");
    let exported = run(command(dir).args(["calls", "export", "--server", &program.base, "-o"]).arg(&file));
    assert!(exported.status.success(), "{}", stderr(&exported));
    let lines = std::fs::read_to_string(&file).unwrap();
    assert!(lines.lines().count() >= calls.len());
    assert!(lines.lines().all(|line| line.contains("\"input_messages\"")));
}

#[tokio::test]
async fn run_sets_the_base_urls_and_passes_the_exit_code_on() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let script = "echo $OPENAI_BASE_URL $ANTHROPIC_BASE_URL; exit 7";
    let arguments = ["run", "--server", &program.base, "--", "sh", "-c", script];
    let output = run(command(installation.dir.path()).args(arguments));
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.trim(), format!("{base}/openai/v1 {base}/anthropic", base = program.base));
}

#[tokio::test]
async fn readiness_and_metrics_tell_the_truth() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let http = http();
    program.chat(&http, &chat(serde_json::json!([{"role": "user", "content": "count me"}]))).await;
    let get = async |path: &str| {
        let uri: http::Uri = format!("{}{path}", program.base).parse().unwrap();
        let response = http.get(uri).await.unwrap();
        let status = response.status().as_u16();
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(get("/healthz").await.0, 200);
    assert_eq!(get("/readyz").await.0, 200);
    let (_, metrics) = get("/metrics").await;
    let line = r#"codepromptu_gateway_calls_total{provider="openai",outcome="completed"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    let (status, openapi) = get("/api/v1/openapi.json").await;
    assert!(status == 200 && openapi.contains("\"openapi\": \"3.1") || openapi.contains("\"openapi\":\"3.1"));
    let (status, page) = get("/").await;
    assert!(status == 200 && page.contains("/assets/page.js") && page.contains("/docs/"), "{page}");
    let (status, script) = get("/assets/page.js").await;
    assert!(status == 200 && script.contains("OPENAI_BASE_URL"), "{script}");
}
