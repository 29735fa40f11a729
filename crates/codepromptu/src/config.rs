//! The configuration: shipped values, then the file, then the environment, then flags; later ones win.
//!
//! This module is the only one that reads the environment.

mod otlp;
mod overlay;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cp_base::Secret;
use cp_capture::Durability;
use cp_gateway::OnFull;
use cp_genai::{Family, PROVIDERS};
use serde::{Deserialize, Serialize};

use self::otlp::OtlpConfig;

/// The file that is read when none is named, if it is there.
const DEFAULT_FILE: &str = "codepromptu.toml";
const MASTER_KEY_VARIABLE: &str = "CODEPROMPTU_MASTER_KEY";

/// The configuration as it is written. Every key is listed here and in `overlay::KEYS`; a test holds them together.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// `postgres://…`; a SQLite file in the data directory where it is absent.
    pub database_url: Option<String>,
    /// How long a transaction waits for a lock, or for a connection.
    pub database_timeout_ms: u64,
    /// The API, the page, and the gateway on one address.
    pub server: ServerConfig,
    /// What is captured.
    pub capture: CaptureConfig,
    /// The capture log.
    pub log: LogConfig,
    /// How calls are passed on.
    pub gateway: GatewayConfig,
    /// What calls cost.
    pub prices: PricesConfig,
    /// Where calls go as OpenTelemetry spans.
    pub otlp: OtlpConfig,
    /// Where the master key is.
    pub master_key: MasterKeyConfig,
    /// Upstreams, beside and instead of the shipped ones.
    pub providers: BTreeMap<String, ProviderConfig>,
}

/// The API, the page, and the gateway on one address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// The address; loopback only, since there is no login yet.
    pub listen: SocketAddr,
}

/// What is captured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CaptureConfig {
    /// `process` or `strict`.
    pub durability: DurabilityName,
    /// `forward` or `reject`.
    pub on_full: OnFullName,
    /// Bytes of each body that are kept.
    pub max_body_bytes: usize,
    /// Memory for bodies that are not on disk yet.
    pub memory_bytes: u64,
    /// Calls under way at a time that can be captured.
    pub max_open_calls: usize,
}

/// What a captured call survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DurabilityName {
    /// The death of the process.
    Process,
    /// The loss of power.
    Strict,
}

/// What a call meets when the log has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnFullName {
    /// It passes uncaptured.
    Forward,
    /// It is refused.
    Reject,
}

/// The capture log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// Size of one file.
    pub segment_bytes: u64,
    /// Size of all files.
    pub max_bytes: u64,
    /// How long a file is kept after everything in it is stored.
    pub min_retention_s: u64,
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

/// What calls cost.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PricesConfig {
    /// Price lists that are laid over the shipped ones, the last one on top.
    pub files: Vec<PathBuf>,
}

/// Where the master key is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MasterKeyConfig {
    /// A file with 64 hexadecimal digits.
    pub file: Option<PathBuf>,
}

/// One upstream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProviderConfig {
    /// Where calls go.
    pub base_url: Option<String>,
    /// `openai`, `anthropic`, `gemini` or `ollama`: how its bodies and errors read.
    pub family: Option<String>,
    /// More certificate authorities, PEM.
    pub ca_file: Option<PathBuf>,
    /// The provider whose price list applies.
    pub prices: Option<String>,
    /// Whether all calls share one HTTP/2 connection.
    pub http2: Option<bool>,
}

const MIB: u64 = 1024 * 1024;

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("codepromptu-data"),
            database_url: None,
            database_timeout_ms: 10_000,
            server: ServerConfig::default(),
            capture: CaptureConfig::default(),
            log: LogConfig::default(),
            gateway: GatewayConfig::default(),
            prices: PricesConfig::default(),
            otlp: OtlpConfig::default(),
            master_key: MasterKeyConfig::default(),
            providers: BTreeMap::new(),
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)) }
    }
}

impl Default for CaptureConfig {
    fn default() -> Self {
        Self {
            durability: DurabilityName::Process,
            on_full: OnFullName::Forward,
            max_body_bytes: 4 * 1024 * 1024,
            memory_bytes: 64 * MIB,
            max_open_calls: 16_384,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { segment_bytes: 96 * MIB, max_bytes: 8 * 1024 * MIB, min_retention_s: 3600 }
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

/// Why the configuration cannot be used. Each names the key, and what to write instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The named file cannot be read.
    #[error("the configuration file {path} cannot be read")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It is no TOML.
    #[error("the configuration file {path} is not valid TOML:\n{source}")]
    Syntax {
        /// The file.
        path: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// There is no such key.
    #[error("there is no configuration key `{key}` ({place}){}", nearest.as_ref().map(|key| format!("; did you mean `{key}`?")).unwrap_or_default())]
    UnknownKey {
        /// The key as written.
        key: String,
        /// The file or variable.
        place: String,
        /// The nearest valid one.
        nearest: Option<String>,
    },
    /// A value is of the wrong type.
    #[error("the configuration does not fit: {0}")]
    Type(String),
    /// A value is out of its range.
    #[error("`{key}` {reason}")]
    Value {
        /// The key.
        key: String,
        /// What is wrong and what to write.
        reason: String,
    },
}

/// One upstream with everything decided.
#[derive(Clone, Debug)]
pub(crate) struct ProviderRow {
    /// The first segment of the path.
    pub name: String,
    /// How its bodies read.
    pub family: Family,
    /// Where calls go.
    pub base_url: String,
    /// Whose price list applies.
    pub prices: String,
    /// More certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// One HTTP/2 connection for all.
    pub http2: bool,
}

impl Config {
    /// Reads `file`, or `codepromptu.toml` where it exists; then the environment; then `flags` as dotted keys.
    pub(crate) fn load(file: Option<&Path>, flags: &[(&str, String)]) -> Result<Self, ConfigError> {
        let table = overlay::read(file, Path::new(DEFAULT_FILE), overlay::environment(), flags)?;
        let config: Self =
            table.try_into().map_err(|error: toml::de::Error| ConfigError::Type(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let value = |key: &str, reason: String| Err(ConfigError::Value { key: key.to_owned(), reason });
        let listen = self.server.listen;
        if !listen.ip().is_loopback() {
            return value(
                "server.listen",
                format!(
                    "is {listen}, and the API has no login yet, so it listens on loopback only (127.0.0.1 or [::1]); \
                     to let other machines use the gateway alone, set `gateway.listen`"
                ),
            );
        }
        let tls = (&self.gateway.tls_cert, &self.gateway.tls_key);
        if tls.0.is_some() != tls.1.is_some() {
            return value(
                "gateway.tls_cert",
                "and `gateway.tls_key` go together; set both or neither".to_owned(),
            );
        }
        if tls.0.is_some() && self.gateway.listen.is_none() {
            let reason = "is for `gateway.listen`, which is not set; loopback speaks plain HTTP";
            return value("gateway.tls_cert", reason.to_owned());
        }
        if self.log.segment_bytes < self.capture.memory_bytes {
            return value(
                "log.segment_bytes",
                format!("must be at least `capture.memory_bytes` ({})", self.capture.memory_bytes),
            );
        }
        if self.log.max_bytes < 3 * self.log.segment_bytes {
            let least = 3 * self.log.segment_bytes;
            return value("log.max_bytes", format!("must be at least three segments ({least})"));
        }
        if let Some(url) = &self.database_url
            && !(url.starts_with("postgres://") || url.starts_with("postgresql://"))
        {
            return value("database_url", "must begin with postgres://; leave it out for SQLite".to_owned());
        }
        self.otlp.collector()?;
        self.provider_rows().map(drop)
    }

    /// The shipped upstreams with what the configuration says of them, and its own.
    pub(crate) fn provider_rows(&self) -> Result<Vec<ProviderRow>, ConfigError> {
        let mut rows: BTreeMap<&str, ProviderRow> =
            PROVIDERS.iter().map(|row| (row.name, shipped(row))).collect();
        for (name, given) in &self.providers {
            let error = |field: &str, reason: &str| ConfigError::Value {
                key: format!("providers.{name}.{field}"),
                reason: reason.to_owned(),
            };
            if name.contains(['/', '?', '#']) || cp_api::serves(&format!("/{name}")) {
                return Err(error("base_url", "has a name that is no path of its own; choose another"));
            }
            let row = rows.entry(name).or_insert_with(|| ProviderRow {
                name: name.clone(),
                family: Family::OpenAi,
                base_url: String::new(),
                prices: name.clone(),
                ca_file: None,
                http2: false,
            });
            if let Some(family) = &given.family {
                row.family = Family::parse(family)
                    .ok_or_else(|| error("family", "must be one of openai, anthropic, gemini, ollama"))?;
            }
            row.base_url = given.base_url.clone().unwrap_or_else(|| std::mem::take(&mut row.base_url));
            row.prices = given.prices.clone().unwrap_or_else(|| std::mem::take(&mut row.prices));
            row.ca_file = given.ca_file.clone();
            row.http2 = given.http2.unwrap_or_default();
            if row.base_url.is_empty() {
                return Err(error("base_url", "is missing; write it like https://api.example.com"));
            }
        }
        Ok(rows.into_values().filter(|row| !row.base_url.is_empty()).collect())
    }

    /// The durability of captured calls.
    #[must_use]
    pub(crate) fn durability(&self) -> Durability {
        match self.capture.durability {
            DurabilityName::Process => Durability::Process,
            DurabilityName::Strict => Durability::Strict,
        }
    }

    /// What a call meets when the log has no room.
    #[must_use]
    pub(crate) fn on_full(&self) -> OnFull {
        match self.capture.on_full {
            OnFullName::Forward => OnFull::Forward,
            OnFullName::Reject => OnFull::Reject,
        }
    }

    /// What calls under way are given when the program stops.
    #[must_use]
    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.gateway.drain_timeout_ms)
    }
}

fn shipped(row: &cp_genai::Provider) -> ProviderRow {
    ProviderRow {
        name: row.name.to_owned(),
        family: row.family,
        base_url: row.base_url.to_owned(),
        prices: row.prices.to_owned(),
        ca_file: None,
        http2: false,
    }
}

/// The master key from the environment, where it is set.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one module that reads the environment")]
pub(crate) fn master_key_variable() -> Option<Secret> {
    std::env::var(MASTER_KEY_VARIABLE).ok().filter(|text| !text.is_empty()).map(Secret::new)
}
