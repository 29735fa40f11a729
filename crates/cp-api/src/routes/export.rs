//! Calls as JSON lines.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderName, Uri, header};
use axum::response::{IntoResponse, Response};
use cp_app::model::{CallCursor, CallDetail, CallFilter};
use cp_app::{App, AppError, Ctx, chain};
use cp_wire as wire;
use cp_wire::{CallQuery, Problem};
use futures_util::stream;

use crate::access::InProject;
use crate::convert;
use crate::problem::Refusal;
use crate::query::{self, Takes};

/// How many calls are read from the store at a time.
const PAGE: usize = 100;

/// Calls that the export will hold, or somewhat more: a text filter is not counted, and calls come and go meanwhile.
const TOTAL: HeaderName = HeaderName::from_static("codepromptu-total-estimate");

/// Export calls, newest first.
///
/// One call on each line. The header `codepromptu-total-estimate` says about how many there are. A connection that
/// breaks off means that the export is incomplete: go on with `after`.
#[utoipa::path(get, path = "/calls/export", tag = "calls",
    params(CallQuery, ("after" = Option<String>, Query, description = "Where to go on: a cursor")), responses(
    (status = 200, body = wire::CallDetail, content_type = "application/jsonl", description = "One call on each line"),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
))]
pub(crate) async fn export_calls(
    InProject(ctx): InProject,
    State(app): State<App>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let asked = query::read(&uri, Takes::FiltersAndAfter, app.clock().now())?;
    let mut counted = asked.filter.clone();
    if let Some(after) = asked.after {
        counted.until = Some(counted.until.map_or(after.started_at, |until| until.min(after.started_at)));
    }
    app.begin_export(&ctx, &filtered_by(&uri)).await?;
    let total = app.estimate_calls(&ctx, &counted).await?;
    let export = Export { app, ctx, filter: asked.filter, after: asked.after, done: false };
    let headers = [(header::CONTENT_TYPE, "application/jsonl".to_owned()), (TOTAL, total.to_string())];
    Ok((headers, Body::from_stream(stream::try_unfold(export, Export::next_page))).into_response())
}

/// The names of the filters. Their values may name an end user, or be what was said: the audit log outlives both.
fn filtered_by(uri: &Uri) -> String {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let names: Vec<_> = pairs.filter_map(|pair| pair.split('=').next()).collect();
    if names.is_empty() { "all calls".to_owned() } else { format!("by {}", names.join(", ")) }
}

struct Export {
    app: App,
    ctx: Ctx,
    filter: CallFilter,
    after: Option<CallCursor>,
    done: bool,
}

impl Export {
    /// An error here breaks the connection off: an export that is incomplete must not look whole.
    async fn next_page(mut self) -> Result<Option<(Bytes, Self)>, AppError> {
        if self.done {
            return Ok(None);
        }
        let page = self.app.export_page(&self.ctx, &self.filter, self.after, PAGE).await;
        let page = page.inspect_err(|error| tracing::error!(error = %chain(error), "an export broke off"))?;
        self.after = page.next;
        self.done = page.next.is_none();
        Ok(Some((lines(page.calls), self)))
    }
}

fn lines(calls: Vec<CallDetail>) -> Bytes {
    let mut bytes = Vec::new();
    for call in calls {
        if serde_json::to_writer(&mut bytes, &convert::detail(call)).is_ok() {
            bytes.push(b'\n');
        }
    }
    bytes.into()
}
