//! Finding and replacing in a text.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use cp_base::SealingKey;
use regex::Regex;

use crate::context::Context;
use crate::json;
use crate::kind::DataKind;
use crate::rules::{Hit, Rules};

/// Hexadecimal digits of a placeholder's digest: 64 bits. Of ten million different values in a project, two share a
/// placeholder with a probability of one in 370,000.
pub(crate) const DIGEST_DIGITS: usize = 16;
/// What a replacement may lay bare is looked for again so often.
const PASSES: usize = 8;

/// What must not be looked into: placeholders, masks, and data in base 64.
static SPARED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"‹[a-z][a-z0-9_-]*:[0-9a-f]{16}›|‹text:[0-9]+›|;base64,[A-Za-z0-9+/=_-]+").ok()
});

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
        let own = hit.own.and_then(|place| self.rules.own_name(place));
        let name = own.unwrap_or(hit.kind.as_str());
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
