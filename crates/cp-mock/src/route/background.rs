//! Responses and interactions that are made in the background: created, and fetched later.
//!
//! The first fetch finds one at work, and each later one finds it done. A stream has it all, also where it is taken up again.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::batches::{Asked, Shelf, not_found};
use super::{Content, Target, authorize, google, named_event};
use crate::directive::Directives;
use crate::failure::{Dialect, Failure};
use crate::text::hash;
use crate::{gemini, openai};

/// Answers a request that creates or fetches one; `None` where it is for something else.
pub(super) fn answer(
    shelf: &Shelf,
    target: &Target<'_>,
    asked: &Asked<'_>,
    directives: &mut Directives,
) -> Option<Result<Content, Failure>> {
    let (_, path) = target.path.split_once('/')?;
    let (kind, id) = path.split_once('/').map_or((path, None), |(kind, id)| (kind, Some(id)));
    if !matches!((target.dialect, kind), (Dialect::OpenAi, "responses") | (Dialect::Gemini, "interactions")) {
        return None;
    }
    let answer = match (asked.method, id) {
        (&Method::GET, Some(id)) => fetch(shelf, target, id),
        (&Method::POST, None) => {
            let request = asked.json().ok().filter(is_background)?;
            create(shelf, target, &request, hash(asked.body), directives)
        }
        _ => return None,
    };
    Some(authorize(target.dialect, asked.headers, target.query).and(answer))
}

fn is_background(request: &Value) -> bool {
    request.get("background") == Some(&Value::Bool(true))
}

fn create(
    shelf: &Shelf,
    target: &Target<'_>,
    request: &Value,
    seed: u64,
    directives: &mut Directives,
) -> Result<Content, Failure> {
    let (stream, begun, done, events) = if target.dialect == Dialect::Gemini {
        let it = gemini::interaction(request, seed)?;
        target.told(it.user(), directives)?;
        (it.stream, it.begun(), it.whole(directives), it.events(directives))
    } else {
        let it = openai::responses::responses(request, seed)?;
        target.told(&it.question.user, directives)?;
        (it.stream, it.begun(), it.whole(directives), it.events(directives))
    };
    let id = begun.get("id").and_then(Value::as_str).unwrap_or_default();
    let kept = json!({ "polls": 0, "begun": begun, "done": done, "events": events });
    shelf.put(name(id), kept.to_string().into());
    Ok(if stream { as_stream(target.dialect, &events) } else { Content::Json(begun) })
}

fn fetch(shelf: &Shelf, target: &Target<'_>, id: &str) -> Result<Content, Failure> {
    let mut kept = shelf.get_value(&name(id)).ok_or_else(|| not_found(id))?;
    let mut pairs = target.query.split('&').filter_map(|pair| pair.split_once('='));
    if pairs.clone().any(|pair| pair == ("stream", "true")) {
        let after = pairs.find(|(key, _)| matches!(*key, "starting_after" | "last_event_id"));
        let events = kept.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let seen = after.and_then(|(_, after)| events.iter().position(|event| number(event) == after));
        let rest = seen.map_or(events, |seen| events.get(seen + 1..).unwrap_or_default());
        return Ok(as_stream(target.dialect, rest));
    }
    let polls = kept.get("polls").and_then(Value::as_u64).unwrap_or_default();
    let told = if polls == 0 { "begun" } else { "done" };
    let told = kept.get(told).cloned().unwrap_or_default();
    if let Some(kept_polls) = kept.get_mut("polls") {
        *kept_polls = (polls + 1).into();
    }
    shelf.put(name(id), kept.to_string().into());
    Ok(Content::Json(told))
}

fn name(id: &str) -> String {
    format!("background/{id}")
}

/// By what a client says how far it has read.
fn number(event: &Value) -> String {
    let id = event.get("event_id").and_then(Value::as_str).map(str::to_owned);
    id.unwrap_or_else(|| event.get("sequence_number").map(Value::to_string).unwrap_or_default())
}

fn as_stream(dialect: Dialect, events: &[Value]) -> Content {
    if dialect == Dialect::Gemini {
        let end = Bytes::from_static(google::END);
        return Content::Events(events.iter().map(google::event).chain([end]).collect());
    }
    Content::Events(events.iter().map(named_event).collect())
}
