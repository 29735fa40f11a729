//! Scores as Langfuse's client libraries give and ask for them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use cp_app::model::{Score, ScoreFilter, ScoreSource, ScoreTarget, ScoreValue};
use cp_app::{App, Ctx, NewScore};
use cp_base::{ProjectId, Timestamp};
use cp_wire::ScoreValue as Given;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::parameters::{parameters, parsed};
use super::{Failure, InProject};
use crate::convert;
use crate::input::Body;
use crate::problem::Refusal;

/// Parameters that a list understands.
const FILTERS: [&str; 14] = [
    "page",
    "limit",
    "cursor",
    "fields",
    "id",
    "scoreIds",
    "name",
    "source",
    "dataType",
    "traceId",
    "sessionId",
    "observationId",
    "fromTimestamp",
    "toTimestamp",
];

/// A score, as it is given.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScoreBody {
    #[serde(default)]
    pub(super) id: Option<String>,
    name: String,
    value: Given,
    #[serde(default)]
    data_type: Option<String>,
    #[serde(default)]
    trace_id: Option<String>,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    observation_id: Option<String>,
    #[serde(default)]
    dataset_run_id: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    comment: Option<String>,
    #[serde(default)]
    environment: Option<String>,
    #[serde(default)]
    metadata: Option<Value>,
    #[serde(default)]
    config_id: Option<String>,
    #[serde(default)]
    queue_id: Option<String>,
    #[serde(default)]
    timestamp: Option<Timestamp>,
}

impl ScoreBody {
    /// The score, or why it is none; `at` where it says no time itself.
    pub(super) fn read(json: Value, at: Option<Timestamp>) -> Result<NewScore, String> {
        let body: Self = serde_json::from_value(json).map_err(|error| error.to_string())?;
        if body.dataset_run_id.is_some() {
            return Err("`datasetRunId`: there are no runs of datasets here".to_owned());
        }
        let source = body.source.as_deref().unwrap_or("API").to_lowercase();
        let source = ScoreSource::parse(&source).ok_or_else(|| format!("`source` is `{source}`"))?;
        let data_type = body.data_type.map(|name| name.to_lowercase());
        let mut metadata = match body.metadata {
            Some(Value::Object(map)) => map,
            Some(Value::Null) | None => Map::new(),
            Some(other) => Map::from_iter([("metadata".to_owned(), other)]),
        };
        // Configurations and queues are not here; what names them is kept.
        for (name, id) in [("configId", body.config_id), ("queueId", body.queue_id)] {
            metadata.extend(id.map(|id| (name.to_owned(), Value::from(id))));
        }
        let new = NewScore {
            client_id: body.id,
            name: body.name,
            value: convert::score::value(data_type.as_deref(), body.value)?,
            target: ScoreTarget {
                trace: body.trace_id,
                session: body.session_id,
                observation: body.observation_id,
                ..ScoreTarget::default()
            },
            source,
            comment: body.comment,
            environment: body.environment,
            metadata,
            at: body.timestamp.or(at),
        };
        new.check().map_err(|error| error.public)?;
        Ok(new)
    }
}

/// Takes one score, or a list of them.
pub(super) async fn create(
    InProject(ctx): InProject,
    State(app): State<App>,
    body: Result<Body<Value>, Refusal>,
) -> Result<Response, Failure> {
    let Body(json) = body?;
    let Value::Array(list) = json else {
        let score = app.give_score(&ctx, ScoreBody::read(json, None).map_err(Failure::invalid)?).await?;
        return Ok(Json(json!({ "id": id_of(&score) })).into_response());
    };
    let (mut good, mut errors) = (Vec::new(), Vec::new());
    for (place, json) in list.into_iter().enumerate() {
        match ScoreBody::read(json, None) {
            Ok(new) => good.push(new),
            Err(why) => errors.push(json!({ "message": format!("score {place}: {why}") })),
        }
    }
    let accepted = app.put_scores(&ctx, good).await?.len();
    if errors.is_empty() {
        return Ok((StatusCode::ACCEPTED, Json(json!({ "message": "Accepted" }))).into_response());
    }
    let told = json!({ "accepted": accepted, "rejected": errors.len(), "errors": errors });
    Ok((StatusCode::MULTI_STATUS, Json(told)).into_response())
}

/// One score, by the client's id or ours.
pub(super) async fn get(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let score = app.get_score(&ctx, app.score_named(&ctx, &id)?).await?;
    Ok(Json(older(&shape(project(&app, &ctx).await?, &score), &score)))
}

/// Deletes a score.
pub(super) async fn delete(
    InProject(ctx): InProject,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    app.delete_score(&ctx, app.score_named(&ctx, &id)?).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "message": "Score deleted" }))))
}

/// Scores by the page, in the older form: a boolean is a number, and words stand beside a value.
pub(super) async fn list_by_page(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::read(&app, &ctx, &uri)?;
    let (page, limit) = (asked.page, asked.limit.unwrap_or(50));
    let skipped = (page - 1).saturating_mul(limit);
    let (scores, total) = match &asked.ids {
        Some(ids) => {
            let scores = by_id(&app, &ctx, ids).await?;
            let total = scores.len() as u64;
            (scores, total)
        }
        None => (
            app.list_scores(&ctx, &asked.filter, skipped, limit).await?,
            app.count_scores(&ctx, &asked.filter).await?,
        ),
    };
    let project = project(&app, &ctx).await?;
    let data: Vec<_> = scores.iter().map(|score| older(&shape(project, score), score)).collect();
    let meta =
        json!({ "page": page, "limit": limit, "totalItems": total, "totalPages": total.div_ceil(limit) });
    Ok(Json(json!({ "data": data, "meta": meta })))
}

/// Scores from one to the next.
pub(super) async fn list(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::read(&app, &ctx, &uri)?;
    let limit = asked.limit.unwrap_or(50);
    let mut scores = match &asked.ids {
        Some(ids) => by_id(&app, &ctx, ids).await?,
        None => app.list_scores(&ctx, &asked.filter, 0, limit + 1).await?,
    };
    let more = asked.ids.is_none() && scores.len() as u64 > limit;
    if more {
        scores.pop();
    }
    let project = project(&app, &ctx).await?;
    let mut meta = json!({ "limit": limit });
    if let (true, Some(last), Value::Object(meta)) = (more, scores.last(), &mut meta) {
        meta.insert("cursor".to_owned(), format!("{}.{}", last.created_at.0, last.id).into());
    }
    let data: Vec<_> = scores.iter().map(|score| shape(project, score)).collect();
    Ok(Json(json!({ "data": data, "meta": meta })))
}

/// What a list asks for.
struct Asked {
    filter: ScoreFilter,
    ids: Option<Vec<String>>,
    page: u64,
    limit: Option<u64>,
}

impl Asked {
    fn read(app: &App, ctx: &Ctx, uri: &Uri) -> Result<Self, Failure> {
        let parameters = parameters(uri);
        let mut asked = Self { filter: ScoreFilter::default(), ids: None, page: 1, limit: None };
        let filter = &mut asked.filter;
        for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
            if !FILTERS.contains(&name.as_str()) {
                return Err(Failure::invalid(format_args!(
                    "`{name}` does not narrow scores here; there are {}",
                    FILTERS.join(", ")
                )));
            }
            if value.contains(',') && ["source", "dataType", "traceId", "observationId"].contains(&&**name) {
                return Err(Failure::invalid(format_args!("`{name}` takes one value here")));
            }
            match name.as_str() {
                "name" => filter.name = Some(value.clone()),
                "source" => filter.source = Some(source(value)?),
                "dataType" => filter.data_type = Some(value.to_lowercase()),
                "traceId" => filter.trace = Some(value.clone()),
                "sessionId" => filter.session = Some(value.clone()),
                "observationId" => filter.call = Some(app.call_observed(ctx, value)?),
                "fromTimestamp" => filter.since = Some(parsed(name, value)?),
                "toTimestamp" => filter.until = Some(parsed(name, value)?),
                "id" | "scoreIds" => asked.ids = Some(value.split(',').map(str::to_owned).collect()),
                "page" => asked.page = parsed(name, value)?,
                "limit" => asked.limit = Some(parsed(name, value)?),
                "cursor" => filter.after = Some(cursor(value)?),
                _ => {}
            }
        }
        if asked.page == 0 || asked.limit.is_some_and(|limit| !(1..=100).contains(&limit)) {
            return Err(Failure::invalid("`page` counts from 1, and `limit` is from 1 to 100"));
        }
        Ok(asked)
    }
}

/// The scores of these ids that there are.
async fn by_id(app: &App, ctx: &Ctx, ids: &[String]) -> Result<Vec<Score>, Failure> {
    let mut scores = Vec::new();
    for id in ids.iter().take(100) {
        match app.get_score(ctx, app.score_named(ctx, id)?).await.map_err(Failure::from) {
            Ok(score) => scores.push(score),
            Err(failure) if failure.is_absence() => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(scores)
}

fn source(name: &str) -> Result<ScoreSource, Failure> {
    let known = ScoreSource::parse(&name.to_lowercase());
    known.ok_or_else(|| Failure::invalid(format_args!("`source`: there are API, ANNOTATION and EVAL")))
}

fn cursor(text: &str) -> Result<(Timestamp, cp_base::ScoreId), Failure> {
    let place =
        text.split_once('.').and_then(|(at, id)| Some((Timestamp(at.parse().ok()?), id.parse().ok()?)));
    place.ok_or_else(|| Failure::invalid("`cursor` is none of an earlier page"))
}

async fn project(app: &App, ctx: &Ctx) -> Result<ProjectId, Failure> {
    Ok(app.get_project(ctx).await?.scope.project())
}

/// The client's id, where it has one.
fn id_of(score: &Score) -> String {
    score.client_id.clone().unwrap_or_else(|| score.id.to_string())
}

/// A score in their newer form.
fn shape(project: ProjectId, score: &Score) -> Value {
    let value = match &score.value {
        ScoreValue::Numeric(number) => json!(number),
        ScoreValue::Boolean(yes) => json!(yes),
        ScoreValue::Categorical(words) | ScoreValue::Text(words) => json!(words),
    };
    let ScoreTarget { trace, session, observation, .. } = &score.target;
    let subject = match (observation, trace, session) {
        (Some(id), trace, _) => json!({ "kind": "observation", "id": id, "traceId": trace }),
        (None, Some(id), _) => json!({ "kind": "trace", "id": id }),
        (None, None, Some(id)) => json!({ "kind": "session", "id": id }),
        (None, None, None) => Value::Null,
    };
    let mut shape = json!({
        "id": id_of(score),
        "projectId": project,
        "name": score.name,
        "dataType": score.value.data_type().to_uppercase(),
        "value": value,
        "source": score.source.as_str().to_uppercase(),
        "timestamp": score.created_at,
        "createdAt": score.created_at,
        "updatedAt": score.updated_at,
        "environment": score.environment.as_deref().unwrap_or("default"),
        "comment": score.comment,
        "metadata": score.metadata,
        "configId": score.metadata.get("configId"),
        "queueId": score.metadata.get("queueId"),
        "authorUserId": score.author,
    });
    if let (Value::Object(shape), false) = (&mut shape, subject.is_null()) {
        shape.insert("subject".to_owned(), subject);
    }
    shape
}

/// The same in their older form.
fn older(shape: &Value, score: &Score) -> Value {
    let mut shape = shape.clone();
    let Value::Object(fields) = &mut shape else { return shape };
    let ScoreTarget { trace, session, observation, .. } = &score.target;
    fields.insert("traceId".to_owned(), json!(trace));
    fields.insert("sessionId".to_owned(), json!(session));
    fields.insert("observationId".to_owned(), json!(observation));
    match &score.value {
        ScoreValue::Numeric(_) | ScoreValue::Text(_) => {}
        ScoreValue::Boolean(yes) => {
            fields.insert("value".to_owned(), json!(score.value.number()));
            fields.insert("stringValue".to_owned(), json!(if *yes { "True" } else { "False" }));
        }
        ScoreValue::Categorical(words) => {
            fields.insert("value".to_owned(), json!(0));
            fields.insert("stringValue".to_owned(), json!(words));
        }
    }
    shape
}
