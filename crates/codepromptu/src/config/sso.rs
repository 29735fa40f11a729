//! How the providers that people sign in with are reached.

use std::path::PathBuf;

use cp_gateway::Reach;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Providers are named by owners of organisations, who may be others than the operator.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SsoConfig {
    /// `public`, `private` or `any`.
    pub reach: Option<String>,
    /// Certificate authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl SsoConfig {
    /// Which addresses a provider may have.
    pub(crate) fn reach(&self) -> Result<Reach, ConfigError> {
        let Some(name) = &self.reach else { return Ok(Reach::Public) };
        Reach::parse(name)
            .ok_or_else(|| ConfigError::value("sso.reach", "must be one of public, private, any"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_on_the_internet_unless_the_operator_says_otherwise() {
        let reach =
            |name: Option<&str>| SsoConfig { reach: name.map(str::to_owned), ..SsoConfig::default() }.reach();
        assert_eq!(reach(None).unwrap(), Reach::Public);
        assert_eq!(reach(Some("private")).unwrap(), Reach::Private);
        assert!(reach(Some("here")).unwrap_err().to_string().contains("sso.reach"));
    }
}
