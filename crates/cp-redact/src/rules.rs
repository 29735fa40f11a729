//! What is looked for: kinds and a project's own patterns, compiled; and what of them is in a text.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use crate::context::Context;
use crate::digits;
use crate::document::OwnPattern;
use crate::kind::DataKind;
use crate::shapes::{SHAPES, Shape};

/// What a compiled pattern of a project may take.
const PATTERN_BYTES: usize = 256 << 10;
/// Patterns that a project may have.
const MAX_PATTERNS: usize = 64;
/// A rejected match that is longer is not looked into again, so that the work stays linear.
const LOOKED_INTO: usize = 128;

static COMPILED: LazyLock<Vec<Regex>> =
    LazyLock::new(|| SHAPES.iter().filter_map(|shape| Regex::new(shape.expression).ok()).collect());

/// A match of a kind, before overlaps are settled.
pub(crate) struct Hit {
    rank: u8,
    /// Which of a project's own patterns it is.
    pub(crate) own: Option<usize>,
    pub(crate) kind: DataKind,
    pub(crate) range: Range<usize>,
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

    /// The name of one of the project's own patterns.
    pub(crate) fn own_name(&self, place: usize) -> Option<&str> {
        self.own.get(place).map(|(name, _)| name.as_str())
    }

    /// Everything that is in a text, in order and apart.
    pub(crate) fn hits(&self, context: Context<'_>) -> Vec<Hit> {
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
