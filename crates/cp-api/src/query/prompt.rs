//! The parameters of the prompt library.

use axum::http::{HeaderMap, Uri};
use cp_app::library::{PromptFilter, PromptName, Selector, VersionNumber};
use cp_base::ErrorKind;
use cp_wire::{CommentQuery, PromptQuery, ProposalQuery, ServeQuery, VersionQuery};

use super::{DEFAULT_LIMIT, MAX_LIMIT, Wrong, money, number, parameter_names};
use crate::problem::Refusal;

/// Which prompts are asked for.
#[derive(Debug)]
pub(crate) struct PromptRequest {
    pub(crate) filter: PromptFilter,
    pub(crate) after: Option<PromptName>,
    pub(crate) limit: u64,
}

/// Reads the query of `uri`.
pub(crate) fn prompts(uri: &Uri) -> Result<PromptRequest, Refusal> {
    let mut request =
        PromptRequest { filter: PromptFilter::default(), after: None, limit: DEFAULT_LIMIT as u64 };
    let filter = &mut request.filter;
    money::read(uri, &parameter_names::<PromptQuery>(), |name, value| {
        match name {
            "name" => filter.name_contains = Some(value.to_owned()),
            "folder" => filter.folder = Some(value.to_owned()),
            "tag" => filter.tag = Some(value.to_owned()),
            "label" => filter.label = Some(parsed(value)?),
            "status" => filter.status = Some(parsed(value)?),
            "archived" => filter.is_archived = parsed(value)?,
            "after" => request.after = Some(parsed(value)?),
            _ => request.limit = limit(value)?,
        }
        Ok(())
    })?;
    Ok(request)
}

/// Reads which versions are asked for: below which number, and how many.
pub(crate) fn versions(uri: &Uri) -> Result<(Option<VersionNumber>, u64), Refusal> {
    let mut request = (None, DEFAULT_LIMIT as u64);
    money::read(uri, &parameter_names::<VersionQuery>(), |name, value| {
        match name {
            "before" => request.0 = Some(parsed(value)?),
            _ => request.1 = limit(value)?,
        }
        Ok(())
    })?;
    Ok(request)
}

/// Reads which version is to be served.
pub(crate) fn served(uri: &Uri) -> Result<Selector, Refusal> {
    let mut request = None;
    money::read(uri, &parameter_names::<ServeQuery>(), |name, value| {
        let selector = match name {
            "label" => Selector::Label(parsed(value)?),
            _ => Selector::Version(parsed(value)?),
        };
        match request.replace(selector) {
            Some(_) => Err("give one of `label` and `version`".into()),
            None => Ok(()),
        }
    })?;
    Ok(request.unwrap_or_default())
}

/// Reads from which revision on changes are asked for.
pub(crate) fn last_event(headers: &HeaderMap) -> Result<Option<i64>, Refusal> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let revision = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    let detail = "`last-event-id` is the id of an event that came from here, a number";
    revision.map(Some).ok_or_else(|| Refusal::new(ErrorKind::InvalidInput, detail))
}

/// Reads which comments are asked for.
pub(crate) fn comments(uri: &Uri) -> Result<CommentQuery, Refusal> {
    let mut asked = CommentQuery::default();
    money::read(uri, &parameter_names::<CommentQuery>(), |_, value| {
        asked.version = Some(value.to_owned());
        Ok(())
    })?;
    Ok(asked)
}

/// Reads which proposals are asked for.
pub(crate) fn proposals(uri: &Uri) -> Result<ProposalQuery, Refusal> {
    let mut asked = ProposalQuery::default();
    money::read(uri, &parameter_names::<ProposalQuery>(), |name, value| {
        let field = if name == "prompt" { &mut asked.prompt } else { &mut asked.state };
        *field = Some(value.to_owned());
        Ok(())
    })?;
    Ok(asked)
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(value: &str) -> Result<T, Wrong> {
    value.parse().map_err(|error: T::Err| error.to_string().into())
}

fn limit(value: &str) -> Result<u64, Wrong> {
    match number(value, MAX_LIMIT as u64)? {
        0 => Err("it is not between 1 and 500".into()),
        limit => Ok(limit),
    }
}
