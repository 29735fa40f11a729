//! Where calls go as OpenTelemetry spans.

use std::time::Duration;

use cp_otlp::Collector;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Where spans are posted, below the endpoint (OTLP/HTTP).
const TRACES_PATH: &str = "/v1/traces";

/// A collector of OpenTelemetry spans; the keys are those of OpenTelemetry's own variables, which set them too.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OtlpConfig {
    /// The collector, such as `http://localhost:4318`. Without it no spans are sent.
    pub endpoint: Option<String>,
    /// The whole address for spans, where it is not `/v1/traces` below the endpoint.
    pub traces_endpoint: Option<String>,
    /// Sent with each request: `name=value,name=value`, values percent-encoded.
    pub headers: Option<String>,
    /// What one request may take.
    pub timeout_ms: u64,
    /// `service.name` of the spans.
    pub service_name: String,
    /// More attributes of the resource, written like `headers`.
    pub resource_attributes: Option<String>,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            traces_endpoint: None,
            headers: None,
            timeout_ms: 10_000,
            service_name: "codepromptu".to_owned(),
            resource_attributes: None,
        }
    }
}

impl OtlpConfig {
    /// The collector, where there is one.
    pub(crate) fn collector(&self) -> Result<Option<Collector>, ConfigError> {
        let url = match (&self.traces_endpoint, &self.endpoint) {
            (Some(whole), _) => url("otlp.traces_endpoint", whole.clone())?,
            (None, Some(base)) => {
                url("otlp.endpoint", format!("{}{TRACES_PATH}", base.trim_end_matches('/')))?
            }
            (None, None) => return Ok(None),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs("otlp.headers", self.headers.as_deref())? {
            // The value may be a credential and is not shown.
            let bad = || {
                ConfigError::value(
                    "otlp.headers",
                    format!("has `{name}`, which is no header, or has a value that is none"),
                )
            };
            let name = HeaderName::try_from(&name).map_err(|_| bad())?;
            let mut value = HeaderValue::try_from(value).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        let mut resource = vec![
            ("service.name".to_owned(), self.service_name.clone()),
            ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ];
        let more = pairs("otlp.resource_attributes", self.resource_attributes.as_deref())?;
        resource.extend(more.into_iter().filter(|(name, _)| name != "service.name"));
        let timeout = Duration::from_millis(self.timeout_ms);
        Ok(Some(Collector { url, headers, timeout, resource }))
    }
}

fn url(key: &str, text: String) -> Result<Uri, ConfigError> {
    // A credential is not shown, and would not be sent from there.
    if text.contains('@') {
        return Err(ConfigError::value(key, "has credentials in it; write them into `otlp.headers`"));
    }
    let parsed = text.parse::<Uri>().ok();
    let parsed =
        parsed.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    parsed.ok_or_else(|| {
        ConfigError::value(key, format!("is `{text}`; write it like http://localhost:4318 (OTLP over HTTP)"))
    })
}

/// `name=value,name=value`, values percent-encoded (W3C Baggage, as OpenTelemetry's variables are).
fn pairs(key: &str, text: Option<&str>) -> Result<Vec<(String, String)>, ConfigError> {
    let items = text.unwrap_or_default().split(',').filter(|item| !item.trim().is_empty());
    let pair = |(place, item): (usize, &str)| {
        let read = item.split_once('=').and_then(|(name, value)| {
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            Some((name.trim().to_owned(), value.into_owned()))
        });
        read.ok_or_else(|| {
            ConfigError::value(
                key,
                format!("has no `name=value` at place {}; separate them by commas", place + 1),
            )
        })
    };
    items.enumerate().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_where_the_variables_of_opentelemetry_say() {
        let endpoint = |text: &str| OtlpConfig { endpoint: Some(text.to_owned()), ..OtlpConfig::default() };
        for (text, expected) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("https://c.example.com/otlp/", "https://c.example.com/otlp/v1/traces"),
        ] {
            assert_eq!(endpoint(text).collector().unwrap().unwrap().url, expected);
        }
        let whole = OtlpConfig { traces_endpoint: Some("http://h/t".to_owned()), ..endpoint("http://other") };
        assert_eq!(whole.collector().unwrap().unwrap().url, "http://h/t");
        assert!(OtlpConfig::default().collector().unwrap().is_none());
        for wrong in ["localhost:4318", "grpc://localhost:4317", "http://"] {
            let error = endpoint(wrong).collector().unwrap_err().to_string();
            assert!(error.contains("otlp.endpoint") && error.contains("http://localhost:4318"), "{error}");
        }
        let error = endpoint("http://me:secret@h:4318").collector().unwrap_err().to_string();
        assert!(error.contains("otlp.headers") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn headers_and_attributes_are_read_or_named() {
        let config = OtlpConfig {
            endpoint: Some("http://h".to_owned()),
            headers: Some("authorization=Bearer%20secret, x-tenant=7,".to_owned()),
            resource_attributes: Some("deployment.environment.name=test,service.name=other".to_owned()),
            ..OtlpConfig::default()
        };
        let collector = config.collector().unwrap().unwrap();
        assert_eq!(collector.headers["authorization"], "Bearer secret");
        assert_eq!(collector.headers["x-tenant"], "7");
        assert!(!format!("{collector:?}").contains("secret"));
        let named =
            |name: &str| collector.resource.iter().filter(|(known, _)| known == name).collect::<Vec<_>>();
        assert_eq!(named("deployment.environment.name").len(), 1);
        assert_eq!(named("service.name"), [&("service.name".to_owned(), "codepromptu".to_owned())]);
        let wrong = OtlpConfig { headers: Some("a=1,secret".to_owned()), ..config };
        let error = wrong.collector().unwrap_err().to_string();
        assert!(
            error.contains("otlp.headers") && error.contains("place 2") && !error.contains("secret"),
            "{error}"
        );
    }
}
