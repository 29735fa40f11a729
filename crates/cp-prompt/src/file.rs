//! A prompt as a file that people read and version control keeps: Markdown with front matter.
//!
//! ```text
//! ---
//! description: Answers a request for a refund
//! config:
//!   model: gpt-5
//! ---
//!
//! Dear {{ customer }},
//! ```
//!
//! The blank line after the front matter and the end of the last line belong to the file, everything else to the prompt, byte
//! for byte. What is as it is anyway is not written. The messages of a chat are [sections].

mod fields;
mod front;
mod sections;

use serde_json::{Map, Value};

use self::fields::Reader;
pub use self::front::FrontMatter;
use crate::{
    CompileError, ComposeError, Content, Details, Document, Kind, LabelName, Part, Position, PromptName,
    Status,
};

/// What a file says of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Its name, where the file says it itself.
    pub name: Option<PromptName>,
    /// How far it is.
    pub status: Status,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// What people say of it.
    pub details: Details,
    /// Labels that a new version is to get.
    pub labels: Vec<LabelName>,
    /// What it says.
    pub document: Document,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// What it says.
    pub file: File,
    /// For the text, or for each part of the chat, the line of the file that it begins on.
    lines: Vec<usize>,
    /// The line on which its variables are described.
    variables: usize,
}

/// A text that is no file of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {what}")]
pub struct FileError {
    /// Where.
    pub position: Position,
    /// What is wrong, and what to write.
    pub what: String,
}

impl FileError {
    fn at(line: usize, column: usize, what: impl Into<String>) -> Self {
        Self { position: Position { line, column }, what: what.into() }
    }
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, and where; a key that means nothing is wrong, too.
    pub fn parse(text: &str) -> Result<Parsed, FileError> {
        read(text, |fields| fields.finish())
    }

    /// Reads a file of another program, and passes over keys that mean nothing here.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, and where.
    pub fn parse_foreign(text: &str) -> Result<Parsed, FileError> {
        read(text, |_| Ok(()))
    }

    /// The file, as [`File::parse`] reads it.
    #[must_use]
    pub fn format(&self) -> String {
        let front = front::write(&fields::Written::of(self));
        let body = match &self.document.content {
            Content::Text(text) if text.is_empty() => String::new(),
            Content::Text(text) => format!("\n{text}\n"),
            Content::Chat(parts) => sections::write(parts),
        };
        front + &body
    }

    /// What is said of the prompt beside its document, as the keys of front matter.
    #[must_use]
    pub fn said(&self) -> Map<String, Value> {
        let mut said = match serde_json::to_value(fields::Written::of(self)) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        said.retain(|key, _| !fields::NOT_SAID.contains(&key.as_str()));
        said
    }

    /// A file of what [`File::said`] gives, and a document.
    ///
    /// # Errors
    ///
    /// Where a value does not fit its key.
    pub fn of(said: Map<String, Value>, document: Document) -> Result<Self, FileError> {
        let mut fields = Reader::new(FrontMatter::of(said));
        let (status, tags) = (fields.take("status")?.unwrap_or_default(), fields.tags()?);
        let details = fields.details()?;
        fields.finish()?;
        Ok(Self { name: None, status, tags, details, labels: Vec::new(), document })
    }
}

fn read(text: &str, end: impl FnOnce(Reader<'_>) -> Result<(), FileError>) -> Result<Parsed, FileError> {
    let text = front::with_plain_ends(text);
    let front = FrontMatter::split(&text)?;
    let (first, variables) = (front.body_line(&text), front.line_of("variables"));
    let body = front.body;
    let mut fields = Reader::new(front);
    let kind = fields.take::<Kind>("kind")?.unwrap_or(Kind::Text);
    let file = File {
        name: fields.take("name")?,
        status: fields.take("status")?.unwrap_or_default(),
        tags: fields.tags()?,
        labels: fields.take("labels")?.unwrap_or_default(),
        details: fields.details()?,
        document: Document {
            syntax: fields.take("syntax")?.unwrap_or_default(),
            config: fields.config()?,
            content: Content::Text(String::new()),
        },
    };
    end(fields)?;
    let (content, lines) = content(kind, body, first)?;
    Ok(Parsed { file: File { document: Document { content, ..file.document }, ..file }, lines, variables })
}

fn content(kind: Kind, body: &str, first: usize) -> Result<(Content, Vec<usize>), FileError> {
    match kind {
        Kind::Text => {
            let is_after_front = first > 1;
            let inner = body.strip_prefix('\n').filter(|_| is_after_front);
            let line = if inner.is_some() { first + 1 } else { first };
            let text = inner.unwrap_or(body);
            let text = text.strip_suffix('\n').unwrap_or(text);
            Ok((Content::Text(text.to_owned()), vec![line]))
        }
        Kind::Chat => {
            let (parts, lines): (Vec<Part>, _) = sections::read(body, first)?.into_iter().unzip();
            Ok((Content::Chat(parts), lines))
        }
    }
}

impl Parsed {
    /// Where in the file a place of a text is; `message` counts the parts of a chat from 1.
    #[must_use]
    pub fn position(&self, message: Option<usize>, inside: Option<Position>) -> Position {
        let index = message.unwrap_or(1).saturating_sub(1);
        let first = self.lines.get(index).copied().unwrap_or(1);
        match inside {
            Some(Position { line, column }) => Position { line: first + line - 1, column },
            None => Position { line: first, column: 1 },
        }
    }

    /// What is wrong with how a variable is described.
    #[must_use]
    pub fn wrong_variable(&self, what: String) -> FileError {
        FileError::at(self.variables, 1, what)
    }

    /// What is wrong with its templates, and where in the file.
    #[must_use]
    pub fn wrong_template(&self, error: &CompileError) -> FileError {
        match error {
            CompileError::Template { message, source } => {
                let position = self.position(*message, source.position);
                FileError { position, what: source.fault.to_string() }
            }
            other => FileError { position: self.position(None, None), what: other.to_string() },
        }
    }

    /// What is wrong with what it includes, and where in the file.
    #[must_use]
    pub fn wrong_include(
        &self,
        message: Option<usize>,
        inside: Option<Position>,
        error: &ComposeError,
    ) -> FileError {
        FileError { position: self.position(message, inside), what: error.to_string() }
    }
}

#[cfg(test)]
mod tests;
