//! Google's batches: `POST models/{model}:batchGenerateContent` answers with an operation, whose `metadata` names the
//! model and, once it is done, the answers: in `output.inlinedResponses`, or in a file of lines `{key, response}` that
//! `output.responsesFile` names. Requests are in the body that makes the batch, `{request, metadata: {key}}`, or in a file
//! of lines `{key, request}` (`python-genai`, 2026-08). An answer without a key is told by its place.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Batch, BatchRequest, BatchResult};

/// What is told of a batch.
#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    name: String,
    metadata: Metadata,
    #[serde(default)]
    response: Option<Output>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    model: String,
    #[serde(default)]
    input_config: Option<InputConfig>,
    #[serde(default)]
    output: Option<Output>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InputConfig {
    #[serde(default)]
    file_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    #[serde(default)]
    responses_file: Option<String>,
    #[serde(default, alias = "inlinedEmbedContentResponses")]
    inlined_responses: Option<Inlined>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inlined {
    #[serde(default)]
    inlined_responses: Vec<Answer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Key {
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    metadata: Option<Key>,
    #[serde(default)]
    response: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    metadata: Option<Key>,
    #[serde(borrow)]
    request: &'a RawValue,
}

impl From<Operation> for Batch {
    fn from(operation: Operation) -> Self {
        let Operation { name, metadata, response } = operation;
        let file = |output: Option<Output>| output.and_then(|output| output.responses_file);
        Self {
            id: name,
            endpoint: Some(metadata.model),
            input_file_id: metadata.input_config.and_then(|config| config.file_name),
            output_file_id: file(metadata.output).or_else(|| file(response)),
            ..Self::default()
        }
    }
}

/// Whether a path makes a batch.
pub(super) fn makes_batch(path: &str) -> bool {
    path.ends_with(":batchGenerateContent") || path.ends_with(":asyncBatchEmbedContent")
}

/// The path of a request that is answered so, alone.
pub(super) fn path(model: &str, answer: &Value) -> String {
    let method = if answer.get("embedding").is_some() { "embedContent" } else { "generateContent" };
    format!("/v1beta/{model}:{method}")
}

/// The batch of an operation that tells its answers, and these.
pub(super) fn inline_results(body: &[u8]) -> Option<(String, Vec<BatchResult>)> {
    let Operation { name, metadata, response } = serde_json::from_slice(body).ok()?;
    let inlined = |output: Option<Output>| output.and_then(|output| output.inlined_responses);
    let answers = inlined(metadata.output).or_else(|| inlined(response))?.inlined_responses;
    let results = answers.into_iter().enumerate().filter_map(|(place, answer)| answer.result(Some(place)));
    Some((name, results.collect()))
}

/// The answer in a line of a file.
pub(super) fn result(line: &[u8]) -> Option<BatchResult> {
    serde_json::from_slice::<Answer>(line).ok()?.result(None)
}

/// The requests in a body that makes a batch.
pub(super) fn inline_requests(body: &[u8]) -> Option<HashMap<String, BatchRequest>> {
    #[derive(Deserialize)]
    struct Making<'a> {
        #[serde(borrow)]
        batch: Described<'a>,
    }
    #[derive(Deserialize)]
    struct Described<'a> {
        #[serde(borrow, rename = "inputConfig")]
        input: Input<'a>,
    }
    #[derive(Deserialize)]
    struct Input<'a> {
        #[serde(borrow)]
        requests: Requests<'a>,
    }
    #[derive(Deserialize)]
    struct Requests<'a> {
        #[serde(borrow)]
        requests: Vec<Request<'a>>,
    }
    let Making { batch } = serde_json::from_slice(body).ok()?;
    let requests = batch.input.requests.requests.into_iter().enumerate();
    Some(requests.filter_map(|(place, request)| request.named(Some(place))).collect())
}

/// The request in a line of a file.
pub(super) fn request(line: &[u8]) -> Option<(String, BatchRequest)> {
    serde_json::from_slice::<Request<'_>>(line).ok()?.named(None)
}

impl Answer {
    fn result(self, place: Option<usize>) -> Option<BatchResult> {
        let custom_id = name(self.key, self.metadata, place)?;
        let (status, body) = match (self.response, self.error) {
            (Some(response), None) => (Some(200), response.to_string()),
            (_, Some(error)) => (None, json!({ "error": error }).to_string()),
            (None, None) => return None,
        };
        Some(BatchResult { custom_id, path: None, status, body })
    }
}

impl Request<'_> {
    fn named(self, place: Option<usize>) -> Option<(String, BatchRequest)> {
        let name = name(self.key, self.metadata, place)?;
        Some((name, BatchRequest { path: None, body: self.request.get().to_owned() }))
    }
}

fn name(key: Option<String>, metadata: Option<Key>, place: Option<usize>) -> Option<String> {
    key.or_else(|| metadata?.key).or_else(|| place.map(|place| place.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::{
        BatchHandle, batch_handles, batch_of, batch_requests, batch_results, fetched_results,
    };
    use super::*;

    #[test]
    fn inline_requests_and_answers_meet_by_key_or_place() {
        let making = json!({"batch": {"displayName": "n", "inputConfig": {"requests": {"requests": [
            {"request": {"contents": [1]}, "metadata": {"key": "a"}}, {"request": {"contents": [2]}}]}}}});
        let requests = batch_requests(making.to_string().as_bytes());
        assert_eq!(requests["a"].body, r#"{"contents":[1]}"#);
        assert_eq!(requests["1"].body, r#"{"contents":[2]}"#);

        let answers = json!([{"response": {"responseId": "r"}, "metadata": {"key": "a"}},
                             {"error": {"code": 8, "message": "m"}}]);
        let output = json!({"inlinedResponses": {"inlinedResponses": answers}});
        let done = json!({"name": "batches/b", "done": true,
                          "metadata": {"model": "models/m", "state": "BATCH_STATE_SUCCEEDED", "output": output}})
        .to_string();
        let handle = BatchHandle::Batch("batches/b".to_owned());
        assert_eq!(fetched_results("GET", "/v1beta/batches/b", done.as_bytes()), Some(handle.clone()));
        let results: Vec<_> = batch_results(done.as_bytes()).collect();
        let [first, second] = results.as_slice() else { panic!("{results:?}") };
        assert_eq!((first.custom_id.as_str(), first.status), ("a", Some(200)));
        assert_eq!(
            (second.custom_id.as_str(), second.body.as_str()),
            ("1", r#"{"error":{"code":8,"message":"m"}}"#)
        );
        let batch = batch_of(done.as_bytes(), &handle).unwrap();
        assert_eq!(batch.path_of(&first.body).unwrap(), "/v1beta/models/m:generateContent");
        assert_eq!(batch.path_of(r#"{"embedding": {}}"#).unwrap(), "/v1beta/models/m:embedContent");

        let making = br#"{"name": "batches/b", "metadata": {"model": "models/m"}}"#;
        assert_eq!(batch_handles("POST", "/v1beta/models/m:batchGenerateContent", making), [handle]);
        assert_eq!(fetched_results("GET", "/v1beta/batches/b", making), None);
    }

    #[test]
    fn a_file_of_answers_is_found_by_its_name() {
        let told = json!({"name": "batches/b", "metadata": {"model": "models/m", "inputConfig":
            {"fileName": "files/in"}, "output": {"responsesFile": "files/out"}}})
        .to_string();
        let file = BatchHandle::File("files/out".to_owned());
        assert_eq!(batch_handles("GET", "/v1beta/batches/b", told.as_bytes()), std::slice::from_ref(&file));
        let batch = batch_of(told.as_bytes(), &file).unwrap();
        assert_eq!((batch.id.as_str(), batch.input_file_id.as_deref()), ("batches/b", Some("files/in")));
        let uploaded = br#"{"file": {"name": "files/in"}}"#;
        let file = BatchHandle::File("files/in".to_owned());
        assert_eq!(batch_handles("POST", "/upload/v1beta/files", uploaded), [file]);

        let lines = "{\"key\": \"a\", \"request\": {\"contents\": []}}\n{\"key\": \"b\", \"request\": {}}";
        assert_eq!(batch_requests(lines.as_bytes()).len(), 2);
        let lines = "{\"key\": \"a\", \"response\": {}}\n{\"response\": {}}\n{\"key\": \"c\"}";
        let found: Vec<_> = batch_results(lines.as_bytes()).map(|result| result.custom_id).collect();
        assert_eq!(found, ["a"], "an answer in a file has no place");
    }
}
