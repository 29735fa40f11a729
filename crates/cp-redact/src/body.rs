//! Redaction of bodies as they passed: JSON, streams of JSON, and anything else. What is not replaced stays as it is, byte
//! for byte.
//!
//! A stream sends a value in pieces, one in each event. The pieces of one field are put together, redacted, and the
//! placeholder goes into the first of the pieces that held what it replaces.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::{Map, Value};

use crate::find::{Edit, Redactor};
use crate::json::{self, Literal, LiteralKind, Walker};

/// JSON in a string in JSON, and so on, is looked into so deep.
const MAX_DEPTH: u8 = 4;
/// Numbers of fewer digits are left alone: they are counts and times.
const MIN_NUMBER_DIGITS: usize = 9;

impl Redactor {
    /// A body with placeholders, as it was where nothing is found.
    #[must_use]
    pub fn body<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        if let Ok(text) = str::from_utf8(body) {
            return match self.written(text, "", 0) {
                Cow::Borrowed(_) => Cow::Borrowed(body),
                Cow::Owned(redacted) => Cow::Owned(redacted.into_bytes()),
            };
        }
        let mut out = Vec::with_capacity(body.len());
        for chunk in body.utf8_chunks() {
            out.extend_from_slice(self.written(chunk.valid(), "", 0).as_bytes());
            out.extend_from_slice(chunk.invalid());
        }
        Cow::Owned(out)
    }

    /// A text that may be JSON, or a stream of it.
    pub(crate) fn written<'a>(&self, text: &'a str, name: &str, depth: u8) -> Cow<'a, str> {
        self.repeated(text, |text| self.edits(text, name, depth))
    }

    fn edits(&self, text: &str, name: &str, depth: u8) -> Vec<Edit> {
        let begins = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        if depth < MAX_DEPTH && begins.starts_with(['{', '[']) {
            let whole = text.len() - begins.len()..text.len();
            self.document_edits(text, std::iter::once(whole), depth)
        } else if depth == 0 && is_event_stream(begins) {
            self.document_edits(text, event_data(text).into_iter(), depth)
        } else {
            self.plain_edits(text, name)
        }
    }

    /// A text in which documents lie. What is not in one is a text like any other.
    fn document_edits(&self, text: &str, ranges: impl Iterator<Item = Range<usize>>, depth: u8) -> Vec<Edit> {
        let mut literals = Vec::new();
        let mut edits = Vec::new();
        let mut at = 0;
        for range in ranges {
            let mut walker = Walker::new(text, range.clone());
            let stopped = walker.read_all();
            literals.append(&mut walker.literals);
            self.add_plain(text, at..range.start, &mut edits);
            self.add_plain(text, stopped..range.end, &mut edits);
            at = range.end;
        }
        self.add_plain(text, at..text.len(), &mut edits);
        edits.extend(self.literal_edits(text, &literals, depth));
        edits.sort_by_key(|edit| edit.range.start);
        edits
    }

    fn add_plain(&self, text: &str, range: Range<usize>, edits: &mut Vec<Edit>) {
        let found = self.plain_edits(text.get(range.clone()).unwrap_or_default(), "").into_iter();
        edits.extend(found.map(|edit| Edit {
            range: range.start + edit.range.start..range.start + edit.range.end,
            with: edit.with,
        }));
    }

    fn literal_edits(&self, text: &str, literals: &[Literal], depth: u8) -> Vec<Edit> {
        let mut lanes: BTreeMap<u64, Vec<&Literal>> = BTreeMap::new();
        let mut edits = Vec::new();
        for literal in literals {
            match literal.kind {
                LiteralKind::Text => lanes.entry(literal.lane).or_default().push(literal),
                LiteralKind::Name => edits.extend(self.name_edit(text, literal)),
                LiteralKind::Number => edits.extend(self.number_edit(text, literal)),
            }
        }
        for lane in lanes.into_values() {
            self.lane_edits(text, &lane, depth, &mut edits);
        }
        edits
    }

    fn name_edit(&self, text: &str, literal: &Literal) -> Option<Edit> {
        let name = json::unquoted(text.get(literal.range.clone())?)?;
        match self.text(&name) {
            Cow::Borrowed(_) => None,
            Cow::Owned(name) => Some(Edit { range: literal.range.clone(), with: json::quoted(&name) }),
        }
    }

    fn number_edit(&self, text: &str, literal: &Literal) -> Option<Edit> {
        let (number, name) = (text.get(literal.range.clone())?, text.get(literal.field.clone())?);
        if number.len() < MIN_NUMBER_DIGITS {
            return None;
        }
        match self.named_text(number, name) {
            Cow::Borrowed(_) => None,
            Cow::Owned(with) => Some(Edit { range: literal.range.clone(), with: json::quoted(&with) }),
        }
    }

    /// The pieces of one field: together where they differ, and each by itself.
    fn lane_edits(&self, text: &str, lane: &[&Literal], depth: u8, edits: &mut Vec<Edit>) {
        let quoted = |literal: &&Literal| text.get(literal.range.clone()).unwrap_or_default();
        let before: Vec<String> =
            lane.iter().map(|literal| json::unquoted(quoted(literal)).unwrap_or_default()).collect();
        let name = lane.first().and_then(|first| text.get(first.field.clone())).unwrap_or_default();
        let differ = before.iter().collect::<BTreeSet<_>>().len() > 1;
        let together = if differ { self.pieces(&before, name, depth + 1) } else { None };
        let pieces = together.as_ref().unwrap_or(&before);
        for ((literal, before), piece) in lane.iter().zip(&before).zip(pieces) {
            let after = self.written(piece, name, depth + 1);
            if *after != **before {
                edits.push(Edit { range: literal.range.clone(), with: json::quoted(&after) });
            }
        }
    }

    /// Pieces of a text, redacted as a whole; nothing where nothing is found.
    fn pieces(&self, pieces: &[String], name: &str, depth: u8) -> Option<Vec<String>> {
        let edits = self.edits(&pieces.concat(), name, depth);
        if edits.is_empty() { None } else { Some(spread(pieces, &edits)) }
    }

    /// A value with placeholders: its strings, the names of its fields, and long whole numbers.
    pub fn value(&self, value: &mut Value) {
        self.named_value(value, "");
    }

    fn named_value(&self, value: &mut Value, name: &str) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(redacted) = self.written(text, name, 1) {
                    *text = redacted;
                }
            }
            Value::Number(number) => {
                let text = number.to_string();
                let is_whole =
                    text.len() >= MIN_NUMBER_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
                if let (true, Cow::Owned(redacted)) = (is_whole, self.named_text(&text, name)) {
                    *value = Value::String(redacted);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.named_value(item, name)),
            Value::Object(fields) => self.fields(fields),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// The same of an object's fields.
    pub fn fields(&self, fields: &mut Map<String, Value>) {
        for (name, value) in fields.iter_mut() {
            self.named_value(value, name);
        }
        let renamed: Vec<_> = fields
            .keys()
            .filter_map(|name| match self.text(name) {
                Cow::Borrowed(_) => None,
                Cow::Owned(redacted) => Some((name.clone(), redacted)),
            })
            .collect();
        for (name, redacted) in renamed {
            if let Some(value) = fields.remove(&name) {
                fields.insert(redacted, value);
            }
        }
    }
}

/// The pieces of a text after edits of the whole: what is new goes to the first piece that it touches.
fn spread(pieces: &[String], edits: &[Edit]) -> Vec<String> {
    let mut edits = edits.iter().peekable();
    // In bytes of the whole: where this piece begins, and up to where its text is replaced already.
    let (mut start, mut replaced) = (0, 0);
    let mut out = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let end = start + piece.len();
        let clear =
            |from: usize, to: usize| piece.get(from.max(start) - start..to - start).unwrap_or_default();
        let mut after = String::with_capacity(piece.len());
        while let Some(edit) = edits.next_if(|edit| edit.range.start < end) {
            after.push_str(clear(replaced, edit.range.start));
            after.push_str(&edit.with);
            replaced = edit.range.end;
        }
        if replaced < end {
            after.push_str(clear(replaced, end));
            replaced = end;
        }
        out.push(after);
        start = end;
    }
    out
}

/// Whether a text is a stream of server-sent events.
fn is_event_stream(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    ["data:", "event:", "id:", "retry:", ":"].iter().any(|field| line.starts_with(field))
}

/// Where the data of events lie in a stream: of each line behind `data:`.
fn event_data(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        if let Some(data) = line.strip_prefix("data:") {
            ranges.push(at + line.len() - data.len()..at + line.trim_end_matches(['\n', '\r']).len());
        }
        at += line.len();
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_goes_to_the_first_piece_that_it_touches() {
        let pieces = ["I am ", "an", "n@", "x.example", ", hi"].map(str::to_owned);
        let edit = |range, with: &str| Edit { range, with: with.to_owned() };
        assert_eq!(spread(&pieces, &[edit(5..18, "E")]), ["I am ", "E", "", "", ", hi"]);
        assert_eq!(
            spread(&pieces, &[edit(0..1, "A"), edit(4..6, "B")]),
            ["A amB", "n", "n@", "x.example", ", hi"]
        );
        assert_eq!(spread(&pieces, &[]), pieces);
    }
}
