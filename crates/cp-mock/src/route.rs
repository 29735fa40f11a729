//! From a request to a response.

mod background;
pub(crate) mod batches;
mod encode;
mod google;
mod ollama;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

use self::batches::Asked;
use self::encode::{encode, head};
use crate::directive::{Directives, Fault};
use crate::echo::{self, Duplex};
use crate::failure::{Dialect, Failure};
use crate::line::ResetMark;
use crate::script::{BrokenOff, ScriptBody, steps};
use crate::seen::Exchange;
use crate::server::State;
use crate::text::{hash, id};
use crate::{anthropic, bench, openai};

/// A response.
pub(crate) type Reply = Response<ReplyBody>;

/// Why a connection ends without a response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoReply {
    #[error(transparent)]
    BrokenOff(#[from] BrokenOff),
    #[error("the request's body did not arrive")]
    Request(#[from] hyper::Error),
    #[error("the response could not be compressed")]
    Gzip(#[from] std::io::Error),
    #[error("the response's head is no HTTP")]
    Head(#[from] http::Error),
}

/// Where a response's bytes come from.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    Empty,
    Script(ScriptBody),
    Duplex(Duplex),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = NoReply;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NoReply>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Script(body) => Pin::new(body).poll_frame(cx).map_err(NoReply::from),
            Self::Duplex(body) => Pin::new(body).poll_frame(cx).map_err(NoReply::from),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Script(body) => body.is_end_stream(),
            Self::Duplex(_) => false,
        }
    }
}

/// What a provider answers, before it is put on the wire.
enum Content {
    Json(Value),
    /// Server-sent events, framed.
    Events(Vec<Bytes>),
    /// A JSON array, in pieces.
    Array(Vec<Bytes>),
    /// JSON objects, one a line.
    Lines(Vec<Bytes>),
    /// A file, under its media type.
    File(&'static str, Bytes),
    /// Google's leave to upload a file at an address.
    Upload(String),
    /// A file that was uploaded there.
    Uploaded(Value),
}

/// Answers a request.
pub(crate) async fn answer(
    state: &State,
    mark: ResetMark,
    request: Request<Incoming>,
) -> Result<Reply, NoReply> {
    let exchange = state.log.begin(&request);
    let mut directives = Directives::from_headers(request.headers());
    if let Some(query) = request.uri().query() {
        directives.read_query(query);
    }
    match request.uri().path() {
        "/echo" => {
            let exchange = before_head(&directives, exchange, &mark).await?;
            return Ok(echo::echo(request, &directives, exchange, mark).await?);
        }
        "/upgrade/echo" => return Ok(echo::upgrade(request, exchange, &state.tasks)),
        _ => {}
    }
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let seed = hash(&body);
    exchange.received(u64::try_from(body.len()).unwrap_or(u64::MAX), seed);
    if let Some(stream) = bench::asked(&body) {
        return Ok(fixed(stream, &directives, exchange, mark));
    }
    let target = Target::of(&parts.uri, &parts.headers);
    let request_id = id("req_", seed, 32);
    let asked = Asked { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body: &body };
    let content = batches::answer(&state.shelf, &target, &asked)
        .or_else(|| background::answer(&state.shelf, &target, &asked, &mut directives))
        .unwrap_or_else(|| target.content(&parts.method, &parts.headers, &body, &mut directives));
    let exchange = before_head(&directives, exchange, &mark).await?;
    let dialect = target.dialect;
    let (status, content) = match content {
        Ok(content) => (StatusCode::OK, content),
        Err(failure) => {
            let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Content::Json(failure.body(dialect, &request_id)))
        }
    };
    let mut response = head(dialect, status, &request_id)?;
    let chunks = encode(content, &parts.headers, &directives, response.headers_mut())?;
    let body = ScriptBody::new(steps(chunks, &directives), exchange, mark);
    Ok(response.map(|()| ReplyBody::Script(body)))
}

/// The faults before a head: hands the exchange back where there is none.
async fn before_head(
    directives: &Directives,
    mut exchange: Exchange,
    mark: &ResetMark,
) -> Result<Exchange, BrokenOff> {
    match directives.fault {
        Some(Fault::ResetBeforeHead) => {
            mark.set();
            exchange.broken();
            Err(BrokenOff)
        }
        Some(Fault::StallHead) => {
            // The exchange is held here: it is dropped, and so counted as cancelled, when the client goes away.
            let nothing: Infallible = std::future::pending().await;
            match nothing {}
        }
        _ => Ok(exchange),
    }
}

/// The answer for load.
fn fixed(stream: bool, directives: &Directives, exchange: Exchange, mark: ResetMark) -> Reply {
    let (media_type, chunks) = if stream {
        ("text/event-stream; charset=utf-8", bench::STREAM.clone())
    } else {
        ("application/json", vec![bench::WHOLE.clone()])
    };
    let mut response = Response::new(());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if !stream {
        response.headers_mut().insert(CONTENT_LENGTH, bench::WHOLE.len().into());
    }
    response.map(|()| ReplyBody::Script(ScriptBody::new(steps(chunks, directives), exchange, mark)))
}

/// Whom a path addresses, and what there.
struct Target<'a> {
    dialect: Dialect,
    path: &'a str,
    query: &'a str,
}

impl<'a> Target<'a> {
    fn of(uri: &'a Uri, headers: &HeaderMap) -> Self {
        let (path, query) = (uri.path(), uri.query().unwrap_or_default());
        if let Some(rest) = path.strip_prefix("/openai/") {
            return Self { dialect: Dialect::OpenAi, path: rest, query };
        }
        if let Some(rest) = path.strip_prefix("/anthropic/") {
            return Self { dialect: Dialect::Anthropic, path: rest, query };
        }
        if let Some(rest) = path.strip_prefix("/gemini/") {
            return Self { dialect: Dialect::Gemini, path: rest, query };
        }
        if let Some(rest) = path.strip_prefix("/ollama/") {
            return Self { dialect: Dialect::Ollama, path: rest, query };
        }
        let path = path.strip_prefix('/').unwrap_or(path);
        if path.starts_with("api/") {
            return Self { dialect: Dialect::Ollama, path, query };
        }
        if path.starts_with("v1beta/") && !path.starts_with("v1beta/openai/") {
            return Self { dialect: Dialect::Gemini, path, query };
        }
        let anthropic = path.starts_with("v1/messages") || headers.contains_key("anthropic-version");
        Self { dialect: if anthropic { Dialect::Anthropic } else { Dialect::OpenAi }, path, query }
    }

    fn content(
        &self,
        method: &Method,
        headers: &HeaderMap,
        body: &[u8],
        directives: &mut Directives,
    ) -> Result<Content, Failure> {
        match self.dialect {
            Dialect::Gemini => return self.gemini(method, headers, body, directives),
            Dialect::Ollama => return self.ollama(method, body, directives),
            Dialect::OpenAi | Dialect::Anthropic => {}
        }
        let model = self.path.strip_prefix("v1/models").map(|rest| rest.trim_start_matches('/'));
        let model = model.map(|name| (!name.is_empty()).then_some(name));
        let known = model.is_some() || POSTS.contains(&(self.dialect, self.path));
        if !known {
            return Err(self.unknown(method));
        }
        authorize(self.dialect, headers, self.query)?;
        if let Some(status) = directives.status {
            return Err(Failure::of_status(self.dialect, status));
        }
        match (self.dialect, model) {
            (Dialect::OpenAi, Some(name)) => return openai::models(name).map(Content::Json),
            (Dialect::Anthropic, Some(name)) => return anthropic::models(name).map(Content::Json),
            _ => {}
        }
        if method != Method::POST {
            let failure = Failure::new(405, format!("Not allowed to {method} on /{}.", self.path));
            return Err(Failure { code: Some("method_not_supported"), ..failure });
        }
        let request: Value = serde_json::from_slice(body).map_err(|_| self.unreadable())?;
        self.generate(&request, hash(body), directives)
    }

    fn generate(&self, request: &Value, seed: u64, directives: &mut Directives) -> Result<Content, Failure> {
        match self.path {
            "v1/embeddings" => openai::embeddings(request).map(Content::Json),
            "v1/messages/count_tokens" => anthropic::count_tokens(request).map(Content::Json),
            "v1/messages" => {
                let message = anthropic::messages(request, seed)?;
                self.told(&message.question.user, directives)?;
                if !message.stream {
                    return Ok(Content::Json(message.whole(directives)));
                }
                let mut events: Vec<Bytes> = message.events(directives).iter().map(named_event).collect();
                if directives.stream_error {
                    let error = anthropic::stream_error(&id("req_", seed, 32));
                    break_off(&mut events, named_event(&error));
                }
                Ok(Content::Events(events))
            }
            "v1/responses" => {
                let response = openai::responses::responses(request, seed)?;
                self.told(&response.question.user, directives)?;
                if !response.stream {
                    return Ok(Content::Json(response.whole(directives)));
                }
                let mut events: Vec<Bytes> = response.events(directives).iter().map(named_event).collect();
                if directives.stream_error {
                    break_off(&mut events, named_event(&openai::responses::stream_error()));
                }
                Ok(Content::Events(events))
            }
            "v1/completions" => {
                let completion = openai::completions::completion(request, seed)?;
                self.told(&completion.question.user, directives)?;
                if !completion.stream {
                    return Ok(Content::Json(completion.whole(directives)));
                }
                Ok(Content::Events(done_after(completion.chunks(directives), directives)))
            }
            _ => {
                let chat = openai::chat(request, seed)?;
                self.told(&chat.question.user, directives)?;
                if !chat.stream {
                    return Ok(Content::Json(chat.whole(directives)));
                }
                Ok(Content::Events(done_after(chat.chunks(directives), directives)))
            }
        }
    }

    /// Adds the directives of the message, and fails where they say so.
    fn told(&self, user: &str, directives: &mut Directives) -> Result<(), Failure> {
        directives.read_text(user);
        directives.status.map_or(Ok(()), |status| Err(Failure::of_status(self.dialect, status)))
    }

    fn unknown(&self, method: &Method) -> Failure {
        match self.dialect {
            Dialect::OpenAi => {
                let failure = Failure::new(404, format!("Invalid URL ({method} /{})", self.path));
                Failure { code: Some("unknown_url"), ..failure }
            }
            Dialect::Anthropic => Failure::new(404, "Not found"),
            Dialect::Ollama => Failure::new(404, "404 page not found"),
            Dialect::Gemini => {
                Failure::new(404, format!("The requested URL /{} was not found on this server.", self.path))
            }
        }
    }

    fn unreadable(&self) -> Failure {
        match self.dialect {
            Dialect::OpenAi => Failure::new(400, "We could not parse the JSON body of your request."),
            Dialect::Anthropic => Failure::new(400, "The request body is not valid JSON"),
            Dialect::Gemini => Failure::new(400, "Invalid JSON payload received."),
            Dialect::Ollama => Failure::new(400, "invalid JSON"),
        }
    }
}

const POSTS: &[(Dialect, &str)] = &[
    (Dialect::OpenAi, "v1/chat/completions"),
    (Dialect::OpenAi, "v1/completions"),
    (Dialect::OpenAi, "v1/embeddings"),
    (Dialect::OpenAi, "v1/responses"),
    (Dialect::Anthropic, "v1/messages"),
    (Dialect::Anthropic, "v1/messages/count_tokens"),
];

/// Any key will do, but one that begins with `sk-invalid`.
fn authorize(dialect: Dialect, headers: &HeaderMap, query: &str) -> Result<(), Failure> {
    const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
    const GOOGLE_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
    let value = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let bearer = value(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let key = match dialect {
        Dialect::OpenAi => bearer,
        Dialect::Anthropic => value(API_KEY).or(bearer),
        Dialect::Ollama => return Ok(()),
        Dialect::Gemini => {
            let in_query = query.split('&').find_map(|pair| pair.strip_prefix("key="));
            value(GOOGLE_KEY).or(in_query).or(bearer)
        }
    };
    match (key, dialect) {
        (Some(key), _) if !key.is_empty() && !key.starts_with("sk-invalid") => Ok(()),
        (None, Dialect::Anthropic) => Err(Failure::new(401, "x-api-key header is required")),
        (None, Dialect::OpenAi | Dialect::Ollama) => Err(Failure::new(401, "You didn't provide an API key.")),
        (None, Dialect::Gemini) => {
            Err(Failure::new(403, "Method doesn't allow unregistered callers (callers without identity)."))
        }
        (Some(_), dialect) => Err(Failure::of_status(dialect, 401)),
    }
}

fn data_event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

fn named_event(data: &Value) -> Bytes {
    let name = data.get("type").and_then(Value::as_str).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// OpenAI's older streams end with a word, unless they break off.
fn done_after(chunks: Vec<Value>, directives: &Directives) -> Vec<Bytes> {
    let mut events: Vec<Bytes> = chunks.iter().map(data_event).collect();
    if directives.stream_error {
        break_off(&mut events, data_event(&openai::stream_error()));
    } else {
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    }
    events
}

/// Ends the events in their middle with an error.
fn break_off(events: &mut Vec<Bytes>, error: Bytes) {
    events.truncate(events.len() / 2);
    events.push(error);
}
