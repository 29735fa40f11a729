//! Templates that are texts and names alone: every one in Mustache style, and of Jinja's those without anything else.
//! They are rendered by putting their pieces together.

use serde_json::{Map, Value};

use super::error::{Fault, Position, TemplateError, nearest};
use super::{MAX_OUTPUT_BYTES, value};

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Piece {
    /// A text.
    Text(String),
    /// A variable, and where it begins.
    Name { name: String, position: Position },
}

/// Splits a text in Mustache style. `{{name}}` is a variable, with or without white space around the name; whatever
/// else has braces is text, so that no text is wrong.
pub(super) fn mustache(source: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut positions = Positions::new(source);
    let (mut text_start, mut from) = (0, 0);
    while let Some(found) = source.get(from..).and_then(|rest| rest.find("{{")) {
        let open = from + found;
        let Some((name, end)) = variable(source, open) else {
            from = open + 1;
            continue;
        };
        push_text(&mut pieces, source.get(text_start..open));
        pieces.push(Piece::Name { name: name.to_owned(), position: positions.of(open) });
        (text_start, from) = (end, end);
    }
    push_text(&mut pieces, source.get(text_start..));
    pieces
}

fn push_text(pieces: &mut Vec<Piece>, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// The name that stands between the braces at `open`, and the end of the closing ones.
fn variable(source: &str, open: usize) -> Option<(&str, usize)> {
    let inside = source.get(open + 2..)?;
    let begin = inside.find(|letter: char| !letter.is_ascii_whitespace())?;
    let word = inside.get(begin..)?;
    let length = word.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))?;
    let (name, rest) = word.split_at_checked(length)?;
    if name.is_empty() || name.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let after = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace()).strip_prefix("}}")?;
    Some((name, source.len() - after.len()))
}

/// Positions of offsets that grow, in one pass.
pub(super) struct Positions<'a> {
    source: &'a str,
    offset: usize,
    position: Position,
}

impl<'a> Positions<'a> {
    pub(super) const fn new(source: &'a str) -> Self {
        Self { source, offset: 0, position: Position { line: 1, column: 1 } }
    }

    pub(super) fn of(&mut self, offset: usize) -> Position {
        for letter in self.source.get(self.offset..offset).unwrap_or_default().chars() {
            if letter == '\n' {
                self.position = Position { line: self.position.line + 1, column: 1 };
            } else {
                self.position.column += 1;
            }
        }
        self.offset = self.offset.max(offset);
        self.position
    }
}

/// Puts the pieces together.
pub(super) fn render(pieces: &[Piece], values: &Map<String, Value>) -> Result<String, TemplateError> {
    let mut output = String::with_capacity(pieces.len() * 32);
    for piece in pieces {
        match piece {
            Piece::Text(text) => output.push_str(text),
            Piece::Name { name, position } => match values.get(name) {
                Some(given) => value::push(&mut output, given),
                None => return Err(missing(name, *position, values)),
            },
        }
        if output.len() > MAX_OUTPUT_BYTES {
            return Err(TemplateError { fault: Fault::TooLarge(MAX_OUTPUT_BYTES), position: None });
        }
    }
    Ok(output)
}

fn missing(name: &str, position: Position, values: &Map<String, Value>) -> TemplateError {
    let nearest = nearest(name, values.keys().map(String::as_str));
    TemplateError { fault: Fault::Undefined { name: name.to_owned(), nearest }, position: Some(position) }
}

/// The same template as Jinja.
pub(super) fn to_jinja(pieces: &[Piece]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => quoted(text),
        Piece::Name { name, .. } => format!("{{{{ {name} }}}}"),
    };
    pieces.iter().map(piece).collect()
}

/// The same template in Mustache style.
pub(super) fn to_mustache(pieces: &[Piece]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Name { name, .. } => format!("{{{{{name}}}}}"),
    };
    pieces.iter().map(piece).collect()
}

/// A text that Jinja renders as itself.
pub(super) fn quoted(text: &str) -> String {
    if !text.contains('{') {
        return text.to_owned();
    }
    if text.contains("endraw") || text.ends_with('{') {
        // Jinja's strings are written as JSON's are.
        return format!("{{{{ {} }}}}", Value::String(text.to_owned()));
    }
    format!("{{% raw %}}{text}{{% endraw %}}")
}
