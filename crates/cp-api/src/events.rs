//! Server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde::Serialize;

/// A comment goes out after so much silence, so that neither end takes the other for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events until one of both ends stops.
pub(crate) fn endless<S: Stream<Item = Result<Event, Infallible>> + Send + 'static>(
    events: S,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// An event with JSON in it.
pub(crate) fn json(name: &str, data: &impl Serialize) -> Event {
    let event = Event::default().event(name);
    match event.clone().json_data(data) {
        Ok(event) => event,
        Err(error) => event.comment(error.to_string().replace(['\r', '\n'], " ")),
    }
}
