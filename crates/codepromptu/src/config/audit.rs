//! Where events of the audit log go.

use cp_audit::{Syslog, Transport};
use cp_base::Secret;
use http::Uri;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// A secret is as long as the digest that is made with it, or guessing it is easier than forging the digest.
const MIN_SECRET: usize = 32;

/// Targets that take every event; none by default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuditConfig {
    /// An address that takes events by POST.
    pub webhook_url: Option<String>,
    /// What each request to it is signed with.
    pub webhook_secret: Option<String>,
    /// A receiver of syslog messages: `udp://host:port` or `tcp://host:port`.
    pub syslog: Option<String>,
}

impl AuditConfig {
    /// The webhook's address and secret, where there is one.
    pub(crate) fn webhook(&self) -> Result<Option<(Uri, Secret)>, ConfigError> {
        let Some(text) = &self.webhook_url else { return Ok(None) };
        let url = text.parse::<Uri>().ok();
        let url =
            url.filter(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some());
        let url = url.filter(|_| !text.contains('@')).ok_or_else(|| {
            let reason = "takes an address like https://siem.example.com/events, without credentials in it";
            ConfigError::value("audit.webhook_url", reason)
        })?;
        match &self.webhook_secret {
            Some(secret) if secret.len() >= MIN_SECRET => Ok(Some((url, Secret::new(secret.clone())))),
            _ => Err(ConfigError::value(
                "audit.webhook_secret",
                format!("is needed for the webhook, with {MIN_SECRET} characters or more"),
            )),
        }
    }

    /// The receiver of syslog messages, where there is one.
    pub(crate) fn syslog(&self) -> Result<Option<Syslog>, ConfigError> {
        let Some(text) = &self.syslog else { return Ok(None) };
        let target = match text.split_once("://") {
            Some(("udp", address)) => Some((Transport::Udp, address)),
            Some(("tcp", address)) => Some((Transport::Tcp, address)),
            _ => None,
        };
        let has_port = |address: &str| {
            let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            port.is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        };
        match target.filter(|(_, address)| has_port(address)) {
            Some((transport, address)) => Ok(Some(Syslog { transport, address: address.to_owned() })),
            None => Err(ConfigError::value(
                "audit.syslog",
                format!("is `{text}`; write it like udp://siem.example.com:514, or tcp://…"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_has_an_address_and_a_secret() {
        let config = |url: &str, secret: &str| AuditConfig {
            webhook_url: Some(url.to_owned()),
            webhook_secret: Some(secret.to_owned()),
            syslog: None,
        };
        let secret = "s".repeat(MIN_SECRET);
        let (url, _) = config("https://h/events", &secret).webhook().unwrap().unwrap();
        assert_eq!(url, "https://h/events");
        assert!(AuditConfig::default().webhook().unwrap().is_none());
        for (url, secret, key) in [
            ("h/events", secret.as_str(), "webhook_url"),
            ("ftp://h", &secret, "webhook_url"),
            ("https://me:pass@h", &secret, "webhook_url"),
            ("https://h", "short", "webhook_secret"),
        ] {
            let error = config(url, secret).webhook().unwrap_err().to_string();
            assert!(error.contains(key) && !error.contains("pass@"), "{error}");
        }
    }

    #[test]
    fn syslog_says_how_and_where() {
        let syslog =
            |text: &str| AuditConfig { syslog: Some(text.to_owned()), ..AuditConfig::default() }.syslog();
        let found = syslog("tcp://[::1]:601").unwrap().unwrap();
        assert_eq!((found.transport, found.address.as_str()), (Transport::Tcp, "[::1]:601"));
        assert_eq!(syslog("udp://h:514").unwrap().unwrap().transport, Transport::Udp);
        for wrong in ["h:514", "tls://h:6514", "udp://h", "udp://:514", "udp://h:x"] {
            assert!(syslog(wrong).unwrap_err().to_string().contains("udp://siem.example.com:514"), "{wrong}");
        }
    }
}
