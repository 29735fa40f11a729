//! The strings and numbers of JSON as it is written, so that one can be replaced and every other byte stays. Takes JSON
//! that is cut off or damaged up to there.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

/// Fields that tell apart what a stream sends in turn: two choices, a text and a tool's arguments. What is sent under one
/// path and one set of these is one value in pieces.
const DISCRIMINATORS: [&str; 3] = ["type", "item_id", "custom_id"];

/// What a literal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LiteralKind {
    /// The name of a field.
    Name,
    /// A string.
    Text,
    /// A whole number.
    Number,
}

/// A string or a number in its place.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    pub(crate) kind: LiteralKind,
    /// With its quotes.
    pub(crate) range: Range<usize>,
    /// The name of the field that it is in, as it is written.
    pub(crate) field: Range<usize>,
    /// Where it is in its document: equal for the same field of two documents of a stream.
    pub(crate) lane: u64,
}

/// An object or an array on the way to a literal.
struct Node {
    parent: Option<usize>,
    step: u64,
    discriminators: u64,
    /// It says itself which one it is, so that its place in an array does not matter.
    is_indexed: bool,
}

#[derive(Clone, Copy)]
enum Open {
    Object(usize),
    Array { node: usize, count: u64 },
}

/// Reads one document after the other from a text.
pub(crate) struct Walker<'a> {
    text: &'a str,
    at: usize,
    end: usize,
    pub(crate) literals: Vec<Literal>,
    /// For each literal of the current document the node that it is in, and its step there.
    places: Vec<(Option<usize>, u64)>,
    nodes: Vec<Node>,
    open: Vec<Open>,
    field: Range<usize>,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(text: &'a str, range: Range<usize>) -> Self {
        let (literals, places, nodes, open) = Default::default();
        Self { text, at: range.start, end: range.end, literals, places, nodes, open, field: 0..0 }
    }

    /// Reads documents to the end, or to what is none. Returns where it stopped.
    pub(crate) fn read_all(&mut self) -> usize {
        loop {
            self.skip_space();
            if self.at >= self.end {
                return self.end;
            }
            let begun = self.literals.len();
            let read = self.document();
            self.set_lanes(begun);
            if read.is_none() {
                return self.at;
            }
        }
    }

    /// One value, without recursion: how deep it is nested is the sender's to choose.
    fn document(&mut self) -> Option<()> {
        self.nodes.clear();
        self.places.clear();
        self.open.clear();
        self.field = 0..0;
        let mut is_value_next = true;
        loop {
            if is_value_next {
                is_value_next = self.begin_value()?;
                continue;
            }
            let Some(open) = self.open.last().copied() else { return Some(()) };
            let closing = if matches!(open, Open::Object(_)) { b'}' } else { b']' };
            if self.take(closing) {
                self.open.pop();
                continue;
            }
            if !self.take(b',') {
                return None;
            }
            match self.open.last_mut() {
                Some(Open::Array { count, .. }) => *count += 1,
                _ => self.name()?,
            }
            is_value_next = true;
        }
    }

    /// Whether a value within this one comes next; else this one has ended.
    fn begin_value(&mut self) -> Option<bool> {
        self.skip_space();
        match self.peek()? {
            b'{' => {
                let node = self.enter();
                self.open.push(Open::Object(node));
                if self.take(b'}') {
                    self.open.pop();
                    return Some(false);
                }
                self.name()?;
                Some(true)
            }
            b'[' => {
                let node = self.enter();
                self.open.push(Open::Array { node, count: 0 });
                if self.take(b']') {
                    self.open.pop();
                    return Some(false);
                }
                Some(true)
            }
            b'"' => {
                let range = self.string()?;
                self.discriminate(&range);
                self.push(LiteralKind::Text, range);
                Some(false)
            }
            _ => self.bare().map(|()| false),
        }
    }

    fn enter(&mut self) -> usize {
        self.at += 1;
        let (parent, step) = self.place();
        self.nodes.push(Node { parent, step, discriminators: 0, is_indexed: false });
        self.nodes.len() - 1
    }

    /// The node that a value here is in, and its step there. The items of the outermost array are a stream.
    fn place(&self) -> (Option<usize>, u64) {
        match self.open.last() {
            None => (None, 0),
            Some(Open::Object(node)) => (Some(*node), hash(self.slice(&self.field))),
            Some(Open::Array { node, count }) => (Some(*node), if *node == 0 { 0 } else { *count }),
        }
    }

    fn push(&mut self, kind: LiteralKind, range: Range<usize>) {
        self.places.push(self.place());
        self.literals.push(Literal { kind, range, field: self.field.clone(), lane: 0 });
    }

    /// A field's name and its colon.
    fn name(&mut self) -> Option<()> {
        self.skip_space();
        let range = self.string()?;
        self.field = range.start + 1..range.end - 1;
        self.push(LiteralKind::Name, range);
        self.take(b':').then_some(())
    }

    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let mut rest = self.text.as_bytes().get(start..self.end)?.iter().enumerate();
        if rest.next()?.1 != &b'"' {
            return None;
        }
        while let Some((offset, byte)) = rest.next() {
            match byte {
                b'"' => {
                    self.at = start + offset + 1;
                    return Some(start..self.at);
                }
                b'\\' => drop(rest.next()),
                _ => {}
            }
        }
        None
    }

    /// A number or a word such as `true`.
    fn bare(&mut self) -> Option<()> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..self.end)?;
        let is_bare = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(|byte| is_bare(byte)).count();
        let text = self.text.get(start..start + length)?;
        let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
        if text.is_empty() || !(matches!(text, "true" | "false" | "null") || text.parse::<f64>().is_ok()) {
            return None;
        }
        self.at = start + length;
        if is_whole {
            self.discriminate(&(start..self.at));
            self.push(LiteralKind::Number, start..self.at);
        }
        Some(())
    }

    /// Notes a field that tells its object from others.
    fn discriminate(&mut self, value: &Range<usize>) {
        let Some(Open::Object(node)) = self.open.last().copied() else { return };
        let field = self.slice(&self.field);
        let is_index = field == "index" || field.ends_with("_index") || field.ends_with("Index");
        if !is_index && !DISCRIMINATORS.contains(&field) {
            return;
        }
        let mark = hash((field, self.slice(value)));
        if let Some(node) = self.nodes.get_mut(node) {
            node.discriminators = node.discriminators.wrapping_add(mark);
            node.is_indexed |= is_index;
        }
    }

    /// The lanes of a document's literals, once all that tells its objects apart is known. A node comes after its parent.
    fn set_lanes(&mut self, begun: usize) {
        let mut lanes: Vec<u64> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let parent = node.parent.and_then(|parent| lanes.get(parent)).copied().unwrap_or_default();
            let step = if node.is_indexed { 0 } else { node.step };
            lanes.push(hash((parent, step, node.discriminators)));
        }
        for (literal, (node, step)) in self.literals.iter_mut().skip(begun).zip(&self.places) {
            let lane = node.and_then(|node| lanes.get(node)).copied().unwrap_or_default();
            literal.lane = hash((lane, step));
        }
    }

    fn slice(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied().filter(|_| self.at < self.end)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A text whose JSON escapes are undone, and where each of its bytes came from.
pub(crate) struct Unescaped {
    pub(crate) text: String,
    origins: Vec<usize>,
}

impl Unescaped {
    /// Nothing where the text has no escape.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if !text.contains('\\') {
            return None;
        }
        let mut unescaped =
            Self { text: String::with_capacity(text.len()), origins: Vec::with_capacity(text.len() + 1) };
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let (letter, length) =
                escape(rest).or_else(|| rest.chars().next().map(|letter| (letter, letter.len_utf8())))?;
            unescaped.text.push(letter);
            unescaped.origins.extend(std::iter::repeat_n(at, letter.len_utf8()));
            at += length;
        }
        unescaped.origins.push(text.len());
        Some(unescaped)
    }

    /// The range of the escaped text that a range of this one came from.
    pub(crate) fn origin(&self, range: Range<usize>) -> Range<usize> {
        let at = |place: usize| self.origins.get(place).copied().unwrap_or_default();
        at(range.start)..at(range.end)
    }
}

/// The letter that an escape at the beginning of `rest` stands for, and the escape's length.
fn escape(rest: &str) -> Option<(char, usize)> {
    let [b'\\', kind, ..] = rest.as_bytes() else { return None };
    let letter = match kind {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'"' | b'\\' | b'/' => char::from(*kind),
        b'u' => {
            let unit =
                |at: usize| rest.get(at..at + 4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
            let first = unit(2)?;
            let second = rest.get(6..8).filter(|next| *next == "\\u").and_then(|_| unit(8));
            let units = [first, second.unwrap_or_default()];
            return match char::decode_utf16(units).next()? {
                Ok(letter) => Some((letter, if u32::from(letter) > 0xFFFF { 12 } else { 6 })),
                Err(_) => Some((char::REPLACEMENT_CHARACTER, 6)),
            };
        }
        _ => return None,
    };
    Some((letter, 2))
}

/// What a string literal, with its quotes, says; nothing where it is none.
pub(crate) fn unquoted(literal: &str) -> Option<String> {
    serde_json::from_str(literal).ok().or_else(|| {
        // Half of a surrogate pair and bare line breaks are no JSON, and are sent.
        let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
        Some(Unescaped::of(inner).map_or_else(|| inner.to_owned(), |unescaped| unescaped.text))
    })
}

/// A string literal that says this.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(json: &str) -> (Vec<String>, usize) {
        let mut walker = Walker::new(json, 0..json.len());
        let end = walker.read_all();
        let texts = walker.literals.iter().map(|literal| json[literal.range.clone()].to_owned());
        (texts.collect(), end)
    }

    #[test]
    fn literals_are_found_in_their_order() {
        let json = r#" {"a": ["x", {"b\"": "y"}, 12, 1.5, true, null, [], {}], "c":"z"}"#;
        let (texts, end) = texts(json);
        assert_eq!(texts, [r#""a""#, r#""x""#, r#""b\"""#, r#""y""#, "12", r#""c""#, r#""z""#]);
        assert_eq!(end, json.len());
    }

    #[test]
    fn what_is_damaged_is_read_up_to_there() {
        for (json, read, end) in [
            (r#"{"a":"b","c":"d"#, 3, 13),
            (r#"{"a" "b"}"#, 1, 5),
            ("[1,2", 2, 4),
            ("hello", 0, 0),
            ("{\"a\":\"b\"}\n{\"a\"", 3, 14),
        ] {
            let (texts, stopped) = texts(json);
            assert_eq!((texts.len(), stopped), (read, end), "{json}");
        }
    }

    #[test]
    fn pieces_of_one_value_share_a_lane() {
        let json = r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}
            {"choices":[{"delta":{"content":"b"},"index":0}]}
            {"choices":[{"index":1,"delta":{"content":"c"}}]}
            {"choices":[{"index":0,"delta":{"content":"d"}},{"index":1,"delta":{"content":"e"}}]}"#;
        let mut walker = Walker::new(json, 0..json.len());
        walker.read_all();
        let lanes: Vec<_> = walker
            .literals
            .iter()
            .filter(|literal| literal.kind == LiteralKind::Text)
            .map(|literal| literal.lane)
            .collect();
        let [a, b, c, d, e] = *lanes else { panic!("{lanes:?}") };
        assert!(a == b && b == d && c == e && a != c);
    }

    #[test]
    fn depth_is_no_matter() {
        let deep = "[".repeat(200_000);
        assert_eq!(texts(&deep).1, deep.len());
    }

    #[test]
    fn escapes_are_undone_and_traced() {
        let unescaped = Unescaped::of(r"a\u0040b \ud83d\ude00\nC:\dir \ud800").unwrap();
        assert_eq!(unescaped.text, "a@b 😀\nC:\\dir \u{fffd}");
        assert_eq!(unescaped.origin(1..2), 1..7);
        assert_eq!(unquoted("\"a\nb\\u0040\""), Some("a\nb@".to_owned()));
    }
}
