//! Batches: requests that are sent together, in a file or a body, and whose answers are fetched later, a line of JSON for
//! each.
//!
//! OpenAI's requests are lines `{custom_id, method, url, body}` of an uploaded file; its answers are lines
//! `{custom_id, response: {status_code, body}, error}` of the file that the batch names. Anthropic's requests are in the
//! body that makes the batch, `requests: [{custom_id, params}]`, and its answers are lines `{custom_id, result}`
//! (`openai-python` and `anthropic-sdk-python`, 2026-08). Of Google's, see [`gemini`].

mod gemini;

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What an exchange has to do with batches, by the ids that later exchanges speak of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BatchHandle {
    /// A file: the exchange uploaded it, or names the batch that made it.
    File(String),
    /// A batch: the exchange made it.
    Batch(String),
}

impl BatchHandle {
    /// Its kind and its id.
    #[must_use]
    pub fn parts(&self) -> [&str; 2] {
        match self {
            Self::File(id) => ["file", id],
            Self::Batch(id) => ["batch", id],
        }
    }
}

/// A batch, as the exchange says that made it, asked for it, or fetched its answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Batch {
    /// The provider's id.
    pub id: String,
    /// The path of its requests, or Google's name of the model that they are for.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The file that its requests are in.
    #[serde(default)]
    pub input_file_id: Option<String>,
    /// The files that its answers are in.
    #[serde(default)]
    output_file_id: Option<String>,
    #[serde(default)]
    error_file_id: Option<String>,
    /// When it was made, where it says so in seconds of Unix time.
    #[serde(default, deserialize_with = "seconds")]
    pub created_at: Option<i64>,
}

impl Batch {
    /// The path of a request that is not known, by its answer; absent where nothing tells.
    #[must_use]
    pub fn path_of(&self, answer: &str) -> Option<String> {
        let answer = || serde_json::from_str::<Value>(answer).ok();
        match self.endpoint.as_deref() {
            Some(model) if model.starts_with("models/") => answer().map(|it| gemini::path(model, &it)),
            Some(path) => Some(path.to_owned()),
            None => match answer()?.get("object")?.as_str()? {
                "chat.completion" => Some("/v1/chat/completions".to_owned()),
                "response" => Some("/v1/responses".to_owned()),
                "text_completion" => Some("/v1/completions".to_owned()),
                "list" => Some("/v1/embeddings".to_owned()),
                _ => None,
            },
        }
    }
}

/// One request of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRequest {
    /// The path that it is for, where it names one.
    pub path: Option<String>,
    /// The body, as it would be sent alone.
    pub body: String,
}

/// One answer of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchResult {
    /// What the client calls the request.
    pub custom_id: String,
    /// The path that it answers, where the form of the line tells.
    pub path: Option<&'static str>,
    /// The HTTP status, where the line has one.
    pub status: Option<u16>,
    /// The body, as it would have come alone.
    pub body: String,
}

/// The handles by which an exchange can be found when the answers come.
#[must_use]
pub fn batch_handles(method: &str, path: &str, response: &[u8]) -> Vec<BatchHandle> {
    let path = path.trim_end_matches('/');
    let made = |at: &str| {
        let object: Value = serde_json::from_slice(response).ok()?;
        Some(object.pointer(at)?.as_str()?.to_owned())
    };
    match method {
        "POST" if path.ends_with("/messages/batches") => {
            made("/id").map(BatchHandle::Batch).into_iter().collect()
        }
        "POST" if gemini::makes_batch(path) => made("/name").map(BatchHandle::Batch).into_iter().collect(),
        "POST" if path.ends_with("/files") => {
            let file = made("/id").or_else(|| made("/file/name"));
            file.map(BatchHandle::File).into_iter().collect()
        }
        _ if is_of_batches(path) => {
            let files =
                batches(response).into_iter().flat_map(|batch| [batch.output_file_id, batch.error_file_id]);
            files.flatten().map(BatchHandle::File).collect()
        }
        _ => Vec::new(),
    }
}

/// The handle of the exchange that tells of the answers which this one fetches; absent where it fetches none.
#[must_use]
pub fn fetched_results(method: &str, path: &str, response: &[u8]) -> Option<BatchHandle> {
    let (rest, last) = path.trim_end_matches('/').rsplit_once('/')?;
    let (rest, id) = rest.rsplit_once('/')?;
    match last {
        _ if method != "GET" || id.is_empty() => None,
        _ if id == "files" => {
            let file = last.strip_suffix(":download").filter(|file| !file.is_empty())?;
            Some(BatchHandle::File(format!("files/{file}")))
        }
        _ if id == "batches" => gemini::inline_results(response).map(|(id, _)| BatchHandle::Batch(id)),
        "content" if rest.ends_with("/files") => Some(BatchHandle::File(id.to_owned())),
        "results" if rest.ends_with("/messages/batches") => Some(BatchHandle::Batch(id.to_owned())),
        _ => None,
    }
}

/// The batch that an exchange tells of by a handle.
#[must_use]
pub fn batch_of(response: &[u8], handle: &BatchHandle) -> Option<Batch> {
    let is_meant = |batch: &Batch| match handle {
        BatchHandle::Batch(id) => batch.id == *id,
        BatchHandle::File(file) => {
            [&batch.output_file_id, &batch.error_file_id].into_iter().flatten().any(|id| id == file)
        }
    };
    batches(response).into_iter().find(is_meant)
}

/// The requests in a file that was uploaded, the frame of its upload around it or not, or in the body that made a batch; by
/// their `custom_id`. Of a body that was captured in part, those that are whole.
#[must_use]
pub fn batch_requests(body: &[u8]) -> HashMap<String, BatchRequest> {
    #[derive(Deserialize)]
    struct Line<'a> {
        custom_id: String,
        url: String,
        #[serde(borrow)]
        body: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Requests<'a> {
        #[serde(borrow)]
        requests: Vec<Inline<'a>>,
    }
    #[derive(Deserialize)]
    struct Inline<'a> {
        custom_id: String,
        #[serde(borrow)]
        params: &'a RawValue,
    }
    if let Ok(Requests { requests }) = serde_json::from_slice(body) {
        let inline = |request: Inline<'_>| {
            (request.custom_id, BatchRequest { path: None, body: request.params.get().to_owned() })
        };
        return requests.into_iter().map(inline).collect();
    }
    if let Some(requests) = gemini::inline_requests(body) {
        return requests;
    }
    let request = |line| match serde_json::from_slice::<Line<'_>>(line) {
        Ok(line) => {
            Some((line.custom_id, BatchRequest { path: Some(line.url), body: line.body.get().to_owned() }))
        }
        Err(_) => gemini::request(line),
    };
    body.split(|byte| *byte == b'\n').filter_map(request).collect()
}

/// The answers in a body, most often a line each; what is no answer, or no whole line, is passed over.
pub fn batch_results(body: &[u8]) -> impl Iterator<Item = BatchResult> {
    let inline = gemini::inline_results(body).map(|(_, results)| results);
    let lines = inline.is_none().then(|| body.split(|byte| *byte == b'\n'));
    let lines = lines.into_iter().flatten().filter_map(|line| result(line).or_else(|| gemini::result(line)));
    inline.into_iter().flatten().chain(lines)
}

fn result(line: &[u8]) -> Option<BatchResult> {
    #[derive(Deserialize)]
    struct Line<'a> {
        custom_id: String,
        #[serde(borrow, default)]
        response: Option<Response<'a>>,
        #[serde(default)]
        error: Option<Value>,
        #[serde(borrow, default)]
        result: Option<Outcome<'a>>,
    }
    #[derive(Deserialize)]
    struct Response<'a> {
        status_code: Option<u16>,
        #[serde(borrow)]
        body: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Outcome<'a> {
        r#type: String,
        #[serde(borrow, default)]
        message: Option<&'a RawValue>,
        #[serde(borrow, default)]
        error: Option<&'a RawValue>,
    }
    let Line { custom_id, response, error, result } = serde_json::from_slice(line).ok()?;
    let (path, status, body) = match (response, error, result) {
        (Some(Response { status_code, body }), _, None) => (None, status_code, body.get().to_owned()),
        (None, Some(error), None) => (None, None, json!({ "error": error }).to_string()),
        (None, _, Some(Outcome { r#type, message, error })) => {
            let unserved = || {
                let message = format!("the request was {}", r#type);
                json!({"type": "error", "error": {"type": r#type, "message": message}}).to_string()
            };
            let body = message.or(error).map_or_else(unserved, |body| body.get().to_owned());
            (Some("/v1/messages"), message.map(|_| 200), body)
        }
        _ => return None,
    };
    Some(BatchResult { custom_id, path, status, body })
}

/// Other providers than OpenAI write the time as a text.
fn seconds<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    Ok(Value::deserialize(value)?.as_i64())
}

fn is_of_batches(path: &str) -> bool {
    let before = path.rsplit_once('/').map_or("", |(before, _)| before);
    [path, before].iter().any(|path| path.ends_with("/batches") && !path.ends_with("/messages/batches"))
}

/// The batches that a response tells of: one, or a page of them.
fn batches(response: &[u8]) -> Vec<Batch> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Told {
        Page { data: Vec<Batch> },
        One(Batch),
        Google(gemini::Operation),
        GooglePage { operations: Vec<gemini::Operation> },
    }
    match serde_json::from_slice(response) {
        Ok(Told::Page { data }) => data,
        Ok(Told::One(batch)) => vec![batch],
        Ok(Told::Google(operation)) => vec![operation.into()],
        Ok(Told::GooglePage { operations }) => operations.into_iter().map(Batch::from).collect(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_are_found_by_the_ids_that_they_tell() {
        let file = |id: &str| BatchHandle::File(id.to_owned());
        let upload = br#"{"id": "file-in", "object": "file"}"#;
        assert_eq!(batch_handles("POST", "/v1/files", upload), [file("file-in")]);
        let batch = json!({"id": "batch_1", "endpoint": "/v1/responses", "input_file_id": "file-in",
                           "output_file_id": "file-out", "error_file_id": null, "created_at": 7});
        let page = json!({"data": [batch, {"id": "batch_2", "error_file_id": "file-err"}]});
        let told = batch_handles("GET", "/v1/batches/batch_1", batch.to_string().as_bytes());
        assert_eq!(told, [file("file-out")]);
        let told = batch_handles("GET", "/v1/batches", page.to_string().as_bytes());
        assert_eq!(told, [file("file-out"), file("file-err")]);
        let found = batch_of(page.to_string().as_bytes(), &file("file-out")).unwrap();
        assert_eq!((found.id.as_str(), found.input_file_id.as_deref()), ("batch_1", Some("file-in")));
        let made = batch_handles("POST", "/v1/messages/batches", br#"{"id": "msgbatch_1"}"#);
        assert_eq!(made, [BatchHandle::Batch("msgbatch_1".to_owned())]);
        assert!(batch_handles("POST", "/v1/chat/completions", upload).is_empty());
        assert!(batch_handles("POST", "/v1/files", b"no JSON").is_empty());
    }

    #[test]
    fn fetching_answers_is_known_by_its_path() {
        let of = |path| fetched_results("GET", path, b"{}");
        assert_eq!(of("/v1/files/file-1/content"), Some(BatchHandle::File("file-1".to_owned())));
        assert_eq!(
            of("/v1/messages/batches/msgbatch_1/results"),
            Some(BatchHandle::Batch("msgbatch_1".to_owned()))
        );
        for other in ["/v1/files/file-1", "/v1/files//content", "/v1/batches/b/results", "/content", ""] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(of("/v1beta/files/b-1:download"), Some(BatchHandle::File("files/b-1".to_owned())));
        assert_eq!(of("/v1/batches/batch_1"), None);
        assert_eq!(fetched_results("POST", "/v1/files/file-1/content", b"{}"), None);
    }

    #[test]
    fn requests_are_read_from_an_upload_and_from_a_body() {
        let upload = "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n\
            {\"custom_id\": \"a\", \"method\": \"POST\", \"url\": \"/v1/embeddings\", \"body\": {\"input\":  \"x\"}}\r\n\
            {\"custom_id\": \"b\", \"method\": \"POST\", \"url\": \"/v1/emb";
        let requests = batch_requests(upload.as_bytes());
        let a =
            BatchRequest { path: Some("/v1/embeddings".to_owned()), body: "{\"input\":  \"x\"}".to_owned() };
        assert_eq!(requests, [("a".to_owned(), a)].into());
        let body = json!({"requests": [{"custom_id": "c", "params": {"model": "m"}}]}).to_string();
        let c = BatchRequest { path: None, body: "{\"model\":\"m\"}".to_owned() };
        assert_eq!(batch_requests(body.as_bytes()), [("c".to_owned(), c)].into());
    }

    #[test]
    fn answers_are_read_line_by_line() {
        let lines = [
            json!({"custom_id": "a", "response": {"status_code": 200, "body": {"id": 1}}, "error": null})
                .to_string(),
            json!({"custom_id": "b", "response": null, "error": {"code": "batch_expired"}}).to_string(),
            json!({"custom_id": "c", "result": {"type": "succeeded", "message": {"id": 2}}}).to_string(),
            json!({"custom_id": "d", "result": {"type": "errored", "error": {"type": "error"}}}).to_string(),
            json!({"custom_id": "e", "result": {"type": "expired"}}).to_string(),
            json!({"custom_id": "f", "method": "POST", "url": "/v1/embeddings", "body": {}}).to_string(),
            r#"{"custom_id": "g", "response": {"sta"#.to_owned(),
        ];
        let found: Vec<_> = batch_results(lines.join("\n").as_bytes())
            .map(|result| (result.custom_id, result.path, result.status, result.body))
            .collect();
        let messages = Some("/v1/messages");
        let expired = r#"{"error":{"message":"the request was expired","type":"expired"},"type":"error"}"#;
        let expected = [
            ("a", None, Some(200), r#"{"id":1}"#),
            ("b", None, None, r#"{"error":{"code":"batch_expired"}}"#),
            ("c", messages, Some(200), r#"{"id":2}"#),
            ("d", messages, None, r#"{"type":"error"}"#),
            ("e", messages, None, expired),
        ];
        assert_eq!(
            found,
            expected.map(|(id, path, status, body)| (id.to_owned(), path, status, body.to_owned()))
        );
    }
}
