//! Requests.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use cp_base::{CallId, ConversationId, RepricingId, Secret};
use cp_wire::{
    AuditCheckpoint, AuditPage, AuditQuery, CallDetail, CallPage, CallQuery, CapturePolicy, ChangePage,
    ChangeQuery, CostQuery, CostReport, Cursor, PageQuery, PreviewRedaction, PriceCheck, PriceQuery,
    PricedCallsQuery, Prices, Problem, RedactionPreview, RepriceQuery, RepriceStep, SetCapturePolicy, Status,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::lines::Lines;
use crate::{ClientError, Tail, query, tls};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL: &str = "codepromptu-total-estimate";

/// A client of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// `https://host` or `http://host:port`, without a slash at its end.
    server: String,
    /// Who asks, and about which place: headers of every request.
    headers: HeaderMap,
}

/// An export under way: lines of JSON, one call each.
#[derive(Debug)]
pub struct Export {
    /// About how many lines will come.
    pub total_estimate: Option<u64>,
    lines: Lines,
}

impl Export {
    /// The next line without its end; `None` when the export is complete. An error means that it is not.
    pub async fn next_line(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.lines.next().await
    }
}

impl Client {
    /// A client of the server at an address such as `http://127.0.0.1:8080` or `https://prompts.example.com`. Nothing is
    /// sent yet.
    #[expect(clippy::disallowed_methods, reason = "the one HTTP client of this crate")]
    pub fn new(server: &str) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(server.to_owned());
        let uri: Uri = server.parse().map_err(|_| wrong())?;
        let scheme =
            uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme)).ok_or_else(wrong)?;
        if uri.host().is_none() || uri.query().is_some() {
            return Err(wrong());
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let connector = tls::over(connector, scheme)?;
        let http = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { http, server: server.trim_end_matches('/').to_owned(), headers: HeaderMap::new() })
    }

    /// The same client, with an API key.
    pub fn with_api_key(self, key: &Secret) -> Result<Self, ClientError> {
        self.with(header::AUTHORIZATION, &format!("Bearer {}", key.expose()))
    }

    /// The same client, about a project: an id or a short name.
    pub fn in_project(self, project: &str) -> Result<Self, ClientError> {
        self.with(HeaderName::from_static("x-codepromptu-project"), project)
    }

    /// The same client, about an organisation: an id or a short name.
    pub fn in_org(self, org: &str) -> Result<Self, ClientError> {
        self.with(HeaderName::from_static("x-codepromptu-org"), org)
    }

    fn with(mut self, name: HeaderName, value: &str) -> Result<Self, ClientError> {
        let mut value = HeaderValue::from_str(value).map_err(|_| ClientError::Header(name.to_string()))?;
        value.set_sensitive(name == header::AUTHORIZATION);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// The server's address, without a slash at its end.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A page of calls, newest first.
    pub async fn list_calls(&self, filter: &CallQuery, page: &PageQuery) -> Result<CallPage, ClientError> {
        let mut query = String::new();
        query::append(&mut query, filter);
        query::append(&mut query, page);
        self.get_json(&format!("/api/v1/calls{query}")).await
    }

    /// One call, whole.
    pub async fn get_call(&self, call: CallId) -> Result<CallDetail, ClientError> {
        self.get_json(&format!("/api/v1/calls/{call}")).await
    }

    /// A page of a conversation's calls, newest first.
    pub async fn get_conversation(
        &self,
        conversation: ConversationId,
        page: &PageQuery,
    ) -> Result<CallPage, ClientError> {
        let mut query = String::new();
        query::append(&mut query, page);
        self.get_json(&format!("/api/v1/conversations/{conversation}{query}")).await
    }

    /// The state of the node and its store.
    pub async fn get_status(&self) -> Result<Status, ClientError> {
        self.get_json("/api/v1/status").await
    }

    /// The calls that pass `filter` from now on. Returns once the server has subscribed us: nothing after is missed.
    pub async fn tail(&self, filter: &CallQuery) -> Result<Tail, ClientError> {
        let mut query = String::new();
        query::append(&mut query, filter);
        let response = self.get(&format!("/api/v1/calls/tail{query}")).await?;
        Ok(Tail::new(Lines::new(response.into_body(), self.server.clone()), self.server.clone()))
    }

    /// All calls that pass `filter`, newest first, from just after `after`.
    pub async fn export(&self, filter: &CallQuery, after: Option<Cursor>) -> Result<Export, ClientError> {
        let mut query = String::new();
        query::append(&mut query, filter);
        let after = after.map(|after| after.to_string());
        query::append(&mut query, &PageQuery { limit: None, after });
        let response = self.get(&format!("/api/v1/calls/export{query}")).await?;
        let total = response.headers().get(TOTAL).and_then(|total| total.to_str().ok()?.parse().ok());
        Ok(Export { total_estimate: total, lines: Lines::new(response.into_body(), self.server.clone()) })
    }

    /// What calls cost.
    pub async fn get_cost(&self, asked: &CostQuery) -> Result<CostReport, ClientError> {
        self.get_json(&format!("/api/v1/cost{}", query::of(asked))).await
    }

    /// The prices that pass.
    pub async fn list_prices(&self, asked: &PriceQuery) -> Result<Prices, ClientError> {
        self.get_json(&format!("/api/v1/prices{}", query::of(asked))).await
    }

    /// The models whose calls have no cost, though they used something.
    pub async fn check_prices(&self, asked: &PricedCallsQuery) -> Result<PriceCheck, ClientError> {
        self.get_json(&format!("/api/v1/prices/check{}", query::of(asked))).await
    }

    /// A step of pricing stored calls again; the first where there is none before it.
    pub async fn reprice(
        &self,
        calls: &PricedCallsQuery,
        dry_run: bool,
        before: Option<(RepricingId, Cursor)>,
    ) -> Result<RepriceStep, ClientError> {
        let mut query = query::of(calls);
        let step = RepriceQuery {
            dry_run: Some(dry_run.to_string()),
            repricing: before.map(|(repricing, _)| repricing.to_string()),
            after: before.map(|(_, after)| after.to_string()),
        };
        query::append(&mut query, &step);
        self.send_json(Method::POST, &format!("/api/v1/prices/reprice{query}"), Bytes::new()).await
    }

    /// A page of what repricing changed, newest first.
    pub async fn list_cost_changes(&self, asked: &ChangeQuery) -> Result<ChangePage, ClientError> {
        self.get_json(&format!("/api/v1/prices/changes{}", query::of(asked))).await
    }

    /// What is captured and redacted of the project's calls.
    pub async fn get_capture_policy(&self) -> Result<CapturePolicy, ClientError> {
        self.get_json("/api/v1/capture-policy").await
    }

    /// Sets what is captured and redacted of the project's calls.
    pub async fn set_capture_policy(&self, set: &SetCapturePolicy) -> Result<CapturePolicy, ClientError> {
        self.put_json("/api/v1/capture-policy", set).await
    }

    /// What redaction makes of a text.
    pub async fn preview_redaction(&self, asked: &PreviewRedaction) -> Result<RedactionPreview, ClientError> {
        self.post_json("/api/v1/capture-policy/preview", asked).await
    }

    /// A page of the audit log, latest first.
    pub async fn list_audit_events(&self, asked: &AuditQuery) -> Result<AuditPage, ClientError> {
        self.get_json(&format!("/api/v1/audit{}", query::of(asked))).await
    }

    /// The whole audit log, oldest first, a line of JSON for each event.
    pub async fn export_audit_events(&self) -> Result<Export, ClientError> {
        let response = self.get("/api/v1/audit/export").await?;
        Ok(Export { total_estimate: None, lines: Lines::new(response.into_body(), self.server.clone()) })
    }

    /// The end of the audit log's chain, signed.
    pub async fn get_audit_checkpoint(&self) -> Result<AuditCheckpoint, ClientError> {
        self.get_json("/api/v1/audit/checkpoint").await
    }

    pub(crate) async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send_json(Method::GET, path, Bytes::new()).await
    }

    pub(crate) async fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.send_json(Method::POST, path, json(body)?).await
    }

    pub(crate) async fn put_json<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.send_json(Method::PUT, path, json(body)?).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.send(Method::DELETE, path, Bytes::new()).await.map(drop)
    }

    pub(crate) async fn send_json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, ClientError> {
        let body = self.collect(self.send(method, path, body).await?).await?;
        serde_json::from_slice(&body)
            .map_err(|error| self.not_codepromptu(format!("{path} does not read: {error}")))
    }

    /// The response, if it is a good one.
    async fn get(&self, path: &str) -> Result<Response<Incoming>, ClientError> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, ClientError> {
        let address = format!("{}{path}", self.server);
        let mut request = Request::builder().method(method).uri(&address).header(header::ACCEPT, "*/*");
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
        }
        let request = request.body(Full::new(body)).map_err(|_| ClientError::Address(address))?;
        let response = self.http.request(request).await.map_err(|error| ClientError::Unreachable {
            server: self.server.clone(),
            source: root_cause(&error).to_string().into(),
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = self.collect(response).await?;
        Err(match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => ClientError::Problem(Box::new(problem)),
            Err(_) => self.not_codepromptu(format!("{path} answered {status}")),
        })
    }

    async fn collect(&self, response: Response<Incoming>) -> Result<Bytes, ClientError> {
        let body = response.into_body().collect().await;
        body.map(http_body_util::Collected::to_bytes)
            .map_err(|error| ClientError::BrokenOff { server: self.server.clone(), source: Box::new(error) })
    }

    fn not_codepromptu(&self, found: String) -> ClientError {
        ClientError::NotCodePromptu { server: self.server.clone(), found }
    }
}

pub(crate) fn json(body: &impl Serialize) -> Result<Bytes, ClientError> {
    serde_json::to_vec(body).map(Bytes::from).map_err(ClientError::Encode)
}

/// What the operating system said: the layers between say only that a connection was meant.
fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_http_are_taken() {
        for good in
            ["http://127.0.0.1:8080", "http://localhost/", "http://[::1]:80", "https://prompts.example.com"]
        {
            assert!(Client::new(good).is_ok(), "{good}");
        }
        for bad in ["", "localhost:8080", "ftp://localhost", "https://", "http://", "/x", "http://a/?b"] {
            let error = Client::new(bad).unwrap_err();
            assert!(error.help().is_some(), "{error}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_said_plainly() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = Client::new(&format!("http://{free}")).unwrap().get_status().await.unwrap_err();
        assert_eq!(error.to_string(), format!("CodePromptu does not answer at http://{free}"));
    }
}
