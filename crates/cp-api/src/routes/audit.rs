//! The audit log.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use cp_app::{App, AppError, OrgCtx, chain};
use cp_wire as wire;
use cp_wire::{AuditQuery, Problem};
use futures_util::stream;

use crate::access::InOrg;
use crate::convert::org as convert;
use crate::problem::Refusal;
use crate::query::audit as query;

/// How many events are read at a time.
const PAGE: u64 = 500;

/// List events of the audit log, latest first.
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditQuery), responses(
    (status = 200, body = wire::AuditPage, description = "A page of events"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn list_audit_events(
    InOrg(ctx): InOrg,
    State(app): State<App>,
    uri: Uri,
) -> Result<Json<wire::AuditPage>, Refusal> {
    let asked = query::read(&uri, app.clock().now())?;
    let mut events = app.find_audit_events(&ctx, &asked.filter, asked.before, asked.limit + 1).await?;
    let more = events.len() as u64 > asked.limit;
    events.truncate(usize::try_from(asked.limit).unwrap_or(usize::MAX));
    let next = events.last().filter(|_| more).map(|last| last.event.sequence);
    Ok(Json(wire::AuditPage { events: events.into_iter().map(convert::event).collect(), next }))
}

/// Export the whole chain, oldest first, one event on each line: what `codepromptu audit verify` checks offline.
#[utoipa::path(get, path = "/audit/export", tag = "audit", responses(
    (status = 200, body = wire::ChainedEvent, content_type = "application/jsonl", description = "One event on each line"),
))]
pub(crate) async fn export_audit_events(
    InOrg(ctx): InOrg,
    State(app): State<App>,
) -> Result<Response, Refusal> {
    app.list_audit_events(&ctx, 0, 1).await?;
    let events = Body::from_stream(stream::try_unfold((app, ctx, Some(0)), next_page));
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], events).into_response())
}

type Export = (App, OrgCtx, Option<u64>);

/// An error here breaks the connection off: an export that is incomplete must not look whole.
async fn next_page((app, ctx, after): Export) -> Result<Option<(Bytes, Export)>, AppError> {
    let Some(after) = after else { return Ok(None) };
    let page = app.list_audit_events(&ctx, after, PAGE).await;
    let page = page.inspect_err(|error| tracing::error!(error = %chain(error), "an export broke off"))?;
    let next = page.last().map(|last| last.event.sequence);
    let mut lines = Vec::new();
    for event in page {
        if serde_json::to_writer(&mut lines, &convert::event(event)).is_ok() {
            lines.push(b'\n');
        }
    }
    Ok(Some((lines.into(), (app, ctx, next))))
}

/// Get the end of the chain, signed. Kept elsewhere, it tells later whether anything before it was changed.
#[utoipa::path(get, path = "/audit/checkpoint", tag = "audit", responses(
    (status = 200, body = wire::AuditCheckpoint, description = "The checkpoint"),
))]
pub(crate) async fn get_audit_checkpoint(
    InOrg(ctx): InOrg,
    State(app): State<App>,
) -> Result<Json<wire::AuditCheckpoint>, Refusal> {
    Ok(Json(convert::checkpoint(app.audit_checkpoint(&ctx).await?)))
}
