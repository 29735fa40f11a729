//! Anthropic's message batches.

use http::Method;
use serde_json::{Value, json};

use super::{Asked, MADE_AT_TEXT, Shelf, alone, lines, not_found, text};
use crate::failure::{Dialect, Failure};
use crate::route::{Content, Target};
use crate::text::{hash, id};

pub(super) fn answer(
    shelf: &Shelf,
    target: &Target<'_>,
    asked: &Asked<'_>,
) -> Option<Result<Content, Failure>> {
    let path: Vec<&str> = target.path.trim_end_matches('/').split('/').collect();
    let ["v1", "messages", "batches", rest @ ..] = path.as_slice() else { return None };
    let answer = match (asked.method, rest) {
        (&Method::POST, []) => asked.json().map(|request| make(shelf, asked, &request)),
        (&Method::GET, []) => {
            let names = shelf.names("msgbatch_").into_iter().filter(|name| !name.ends_with("/results"));
            let data: Vec<Value> = names.filter_map(|name| shelf.get_value(&name)).collect();
            Ok(json!({"data": data, "has_more": false, "first_id": null, "last_id": null}))
        }
        (&Method::GET, [name]) => shelf.get_value(name).ok_or_else(|| not_found(name)),
        (&Method::GET, [name, "results"]) => {
            let results = shelf.get(&format!("{name}/results")).ok_or_else(|| not_found(name));
            return Some(results.map(|bytes| Content::File("application/x-jsonl", bytes)));
        }
        _ => return None,
    };
    Some(answer.map(Content::Json))
}

fn make(shelf: &Shelf, asked: &Asked<'_>, request: &Value) -> Value {
    let name = id("msgbatch_", hash(asked.body), 24);
    let requests = request.get("requests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let results: Vec<Value> = requests
        .iter()
        .map(|line| {
            let answer = alone(Dialect::Anthropic, "v1/messages", line.get("params").unwrap_or(&Value::Null));
            let result = match answer {
                Ok(mut message) => {
                    if let Some(usage) = message.get_mut("usage").and_then(Value::as_object_mut) {
                        usage.insert("service_tier".to_owned(), "batch".into());
                    }
                    json!({"type": "succeeded", "message": message})
                }
                Err(failure) => {
                    json!({"type": "errored", "error": failure.body(Dialect::Anthropic, "req_batch")})
                }
            };
            json!({"custom_id": text(line, "custom_id"), "result": result})
        })
        .collect();
    let errored = results.iter().filter(|line| line.pointer("/result/error").is_some()).count();
    let batch = |status: &str, [processing, succeeded, errored]: [usize; 3]| {
        let ended = status == "ended";
        let results = asked.address(&format!("v1/messages/batches/{name}/results"));
        json!({
            "id": name, "type": "message_batch", "processing_status": status, "created_at": MADE_AT_TEXT,
            "expires_at": "2026-09-22T14:13:20Z", "ended_at": ended.then_some("2026-09-21T14:14:20Z"),
            "archived_at": null, "cancel_initiated_at": null, "results_url": ended.then_some(results),
            "request_counts": {"processing": processing, "succeeded": succeeded, "errored": errored,
                               "canceled": 0, "expired": 0},
        })
    };
    let done = batch("ended", [0, results.len() - errored, errored]);
    let begun = batch("in_progress", [results.len(), 0, 0]);
    shelf.put(name.clone(), done.to_string().into());
    shelf.put(format!("{name}/results"), lines(results));
    begun
}
