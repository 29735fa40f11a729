//! The configuration: shipped values, then the file, then the environment, then flags; later ones win.
//!
//! This module is the only one that reads the environment.

mod audit;
mod capture;
pub(crate) mod effective;
mod gateway;
mod otlp;
mod overlay;
mod providers;
mod sso;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cp_base::Secret;
use serde::{Deserialize, Serialize};

use self::audit::AuditConfig;
use self::capture::{CaptureConfig, LogConfig};
use self::gateway::{GatewayConfig, ServerConfig};
use self::otlp::OtlpConfig;
use self::providers::ProviderConfig;
pub(crate) use self::providers::ProviderRow;
use self::sso::SsoConfig;

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
    /// The role that the database is used as, if not the URL's user.
    pub database_role: Option<String>,
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
    /// Where events of the audit log go.
    pub audit: AuditConfig,
    /// How the providers that people sign in with are reached.
    pub sso: SsoConfig,
    /// Where the master key is.
    pub master_key: MasterKeyConfig,
    /// Upstreams, beside and instead of the shipped ones.
    pub providers: BTreeMap<String, ProviderConfig>,
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

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("codepromptu-data"),
            database_url: None,
            database_role: None,
            database_timeout_ms: 10_000,
            server: ServerConfig::default(),
            capture: CaptureConfig::default(),
            log: LogConfig::default(),
            gateway: GatewayConfig::default(),
            prices: PricesConfig::default(),
            otlp: OtlpConfig::default(),
            audit: AuditConfig::default(),
            sso: SsoConfig::default(),
            master_key: MasterKeyConfig::default(),
            providers: BTreeMap::new(),
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

impl ConfigError {
    fn value(key: &str, reason: impl Into<String>) -> Self {
        Self::Value { key: key.to_owned(), reason: reason.into() }
    }
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
        self.server.check()?;
        self.gateway.check()?;
        self.log.check(&self.capture)?;
        if let Some(url) = &self.database_url
            && !(url.starts_with("postgres://") || url.starts_with("postgresql://"))
        {
            let reason = "must begin with postgres://; leave it out for SQLite";
            return Err(ConfigError::value("database_url", reason));
        }
        if self.database_role.is_some() && self.database_url.is_none() {
            let reason = "is a role of PostgreSQL: it goes with `database_url`";
            return Err(ConfigError::value("database_role", reason));
        }
        self.otlp.collector()?;
        self.audit.webhook()?;
        self.audit.syslog()?;
        self.provider_rows().map(drop)
    }

    /// The shipped upstreams with what the configuration says of them, and its own.
    pub(crate) fn provider_rows(&self) -> Result<Vec<ProviderRow>, ConfigError> {
        providers::rows(&self.providers)
    }
}

/// The master key from the environment, where it is set.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one module that reads the environment")]
pub(crate) fn master_key_variable() -> Option<Secret> {
    std::env::var(MASTER_KEY_VARIABLE).ok().filter(|text| !text.is_empty()).map(Secret::new)
}

/// Where a person's own settings are: `$XDG_CONFIG_HOME/codepromptu`, or `~/.config/codepromptu` (XDG Base Directory
/// Specification, which passes over relative paths).
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one module that reads the environment")]
pub(crate) fn user_dir() -> Option<PathBuf> {
    let dir = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = dir("XDG_CONFIG_HOME").or_else(|| Some(dir("HOME")?.join(".config")));
    Some(config?.join("codepromptu"))
}
