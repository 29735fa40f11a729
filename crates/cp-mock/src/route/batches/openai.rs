//! OpenAI's files and batches.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::{Asked, MADE_AT, Shelf, alone, lines, not_found, read_lines, text};
use crate::failure::{Dialect, Failure};
use crate::route::{Content, Target};
use crate::text::{hash, id};

pub(super) fn answer(
    shelf: &Shelf,
    target: &Target<'_>,
    asked: &Asked<'_>,
) -> Option<Result<Content, Failure>> {
    let path: Vec<&str> = target.path.trim_end_matches('/').split('/').collect();
    let page = |prefix: &str, of: fn(&Shelf, &str) -> Option<Value>| {
        let data: Vec<Value> = shelf.names(prefix).iter().filter_map(|name| of(shelf, name)).collect();
        Ok(json!({"object": "list", "data": data, "has_more": false}))
    };
    let answer = match (asked.method, path.as_slice()) {
        (&Method::POST, ["v1", "files"]) => upload(shelf, asked),
        (&Method::GET, ["v1", "files"]) => page("file-", file),
        (&Method::GET, ["v1", "files", name]) => file(shelf, name).ok_or_else(|| not_found(name)),
        (&Method::DELETE, ["v1", "files", name]) => {
            shelf.remove(name);
            Ok(json!({"id": name, "object": "file", "deleted": true}))
        }
        (&Method::GET, ["v1", "files", name, "content"]) => {
            let content = shelf.get(name).ok_or_else(|| not_found(name));
            return Some(content.map(|bytes| Content::File("application/octet-stream", bytes)));
        }
        (&Method::POST, ["v1", "batches"]) => asked.json().and_then(|request| make(shelf, &request)),
        (&Method::GET, ["v1", "batches"]) => page("batch_", batch),
        (&Method::GET, ["v1", "batches", name]) => batch(shelf, name).ok_or_else(|| not_found(name)),
        _ => return None,
    };
    Some(answer.map(Content::Json))
}

fn upload(shelf: &Shelf, asked: &Asked<'_>) -> Result<Value, Failure> {
    let content = content_of_form(asked.headers, asked.body)
        .ok_or_else(|| Failure::new(400, "'file' is a required property"))?;
    let name = id("file-", hash(&content), 22);
    shelf.put(name.clone(), content);
    file(shelf, &name).ok_or_else(|| not_found(&name))
}

/// The field `file` of a form (RFC 7578).
fn content_of_form(headers: &HeaderMap, body: &Bytes) -> Option<Bytes> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let boundary = kind.split("boundary=").nth(1)?.split(';').next()?.trim_matches('"');
    let find = |from: usize, what: &[u8]| {
        let rest = body.get(from..)?;
        rest.windows(what.len()).position(|window| window == what).map(|place| from + place)
    };
    let head = find(0, b"name=\"file\"")?;
    let start = find(head, b"\r\n\r\n")? + 4;
    let end = find(start, format!("\r\n--{boundary}").as_bytes())?;
    Some(body.slice(start..end))
}

fn file(shelf: &Shelf, name: &str) -> Option<Value> {
    let bytes = shelf.get(name)?.len();
    let (purpose, filename) = if name.starts_with("file-out") || name.starts_with("file-err") {
        ("batch_output", "batch_output.jsonl")
    } else {
        ("batch", "batch.jsonl")
    };
    Some(json!({"id": name, "object": "file", "bytes": bytes, "created_at": MADE_AT, "filename": filename,
                "purpose": purpose, "status": "processed"}))
}

fn make(shelf: &Shelf, request: &Value) -> Result<Value, Failure> {
    let input = text(request, "input_file_id");
    let file = shelf.get(input).ok_or_else(|| Failure::new(400, format!("File not found: {input}")))?;
    let seed = hash(request.to_string().as_bytes());
    let name = id("batch_", seed, 24);
    let requests: Vec<Value> = read_lines(&file).collect();
    let answers = requests.iter().map(|line| {
        let custom_id = text(line, "custom_id");
        let path = text(line, "url").trim_start_matches('/');
        let seed = hash(custom_id.as_bytes());
        let answer = alone(Dialect::OpenAi, path, line.get("body").unwrap_or(&Value::Null));
        let (status, body) = match answer {
            Ok(body) => (200, body),
            Err(failure) => (failure.status, failure.body(Dialect::OpenAi, "")),
        };
        let response = json!({"status_code": status, "request_id": id("req_", seed, 32), "body": body});
        let line = json!({"id": id("batch_req_", seed, 24), "custom_id": custom_id, "response": response,
                          "error": null});
        (status == 200, line)
    });
    let (done, failed): (Vec<_>, Vec<_>) = answers.partition(|(done, _)| *done);
    let counts = json!({"total": requests.len(), "completed": done.len(), "failed": failed.len()});
    let keep = |kind: &str, answers: Vec<(bool, Value)>| {
        let name = (!answers.is_empty()).then(|| id(kind, seed, 19))?;
        shelf.put(name.clone(), lines(answers.into_iter().map(|(_, line)| line)));
        Some(name)
    };
    let (output, errors) = (keep("file-out", done), keep("file-err", failed));
    let mut batch = json!({
        "id": name, "object": "batch", "endpoint": text(request, "endpoint"), "input_file_id": input,
        "completion_window": text(request, "completion_window"), "status": "completed",
        "output_file_id": output, "error_file_id": errors, "created_at": MADE_AT,
        "completed_at": MADE_AT + 60, "request_counts": counts, "errors": null,
        "metadata": request.get("metadata"),
    });
    shelf.put(name, batch.to_string().into());
    // It has only just begun.
    for (field, value) in [
        ("status", json!("validating")),
        ("output_file_id", Value::Null),
        ("error_file_id", Value::Null),
        ("completed_at", Value::Null),
        ("request_counts", json!({"total": 0, "completed": 0, "failed": 0})),
    ] {
        if let Some(slot) = batch.get_mut(field) {
            *slot = value;
        }
    }
    Ok(batch)
}

fn batch(shelf: &Shelf, name: &str) -> Option<Value> {
    shelf.get_value(name)
}
