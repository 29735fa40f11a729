//! Prompts in prompts. A text names another by a reference, and stands for that one's text: in Jinja
//! `{% include "tone@staging" %}`, and in every syntax with variables `@@@langfusePrompt:name=tone|label=staging@@@`, the
//! tag of Langfuse. What is included is resolved when a version is served, so that a label that moves takes it along.

use std::collections::HashMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::template::{Template, TemplateError};
use crate::{Content, Document, Limits, Part, PromptName, Reference, Selector, Syntax, VersionNumber};

/// How deep prompts may lie in one another.
pub const MAX_DEPTH: usize = 8;

/// A place where another prompt is to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// Which one.
    pub reference: Reference,
    /// In which message of a chat, counted from 1.
    pub message: Option<usize>,
    /// Where in that text, in bytes.
    pub span: Range<usize>,
}

/// A version that was found under a reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    /// Its number.
    pub version: VersionNumber,
    /// What it says.
    pub document: Document,
}

/// That one version includes another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// The version that includes; none where it is the one that was resolved.
    pub from: Option<(PromptName, VersionNumber)>,
    /// How it names the other.
    pub reference: Reference,
    /// Which version that was.
    pub version: VersionNumber,
}

/// A version with everything that it includes.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolution {
    /// Its document, in which nothing is included any more.
    pub document: Document,
    /// Who included whom, each pair once.
    pub graph: Vec<Edge>,
}

/// Why a version cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// A text in the version itself is no template.
    #[error("{}{source}", .message.map_or_else(String::new, |number| format!("message {number}, ")))]
    Template {
        /// Which message, counted from 1.
        message: Option<usize>,
        /// What is wrong.
        source: TemplateError,
    },
    /// What is included is no template.
    #[error("the included prompt `{reference}` cannot be read: {source}")]
    Included {
        /// Which one.
        reference: Reference,
        /// What is wrong.
        source: TemplateError,
    },
    /// Nothing under that name.
    #[error("there is no `{reference}`, which is included{}", by(path))]
    Missing {
        /// Which one.
        reference: Reference,
        /// By whom, the outermost first.
        path: Vec<Reference>,
    },
    /// Messages where a text is to stand.
    #[error("`{0}` is a chat, and only texts can be included")]
    Chat(Reference),
    /// A prompt that includes itself.
    #[error("the prompt includes itself: {}", arrows(.0))]
    Cycle(Vec<Reference>),
    /// Too many in one another.
    #[error("prompts lie more than {MAX_DEPTH} deep in one another: {}", arrows(.0))]
    TooDeep(Vec<Reference>),
    /// Jinja where only names can be replaced.
    #[error("`{0}` has Jinja in it, and is included in a prompt of the syntax mustache: make that one jinja")]
    Syntax(Reference),
    /// Too large together.
    #[error("with all that it includes, the prompt has more than {0} bytes: include less")]
    TooLarge(usize),
}

fn arrows(path: &[Reference]) -> String {
    path.iter().map(Reference::to_string).collect::<Vec<_>>().join(" → ")
}

fn by(path: &[Reference]) -> String {
    if path.is_empty() { String::new() } else { format!(" by {}", arrows(path)) }
}

/// Everything that a version includes itself, in order.
///
/// # Errors
///
/// Where a text in it is no template.
pub fn includes(document: &Document) -> Result<Vec<Include>, ComposeError> {
    let mut found = Vec::new();
    for (message, text) in texts(&document.content) {
        let wrong = |source| ComposeError::Template { message, source };
        let tags = tags(document.syntax, text).map_err(wrong)?;
        found.extend(tags.into_iter().map(|tag| Include {
            reference: tag.reference,
            message,
            span: tag.span,
        }));
    }
    Ok(found)
}

fn texts(content: &Content) -> impl Iterator<Item = (Option<usize>, &str)> {
    let (text, parts) = match content {
        Content::Text(text) => (Some((None, text.as_str())), &[][..]),
        Content::Chat(parts) => (None, parts.as_slice()),
    };
    let message =
        |(index, part)| Part::message(part).map(|message| (Some(index + 1), message.content.as_str()));
    text.into_iter().chain(parts.iter().enumerate().filter_map(message))
}

/// Puts a version together with all that it includes, which `fetch` looks up.
///
/// # Errors
///
/// Where something is missing, goes round in a circle, lies too deep, is no text, or is too large together.
pub fn resolve(
    document: &Document,
    fetch: impl Fn(&Reference) -> Option<Fetched>,
) -> Result<Resolution, ComposeError> {
    let mut resolver = Resolver { fetch, done: HashMap::new(), graph: Vec::new(), path: Vec::new() };
    let mut resolved = document.clone();
    let mut total = 0;
    let mut expand = |message, text: &mut String| {
        let wrong = |source| ComposeError::Template { message, source };
        let tags = tags(document.syntax, text).map_err(wrong)?;
        *text = resolver.expand(document.syntax, text, &tags)?.text;
        total += text.len();
        if total > Limits::DEFAULT.content_bytes { Err(too_large()) } else { Ok(()) }
    };
    match &mut resolved.content {
        Content::Text(text) => expand(None, text)?,
        Content::Chat(parts) => {
            for (index, part) in parts.iter_mut().enumerate() {
                if let Part::Message(message) = part {
                    expand(Some(index + 1), &mut message.content)?;
                }
            }
        }
    }
    Ok(Resolution { document: resolved, graph: resolver.graph })
}

const fn too_large() -> ComposeError {
    ComposeError::TooLarge(Limits::DEFAULT.content_bytes)
}

/// A text in which nothing is included any more.
#[derive(Clone, Default)]
struct Expanded {
    text: String,
    /// How deep what it included lay in one another.
    depth: usize,
}

struct Resolver<F> {
    fetch: F,
    /// What is expanded already. Each version is expanded once, however often it is included.
    done: HashMap<(PromptName, VersionNumber), (Syntax, Expanded)>,
    graph: Vec<Edge>,
    /// What is being expanded, and how it was named, the outermost first.
    path: Vec<(PromptName, VersionNumber, Reference)>,
}

impl<F: Fn(&Reference) -> Option<Fetched>> Resolver<F> {
    fn expand(&mut self, syntax: Syntax, text: &str, tags: &[Tag]) -> Result<Expanded, ComposeError> {
        let mut expanded = Expanded::default();
        let mut from = 0;
        for tag in tags {
            push_between(&mut expanded.text, text.get(from..tag.span.start), tag);
            let (own, included) = self.include(&tag.reference)?;
            expanded.depth = expanded.depth.max(included.depth + 1);
            expanded.text.push_str(&translated(own, syntax, &included.text, &tag.reference)?);
            if expanded.text.len() > Limits::DEFAULT.content_bytes {
                return Err(too_large());
            }
            from = tag.span.end;
            if tag.trims_after {
                let rest = text.get(from..).unwrap_or_default();
                from += rest.len() - rest.trim_start().len();
            }
        }
        expanded.text.push_str(text.get(from..).unwrap_or_default());
        Ok(expanded)
    }

    fn include(&mut self, reference: &Reference) -> Result<(Syntax, Expanded), ComposeError> {
        let names = |path: &[(PromptName, VersionNumber, Reference)]| {
            path.iter().map(|(_, _, reference)| reference.clone()).collect::<Vec<_>>()
        };
        let Some(Fetched { version, document }) = (self.fetch)(reference) else {
            return Err(ComposeError::Missing { reference: reference.clone(), path: names(&self.path) });
        };
        let key = (reference.name.clone(), version);
        let from = self.path.last().map(|(name, version, _)| (name.clone(), *version));
        let edge = Edge { from, reference: reference.clone(), version };
        if !self.graph.contains(&edge) {
            self.graph.push(edge);
        }
        if let Some(start) =
            self.path.iter().position(|(name, number, _)| *name == key.0 && *number == version)
        {
            let mut path = names(self.path.get(start..).unwrap_or_default());
            path.push(reference.clone());
            return Err(ComposeError::Cycle(path));
        }
        let known_depth = self.done.get(&key).map_or(0, |(_, expanded)| expanded.depth);
        if self.path.len() + known_depth + 1 > MAX_DEPTH {
            let mut path = names(&self.path);
            path.push(reference.clone());
            return Err(ComposeError::TooDeep(path));
        }
        if let Some(done) = self.done.get(&key) {
            return Ok(done.clone());
        }
        let Content::Text(text) = &document.content else {
            return Err(ComposeError::Chat(reference.clone()));
        };
        let wrong = |source| ComposeError::Included { reference: reference.clone(), source };
        let tags = tags(document.syntax, text).map_err(wrong)?;
        self.path.push((reference.name.clone(), version, reference.clone()));
        let expanded = self.expand(document.syntax, text, &tags)?;
        self.path.pop();
        self.done.insert(key, (document.syntax, expanded.clone()));
        Ok((document.syntax, expanded))
    }
}

/// What stands before a tag; a tag that says so takes the white space before it away.
fn push_between(expanded: &mut String, between: Option<&str>, tag: &Tag) {
    let between = between.unwrap_or_default();
    expanded.push_str(if tag.trims_before { between.trim_end() } else { between });
}

/// A text of one syntax in the other.
fn translated(from: Syntax, to: Syntax, text: &str, reference: &Reference) -> Result<String, ComposeError> {
    if from == to {
        return Ok(text.to_owned());
    }
    let wrong = |source| ComposeError::Included { reference: reference.clone(), source };
    let template = Template::parse(from, text).map_err(wrong)?;
    match to {
        Syntax::Jinja => Ok(template.to_jinja(from)),
        _ => template.to_mustache().ok_or_else(|| ComposeError::Syntax(reference.clone())),
    }
}

/// A tag that includes.
struct Tag {
    reference: Reference,
    span: Range<usize>,
    trims_before: bool,
    trims_after: bool,
}

/// Every tag of a text, in order.
fn tags(syntax: Syntax, text: &str) -> Result<Vec<Tag>, TemplateError> {
    let mut tags = match syntax {
        Syntax::Plain => return Ok(Vec::new()),
        Syntax::Mustache => Vec::new(),
        Syntax::Jinja if !text.contains("include") => Vec::new(),
        Syntax::Jinja => {
            let template = Template::parse(syntax, text)?;
            template.includes().filter_map(|(name, at)| jinja_tag(text, name, at)).collect()
        }
    };
    tags.extend(langfuse_tags(text));
    tags.sort_by_key(|tag| tag.span.start);
    Ok(tags)
}

/// The whole tag around the name at `at`.
fn jinja_tag(text: &str, name: &str, at: Range<usize>) -> Option<Tag> {
    let start = text.get(..at.start)?.rfind("{%")?;
    let end = at.end + text.get(at.end..)?.find("%}")? + 2;
    let inside = text.get(start + 2..end - 2)?;
    Some(Tag {
        reference: name.parse().ok()?,
        span: start..end,
        trims_before: inside.starts_with('-'),
        trims_after: inside.ends_with('-'),
    })
}

const LANGFUSE_OPEN: &str = "@@@langfusePrompt:";
const LANGFUSE_CLOSE: &str = "@@@";

/// Tags as Langfuse writes them; what only looks like one is text.
fn langfuse_tags(text: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(LANGFUSE_OPEN)) {
        let (start, inside) = (from + found, from + found + LANGFUSE_OPEN.len());
        let Some(length) = text.get(inside..).and_then(|rest| rest.find(LANGFUSE_CLOSE)) else { break };
        let end = inside + length + LANGFUSE_CLOSE.len();
        match text.get(inside..inside + length).and_then(langfuse_reference) {
            Some(reference) => {
                tags.push(Tag { reference, span: start..end, trims_before: false, trims_after: false });
                from = end;
            }
            None => from = inside,
        }
    }
    tags
}

fn langfuse_reference(inside: &str) -> Option<Reference> {
    let (name, selector) = inside.strip_prefix("name=")?.split_once('|')?;
    let selector = match selector.split_once('=')? {
        ("version", number) => Selector::Version(number.parse().ok()?),
        ("label", label) => Selector::Label(label.parse().ok()?),
        _ => return None,
    };
    Some(Reference { name: name.parse().ok()?, selector })
}

#[cfg(test)]
mod tests;
