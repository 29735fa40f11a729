//! Google's paths.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::{Content, Target, authorize, break_off, data_event};
use crate::directive::Directives;
use crate::failure::Failure;
use crate::gemini;
use crate::text::hash;

impl Target<'_> {
    pub(super) fn gemini(
        &self,
        method: &Method,
        headers: &HeaderMap,
        body: &[u8],
        directives: &mut Directives,
    ) -> Result<Content, Failure> {
        authorize(self.dialect, headers, self.query)?;
        if let Some(status) = directives.status {
            return Err(Failure::of_status(self.dialect, status));
        }
        let path = self.path.split_once('/').map_or("", |(_version, path)| path);
        if method == Method::GET
            && let Some(name) = path.strip_prefix("models")
        {
            return gemini::models(name.strip_prefix('/')).map(Content::Json);
        }
        let target = gemini::target(self.path);
        if method != Method::POST || !(target.is_some() || path.ends_with("interactions")) {
            return Err(self.unknown(method));
        }
        let request: Value = serde_json::from_slice(body).map_err(|_| self.unreadable())?;
        let seed = hash(body);
        let Some((model, asked)) = target else { return self.interact(&request, seed, directives) };
        gemini::known(model)?;
        match asked {
            "countTokens" => gemini::count_tokens(&request).map(Content::Json),
            "embedContent" => gemini::embed(&request).map(Content::Json),
            "batchEmbedContents" => gemini::embed_batch(&request).map(Content::Json),
            "generateContent" => {
                let generate = gemini::generate(model, &request, seed)?;
                self.told(generate.user(), directives)?;
                Ok(Content::Json(generate.whole(directives)))
            }
            "streamGenerateContent" => {
                let generate = gemini::generate(model, &request, seed)?;
                self.told(generate.user(), directives)?;
                let mut chunks = generate.chunks(directives);
                if directives.stream_error {
                    chunks.truncate(chunks.len() / 2);
                    chunks.push(gemini::stream_error());
                }
                let as_events = self.query.split('&').any(|pair| pair == "alt=sse");
                Ok(if as_events {
                    Content::Events(chunks.iter().map(data_event).collect())
                } else {
                    Content::Array(array(&chunks))
                })
            }
            _ => Err(self.unknown(method)),
        }
    }

    fn interact(&self, request: &Value, seed: u64, directives: &mut Directives) -> Result<Content, Failure> {
        let interaction = gemini::interaction(request, seed)?;
        self.told(interaction.user(), directives)?;
        if !interaction.stream {
            return Ok(Content::Json(interaction.whole(directives)));
        }
        let mut events: Vec<Bytes> = interaction.events(directives).iter().map(event).collect();
        if directives.stream_error {
            break_off(&mut events, event(&gemini::interaction_error()));
        }
        events.push(Bytes::from_static(END));
        Ok(Content::Events(events))
    }
}

/// The last event of a stream of an interaction.
pub(super) const END: &[u8] = b"event: done\ndata: [DONE]\n\n";

pub(super) fn event(data: &Value) -> Bytes {
    let name = data.get("event_type").and_then(Value::as_str).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// The pieces of an array, as Google divides it: the comma comes with what follows it.
fn array(chunks: &[Value]) -> Vec<Bytes> {
    let before = std::iter::once("[").chain(std::iter::repeat("\n,\n"));
    let pieces = before.zip(chunks).map(|(before, chunk)| Bytes::from(format!("{before}{chunk:#}")));
    pieces.chain(std::iter::once(Bytes::from_static(b"\n]\n"))).collect()
}
