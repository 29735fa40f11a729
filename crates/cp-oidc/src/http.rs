//! Requests to a provider: bounded in time and size, and no redirect is followed.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::TokioExecutor;

/// What one exchange may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest document of a provider that is read.
const MAX_BYTES: usize = 1 << 20;

type Answering = Pin<Box<dyn Future<Output = Result<(StatusCode, Bytes), FetchError>> + Send>>;

/// Sends requests. What it may connect to is the connector's business.
#[derive(Clone)]
pub struct Http(Arc<dyn Fn(Request<Full<Bytes>>) -> Answering + Send + Sync>);

/// Why a provider gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection, or one that broke off.
    #[error("{0}")]
    Connection(String),
    /// It took too long.
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    TimedOut,
    /// Another status than success.
    #[error("it answered {0}")]
    Status(StatusCode),
    /// It is no document of the kind that was asked for.
    #[error("its answer cannot be read")]
    Unreadable,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl Http {
    /// Requests over connections that `connector` makes.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "who knows people is no provider of models")]
    pub fn over<C: Connect + Clone + Send + Sync + 'static>(connector: C) -> Self {
        let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
        Self(Arc::new(move |request| {
            let answer = client.request(request);
            Box::pin(async move {
                tokio::time::timeout(TIMEOUT, async {
                    let (head, body) =
                        answer.await.map_err(|error| FetchError::Connection(innermost(&error)))?.into_parts();
                    let body = Limited::new(body, MAX_BYTES).collect().await;
                    Ok((head.status, body.map_err(|_| FetchError::Unreadable)?.to_bytes()))
                })
                .await
                .map_err(|_| FetchError::TimedOut)?
            })
        }))
    }

    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), FetchError> {
        (self.0)(request).await
    }

    /// The JSON at an address.
    pub(crate) async fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<T, FetchError> {
        let mut request = Request::get(url).header("accept", "application/json");
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::default()).map_err(|_| FetchError::Unreadable)?;
        match self.send(request).await? {
            (StatusCode::OK, body) => serde_json::from_slice(&body).map_err(|_| FetchError::Unreadable),
            (status, _) => Err(FetchError::Status(status)),
        }
    }
}

/// What it comes down to: "connection refused", not "client error".
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
