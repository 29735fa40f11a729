//! Langfuse's ingestion: a batch of events, each of which is kept, passed over, or refused with its reason.
//!
//! Nothing is called a success that is lost: while the capture log takes nothing, the whole batch is to be sent again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cp_app::model::Observation;
use cp_app::{App, AppError, Ctx, NewScore};
use cp_base::ErrorKind;
use cp_ingest::{Event, Read, Traces, read_event};
use serde::Deserialize;
use serde_json::{Value, json};

use super::scores::ScoreBody;
use super::{Failure, InProject};
use crate::input::Body;
use crate::problem::Refusal;

/// The largest batch.
pub(super) const MAX_BODY_BYTES: usize = 4_500 * 1024;
const PATH: &str = "/api/public/ingestion";

/// What is sent.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    batch: Vec<Value>,
}

/// What became of an event: nothing, or why it is refused.
type Fate = Result<(), (u16, String)>;

/// Events in their order, and what they come to.
#[derive(Default)]
struct Sorted {
    ids: Vec<String>,
    fates: Vec<Fate>,
    calls: Vec<(usize, Observation)>,
    scores: Vec<(usize, NewScore)>,
    traces: Traces,
}

/// Takes a batch.
pub(super) async fn ingest(
    InProject(ctx): InProject,
    State(app): State<App>,
    body: Result<Body<Batch>, Refusal>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let Body(Batch { batch }) = body?;
    let mut sorted = Sorted::default();
    for event in batch {
        sorted.add(event);
    }
    keep_calls(&app, &ctx, &mut sorted).await?;
    keep_scores(&app, &ctx, &mut sorted).await?;
    let (mut successes, mut errors) = (Vec::new(), Vec::new());
    for (id, fate) in sorted.ids.into_iter().zip(sorted.fates) {
        match fate {
            Ok(()) => successes.push(json!({ "id": id, "status": 201 })),
            Err((status, message)) => {
                errors.push(json!({ "id": id, "status": status, "message": message, "error": message }));
            }
        }
    }
    Ok((StatusCode::MULTI_STATUS, Json(json!({ "successes": successes, "errors": errors }))))
}

impl Sorted {
    fn add(&mut self, event: Value) {
        let place = self.fates.len();
        self.ids.push(event.get("id").and_then(Value::as_str).unwrap_or_default().to_owned());
        let fate = self.sort(place, event).map_err(|why| (400, why));
        self.fates.push(fate);
    }

    fn sort(&mut self, place: usize, event: Value) -> Result<(), String> {
        let event: Event = serde_json::from_value(event).map_err(|error| error.to_string())?;
        let at = event.timestamp.as_deref().and_then(|text| text.parse().ok());
        match read_event(event).map_err(|error| error.to_string())? {
            Read::Call(call) => self.calls.push((place, *call)),
            Read::Trace(trace, said) => self.traces.add(&trace, *said),
            Read::Score(json) => self.scores.push((place, ScoreBody::read(json, at)?)),
            Read::PassedOver => {}
        }
        Ok(())
    }

    fn refuse(&mut self, place: usize, error: AppError) {
        let failure = Failure::from(error);
        let (status, words) = failure.told();
        if let Some(fate) = self.fates.get_mut(place) {
            *fate = Err((status, words.to_owned()));
        }
    }
}

async fn keep_calls(app: &App, ctx: &Ctx, sorted: &mut Sorted) -> Result<(), Failure> {
    let (places, mut calls): (Vec<_>, Vec<_>) = std::mem::take(&mut sorted.calls).into_iter().unzip();
    if calls.is_empty() {
        return Ok(());
    }
    calls.iter_mut().for_each(|call| sorted.traces.complete(call));
    let kept = app.tell_calls(ctx, PATH, calls).await?;
    for (place, kept) in places.into_iter().zip(kept) {
        match kept {
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::Unavailable => return Err(error.into()),
            Err(error) => sorted.refuse(place, error),
        }
    }
    Ok(())
}

/// Those of one batch together; one by one where one of them is refused, so that it stops only itself.
async fn keep_scores(app: &App, ctx: &Ctx, sorted: &mut Sorted) -> Result<(), Failure> {
    let scores = std::mem::take(&mut sorted.scores);
    if scores.is_empty() {
        return Ok(());
    }
    let together = app.put_scores(ctx, scores.iter().map(|(_, score)| score.clone()).collect()).await;
    match together {
        Ok(_) => return Ok(()),
        Err(error) if error.kind == ErrorKind::InvalidInput => {}
        Err(error) => return Err(error.into()),
    }
    for (place, score) in scores {
        if let Err(error) = app.put_scores(ctx, vec![score]).await {
            sorted.refuse(place, error);
        }
    }
    Ok(())
}
