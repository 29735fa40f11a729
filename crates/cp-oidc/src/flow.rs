//! The authorization code flow with PKCE (RFC 6749, RFC 7636): where a browser is sent, and what a code is exchanged with.

use ::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use cp_base::{Random, Secret, hex};
use http_body_util::Full;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use crate::metadata::Metadata;

/// All but what is never escaped (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Who this program is to a provider.
#[derive(Clone, Debug)]
pub struct Client {
    /// The provider.
    pub issuer: String,
    /// The name of this client there.
    pub client_id: String,
    /// What shows that it is the client.
    pub secret: Secret,
    /// What to ask for, beside `openid`.
    pub scopes: Vec<String>,
}

/// One sign-in on its way: what only the browser that began it may bring back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRequest {
    /// Comes back with the code.
    pub state: String,
    /// Comes back in the token.
    pub nonce: String,
    /// Shows that whoever exchanges the code is who asked for it.
    pub verifier: String,
    /// Where the browser comes back to.
    pub redirect_uri: String,
}

impl SignInRequest {
    /// Another one.
    #[must_use]
    pub fn new(random: &Random, redirect_uri: String) -> Self {
        let text = || hex(&random.bytes::<32>());
        Self { state: text(), nonce: text(), verifier: text(), redirect_uri }
    }

    /// Where to send the browser.
    #[must_use]
    pub fn url(&self, client: &Client, metadata: &Metadata) -> String {
        let challenge = challenge(&self.verifier);
        let others = client.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
        let scopes: Vec<_> = std::iter::once("openid").chain(others).collect();
        let endpoint = &metadata.authorization_endpoint;
        let join = if endpoint.contains('?') { '&' } else { '?' };
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &client.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &scopes.join(" ")),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        format!("{endpoint}{join}{query}")
    }

    /// The request that exchanges a code.
    pub(crate) fn exchange(
        &self,
        client: &Client,
        metadata: &Metadata,
        code: &str,
    ) -> Result<Request<Full<Bytes>>, ::http::Error> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &self.verifier),
        ];
        let mut request = Request::post(&metadata.token_endpoint)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        let secret = client.secret.expose();
        if metadata.takes_secret_in_body() {
            fields.extend([("client_id", client.client_id.as_str()), ("client_secret", secret)]);
        } else {
            let pair = format!("{}:{}", escaped(&client.client_id), escaped(secret));
            request = request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)));
        }
        request.body(Full::new(Bytes::from(form(&fields))))
    }
}

/// What shows nobody the verifier, and whoever has it that it belongs to it (RFC 7636, 4.2).
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_the_rfc() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn no_two_sign_ins_are_alike() {
        let random = Random::seeded(1);
        let [one, other] =
            [(); 2].map(|()| SignInRequest::new(&random, "https://here.example/back".to_owned()));
        let texts = [one.state, one.nonce, one.verifier, other.state, other.nonce, other.verifier];
        let different: std::collections::HashSet<_> = texts.iter().collect();
        assert_eq!((different.len(), texts.iter().all(|text| text.len() == 64)), (6, true));
    }
}
