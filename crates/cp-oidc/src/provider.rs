//! Providers: what they publish, remembered for a while, and the exchange of a code for what they say of a person.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cp_base::{Random, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::claims::Claims;
use crate::flow::{Client, SignInRequest};
use crate::http::{FetchError, Http};
use crate::keys::Keys;
use crate::metadata::{Metadata, MetadataError};
use crate::token::{self, Expected, TokenError};

/// How long what a provider publishes is believed to be so.
const FRESH: Duration = Duration::from_secs(3600);
/// How soon a provider is asked for its keys again because of a key that it does not publish.
const AGAIN: Duration = Duration::from_secs(60);
/// Providers that are remembered; with more, the oldest is asked again.
const MAX_REMEMBERED: usize = 100;
/// What a code may be long.
const MAX_CODE: usize = 4096;

/// Asks providers, and remembers what they publish.
#[derive(Debug)]
pub struct Providers {
    http: Http,
    remembered: Mutex<HashMap<String, Remembered>>,
}

#[derive(Clone, Debug)]
struct Remembered {
    metadata: Metadata,
    keys: Keys,
    at: Timestamp,
    /// When the keys were asked for because of one that was not among them.
    asked_again: Option<Timestamp>,
}

/// What a provider publishes.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its document.
    pub metadata: Metadata,
    /// Its keys.
    pub keys: Keys,
}

/// What a browser brought back.
#[derive(Clone, Debug, Default)]
pub struct Returned {
    /// The code.
    pub code: Option<String>,
    /// Which sign-in it belongs to.
    pub state: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who says so (RFC 9207).
    pub issuer: Option<String>,
}

/// Why nobody is known.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider could not be asked.
    #[error("the provider's {what} could not be read: {source}")]
    Fetch {
        /// What it was asked for.
        what: &'static str,
        /// Why not.
        source: FetchError,
    },
    /// Its document is not believed.
    #[error("the provider cannot be used: {0}")]
    Metadata(#[from] MetadataError),
    /// The browser brought something that belongs to no sign-in of it.
    #[error("this sign-in was not begun in this browser, or is over")]
    State,
    /// The provider refused.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The answer is another provider's.
    #[error("the answer is another provider's")]
    OtherIssuer,
    /// The provider did not take the code.
    #[error("the provider did not take the code: {0}")]
    Code(String),
    /// The token is not believed.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The user-info endpoint speaks of somebody else.
    #[error("the provider's user information is somebody else's")]
    OtherSubject,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

fn fetching(what: &'static str) -> impl Fn(FetchError) -> OidcError {
    move |source| OidcError::Fetch { what, source }
}

/// What a provider writes where it refuses, fit for a page and a log.
fn shown(text: &str) -> String {
    text.chars().filter(|char| char.is_ascii_graphic()).take(60).collect()
}

impl Providers {
    /// Providers that `http` reaches.
    #[must_use]
    pub fn new(http: Http) -> Self {
        Self { http, remembered: Mutex::default() }
    }

    /// What a provider publishes, asked now.
    pub async fn look_up(&self, issuer: &str, now: Timestamp) -> Result<Found, OidcError> {
        let url = Metadata::url_of(issuer);
        let metadata: Metadata = self.http.get_json(&url, None).await.map_err(fetching("document"))?;
        metadata.check(issuer)?;
        let keys = self.fetch_keys(&metadata).await?;
        let row = Remembered { metadata: metadata.clone(), keys: keys.clone(), at: now, asked_again: None };
        let mut remembered = self.lock();
        if remembered.len() >= MAX_REMEMBERED && !remembered.contains_key(issuer) {
            let oldest = remembered.iter().min_by_key(|(_, row)| row.at).map(|(issuer, _)| issuer.clone());
            oldest.and_then(|oldest| remembered.remove(&oldest));
        }
        remembered.insert(issuer.to_owned(), row);
        Ok(Found { metadata, keys })
    }

    /// Begins a sign-in: what to keep with the browser, and where to send it.
    pub async fn begin(
        &self,
        client: &Client,
        redirect_uri: String,
        random: &Random,
        now: Timestamp,
    ) -> Result<(SignInRequest, String), OidcError> {
        let found = self.recall(&client.issuer, now).await?;
        let request = SignInRequest::new(random, redirect_uri);
        let url = request.url(client, &found.metadata);
        Ok((request, url))
    }

    /// Ends a sign-in: what the provider says of the person. `wanted` are claims that its user-info endpoint is asked for where
    /// the token lacks one of them.
    pub async fn finish(
        &self,
        client: &Client,
        request: &SignInRequest,
        returned: &Returned,
        wanted: &[&str],
        now: Timestamp,
    ) -> Result<Claims, OidcError> {
        if returned.state.as_deref() != Some(request.state.as_str()) {
            return Err(OidcError::State);
        }
        let found = self.recall(&client.issuer, now).await?;
        let is_named = found.metadata.authorization_response_iss_parameter_supported;
        match &returned.issuer {
            Some(issuer) if *issuer == client.issuer => {}
            None if !is_named => {}
            _ => return Err(OidcError::OtherIssuer),
        }
        if let Some(error) = &returned.error {
            return Err(OidcError::Refused(shown(error)));
        }
        let code = returned.code.as_deref().filter(|code| !code.is_empty() && code.len() <= MAX_CODE);
        let code = code.ok_or_else(|| OidcError::Refused("no_code".to_owned()))?;
        let tokens = self.exchange(client, request, &found.metadata, code).await?;
        let mut claims = self.believe(client, request, &tokens, found.clone(), now).await?;
        if wanted.iter().any(|name| !claims.has(name)) {
            self.ask_more(&found.metadata, tokens.access_token.as_deref(), &mut claims).await?;
        }
        Ok(claims)
    }

    async fn exchange(
        &self,
        client: &Client,
        request: &SignInRequest,
        metadata: &Metadata,
        code: &str,
    ) -> Result<Tokens, OidcError> {
        let unreadable = || fetching("token")(FetchError::Unreadable);
        let request = request.exchange(client, metadata, code).map_err(|_| unreadable())?;
        let (status, body) = self.http.send(request).await.map_err(fetching("token"))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| unreadable());
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => Err(OidcError::Code(shown(&refusal.error))),
            Err(_) => Err(fetching("token")(FetchError::Status(status))),
        }
    }

    /// A key that is not known yet may be a new one: the provider is asked once more, but not for every forgery.
    async fn believe(
        &self,
        client: &Client,
        request: &SignInRequest,
        tokens: &Tokens,
        mut found: Found,
        now: Timestamp,
    ) -> Result<Claims, OidcError> {
        let is_new = token::kid(&tokens.id_token).is_some_and(|kid| !found.keys.knows(&kid));
        if is_new && self.may_ask_again(&client.issuer, now) {
            found.keys = self.fetch_keys(&found.metadata).await?;
            if let Some(row) = self.lock().get_mut(&client.issuer) {
                row.keys = found.keys.clone();
            }
        }
        let expected = Expected {
            issuer: &client.issuer,
            client_id: &client.client_id,
            nonce: &request.nonce,
            algorithms: &found.metadata.id_token_signing_alg_values_supported,
            access_token: tokens.access_token.as_deref(),
            now,
        };
        Ok(token::verify(&tokens.id_token, &found.keys, &expected)?)
    }

    async fn ask_more(
        &self,
        metadata: &Metadata,
        access_token: Option<&str>,
        claims: &mut Claims,
    ) -> Result<(), OidcError> {
        let (Some(url), Some(token)) = (&metadata.userinfo_endpoint, access_token) else { return Ok(()) };
        let more: Map<String, Value> =
            self.http.get_json(url, Some(token)).await.map_err(fetching("user information"))?;
        if more.get("sub").and_then(Value::as_str) != Some(claims.subject.as_str()) {
            return Err(OidcError::OtherSubject);
        }
        claims.add(more);
        Ok(())
    }

    async fn recall(&self, issuer: &str, now: Timestamp) -> Result<Found, OidcError> {
        let row = self.lock().get(issuer).cloned();
        match row.filter(|row| now < row.at.after(FRESH)) {
            Some(row) => Ok(Found { metadata: row.metadata, keys: row.keys }),
            None => self.look_up(issuer, now).await,
        }
    }

    /// Whether the keys may be asked for; then they were.
    fn may_ask_again(&self, issuer: &str, now: Timestamp) -> bool {
        match self.lock().get_mut(issuer) {
            Some(row) if row.asked_again.is_none_or(|last| now >= last.after(AGAIN)) => {
                row.asked_again = Some(now);
                true
            }
            _ => false,
        }
    }

    async fn fetch_keys(&self, metadata: &Metadata) -> Result<Keys, OidcError> {
        let document = self.http.get_json(&metadata.jwks_uri, None).await.map_err(fetching("keys"))?;
        Keys::read(document).ok_or_else(|| fetching("keys")(FetchError::Unreadable))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
