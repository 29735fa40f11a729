//! What is wrong with a template or with what it was given, and where.

use std::fmt;

/// A place in a source. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// The position of the byte at `offset`.
    #[must_use]
    pub fn of(source: &str, offset: usize) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Self { line: before.bytes().filter(|byte| *byte == b'\n').count() + 1, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be read.
    Syntax(String),
    /// A filter, test or function that there is none of.
    Unknown {
        /// `filter`, `test` or `function`.
        what: &'static str,
        /// Its name.
        name: String,
        /// One that was perhaps meant.
        nearest: Option<String>,
    },
    /// Something of Jinja that prompts cannot do.
    NotAllowed(&'static str),
    /// A variable, or a field of one, that was not given.
    Undefined {
        /// The variable, with its fields: `user.name`.
        name: String,
        /// One that was given, and was perhaps meant.
        nearest: Option<String>,
    },
    /// A value that cannot be used so.
    Value(String),
    /// An include that was not resolved before rendering.
    Include(String),
    /// More steps or memory than one rendering may take.
    OutOfFuel,
    /// A result larger than one rendering may give, in bytes.
    TooLarge(usize),
}

impl Fault {
    /// One word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "syntax",
            Self::Unknown { .. } => "unknown",
            Self::NotAllowed(_) => "not_allowed",
            Self::Undefined { .. } => "undefined",
            Self::Value(_) => "value",
            Self::Include(_) => "include",
            Self::OutOfFuel => "out_of_fuel",
            Self::TooLarge(_) => "too_large",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let perhaps = |nearest: &Option<String>| match nearest {
            Some(nearest) => format!(": did you mean `{nearest}`?"),
            None => String::new(),
        };
        match self {
            Self::Syntax(detail) => {
                write!(f, "{detail}. Where braces are meant as text, set the syntax to mustache or none")
            }
            Self::Unknown { what, name, nearest } => {
                write!(f, "there is no {what} `{name}`{}", perhaps(nearest))
            }
            Self::NotAllowed(what) => f.write_str(what),
            Self::Undefined { name, nearest } => {
                write!(f, "`{name}` was not given{}", perhaps(nearest))
            }
            Self::Value(detail) => f.write_str(detail),
            Self::Include(reference) => {
                write!(
                    f,
                    "the include of `{reference}` is unresolved: resolve the prompt before it is rendered"
                )
            }
            Self::OutOfFuel => {
                f.write_str("rendering takes too many steps or too much memory: shorten its loops")
            }
            Self::TooLarge(limit) => {
                write!(f, "the result is larger than {limit} bytes: give shorter values")
            }
        }
    }
}

/// What is wrong with a template or with what it was given, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong.
    pub fault: Fault,
    /// Where, if it is in one place.
    pub position: Option<Position>,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "{position}: ")?;
        }
        self.fault.fmt(f)
    }
}

impl std::error::Error for TemplateError {}

/// The candidate that a name was perhaps meant to be.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(name, candidate);
    let allowed = (name.chars().count() / 3).max(1);
    // Beyond these, nobody mistyped a name, and comparing takes time.
    const SHORT: usize = 64;
    let near = candidates
        .into_iter()
        .filter(|candidate| name.len() <= SHORT && candidate.len() <= SHORT)
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed);
    near.min().map(|(_, candidate)| candidate.to_owned())
}
