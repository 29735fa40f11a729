//! Where the program listens, and how calls are passed on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cp_api::Site;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The API, the page, and the gateway on one address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// The address; beyond loopback with TLS only, or behind a proxy that speaks it.
    pub listen: SocketAddr,
    /// The name under which people reach it, such as `https://prompts.example.com`.
    pub public_url: Option<String>,
    /// A PEM chain, to serve TLS.
    pub tls_cert: Option<PathBuf>,
    /// Its PEM key.
    pub tls_key: Option<PathBuf>,
    /// Whether to speak plain HTTP beyond loopback, because a proxy in front of it speaks TLS.
    pub insecure: bool,
}

/// How calls are passed on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GatewayConfig {
    /// A second address that serves the gateway and nothing else; any address.
    pub listen: Option<SocketAddr>,
    /// The project of calls that name none, where there are several: `SLUG`, `ORGANISATION.SLUG` or an id.
    pub default_project: Option<String>,
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
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            tls_cert: None,
            tls_key: None,
            insecure: false,
        }
    }
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: None,
            default_project: None,
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
        let wrong = |key, reason: String| Err(ConfigError::value(key, reason));
        let tls = pair(&self.tls_cert, &self.tls_key);
        let tls = tls.ok_or_else(|| ConfigError::value("server.tls_cert", TOGETHER))?.is_some();
        self.site()?;
        if self.listen.ip().is_loopback() {
            return Ok(());
        }
        if !tls && !self.insecure {
            let reason = format!(
                "is {}: beyond loopback (127.0.0.1 or [::1]) sessions and keys travel by TLS only; set `server.tls_cert` \
                 and `server.tls_key`, or `server.insecure` where a proxy speaks TLS in front of it; to let other \
                 machines use the gateway alone, set `gateway.listen`",
                self.listen
            );
            return wrong("server.listen", reason);
        }
        if self.public_url.is_none() {
            let reason = "is missing; beyond loopback the API answers to one name, such as https://prompts.example.com";
            return wrong("server.public_url", reason.to_owned());
        }
        Ok(())
    }

    /// Under which names the API answers.
    pub(crate) fn site(&self) -> Result<Site, ConfigError> {
        let site = self.public_url.as_deref().map(Site::at).transpose();
        Ok(site
            .map_err(|error| ConfigError::value("server.public_url", error.to_string()))?
            .unwrap_or_default())
    }

    /// The files of certificate and key, where TLS is served.
    pub(crate) fn tls(&self) -> Option<(&Path, &Path)> {
        pair(&self.tls_cert, &self.tls_key).flatten()
    }
}

const TOGETHER: &str = "and its key go together; set both or neither";

/// Both files or neither; `None` where one is missing.
fn pair<'a>(
    certificates: &'a Option<PathBuf>,
    key: &'a Option<PathBuf>,
) -> Option<Option<(&'a Path, &'a Path)>> {
    match (certificates, key) {
        (Some(certificates), Some(key)) => Some(Some((certificates, key))),
        (None, None) => Some(None),
        _ => None,
    }
}

impl GatewayConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |reason| Err(ConfigError::value("gateway.tls_cert", reason));
        match pair(&self.tls_cert, &self.tls_key) {
            Some(None) => Ok(()),
            Some(Some(_)) if self.listen.is_some() => Ok(()),
            Some(Some(_)) => {
                wrong("is for `gateway.listen`, which is not set; for the rest there is `server.tls_cert`")
            }
            None => wrong(TOGETHER),
        }
    }

    /// The files of certificate and key, where TLS is served.
    pub(crate) fn tls(&self) -> Option<(&Path, &Path)> {
        pair(&self.tls_cert, &self.tls_key).flatten()
    }

    /// What calls under way are given when the program stops.
    #[must_use]
    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}
