//! Calls that name a prompt of the library instead of saying it, by clients that know nothing but their provider's API.
//!
//! `"model": "prompt:support/refund-reply@staging"`, or OpenAI's `"prompt": {"id": …, "version": …, "variables": {…}}` with a
//! name of the library as its id. What the version says takes its place before the request goes on, and the record is of what
//! the provider got. Nothing is read of requests to a project without prompts, and of none that could not name one.

mod place;

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use cp_base::{ErrorKind, ProjectScope, PromptVersionId};
use cp_genai::Family;
use cp_prompt::{LabelName, ModelConfig, Reference, Rendered, Selector, Values, VersionNumber};
use http::{Method, header, request};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

pub(crate) use self::place::Dialect;
use crate::failure::Failure;
use crate::tee::RequestTee;

/// A request that is larger is not read: it says what it has to say itself.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Nor are requests for which there is no room among those that are being read.
pub(crate) const ROOM_BYTES: usize = 64 * 1024 * 1024;
/// What ids of prompts that lie with OpenAI begin with.
const OPENAI_PREFIX: &str = "pmpt_";

/// The prompts that calls can name.
pub trait Library: fmt::Debug + Send + Sync {
    /// Whether a project has any.
    fn has_prompts(&self, project: ProjectScope) -> bool;

    /// What a version says with these values. It waits only for a version that is in no use.
    fn fill<'a>(&'a self, project: ProjectScope, wanted: WantedPrompt) -> Filling<'a>;
}

/// What a library says, or why not.
pub type Filling<'a> = Pin<Box<dyn Future<Output = Result<Filled, Unfilled>> + Send + 'a>>;

/// The prompt that a call names.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedPrompt {
    /// Its name or id.
    pub prompt: String,
    /// Which version of it.
    pub selector: Selector,
    /// What it is rendered with.
    pub values: Values,
}

/// What a version says, and how.
#[derive(Clone, Debug)]
pub struct Filled {
    /// The version.
    pub version: PromptVersionId,
    /// What it says.
    pub rendered: Rendered,
    /// To which model, and how.
    pub config: ModelConfig,
}

/// Why a prompt that a call names cannot be put into it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unfilled {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What was wrong, and what to do.
    pub message: String,
}

impl Unfilled {
    fn invalid(message: impl fmt::Display) -> Self {
        Self { kind: ErrorKind::InvalidInput, message: message.to_string() }
    }
}

/// The fields of a request, each as it was written.
type Fields = BTreeMap<String, Box<RawValue>>;

/// The dialect in which a request could name a prompt.
pub(crate) fn could_name(head: &request::Parts, family: Family, path: &str) -> Option<Dialect> {
    let is_plain = !head.headers.contains_key(header::CONTENT_ENCODING);
    let dialect = if head.method == Method::POST && is_plain { Dialect::of(family, path) } else { None };
    dialect.filter(|_| {
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_none_or(|kind| kind.starts_with("application/json"))
    })
}

/// Puts the prompt that a request names in its place, where it names one: the version then.
pub(crate) async fn fill(
    (library, room): (&dyn Library, &Arc<Semaphore>),
    dialect: Dialect,
    project: ProjectScope,
    body: &mut RequestTee,
) -> Result<Option<PromptVersionId>, Failure> {
    let Some(whole) = body.hold(MAX_BYTES, room).await? else { return Ok(None) };
    let Some((wanted, fields)) = named(&whole)? else { return Ok(None) };
    let found = library.fill(project, wanted).await?;
    body.replace(filled(dialect, fields, &found)?);
    Ok(Some(found.version))
}

/// The prompt that a request names, with the request's fields; `None` where it names none.
fn named(body: &[u8]) -> Result<Option<(WantedPrompt, Fields)>, Unfilled> {
    if !has(body, b"\"prompt:") && !has(body, b"\"prompt\"") {
        return Ok(None);
    }
    // What is no object is the provider's to refuse.
    let Ok(fields) = serde_json::from_slice::<Fields>(body) else { return Ok(None) };
    let prompt: Option<Map<_, _>> = fields.get("prompt").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let model: Option<String> = fields.get("model").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let by_model = model.as_deref().and_then(Reference::from_model);
    let id = prompt.as_ref().and_then(|prompt| prompt.get("id")).and_then(Value::as_str);
    let reference = match (by_model, id) {
        (Some(_), Some(_)) => {
            return Err(Unfilled::invalid(
                "`model` and `prompt.id` both name a prompt: leave one of them out",
            ));
        }
        (Some(by_model), None) => {
            by_model.map_err(|error| Unfilled::invalid(format_args!("`model`: {error}")))?
        }
        (None, Some(id)) if !id.starts_with(OPENAI_PREFIX) => {
            id.parse().map_err(|error| Unfilled::invalid(format_args!("`prompt.id`: {error}")))?
        }
        _ => return Ok(None),
    };
    let prompt = prompt.unwrap_or_default();
    let selector = version(prompt.get("version"))?.unwrap_or(reference.selector);
    let wanted = WantedPrompt {
        prompt: reference.name.to_string(),
        selector,
        values: values(prompt.get("variables"))?,
    };
    Ok(Some((wanted, fields)))
}

/// The request with what the prompt says in its place.
fn filled(dialect: Dialect, mut fields: Fields, filled: &Filled) -> Result<Bytes, Unfilled> {
    fields.remove("prompt");
    dialect.place(&mut fields, filled)?;
    serde_json::to_vec(&fields).map(Bytes::from).map_err(Unfilled::invalid)
}

/// A number or a label.
fn version(version: Option<&Value>) -> Result<Option<Selector>, Unfilled> {
    let text = match version {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let number = VersionNumber::from_str(&text).map(Selector::Version);
    let selector = number.or_else(|_| LabelName::from_str(&text).map(Selector::Label));
    selector.map(Some).map_err(|_| {
        Unfilled::invalid(format_args!(
            "`prompt.version` is the number of a version or a label, and `{text}` is neither"
        ))
    })
}

/// Values as OpenAI's API writes them: texts, and objects that hold one; and any other JSON.
fn values(variables: Option<&Value>) -> Result<Values, Unfilled> {
    let variables = match variables {
        None | Some(Value::Null) => return Ok(Values::new()),
        Some(Value::Object(variables)) => variables,
        Some(_) => return Err(Unfilled::invalid("`prompt.variables` is an object of values by their names")),
    };
    let value = |(name, value): (&String, &Value)| {
        let value = match (value.get("type").and_then(Value::as_str), value.get("text")) {
            (Some("input_text"), Some(text)) => text.clone(),
            (Some(kind @ ("input_image" | "input_file")), _) => {
                return Err(Unfilled::invalid(format_args!(
                    "`prompt.variables.{name}` is an `{kind}`, and a prompt takes text: put it into the input instead"
                )));
            }
            _ => value.clone(),
        };
        Ok((name.clone(), value))
    };
    variables.iter().map(value).collect()
}

fn has(body: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(body, needle).is_some()
}
