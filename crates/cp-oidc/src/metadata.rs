//! What a provider publishes of itself (OpenID Connect Discovery 1.0).

use ::http::Uri;
use serde::Deserialize;

/// The document behind an issuer's well-known address; what is used of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    /// Who it is; the same as it was asked by.
    pub issuer: String,
    /// Where people are sent.
    pub authorization_endpoint: String,
    /// Where a code is exchanged.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where more is said of a person than in the identity token.
    pub userinfo_endpoint: Option<String>,
    /// What it signs with; any asymmetric algorithm where it does not say.
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// How a client shows its secret.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Whether its answers always name it (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// An issuer that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the issuer is an address such as https://id.example.com, without credentials, `?` and `#` in it")]
pub struct IssuerError;

/// A document that is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It speaks for somebody else.
    #[error("its document is of another issuer, `{0}`")]
    OtherIssuer(String),
    /// An address in it is none, or a plain one.
    #[error("its document has no usable `{0}`")]
    Endpoint(&'static str),
}

/// Checks an issuer's form: HTTPS, or plain HTTP on this machine.
pub fn check_issuer(issuer: &str) -> Result<(), IssuerError> {
    if is_usable(issuer, true) && !issuer.contains(['?', '#']) { Ok(()) } else { Err(IssuerError) }
}

/// Whether an address leads somewhere by TLS, or without it to this machine where that is allowed.
fn is_usable(url: &str, plain_here: bool) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let scheme = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => plain_here && here,
        _ => false,
    };
    scheme && !host.is_empty() && !uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
}

impl Metadata {
    /// Where the document of an issuer is.
    #[must_use]
    pub fn url_of(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
    }

    /// Checks a document that was found at an issuer's address.
    pub fn check(&self, issuer: &str) -> Result<(), MetadataError> {
        if self.issuer != issuer {
            return Err(MetadataError::OtherIssuer(self.issuer.chars().take(200).collect()));
        }
        let plain = issuer.starts_with("http://");
        for (name, url) in [
            ("authorization_endpoint", Some(&self.authorization_endpoint)),
            ("token_endpoint", Some(&self.token_endpoint)),
            ("jwks_uri", Some(&self.jwks_uri)),
            ("userinfo_endpoint", self.userinfo_endpoint.as_ref()),
        ] {
            if !url.is_none_or(|url| is_usable(url, plain)) {
                return Err(MetadataError::Endpoint(name));
            }
        }
        Ok(())
    }

    /// Whether a client shows its secret in the body, and not in a header.
    pub(crate) fn takes_secret_in_body(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        let has = |name: &str| methods.iter().any(|method| method == name);
        has("client_secret_post") && !has("client_secret_basic")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_reached_by_tls_or_is_here() {
        for issuer in ["https://id.example.com", "https://id.example.com/realms/a", "http://127.0.0.1:9000"] {
            assert_eq!(check_issuer(issuer), Ok(()), "{issuer}");
        }
        for issuer in [
            "",
            "id.example.com",
            "http://id.example.com",
            "http://localhost.example.com",
            "https://me:secret@id.example.com",
            "https://id.example.com/?a=b",
            "https://id.example.com/#a",
            "javascript:alert(1)",
            "file:///etc/passwd",
        ] {
            assert_eq!(check_issuer(issuer), Err(IssuerError), "{issuer}");
        }
    }

    #[test]
    fn a_document_speaks_for_its_own_issuer_and_by_tls() {
        let document = |authorization: &str| Metadata {
            issuer: "https://id.example.com".to_owned(),
            authorization_endpoint: authorization.to_owned(),
            token_endpoint: "https://id.example.com/token".to_owned(),
            jwks_uri: "https://id.example.com/keys".to_owned(),
            userinfo_endpoint: None,
            id_token_signing_alg_values_supported: Vec::new(),
            token_endpoint_auth_methods_supported: Vec::new(),
            authorization_response_iss_parameter_supported: false,
        };
        let good = document("https://id.example.com/auth");
        assert_eq!(good.check("https://id.example.com"), Ok(()));
        assert!(matches!(good.check("https://id.example.com/"), Err(MetadataError::OtherIssuer(_))));
        for address in ["http://id.example.com/auth", "http://127.0.0.1/auth", "javascript:alert(1)", "/auth"]
        {
            let refused = document(address).check("https://id.example.com");
            assert_eq!(refused, Err(MetadataError::Endpoint("authorization_endpoint")), "{address}");
        }
    }
}
