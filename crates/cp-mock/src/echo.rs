//! `/echo` and `/upgrade/echo`: what was sent comes back, for tests of transparency.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use crate::directive::Directives;
use crate::line::ResetMark;
use crate::route::{Reply, ReplyBody};
use crate::script::{ScriptBody, steps};
use crate::seen::Exchange;
use crate::server::Tasks;
use crate::text::{FNV_OFFSET, hash, hash_on};

/// Answers `/echo`. The body comes back whole after it was read, or while it is read with the directive `duplex`.
pub(crate) async fn echo(
    request: Request<Incoming>,
    directives: &Directives,
    exchange: Exchange,
    mark: ResetMark,
) -> Result<Reply, hyper::Error> {
    let (parts, body) = request.into_parts();
    let mut response = Response::new(());
    *response.status_mut() =
        directives.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    echo_headers(&parts.headers, headers);
    headers.insert("x-mock-method", header(parts.method.as_str()));
    headers.insert("x-mock-uri", header(&parts.uri.to_string()));
    if directives.trailers {
        headers.insert("trailer", HeaderValue::from_static("x-mock-trailer"));
    }
    if directives.duplex {
        return Ok(response.map(|()| ReplyBody::Duplex(Duplex::new(body, exchange))));
    }
    let body = body.collect().await?.to_bytes();
    exchange.received(u64::try_from(body.len()).unwrap_or(u64::MAX), hash(&body));
    if directives.sized {
        response.headers_mut().insert(CONTENT_LENGTH, body.len().into());
    }
    let chunks = if body.is_empty() { Vec::new() } else { vec![body] };
    let body = ScriptBody::new(steps(chunks, directives), exchange, mark);
    Ok(response.map(|()| ReplyBody::Script(body)))
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

fn echo_headers(sent: &HeaderMap, answered: &mut HeaderMap) {
    for (name, value) in sent {
        if let Ok(name) = HeaderName::try_from(format!("x-echo-{name}")) {
            answered.append(name, value.clone());
        }
    }
    if let Some(value) = sent.get(CONTENT_TYPE) {
        answered.insert(CONTENT_TYPE, value.clone());
    }
}

/// A request's body as a response's, frame by frame, trailers too.
#[derive(Debug)]
pub(crate) struct Duplex {
    incoming: Incoming,
    exchange: Exchange,
    bytes: u64,
    hash: u64,
}

impl Duplex {
    fn new(incoming: Incoming, exchange: Exchange) -> Self {
        Self { incoming, exchange, bytes: 0, hash: FNV_OFFSET }
    }
}

impl Body for Duplex {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        if let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref)) {
            let data = data.map(AsRef::as_ref).unwrap_or_default();
            self.bytes += u64::try_from(data.len()).unwrap_or_default();
            self.hash = hash_on(self.hash, data);
        }
        if frame.is_none() || self.incoming.is_end_stream() {
            let (bytes, hash) = (self.bytes, self.hash);
            self.exchange.received(bytes, hash);
            self.exchange.answered();
        }
        Poll::Ready(frame)
    }
}

/// Answers `/upgrade/echo`: switches to whatever protocol was named, and sends back what comes.
pub(crate) fn upgrade(mut request: Request<Incoming>, mut exchange: Exchange, tasks: &Tasks) -> Reply {
    let upgraded = hyper::upgrade::on(&mut request);
    let protocol = request.headers().get(UPGRADE).cloned();
    let mut response = Response::new(ReplyBody::Empty);
    let Some(protocol) = protocol else {
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("echo"));
        exchange.answered();
        return response;
    };
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, protocol);
    tasks.spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let (mut reader, mut writer) = tokio::io::split(TokioIo::new(upgraded));
        if tokio::io::copy(&mut reader, &mut writer).await.is_ok() {
            exchange.answered();
        }
        // The client has closed its half; closing ours is all that is left, and it may be gone already.
        let _ = tokio::io::AsyncWriteExt::shutdown(&mut writer).await;
    });
    response
}
