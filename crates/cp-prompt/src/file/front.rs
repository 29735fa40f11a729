//! Front matter: YAML between two lines `---` at the top of a file.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::FileError;

/// The front matter of a file, and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct FrontMatter<'a> {
    /// Its keys and values; empty where there is none.
    pub fields: Map<String, Value>,
    /// What follows it.
    pub body: &'a str,
    yaml: &'a str,
}

const FENCE: &str = "---";
/// The YAML begins on the second line of a file.
const LINES_BEFORE: usize = 1;

impl<'a> FrontMatter<'a> {
    /// Parts a file.
    ///
    /// # Errors
    ///
    /// Where the front matter does not end, or is no mapping in YAML.
    pub fn split(text: &'a str) -> Result<Self, FileError> {
        let Some(rest) = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n")) else {
            return Ok(Self { fields: Map::new(), body: text, yaml: "" });
        };
        let mut end = 0;
        for line in rest.split_inclusive('\n') {
            let yaml = rest.get(..end).unwrap_or_default();
            end += line.len();
            if line.trim_end() == FENCE {
                let body = rest.get(end..).unwrap_or_default();
                return Ok(Self { fields: mapping(yaml)?, body, yaml });
            }
        }
        Err(FileError::at(1, 1, "the front matter has no `---` at its end"))
    }

    /// Fields that come from no file.
    pub(super) const fn of(fields: Map<String, Value>) -> Self {
        Self { fields, body: "", yaml: "" }
    }

    /// The line of the file that a key stands on.
    pub(super) fn line_of(&self, key: &str) -> usize {
        let names =
            |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
        self.yaml.lines().position(names).map_or(1, |index| index + 1 + LINES_BEFORE)
    }

    /// The line of the file that the body begins on.
    pub(super) fn body_line(&self, text: &str) -> usize {
        let before = text.len().saturating_sub(self.body.len());
        text.bytes().take(before).filter(|byte| *byte == b'\n').count() + 1
    }
}

/// The text with the ends of lines that prompts are written with. Version control of some systems ends lines with two
/// characters; a file whose first line ends so is such a one.
pub(super) fn with_plain_ends(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => text.replace("\r\n", "\n").into(),
        _ => text.into(),
    }
}

fn mapping(yaml: &str) -> Result<Map<String, Value>, FileError> {
    if yaml.trim().is_empty() {
        return Ok(Map::new());
    }
    // What people mean as a text, such as `n`, `007` and `1_000`, is none of YAML's older booleans and numbers.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    match serde_saphyr::from_str_with_options(yaml, options) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(FileError::at(2, 1, "the front matter is no mapping of keys to values")),
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &serde_saphyr::Error) -> FileError {
    let place = error.location();
    let (line, column) = place.map_or((1, 1), |place| (place.line() as usize, place.column() as usize));
    // The first line says what is wrong; the others draw the place, counted without the line above.
    let what = error.to_string();
    let what = what.lines().next().unwrap_or_default();
    FileError::at(line + LINES_BEFORE, column, format!("the front matter is no YAML: {what}"))
}

/// Front matter of these fields.
pub(super) fn write<T: serde::Serialize>(fields: &T) -> String {
    // What has no fields is an empty mapping, which needs no line.
    let yaml = serde_saphyr::to_string(fields).unwrap_or_default();
    let yaml = if yaml.trim() == "{}" { "" } else { yaml.as_str() };
    let end = if yaml.is_empty() || yaml.ends_with('\n') { "" } else { "\n" };
    format!("{FENCE}\n{yaml}{end}{FENCE}\n")
}
