//! A browser, as far as cookies go.

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use tower::ServiceExt;

use crate::world::{World, body};

pub(crate) const PASSWORD: &str = "brine kettle vowel otter";

/// Requests of one browser: it keeps the session that it is given.
pub(crate) struct Browser<'a> {
    pub(crate) world: &'a World,
    /// `name=value`.
    pub(crate) cookie: Option<String>,
    /// The whole line that set it.
    pub(crate) set_cookie: String,
    pub(crate) origin: &'static str,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self { world, cookie: None, set_cookie: String::new(), origin: "http://127.0.0.1:8080" }
    }

    /// Status and JSON. Without a body where `json` is null.
    pub(crate) async fn send(&mut self, method: &str, path: &str, json: Value) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        request = request.header("host", "127.0.0.1:8080").header("user-agent", "test browser");
        if !self.origin.is_empty() {
            request = request.header("origin", self.origin);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let content = if json.is_null() { String::new() } else { json.to_string() };
        if !content.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Body::from(content)).unwrap();
        let response = self.world.api.clone().oneshot(request).await.unwrap();
        for line in response.headers().get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let pair = line.split(';').next().unwrap();
            let name = pair.split('=').next().unwrap();
            if !pair.ends_with('=') {
                self.cookie = Some(pair.to_owned());
                line.clone_into(&mut self.set_cookie);
            } else if self.cookie.as_ref().is_some_and(|kept| kept.starts_with(name)) {
                self.cookie = None;
            }
        }
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&body(response).await).unwrap_or_default())
    }

    pub(crate) async fn get(&mut self, path: &str) -> (u16, Value) {
        self.send("GET", path, Value::Null).await
    }

    /// The first person: Ada, who owns everything.
    pub(crate) async fn set_up(world: &'a World) -> Self {
        let token = world.app.offer_setup().await.unwrap().unwrap();
        let mut browser = Self::new(world);
        let body = serde_json::json!({
            "token": token.expose(), "email": "Ada@Example.test", "name": "Ada", "password": PASSWORD,
        });
        let (status, answer) = browser.send("POST", "/setup", body).await;
        assert_eq!((status, answer["person"]["email"].as_str()), (201, Some("ada@example.test")), "{answer}");
        browser
    }

    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> (u16, Value) {
        let body = serde_json::json!({"email": email, "password": password});
        self.send("POST", "/session", body).await
    }

    /// What the audit log says was done, latest first.
    pub(crate) async fn audit(&mut self) -> Vec<String> {
        let (status, page) = self.get("/audit").await;
        assert_eq!(status, 200, "{page}");
        let events = page["events"].as_array().unwrap().iter().map(|event| &event["event"]);
        let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let line = |event: &Value| {
            let (name, via) = (event["actor"]["name"].as_str().unwrap(), text(event, "via"));
            format!("{} by {name} ({via}) {}", text(event, "action"), text(event, "detail")).trim().to_owned()
        };
        events.map(line).collect()
    }
}
