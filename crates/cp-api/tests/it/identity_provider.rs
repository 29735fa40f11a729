//! A provider that says whatever a test wants it to say.

use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) struct IdentityProvider {
    pub(crate) issuer: String,
    pub(crate) says: Arc<Mutex<Says>>,
    _serving: JoinSet<()>,
}

/// What it answers, and what it was asked.
#[derive(Default)]
pub(crate) struct Says {
    pub(crate) id_token: String,
    pub(crate) user_info: Value,
    pub(crate) keys: Vec<Value>,
    pub(crate) document: Map<String, Value>,
    /// The code that it takes, once.
    pub(crate) code: Option<String>,
    /// Path and body of each request, its credential before the body.
    pub(crate) asked: Vec<(String, String)>,
}

/// A key of a provider, by its name.
pub(crate) struct Key {
    pair: rcgen::KeyPair,
    kid: &'static str,
}

impl Key {
    pub(crate) fn new(kid: &'static str) -> Self {
        Self { pair: rcgen::KeyPair::generate().unwrap(), kid }
    }

    /// As it is published.
    pub(crate) fn published(&self) -> Value {
        let (x, y) = self.pair.public_key_raw()[1..].split_at(32);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": self.kid, "x": text(x), "y": text(y)})
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.to_owned()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &EncodingKey::from_ec_der(&self.pair.serialize_der())).unwrap()
    }

    /// Signed with what everybody knows: the public key, taken for a secret.
    pub(crate) fn sign_with_what_is_public(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.to_owned()), ..Header::new(Algorithm::HS256) };
        encode(&header, claims, &EncodingKey::from_secret(self.pair.public_key_raw())).unwrap()
    }
}

/// A token that nobody signed.
pub(crate) fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({"alg": "none", "typ": "JWT"})), part(claims))
}

impl IdentityProvider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        let says = Says { document: document.as_object().unwrap().clone(), ..Says::default() };
        let says = Arc::new(Mutex::new(says));
        let router = Router::new().fallback(answer).with_state(says.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, says, _serving: serving }
    }

    /// How often it was asked for a path.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.says.lock().unwrap().asked.iter().filter(|(asked, _)| asked == path).count()
    }
}

async fn answer(State(says): State<Arc<Mutex<Says>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let shown = request.headers().get(header::AUTHORIZATION);
    let shown = shown.map(|shown| shown.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let mut says = says.lock().unwrap();
    says.asked.push((path.clone(), format!("{shown}\n{body}")));
    let json = |value: Value| Json(value).into_response();
    match path.as_str() {
        "/.well-known/openid-configuration" => json(Value::Object(says.document.clone())),
        "/keys" => json(json!({"keys": says.keys})),
        "/userinfo" if says.user_info.is_null() => json(json!({})),
        "/userinfo" => json(says.user_info.clone()),
        "/token" => match says.code.take() {
            Some(code) if body.contains(&format!("code={code}&")) => {
                json(json!({"access_token": "at", "token_type": "Bearer", "id_token": says.id_token}))
            }
            _ => (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response(),
        },
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
