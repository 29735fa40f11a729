//! How a value stands in a text, in both syntaxes: a string as it is, nothing for null, everything else as JSON.

use std::io;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Output, State};
use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::PrettyFormatter;

use super::MAX_OUTPUT_BYTES;

/// Appends a given value.
pub(super) fn push(output: &mut String, value: &Value) {
    match value {
        Value::String(text) => output.push_str(text),
        Value::Null => {}
        other => {
            // A string takes every letter.
            let _ = std::fmt::Write::write_fmt(output, format_args!("{other}"));
        }
    }
}

/// Writes a computed value.
pub(super) fn write(
    output: &mut Output<'_>,
    _: &mut State<'_, '_>,
    value: &minijinja::Value,
) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        return output.write_str(text).map_err(Error::from);
    }
    match value.kind() {
        ValueKind::None => Ok(()),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Number if value.is_integer() => write!(output, "{value}").map_err(Error::from),
        ValueKind::Bool | ValueKind::Number | ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            output.write_str(&json(value, None)?).map_err(Error::from)
        }
        _ => write!(output, "{value}").map_err(Error::from),
    }
}

/// A value as JSON, on one line, or, with an `indent`, on many. A list can hold another many times over, so that it is
/// short in memory and endless as text; therefore what is written is bounded while it is written.
pub(super) fn to_json(value: &minijinja::Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    options.assert_all_used()?;
    json(value, indent)
}

fn json(value: &minijinja::Value, indent: Option<usize>) -> Result<String, Error> {
    let mut bounded = Bounded(Vec::new());
    let written = match indent {
        None => serde_json::to_writer(&mut bounded, value),
        Some(indent) => {
            let indent = " ".repeat(indent.min(MAX_INDENT));
            let formatter = PrettyFormatter::with_indent(indent.as_bytes());
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut bounded, formatter))
        }
    };
    written.map_err(|error| {
        let kind = if error.is_io() { ErrorKind::OutOfFuel } else { ErrorKind::BadSerialization };
        Error::new(kind, error.to_string())
    })?;
    String::from_utf8(bounded.0).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

const MAX_INDENT: usize = 16;

struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
