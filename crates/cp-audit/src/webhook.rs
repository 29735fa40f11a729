//! A webhook: events as JSON, signed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cp_base::{Clock, OrgId, Secret, hex, hmac_sha256};
use cp_store::ChainedEvent;
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::TokioExecutor;

use crate::SendError;

/// Says when the request was made, in seconds since 1970, and what its body and that time are signed with:
/// `t=1764039600,v1=…`, hexadecimal digits of HMAC-SHA256 over the time, a full stop and the body.
const SIGNATURE: &str = "codepromptu-signature";
/// What one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An address that takes events by POST: `{"org": "org_…", "events": [{"event": …, "hash": …}]}`. Any status of success
/// means that it has them.
pub struct Webhook<C> {
    http: Client<C, Full<Bytes>>,
    url: Uri,
    secret: Secret,
    clock: Arc<dyn Clock>,
}

impl<C> fmt::Debug for Webhook<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url).finish_non_exhaustive()
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Webhook<C> {
    /// A webhook at an address, whose receiver knows the secret.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a receiver of events is no provider")]
    pub fn new(connector: C, url: Uri, secret: Secret, clock: Arc<dyn Clock>) -> Self {
        Self { http: Client::builder(TokioExecutor::new()).build(connector), url, secret, clock }
    }

    pub(crate) async fn send(&self, org: OrgId, events: &[ChainedEvent]) -> Result<(), SendError> {
        let body = serde_json::to_vec(&serde_json::json!({"org": org, "events": events}));
        let body = body.map_err(|error| SendError::new(&error))?;
        let seconds = self.clock.now().0.div_euclid(1_000_000);
        let signed = [format!("{seconds}.").as_bytes(), &body].concat();
        let signature = hex(&hmac_sha256(self.secret.expose().as_bytes(), &signed));
        let request = Request::post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(SIGNATURE, format!("t={seconds},v1={signature}"))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| SendError::new(&error))?;
        let answer = tokio::time::timeout(TIMEOUT, self.http.request(request)).await;
        let answer = answer.map_err(|_| SendError(format!("no answer within {} s", TIMEOUT.as_secs())))?;
        let status = answer.map_err(|error| SendError::new(&error))?.status();
        if status.is_success() { Ok(()) } else { Err(SendError(format!("it answered {status}"))) }
    }
}
