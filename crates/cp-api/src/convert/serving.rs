//! Prompts as they are served.

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cp_app::library::{ChangedPrompt, Rendered, Served};
use cp_app::model::Serves;
use cp_base::Timestamp;
use cp_wire as wire;

use super::prompt::through;
use crate::access::{ORG, PROJECT};
use crate::problem::Refusal;

const VERSION: HeaderName = HeaderName::from_static("codepromptu-prompt-version");
const VERSION_ID: HeaderName = HeaderName::from_static("codepromptu-prompt-version-id");
/// Whoever keeps it asks each time whether it is still the one.
const KEEPING: HeaderValue = HeaderValue::from_static("private, max-age=0, must-revalidate");

/// The version, or that it is the one at hand.
pub(crate) fn answer(served: &Served, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", served.tag());
    let is_at_hand = has(asked, &tag);
    let mut headers = headers(served);
    headers.insert(header::CACHE_CONTROL, KEEPING);
    for name in [header::AUTHORIZATION, header::COOKIE, ORG, PROJECT] {
        headers.append(header::VARY, HeaderValue::from(name));
    }
    put(&mut headers, header::ETAG, &tag);
    if is_at_hand {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, Json(prompt(served))).into_response()
}

/// Whether `If-None-Match` names this tag.
fn has(asked: &HeaderMap, tag: &str) -> bool {
    let values = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}

/// Which version it is.
pub(crate) fn headers(served: &Served) -> HeaderMap {
    let mut headers = HeaderMap::new();
    put(&mut headers, VERSION, &served.number().to_string());
    put(&mut headers, VERSION_ID, &served.version().to_string());
    headers
}

/// What is put here is of letters and digits.
fn put(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

fn prompt(served: &Served) -> wire::ServedPrompt {
    let document = served.document();
    wire::ServedPrompt {
        id: served.prompt(),
        name: served.name().to_string(),
        version: i64::from(served.number().get()),
        label: served.label().map(ToString::to_string),
        kind: document.content.kind().to_string(),
        syntax: document.syntax.to_string(),
        content: document.content.clone().into(),
        config: document.config.as_map().clone(),
    }
}

pub(crate) fn changed(changed: ChangedPrompt) -> wire::ChangedPrompt {
    let labels = changed.labels.into_iter();
    wire::ChangedPrompt {
        id: changed.id,
        name: changed.name.to_string(),
        labels: labels.map(|(name, number)| (name.to_string(), i64::from(number.get()))).collect(),
        archived: changed.is_archived,
    }
}

pub(crate) fn rendered(served: &Served, rendered: &Rendered) -> Result<wire::ServedRendering, Refusal> {
    Ok(wire::ServedRendering {
        name: served.name().to_string(),
        version: i64::from(served.number().get()),
        label: served.label().map(ToString::to_string),
        rendered: through(rendered, "rendered")?,
        config: served.document().config.as_map().clone(),
    })
}

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

pub(crate) fn usage(serves: Serves) -> wire::VersionUsage {
    let midnight = Timestamp(serves.day.saturating_mul(DAY)).to_string();
    wire::VersionUsage {
        day: midnight.split('T').next().unwrap_or_default().to_owned(),
        version: i64::from(serves.number.get()),
        served: serves.served,
    }
}
