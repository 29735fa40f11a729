//! Batches and the files that they are in, of OpenAI, Anthropic and Google: what one request leaves for a later one.
//!
//! A file's id follows from its bytes, and a batch's from what it was made of, so that these repeat too. A batch is done
//! as soon as it is asked for: its answers are those that its requests would have got alone.

mod anthropic;
mod gemini;
mod openai;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::Value;

use super::{Content, Target, authorize};
use crate::directive::Directives;
use crate::failure::{Dialect, Failure};

/// Files and batches kept; the oldest goes first.
const KEPT: usize = 256;
/// When everything was made, in seconds of Unix time.
const MADE_AT: u64 = 1_790_000_000;
const MADE_AT_TEXT: &str = "2026-09-21T14:13:20Z";

/// What requests leave behind.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    kept: Mutex<VecDeque<(String, Bytes)>>,
}

impl Shelf {
    /// Keeps bytes under a name, in place of what had it before.
    pub(super) fn put(&self, name: String, bytes: Bytes) {
        let mut kept = self.lock();
        kept.retain(|(known, _)| *known != name);
        kept.push_back((name, bytes));
        let excess = kept.len().saturating_sub(KEPT);
        kept.drain(..excess);
    }

    fn get(&self, name: &str) -> Option<Bytes> {
        self.lock().iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes.clone())
    }

    pub(super) fn get_value(&self, name: &str) -> Option<Value> {
        serde_json::from_slice(&self.get(name)?).ok()
    }

    /// The names that begin so, the latest first.
    fn names(&self, prefix: &str) -> Vec<String> {
        let kept = self.lock();
        kept.iter().rev().filter(|(name, _)| name.starts_with(prefix)).map(|(name, _)| name.clone()).collect()
    }

    fn remove(&self, name: &str) {
        self.lock().retain(|(known, _)| known != name);
    }

    /// A panic elsewhere leaves whole entries.
    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, Bytes)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that may be of batches.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
}

impl Asked<'_> {
    /// The address under which the client sees this path.
    fn address(&self, path: &str) -> String {
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let prefix = ["/openai/", "/anthropic/", "/gemini/"];
        let prefix = prefix.into_iter().find(|prefix| self.uri.path().starts_with(prefix)).unwrap_or("/");
        format!("http://{host}{prefix}{path}")
    }

    pub(super) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(self.body).map_err(|_| Failure::new(400, "The body is not valid JSON."))
    }
}

/// Answers a request for a file or a batch; `None` where it is for something else.
pub(super) fn answer(
    shelf: &Shelf,
    target: &Target<'_>,
    asked: &Asked<'_>,
) -> Option<Result<Content, Failure>> {
    let respond = match target.dialect {
        Dialect::OpenAi => openai::answer,
        Dialect::Anthropic => anthropic::answer,
        Dialect::Gemini => gemini::answer,
        Dialect::Ollama => return None,
    };
    let answer = respond(shelf, target, asked)?;
    Some(authorize(target.dialect, asked.headers, target.query).and(answer))
}

/// What a request would get, were it sent alone.
fn alone(dialect: Dialect, path: &str, request: &Value) -> Result<Value, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer sk-batch"));
    let target = Target { dialect, path, query: "" };
    let body = request.to_string();
    match target.content(&Method::POST, &headers, body.as_bytes(), &mut Directives::default())? {
        Content::Json(answer) => Ok(answer),
        _ => Err(Failure::new(400, "A request of a batch cannot ask for a stream.")),
    }
}

fn lines(values: impl IntoIterator<Item = Value>) -> Bytes {
    values.into_iter().map(|value| format!("{value}\n")).collect::<String>().into()
}

/// The lines of a file that are JSON.
fn read_lines(file: &Bytes) -> impl Iterator<Item = Value> + '_ {
    file.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn not_found(what: &str) -> Failure {
    Failure::new(404, format!("No such object: {what}"))
}
