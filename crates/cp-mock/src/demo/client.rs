//! The applications' HTTP client: a connection for each call, and no pool, so that leaving is really leaving.

use std::pin::pin;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::Authority;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::End;

/// Where the gateway is.
#[derive(Debug)]
pub(super) struct Client {
    authority: Authority,
}

/// One call to be sent.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) path: &'static str,
    pub(super) key: Option<String>,
    pub(super) agent: &'static str,
    pub(super) traceparent: Option<String>,
    pub(super) body: Value,
    /// What the mock is told: pace, faults.
    pub(super) directives: &'static str,
    /// Leave after so many chunks.
    pub(super) leave_after: Option<usize>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) end: End,
    pub(super) body: Vec<u8>,
}

impl Client {
    /// A client of a gateway that speaks plain HTTP.
    pub(super) fn new(gateway: &Uri) -> Option<Self> {
        let plain = gateway.scheme_str().is_none_or(|scheme| scheme == "http");
        let authority = gateway.authority().filter(|_| plain)?.clone();
        Some(Self { authority })
    }

    /// The status that a path answers with; nothing when nobody does.
    pub(super) async fn get(&self, path: &str) -> Option<StatusCode> {
        let request = Request::get(path).header(HOST, self.authority.as_str()).body(Full::default()).ok()?;
        let status = async |response: hyper::Response<Incoming>| response.status();
        self.exchange(request, status).await.ok()
    }

    pub(super) async fn send(&self, call: Outgoing) -> Answer {
        let leave_after = call.leave_after;
        let receive = async |response: hyper::Response<Incoming>| receive(response, leave_after).await;
        let request = match request(&self.authority, call) {
            Ok(request) => request,
            Err(error) => return Answer { end: End::Unreachable(error.to_string()), body: Vec::new() },
        };
        match self.exchange(request, receive).await {
            Ok(answer) => answer,
            Err(NoResponse::BrokenOff(_)) => Answer { end: End::Broken, body: Vec::new() },
            Err(NoResponse::Connect(error)) => {
                Answer { end: End::Unreachable(error.to_string()), body: Vec::new() }
            }
        }
    }

    /// Sends the request over a connection of its own, which lives as long as `receive` reads.
    async fn exchange<T>(
        &self,
        request: Request<Full<Bytes>>,
        receive: impl AsyncFnOnce(hyper::Response<Incoming>) -> T,
    ) -> Result<T, NoResponse> {
        let host = self.authority.host().trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.authority.port_u16().unwrap_or(80))).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let exchange = async { Ok(receive(sender.send_request(request).await?).await) };
        let connection = async {
            // How the connection ends shows in the exchange, which goes on reading what has arrived.
            let _ = connection.await;
            std::future::pending().await
        };
        let (exchange, connection) = (pin!(exchange), pin!(connection));
        tokio::select! { outcome = exchange => outcome, never = connection => never }
    }
}

#[derive(Debug, thiserror::Error)]
enum NoResponse {
    #[error(transparent)]
    Connect(#[from] std::io::Error),
    #[error(transparent)]
    BrokenOff(#[from] hyper::Error),
}

fn request(authority: &Authority, call: Outgoing) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(call.path)
        .header(HOST, authority.as_str())
        .header(USER_AGENT, call.agent)
        .header(CONTENT_TYPE, "application/json");
    if call.path.ends_with("/messages") {
        request = request.header("anthropic-version", "2023-06-01");
        if let Some(key) = call.key {
            request = request.header("x-api-key", key);
        }
    } else if let Some(key) = call.key {
        request = request.header(AUTHORIZATION, format!("Bearer {key}"));
    }
    if let Some(traceparent) = call.traceparent {
        request = request.header("traceparent", traceparent);
    }
    if !call.directives.is_empty() {
        request = request.header("x-mock", call.directives);
    }
    request.body(Full::from(call.body.to_string()))
}

async fn receive(response: hyper::Response<Incoming>, leave_after: Option<usize>) -> Answer {
    let status = response.status();
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    let mut chunks = 0;
    let end = loop {
        match incoming.frame().await {
            Some(Ok(frame)) => {
                body.extend_from_slice(frame.data_ref().map(AsRef::as_ref).unwrap_or_default())
            }
            Some(Err(_)) => break End::Broken,
            None if status.is_success() => break End::Answered,
            None => break End::Refused(status.as_u16()),
        }
        chunks += 1;
        if leave_after.is_some_and(|limit| chunks >= limit) {
            break End::HungUp;
        }
    };
    Answer { end, body }
}
