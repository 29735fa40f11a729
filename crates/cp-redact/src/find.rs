//! Finding and replacing in a text.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use cp_base::SealingKey;
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use crate::document::OwnPattern;
use crate::kind::DataKind;
use crate::shapes::{SHAPES, Shape};
use crate::{digits, json};

/// Hexadecimal digits of a placeholder's digest: 64 bits. Of ten million different values in a project, two share a
/// placeholder with a probability of one in 370,000.
pub(crate) const DIGEST_DIGITS: usize = 16;
/// What a compiled pattern of a project may take.
const PATTERN_BYTES: usize = 256 << 10;
/// Patterns that a project may have.
const MAX_PATTERNS: usize = 64;
/// A rejected match that is longer is not looked into again, so that the work stays linear.
const LOOKED_INTO: usize = 128;
/// How far before a number the word may stand that says what it is.
const SAID_BEFORE: usize = 40;
/// How far the word and the number may be apart.
const SAID_GAP: usize = 24;
/// What a replacement may lay bare is looked for again so often.
const PASSES: usize = 8;

/// What must not be looked into: placeholders, masks, and data in base 64.
static SPARED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"‹[a-z][a-z0-9_-]*:[0-9a-f]{16}›|‹text:[0-9]+›|;base64,[A-Za-z0-9+/=_-]+").ok()
});

static COMPILED: LazyLock<Vec<Regex>> =
    LazyLock::new(|| SHAPES.iter().filter_map(|shape| Regex::new(shape.expression).ok()).collect());

/// A text in which something is looked for, and the name that it goes by.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) text: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> Context<'a> {
    pub(crate) fn slice(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// Whether no letter or digit touches the range.
    pub(crate) fn stands_alone(&self, range: &Range<usize>) -> bool {
        let bytes = self.text.as_bytes();
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let before = range.start.checked_sub(1).and_then(|place| bytes.get(place));
        !before.is_some_and(is_word) && !bytes.get(range.end).is_some_and(is_word)
    }

    /// Whether one of the words stands shortly before `start`, in the same sentence, or in the name.
    pub(crate) fn says(&self, start: usize, words: &[&str]) -> bool {
        let mut from = start.saturating_sub(SAID_BEFORE);
        while !self.text.is_char_boundary(from) {
            from += 1;
        }
        let before = self.slice(&(from..start)).to_lowercase();
        let said = |word: &&str| {
            word_at(&before, word).is_some_and(|end| is_near(before.get(end..).unwrap_or_default()))
        };
        words.iter().any(said) || (start < SAID_GAP && words.iter().any(|word| is_named(self.name, word)))
    }
}

/// Where the last occurrence of a word ends. Short words are whole ones: `tel` is not in `hotel`, nor in `tell`.
fn word_at(text: &str, word: &str) -> Option<usize> {
    let at = text.rfind(word)?;
    let before = text.get(..at)?.chars().next_back();
    let after = text.get(at + word.len()..)?.chars().next();
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphabetic);
    let is_whole = !is_letter(before) && (word.len() > 4 || !is_letter(after));
    is_whole.then_some(at + word.len())
}

fn is_near(gap: &str) -> bool {
    const OTHERS: [&str; 8] = ["order", "invoice", "ticket", "model", "serial", "imei", "batch", "case"];
    let ends =
        gap.trim_start_matches('.').contains([',', ';', '\n']) || gap.trim_start_matches('.').contains(". ");
    gap.len() <= SAID_GAP && !ends && !OTHERS.iter().any(|other| gap.contains(other))
}

/// `phoneNumber`, `user_phone` and `Phone` all name a phone.
fn is_named(name: &str, word: &str) -> bool {
    let mut apart = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_uppercase() {
            apart.push(' ');
        }
        apart.extend(if letter.is_alphanumeric() { letter } else { ' ' }.to_lowercase());
    }
    word_at(&apart, word).is_some()
}

/// A match of a kind, before overlaps are settled.
pub(crate) struct Hit {
    rank: u8,
    /// Which of a project's own patterns it is.
    own: Option<usize>,
    kind: DataKind,
    range: Range<usize>,
}

impl Hit {
    pub(crate) fn new(kind: DataKind, range: Range<usize>) -> Self {
        Self { rank: kind.rank() + 1, own: None, kind, range }
    }
}

/// A pattern of a project that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Its name would not be legible in a placeholder.
    #[error(
        "the pattern's name `{0}` must be 1 to 32 lower-case letters, digits, `-` and `_`, begin with a letter, and be no kind's name"
    )]
    Name(String),
    /// Two bear one name.
    #[error("two patterns are named `{0}`")]
    Twice(String),
    /// It is no regular expression that runs in linear time.
    #[error(
        "the pattern `{name}` is no regular expression that can be used (look-around and back-references are not): {reason}"
    )]
    Expression {
        /// The pattern.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It matches where nothing is.
    #[error("the pattern `{0}` matches the empty text; let it match at least one character")]
    Empty(String),
    /// There are too many.
    #[error("{0} patterns are too many; a project may have 64")]
    TooMany(usize),
}

/// What is looked for: kinds and a project's own patterns, compiled.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    kinds: BTreeSet<DataKind>,
    /// Which shapes may be in a text, in one pass over it.
    prefilter: RegexSet,
    shapes: Vec<usize>,
    own: Vec<(String, Regex)>,
}

impl Rules {
    /// Compiles.
    ///
    /// # Errors
    /// When one of the patterns cannot be used; the error names it.
    pub fn new(kinds: BTreeSet<DataKind>, patterns: &[OwnPattern]) -> Result<Self, PatternError> {
        if patterns.len() > MAX_PATTERNS {
            return Err(PatternError::TooMany(patterns.len()));
        }
        let mut own: Vec<(String, Regex)> = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            if own.iter().any(|(name, _)| *name == pattern.name) {
                return Err(PatternError::Twice(pattern.name.clone()));
            }
            own.push((pattern.name.clone(), compile(pattern)?));
        }
        Ok(Self { own, ..Self::of_kinds(kinds) })
    }

    fn of_kinds(kinds: BTreeSet<DataKind>) -> Self {
        let shapes: Vec<usize> = (0..COMPILED.len())
            .filter(|place| SHAPES.get(*place).is_some_and(|shape| kinds.contains(&shape.kind)))
            .collect();
        let expressions = shapes.iter().filter_map(|place| SHAPES.get(*place)).map(|shape| shape.expression);
        let prefilter = RegexSetBuilder::new(expressions).dfa_size_limit(8 << 20).build();
        Self { kinds, prefilter: prefilter.unwrap_or_default(), shapes, own: Vec::new() }
    }

    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.own.is_empty()
    }

    /// The kinds, one bit each.
    #[must_use]
    pub fn kind_bits(&self) -> u32 {
        self.kinds.iter().fold(0, |bits, kind| bits | kind.bit())
    }

    /// The same, and the kinds of some bits.
    #[must_use]
    pub fn with_kinds(&self, bits: u32) -> Self {
        let more = DataKind::ALL.into_iter().filter(|kind| kind.bit() & bits != 0);
        let kinds = self.kinds.iter().copied().chain(more).collect();
        Self { own: self.own.clone(), ..Self::of_kinds(kinds) }
    }

    fn hits(&self, context: Context<'_>) -> Vec<Hit> {
        let mut hits = Vec::new();
        for place in self.prefilter.matches(context.text) {
            let shape =
                self.shapes.get(place).and_then(|place| Some((SHAPES.get(*place)?, COMPILED.get(*place)?)));
            if let Some((shape, regex)) = shape {
                shape_hits(context, shape, regex, &mut hits);
            }
        }
        if [DataKind::Card, DataKind::NationalId, DataKind::IpAddress]
            .iter()
            .any(|kind| self.kinds.contains(kind))
        {
            digits::find(context, &mut hits);
            hits.retain(|hit| self.kinds.contains(&hit.kind));
        }
        for (place, (_, regex)) in self.own.iter().enumerate() {
            for found in regex.find_iter(context.text).filter(|found| !found.is_empty()) {
                hits.push(Hit {
                    rank: 0,
                    own: Some(place),
                    kind: DataKind::Credential,
                    range: found.range(),
                });
            }
        }
        settle(hits)
    }
}

fn compile(pattern: &OwnPattern) -> Result<Regex, PatternError> {
    let name = &pattern.name;
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 32
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        && name.parse::<DataKind>().is_err()
        && name != "text";
    if !is_name {
        return Err(PatternError::Name(name.clone()));
    }
    let built = RegexBuilder::new(&pattern.expression)
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(4 * PATTERN_BYTES)
        .nest_limit(50)
        .build();
    let regex =
        built.map_err(|error| PatternError::Expression { name: name.clone(), reason: error.to_string() })?;
    if regex.is_match("") { Err(PatternError::Empty(name.clone())) } else { Ok(regex) }
}

fn shape_hits(context: Context<'_>, shape: &Shape, regex: &Regex, hits: &mut Vec<Hit>) {
    let mut at = 0;
    while let Some(captures) = regex.captures_at(context.text, at) {
        let Some(whole) = captures.get(0) else { return };
        let value = captures.get(1).unwrap_or(whole).range();
        match (shape.check)(context, value) {
            Some(range) => {
                at = range.end.max(whole.start() + 1);
                hits.push(Hit::new(shape.kind, range));
            }
            None if whole.len() > LOOKED_INTO => at = whole.end(),
            // The match may have begun too early, and run over what was meant.
            None => {
                let rest = context.text.get(whole.start()..).unwrap_or_default();
                let first = rest.chars().next().map_or(1, char::len_utf8);
                let word = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
                at = whole.start() + word.max(first);
            }
        }
        while !context.text.is_char_boundary(at) {
            at += 1;
        }
    }
}

/// Finds that overlap become one, named by the strongest: no part of a value is left behind.
fn settle(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| (hit.range.start, hit.rank));
    let mut settled: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        match settled.last_mut() {
            Some(last) if hit.range.start < last.range.end => {
                let range = last.range.start..last.range.end.max(hit.range.end);
                let stronger = if hit.rank < last.rank { hit } else { Hit { range: range.clone(), ..*last } };
                *last = Hit { range, ..stronger };
            }
            _ => settled.push(hit),
        }
    }
    settled
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where, in bytes of the text.
    pub range: Range<usize>,
    /// The kind, or the name of the project's own pattern.
    pub name: String,
    /// What takes its place.
    pub placeholder: String,
}

/// A replacement of a piece of a text.
pub(crate) struct Edit {
    pub(crate) range: Range<usize>,
    pub(crate) with: String,
}

/// Redacts for one project: what is looked for, and the key of its placeholders.
#[derive(Clone, Debug)]
pub struct Redactor {
    rules: Arc<Rules>,
    key: SealingKey,
}

impl Redactor {
    /// `hashing` is the project's key of content addresses; the placeholders have one derived from it.
    #[must_use]
    pub fn new(rules: Arc<Rules>, hashing: &SealingKey) -> Self {
        Self { rules, key: hashing.derive("redaction") }
    }

    /// Everything that is found in a text, in order.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Found> {
        self.found(Context { text, name: "" })
    }

    fn found(&self, context: Context<'_>) -> Vec<Found> {
        let mut found = Vec::new();
        for clear in clear_pieces(context.text) {
            let piece = Context { text: context.slice(&clear), ..context };
            let hits = self.rules.hits(piece).into_iter();
            found.extend(hits.map(|hit| self.name(piece.slice(&hit.range), &hit, clear.start)));
        }
        found
    }

    fn name(&self, value: &str, hit: &Hit, offset: usize) -> Found {
        let own = hit.own.and_then(|place| self.rules.own.get(place));
        let name = own.map_or(hit.kind.as_str(), |(name, _)| name);
        let normal = if own.is_some() { value.to_owned() } else { normal(hit.kind, value) };
        let digest = self.key.digest(&[name.as_bytes(), normal.as_bytes()]);
        let digits: String =
            digest.iter().take(DIGEST_DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
        Found {
            range: offset + hit.range.start..offset + hit.range.end,
            placeholder: format!("‹{name}:{digits}›"),
            name: name.to_owned(),
        }
    }

    /// The text with placeholders, as it was where nothing is found.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.named_text(text, "")
    }

    /// The same, of a text that goes by a name, such as a field's.
    #[must_use]
    pub fn named_text<'a>(&self, text: &'a str, name: &str) -> Cow<'a, str> {
        self.repeated(text, |text| self.plain_edits(text, name))
    }

    /// Edits until there is nothing more to edit: what takes a value's place may lay bare another one beside it.
    pub(crate) fn repeated<'a>(&self, text: &'a str, edits: impl Fn(&str) -> Vec<Edit>) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for _ in 0..PASSES {
            let edits = if self.rules.is_empty() { Vec::new() } else { edits(&text) };
            if edits.is_empty() {
                break;
            }
            text = Cow::Owned(apply(&text, &edits));
        }
        text
    }

    /// What is found in a text, and in the text that its escapes stand for.
    pub(crate) fn plain_edits(&self, text: &str, name: &str) -> Vec<Edit> {
        let found = self.found(Context { text, name });
        let mut edits: Vec<Edit> =
            found.into_iter().map(|found| Edit { range: found.range, with: found.placeholder }).collect();
        if let Some(unescaped) = json::Unescaped::of(text) {
            let more = self.found(Context { text: &unescaped.text, name });
            edits.extend(
                more.into_iter()
                    .map(|found| Edit { range: unescaped.origin(found.range), with: found.placeholder }),
            );
            merge(&mut edits);
        }
        edits
    }
}

/// Edits that overlap become one, with what the larger puts there.
fn merge(edits: &mut Vec<Edit>) {
    edits.sort_by_key(|edit| (edit.range.start, std::cmp::Reverse(edit.range.end)));
    let mut merged: Vec<Edit> = Vec::with_capacity(edits.len());
    for edit in edits.drain(..) {
        match merged.last_mut() {
            Some(last) if edit.range.start < last.range.end => {
                last.range.end = last.range.end.max(edit.range.end)
            }
            _ => merged.push(edit),
        }
    }
    *edits = merged;
}

/// Edits are in order and do not overlap.
fn apply(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len() + 16 * edits.len());
    let mut at = 0;
    for edit in edits {
        out.push_str(text.get(at..edit.range.start).unwrap_or_default());
        out.push_str(&edit.with);
        at = edit.range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The pieces of a text in which something may be found.
fn clear_pieces(text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    if is_data(text) {
        return pieces;
    }
    for spared in SPARED.iter().flat_map(|spared| spared.find_iter(text)) {
        pieces.push(at..spared.start());
        at = spared.end();
    }
    pieces.push(at..text.len());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Data in base 64 is long and has neither spaces nor marks.
fn is_data(text: &str) -> bool {
    const MIN_BYTES: usize = 512;
    text.len() >= MIN_BYTES
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-\r\n".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// The form in which equal values are equal, however they are written.
fn normal(kind: DataKind, value: &str) -> String {
    match kind {
        DataKind::Email => value.to_lowercase(),
        DataKind::Phone => {
            let plus = if value.starts_with('+') { "+" } else { "" };
            let digits: String = value.chars().filter(char::is_ascii_digit).collect();
            let digits = if plus.is_empty() {
                digits.strip_prefix("00").map_or(digits.clone(), |rest| format!("+{rest}"))
            } else {
                digits
            };
            format!("{plus}{digits}")
        }
        DataKind::Card | DataKind::Iban | DataKind::NationalId => {
            value.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_uppercase()
        }
        DataKind::IpAddress => {
            value.parse::<IpAddr>().map_or_else(|_| value.to_lowercase(), |address| address.to_string())
        }
        DataKind::Credential => value.to_owned(),
        DataKind::PrivateKey => value.split_whitespace().collect(),
    }
}
