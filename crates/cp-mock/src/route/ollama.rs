//! Ollama's paths.

use bytes::Bytes;
use http::Method;
use serde_json::Value;

use super::{Content, Target};
use crate::directive::Directives;
use crate::failure::{Dialect, Failure};
use crate::ollama;
use crate::text::hash;

impl Target<'_> {
    /// Nobody needs a key.
    pub(super) fn ollama(
        &self,
        method: &Method,
        body: &[u8],
        directives: &mut Directives,
    ) -> Result<Content, Failure> {
        if let Some(status) = directives.status {
            return Err(Failure::of_status(self.dialect, status));
        }
        if (method, self.path) == (&Method::GET, "api/tags") {
            return Ok(Content::Json(ollama::tags()));
        }
        if method != Method::POST {
            return Err(self.unknown(method));
        }
        let request: Value = serde_json::from_slice(body).map_err(|_| self.unreadable())?;
        let is_chat = match self.path {
            "api/chat" => true,
            "api/generate" => false,
            "api/embed" => return ollama::embed(&request).map(Content::Json),
            "api/embeddings" => return ollama::embed_one(&request).map(Content::Json),
            _ => return Err(self.unknown(method)),
        };
        let generate = ollama::generate(&request, hash(body), is_chat)?;
        self.told(&generate.question.user, directives)?;
        if !generate.stream {
            return Ok(Content::Json(generate.whole(directives)));
        }
        let mut chunks = generate.chunks(directives);
        if directives.stream_error {
            chunks.truncate(chunks.len() / 2);
            chunks.push(Failure::of_status(Dialect::Ollama, 500).body(Dialect::Ollama, ""));
        }
        Ok(Content::Lines(chunks.iter().map(|chunk| Bytes::from(format!("{chunk}\n"))).collect()))
    }
}
