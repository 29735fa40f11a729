//! Where the program listens, and how calls are passed on.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The API, the page, and the gateway on one address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// The address; loopback only, since there is no login yet.
    pub listen: SocketAddr,
}

/// How calls are passed on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GatewayConfig {
    /// A second address that serves the gateway and nothing else; any address.
    pub listen: Option<SocketAddr>,
    /// A PEM chain, to serve TLS there.
    pub tls_cert: Option<PathBuf>,
    /// Its PEM key.
    pub tls_key: Option<PathBuf>,
    /// Look-up, TCP and TLS together.
    pub connect_timeout_ms: u64,
    /// From the end of the upload to the head of the response.
    pub first_byte_timeout_ms: u64,
    /// Between two chunks.
    pub idle_timeout_ms: u64,
    /// The largest request body; none where absent.
    pub max_request_bytes: Option<u64>,
    /// What calls under way are given when the program stops.
    pub drain_timeout_ms: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)) }
    }
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: None,
            tls_cert: None,
            tls_key: None,
            connect_timeout_ms: 10_000,
            first_byte_timeout_ms: 600_000,
            idle_timeout_ms: 300_000,
            max_request_bytes: None,
            drain_timeout_ms: 30_000,
        }
    }
}

impl ServerConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.listen.ip().is_loopback() {
            return Ok(());
        }
        let reason = format!(
            "is {}, and the API has no login yet, so it listens on loopback only (127.0.0.1 or [::1]); \
             to let other machines use the gateway alone, set `gateway.listen`",
            self.listen
        );
        Err(ConfigError::value("server.listen", reason))
    }
}

impl GatewayConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |reason| Err(ConfigError::value("gateway.tls_cert", reason));
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => Ok(()),
            (Some(_), Some(_)) if self.listen.is_some() => Ok(()),
            (Some(_), Some(_)) => {
                wrong("is for `gateway.listen`, which is not set; loopback speaks plain HTTP")
            }
            _ => wrong("and `gateway.tls_key` go together; set both or neither"),
        }
    }

    /// What calls under way are given when the program stops.
    #[must_use]
    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}
