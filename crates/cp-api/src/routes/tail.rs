//! Calls as they come, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::Uri;
use axum::response::sse::{Event, KeepAlive, Sse};
use cp_app::{App, Tail, TailEvent};
use cp_wire as wire;
use cp_wire::{CallQuery, Problem};
use futures_util::{Stream, stream};
use serde::Serialize;

use crate::access::InProject;
use crate::convert;
use crate::problem::Refusal;
use crate::query::{self, Takes};

/// A comment goes out after so much silence, so that neither end takes the other for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follow calls as they begin and end.
///
/// Event `call`: a summary, once when the call begins (`outcome` is `null`) and once when it has ended. Event `lagged`:
/// this reader was too slow and missed some. The parameter `text` is not available here.
#[utoipa::path(get, path = "/calls/tail", tag = "calls", params(CallQuery), responses(
    (status = 200, body = wire::CallSummary, content_type = "text/event-stream", description = "Events without end"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn tail_calls(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let asked = query::read(&uri, Takes::LiveFilters, app.clock().now())?;
    let events = stream::unfold(app.tail(&ctx, asked.filter)?, next_event);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

async fn next_event(mut tail: Tail) -> Option<(Result<Event, Infallible>, Tail)> {
    let event = match tail.next().await? {
        TailEvent::Call(call) => json_event("call", &convert::summary((*call).clone())),
        TailEvent::Lagged(missed) => json_event("lagged", &wire::Lagged { missed }),
    };
    Some((Ok(event), tail))
}

fn json_event(name: &str, data: &impl Serialize) -> Event {
    let event = Event::default().event(name);
    match event.clone().json_data(data) {
        Ok(event) => event,
        Err(error) => event.comment(error.to_string().replace(['\r', '\n'], " ")),
    }
}
