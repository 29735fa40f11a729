//! Google's batches, and the files that their requests and answers may be in.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::{Asked, MADE_AT_TEXT, Shelf, alone, lines, not_found, read_lines, text};
use crate::failure::{Dialect, Failure};
use crate::route::{Content, Target};
use crate::text::{hash, id};

pub(super) fn answer(
    shelf: &Shelf,
    target: &Target<'_>,
    asked: &Asked<'_>,
) -> Option<Result<Content, Failure>> {
    let path: Vec<&str> = target.path.trim_end_matches('/').split('/').collect();
    let answer = match (asked.method, path.as_slice()) {
        (&Method::POST, ["upload", _, "files"]) => return Some(Ok(upload(shelf, asked))),
        (&Method::POST, [_, "models", model]) => {
            let model = model.strip_suffix(":batchGenerateContent")?;
            asked.json().and_then(|request| make(shelf, model, &request))
        }
        (&Method::GET, [_, "batches", name]) => {
            shelf.get_value(&format!("batches/{name}")).ok_or_else(|| not_found(name))
        }
        (&Method::GET, [_, "files", name]) => match name.strip_suffix(":download") {
            Some(name) => {
                let content = shelf.get(&format!("files/{name}")).ok_or_else(|| not_found(name));
                return Some(content.map(|bytes| Content::File("application/octet-stream", bytes)));
            }
            None => file(shelf, name).ok_or_else(|| not_found(name)),
        },
        _ => return None,
    };
    Some(answer.map(Content::Json))
}

/// The two steps of a resumable upload: the first answers with the address of the second.
fn upload(shelf: &Shelf, asked: &Asked<'_>) -> Content {
    let command = asked.headers.get("x-goog-upload-command").and_then(|value| value.to_str().ok());
    if command == Some("start") {
        return Content::Upload(asked.address("upload/v1beta/files?upload_id=1&key=upload"));
    }
    let name = id("", hash(asked.body), 12);
    shelf.put(format!("files/{name}"), asked.body.clone());
    Content::Uploaded(json!({ "file": file(shelf, &name) }))
}

fn file(shelf: &Shelf, name: &str) -> Option<Value> {
    let bytes = shelf.get(&format!("files/{name}"))?.len();
    Some(json!({"name": format!("files/{name}"), "mimeType": "application/jsonl", "state": "ACTIVE",
                "sizeBytes": bytes.to_string(), "createTime": MADE_AT_TEXT}))
}

fn make(shelf: &Shelf, model: &str, request: &Value) -> Result<Value, Failure> {
    let config = request.pointer("/batch/inputConfig").ok_or_else(|| Failure::new(400, "no inputConfig"))?;
    let name = format!("batches/{}", id("", hash(request.to_string().as_bytes()), 24));
    let answer = |line: &Value| {
        let path = format!("v1beta/models/{model}:generateContent");
        match alone(Dialect::Gemini, &path, line.get("request").unwrap_or(&Value::Null)) {
            Ok(response) => ("response", response),
            Err(failure) => {
                let mut body = failure.body(Dialect::Gemini, "");
                ("error", body.get_mut("error").map(Value::take).unwrap_or_default())
            }
        }
    };
    let output = match config.get("fileName").and_then(Value::as_str) {
        Some(file) => {
            let file: Bytes = shelf.get(file).ok_or_else(|| not_found(file))?;
            let answers = read_lines(&file).map(|line| {
                let (kind, answer) = answer(&line);
                json!({"key": text(&line, "key"), kind: answer})
            });
            let output = name.replace("batches/", "files/batch-");
            shelf.put(output.clone(), lines(answers.collect::<Vec<_>>()));
            json!({ "responsesFile": output })
        }
        None => {
            let requests = config.pointer("/requests/requests").and_then(Value::as_array);
            let answers: Vec<Value> = requests
                .into_iter()
                .flatten()
                .map(|line| {
                    let (kind, answer) = answer(line);
                    let mut answer = json!({ kind: answer });
                    if let (Some(metadata), Some(answer)) = (line.get("metadata"), answer.as_object_mut()) {
                        answer.insert("metadata".to_owned(), metadata.clone());
                    }
                    answer
                })
                .collect();
            json!({"inlinedResponses": {"inlinedResponses": answers}})
        }
    };
    let operation = |state: &str, output: Option<&Value>| {
        json!({"name": name, "done": output.is_some(), "metadata": {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
            "model": format!("models/{model}"), "displayName": request.pointer("/batch/displayName"),
            "createTime": MADE_AT_TEXT, "state": state, "name": name, "output": output,
            "inputConfig": config.get("fileName").map(|file| json!({ "fileName": file }))}})
    };
    shelf.put(name.clone(), operation("BATCH_STATE_SUCCEEDED", Some(&output)).to_string().into());
    Ok(operation("BATCH_STATE_PENDING", None))
}
