//! Nodes go on serving prompts, the right ones, whatever becomes of their database and of each other; and calls can name them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cp_app::library::Selector;
use cp_app::{Credential, Serving, Wanted};
use cp_base::{MasterKey, SystemClock};
use cp_testkit::Cluster;
use cp_wire::{CallQuery, PageQuery};
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::program::{Answer, Http, Installation, PATIENCE, Program, http};

/// Status and JSON of what a node answers; nothing where it does not.
async fn ask(http: &Http, method: &str, url: String, key: &str, json: &Value) -> Option<(u16, Value)> {
    let mut request = Request::builder().method(method).uri(url).header("content-type", "application/json");
    if !key.is_empty() {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let body = if json.is_null() { Bytes::new() } else { json.to_string().into() };
    let response = http.request(request.body(Full::new(body)).unwrap()).await.ok()?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some((status, serde_json::from_slice(&body).unwrap_or_default()))
}

async fn edit(http: &Http, program: &Program, method: &str, path: &str, json: Value) -> Value {
    let (status, answer) =
        ask(http, method, format!("{}/api/v1{path}", program.base), "", &json).await.unwrap();
    assert!(status < 300, "{method} {path}: {status} {answer}");
    answer
}

/// A prompt with two versions, the first in production; and the key of an application.
async fn fill(http: &Http, program: &Program) -> String {
    let version = json!({
        "content": [{ "role": "system", "content": "Answer {{ who }} kindly." }],
        "config": { "model": "gpt-4o-mini", "temperature": 0.5 },
        "labels": ["production"],
    });
    edit(http, program, "POST", "/prompts", json!({ "name": "support/reply", "version": version })).await;
    let second = json!({ "content": [{ "role": "system", "content": "Answer {{ who }} briefly." }] });
    edit(http, program, "POST", "/prompts/support%2Freply/versions", second).await;
    let key = edit(http, program, "POST", "/project/keys", json!({ "name": "app", "role": "service" })).await;
    key.pointer("/token").and_then(Value::as_str).unwrap_or_else(|| panic!("{key}")).to_owned()
}

/// What a node says to the application.
async fn rendered(http: &Http, base: &str, key: &str) -> Option<(u16, Value)> {
    let url = format!("{base}/api/v1/serve/support/reply/render");
    let (status, answer) = ask(http, "POST", url, key, &json!({ "variables": { "who": "Ada" } })).await?;
    Some((status, answer.pointer("/rendered/0/content").cloned().unwrap_or_default()))
}

async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !look().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn node(installation: &Installation, cluster: &Cluster, data: &str) -> Command {
    let mut command = installation.serving();
    let data = installation.dir.path().join(data);
    command.args(["--database-url", &cluster.url(), "--data-dir"]).arg(data);
    // Nodes of one installation share their master key.
    command.env("CODEPROMPTU_MASTER_KEY", "17".repeat(32));
    command
}

/// The version in production, as a node's copy has it.
async fn copied(copy: &Path, key: &str) -> Option<i32> {
    let (master, clock) = (MasterKey::new([0x17; 32]), Arc::new(SystemClock::default()));
    let (serving, _) = Serving::restore(copy, &master, clock).ok()?;
    let ctx = serving.recall(&Credential::ApiKey(key.to_owned()), &Wanted::default(), None).ok()??;
    Some(serving.serve(&ctx, "support/reply", &Selector::default()).await.ok()?.number().get())
}

const KIND: &str = "Answer Ada kindly.";
const BRIEF: &str = "Answer Ada briefly.";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_serves_without_its_database_and_starts_without_it() {
    let (cluster, installation, http) = (Cluster::start(), Installation::new().await, http());
    let start = || Program::start(&mut node(&installation, &cluster, "one"));
    let program = start();
    let key = fill(&http, &program).await;
    let to = json!({ "version": 2 });
    edit(&http, &program, "PUT", "/prompts/support%2Freply/labels/production", to).await;
    let copy = installation.dir.path().join("one/library.copy");
    until("the copy holds the move", async || copied(&copy, &key).await == Some(2)).await;

    cluster.stop();
    for _ in 0..50 {
        assert_eq!(rendered(&http, &program.base, &key).await.unwrap(), (200, BRIEF.into()));
    }
    program.kill();
    let program = start();
    assert!(program.announced.contains("waits for its database"), "{}", program.announced);
    for _ in 0..50 {
        assert_eq!(rendered(&http, &program.base, &key).await.unwrap(), (200, BRIEF.into()));
    }
    let (status, problem) =
        ask(&http, "GET", format!("{}/api/v1/prompts", program.base), &key, &Value::Null).await.unwrap();
    assert_eq!(status, 503, "{problem}");
    assert_eq!(rendered(&http, &program.base, "cpa_nobodys").await.unwrap().0, 503);

    cluster.restart();
    until("everything answers", async || {
        assert_eq!(rendered(&http, &program.base, &key).await.unwrap(), (200, BRIEF.into()));
        program.get("/api/v1/prompts").await.0 == 200
    })
    .await;
    let to = json!({ "version": 1 });
    edit(&http, &program, "PUT", "/prompts/support%2Freply/labels/production", to).await;
    assert_eq!(rendered(&http, &program.base, &key).await.unwrap(), (200, KIND.into()));
    assert!(program.terminate());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_are_restarted_one_by_one_and_no_request_fails() {
    let (cluster, installation, http) = (Cluster::start(), Installation::new().await, http());
    let start = |data: &str| Program::start(&mut node(&installation, &cluster, data));
    let mut nodes = [Some(start("one")), Some(start("two"))];
    let key = fill(&http, nodes[0].as_ref().unwrap()).await;
    let bases =
        Arc::new(std::sync::Mutex::new(nodes.each_ref().map(|node| node.as_ref().unwrap().base.clone())));
    let second = bases.lock().unwrap()[1].clone();
    until("the other node has heard", async || rendered(&http, &second, &key).await.unwrap().0 == 200).await;
    let (is_over, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for client in 0..4 {
        let (http, key, bases) = (http.clone(), key.clone(), bases.clone());
        let (is_over, served) = (is_over.clone(), served.clone());
        clients.spawn(async move {
            let mut turn = client;
            while !is_over.load(Ordering::Relaxed) {
                // As a load balancer does: where a node takes no request, the other one gets it.
                let [one, other] = bases.lock().unwrap().clone();
                turn += 1;
                let (first, then) = if turn % 2 == 0 { (one, other) } else { (other, one) };
                let answer = match rendered(&http, &first, &key).await {
                    Some(answer) => answer,
                    None => rendered(&http, &then, &key).await.expect("one of both answers"),
                };
                assert_eq!(answer, (200, KIND.into()));
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for (place, data) in ["one", "two"].into_iter().enumerate() {
        let so_far = served.load(Ordering::Relaxed);
        until("some are served", async || served.load(Ordering::Relaxed) > so_far + 100).await;
        assert!(nodes[place].take().unwrap().terminate());
        let node = start(data);
        bases.lock().unwrap()[place].clone_from(&node.base);
        nodes[place] = Some(node);
    }
    let so_far = served.load(Ordering::Relaxed);
    until("some more are served", async || served.load(Ordering::Relaxed) > so_far + 100).await;
    is_over.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}

/// Sends a call, which the gateway answers.
async fn call(http: &Http, program: &Program, path: &str, body: &Value) -> Answer {
    let request = Request::post(format!("{}{path}", program.base))
        .header("authorization", "Bearer sk-test-secret-key")
        .header("x-api-key", "sk-test-secret-key")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    Answer::read(http.request(request).await.unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_names_a_prompt() {
    let (installation, http) = (Installation::new().await, http());
    let program = installation.serve();
    fill(&http, &program).await;
    let question = json!([{ "role": "user", "content": "Where is my parcel?" }]);
    let variables = json!({ "variables": { "who": "Ada" } });
    let mut made = BTreeSet::new();
    let by_id = json!({ "id": "support/reply", "version": "1", "variables": { "who": "Ada" } });
    for (path, body) in [
        (
            "/openai/v1/chat/completions",
            json!({ "model": "prompt:support/reply", "prompt": variables, "messages": question }),
        ),
        ("/openai/v1/responses", json!({ "prompt": by_id, "input": "Where is my parcel?" })),
        (
            "/anthropic/v1/messages",
            json!({
                "model": "prompt:support/reply@production", "prompt": variables, "max_tokens": 5,
                "messages": question,
            }),
        ),
    ] {
        let answer = call(&http, &program, path, &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let call = program.ended_call(answer.call).await;
        let text = serde_json::to_string(&call).unwrap();
        assert!(text.contains(KIND) && text.contains("Where is my parcel?"), "{path}: {text}");
        assert_eq!(call.summary.request_model.as_deref(), Some("gpt-4o-mini"), "{path}");
        made.insert(call.summary.prompt_version_id.unwrap());
    }
    let version = made.pop_first().unwrap();
    assert!(made.is_empty(), "they are of one version");
    let query = CallQuery { prompt_version: Some(version.to_string()), ..CallQuery::default() };
    let found = program.client().list_calls(&query, &PageQuery::default()).await.unwrap();
    assert_eq!(found.calls.len(), 3, "{found:?}");
    let usage = edit(&http, &program, "GET", "/prompts/support%2Freply/usage", Value::Null).await;
    assert_eq!(usage["usage"][0]["served"], 3, "{usage}");

    for (prompt, status, code, part) in [
        (json!({ "id": "support/repyl" }), 404, "prompt_not_found", "did you mean `support/reply`?"),
        (json!({ "id": "support/reply", "version": "9" }), 404, "prompt_not_found", "its newest is 2"),
        (json!({ "id": "support/reply" }), 400, "prompt_invalid", "`who`"),
    ] {
        let answer = call(&http, &program, "/openai/v1/responses", &json!({ "prompt": prompt })).await;
        let error: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, &error["error"]["code"]), (status, &json!(code)), "{error}");
        assert!(error["error"]["message"].as_str().unwrap().contains(part), "{error}");
        // What was asked is on record, and how it ended.
        let call = program.ended_call(answer.call).await;
        assert_eq!(call.summary.error_code.as_deref(), Some(code));
    }
    // What is too large to be read passes as it is.
    let large = json!([{ "role": "user", "content": "x".repeat(9 << 20) }]);
    let large = json!({ "model": "prompt:support/reply", "messages": large });
    let answer = call(&http, &program, "/openai/v1/chat/completions", &large).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(program.ended_call(answer.call).await.summary.prompt_version_id, None);
    // A prompt that lies with the provider is the provider's.
    let theirs = json!({ "model": "gpt-4o-mini", "prompt": { "id": "pmpt_1" }, "input": "x" });
    assert_eq!(call(&http, &program, "/openai/v1/responses", &theirs).await.status, 200);
    assert!(program.terminate());
}
