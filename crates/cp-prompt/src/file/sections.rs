//! The messages of a chat as sections of a Markdown text.
//!
//! ```text
//! ## role: system
//!
//! Be brief.
//!
//! ## placeholder: history
//!
//! ## role: tool {"tool_call_id":"c1"}
//!
//! 42
//! ```
//!
//! A heading is followed by a blank line, a content by the end of its line and, before another heading, a blank line; none
//! of these belong to the content, and everything else does. A line of a content that looks like a heading has a `\` before
//! it, and one more where it has some already.

use serde_json::{Map, Value};

use super::FileError;
use crate::{Message, Part};

const ROLE: &str = "## role:";
const PLACEHOLDER: &str = "## placeholder:";

/// Writes the sections.
pub(super) fn write(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        text.push('\n');
        match part {
            Part::Placeholder { name } => text.push_str(&format!("{PLACEHOLDER} {name}\n")),
            Part::Message(message) => {
                text.push_str(&heading(message));
                if !message.content.is_empty() {
                    text.push('\n');
                    message.content.split_inclusive('\n').for_each(|line| write_line(&mut text, line));
                    text.push('\n');
                }
            }
        }
    }
    text
}

fn heading(message: &Message) -> String {
    let role = &message.role;
    let is_plain = !role.starts_with('"') && !role.contains(char::is_whitespace);
    let role = if is_plain { role.clone() } else { Value::from(role.as_str()).to_string() };
    match message.extra.is_empty() {
        true => format!("{ROLE} {role}\n"),
        false => format!("{ROLE} {role} {}\n", Value::Object(message.extra.clone())),
    }
}

fn write_line(text: &mut String, line: &str) {
    if is_heading(line.trim_start_matches('\\')) {
        text.push('\\');
    }
    text.push_str(line);
}

fn is_heading(line: &str) -> bool {
    line.starts_with(ROLE) || line.starts_with(PLACEHOLDER)
}

/// A heading, the lines under it, and where they begin.
struct Section<'a> {
    heading: &'a str,
    heading_line: usize,
    lines: Vec<&'a str>,
}

/// Reads the sections of a body whose first line is the `first` of its file: each part, and the line that its content
/// begins on.
pub(super) fn read(body: &str, first: usize) -> Result<Vec<(Part, usize)>, FileError> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (index, line) in body.split_inclusive('\n').enumerate() {
        let number = first + index;
        if is_heading(line) {
            sections.push(Section { heading: line.trim_end(), heading_line: number, lines: Vec::new() });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push(line);
        } else if !line.trim().is_empty() {
            let what = "a text of a chat stands under its role: write `## role: user` above it";
            return Err(FileError::at(number, 1, what));
        }
    }
    let last = sections.len().saturating_sub(1);
    let is_last = |index: usize| if index == last { Ends::File } else { Ends::Section };
    sections.iter().enumerate().map(|(index, section)| part(section, is_last(index))).collect()
}

/// What a content stands before.
#[derive(Clone, Copy)]
enum Ends {
    Section,
    File,
}

fn part(section: &Section<'_>, ends: Ends) -> Result<(Part, usize), FileError> {
    let (content, start) = content(section, ends);
    let wrong = |what: String| FileError::at(section.heading_line, 1, what);
    if let Some(name) = section.heading.strip_prefix(PLACEHOLDER) {
        if !content.trim().is_empty() {
            let what = "nothing stands under a placeholder: put a `## role: …` above the text";
            return Err(FileError::at(start, 1, what));
        }
        let name = name.trim().parse().map_err(|error| wrong(format!("the placeholder: {error}")))?;
        return Ok((Part::Placeholder { name }, start));
    }
    let said = section.heading.strip_prefix(ROLE).unwrap_or_default().trim();
    let (role, mut fields) = role_and_fields(said).map_err(wrong)?;
    fields.insert("role".into(), role.into());
    fields.insert("content".into(), content.into());
    match Part::try_from(Value::Object(fields)) {
        Ok(part @ Part::Message(_)) => Ok((part, start)),
        Ok(Part::Placeholder { .. }) => {
            Err(wrong("a placeholder is written `## placeholder: history`".to_owned()))
        }
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// The content of a section, and its first line in the file.
fn content(section: &Section<'_>, ends: Ends) -> (String, usize) {
    let first = section.heading_line + 1;
    let (lines, start) = match section.lines.split_first() {
        Some((&"\n", rest)) => (rest, first + 1),
        _ => (section.lines.as_slice(), first),
    };
    let mut content = String::new();
    for line in lines {
        let is_escaped = is_heading(line.trim_start_matches('\\'));
        content.push_str(line.strip_prefix('\\').filter(|_| is_escaped).unwrap_or(line));
    }
    // The blank line before the next heading, and the end of the content's last line.
    if matches!(ends, Ends::Section) && (content.ends_with("\n\n") || content == "\n") {
        content.pop();
    }
    if content.ends_with('\n') {
        content.pop();
    }
    (content, start)
}

/// `user`, `"odd role"`, `tool {"tool_call_id":"c1"}`.
fn role_and_fields(said: &str) -> Result<(String, Map<String, Value>), String> {
    let (role, rest) = if said.starts_with('"') {
        let mut values = serde_json::Deserializer::from_str(said).into_iter::<String>();
        let role =
            values.next().and_then(Result::ok).ok_or("the role begins with `\"` and has none at its end")?;
        (role, said.get(values.byte_offset()..).unwrap_or_default())
    } else {
        let (role, rest) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
        (role.to_owned(), rest)
    };
    if rest.trim().is_empty() {
        return Ok((role, Map::new()));
    }
    let fields = serde_json::from_str(rest).map_err(|error| {
        format!("what follows a role is a JSON object with the message's other fields: {error}")
    })?;
    Ok((role, fields))
}
