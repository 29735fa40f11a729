//! Calls as they come, as server-sent events.

use std::convert::Infallible;

use axum::extract::State;
use axum::http::Uri;
use axum::response::sse::{Event, Sse};
use cp_app::{App, Tail, TailEvent};
use cp_wire as wire;
use cp_wire::{CallQuery, Problem};
use futures_util::{Stream, stream};

use crate::access::InProject;
use crate::convert;
use crate::events;
use crate::problem::Refusal;
use crate::query::{self, Takes};

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
    let stream = stream::unfold(app.tail(&ctx, asked.filter)?, next_event);
    Ok(events::endless(stream))
}

async fn next_event(mut tail: Tail) -> Option<(Result<Event, Infallible>, Tail)> {
    let event = match tail.next().await? {
        TailEvent::Call(call) => events::json("call", &convert::summary((*call).clone())),
        TailEvent::Lagged(missed) => events::json("lagged", &wire::Lagged { missed }),
    };
    Some((Ok(event), tail))
}
