//! Shapes: what is found by a regular expression, and the check that a match must pass.

use std::net::Ipv6Addr;
use std::ops::Range;

use crate::checks;
use crate::context::Context;
use crate::kind::DataKind;

/// A shape. Where the expression has a group, the group is the value, and else the whole match.
pub(crate) struct Shape {
    pub(crate) kind: DataKind,
    pub(crate) expression: &'static str,
    /// What of the match is the value, if it is one.
    pub(crate) check: fn(Context<'_>, Range<usize>) -> Option<Range<usize>>,
}

const fn shape(
    kind: DataKind,
    expression: &'static str,
    check: fn(Context<'_>, Range<usize>) -> Option<Range<usize>>,
) -> Shape {
    Shape { kind, expression, check }
}

/// The shapes. Boundaries are those of ASCII: with Unicode's, the expressions would lose their fast automaton.
pub(crate) const SHAPES: &[Shape] = &[
    shape(DataKind::Email, r"[\p{L}\p{N}.!$%'*+^_~-]+@[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?", email),
    shape(DataKind::Phone, r"\+[1-9](?:[ .()/-]{0,2}[0-9]){6,14}", international),
    shape(DataKind::Phone, r"(?-u:\b)00[1-9](?:[ .()/-]{0,2}[0-9]){8,13}", grouped),
    shape(DataKind::Phone, r"\([2-9][0-9]{2}\) ?[0-9]{3}[ .-][0-9]{4}", alone),
    shape(
        DataKind::Phone,
        r"(?-u:\b)(?:1[ .-])?[2-9][0-9]{2}(?:-[0-9]{3}-|\.[0-9]{3}\.| [0-9]{3} )[0-9]{4}",
        american,
    ),
    shape(
        DataKind::Phone,
        r"\(?0[1-9][0-9]{1,4}\)?(?: ?[/-] ?| )[0-9]{3,8}(?:[ -][0-9]{2,4}){0,3}",
        national,
    ),
    shape(DataKind::Phone, r"(?-u:\b)0[1-9](?:(?: [0-9]{2}){4}|(?:\.[0-9]{2}){4}|(?:-[0-9]{2}){4})", alone),
    shape(DataKind::Phone, r"\+?[0-9](?:[ .()/-]{0,2}[0-9]){6,14}", named),
    shape(DataKind::Iban, r"(?-u:\b)[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,42}", iban),
    shape(DataKind::NationalId, r"(?-u:\b)[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D](?-u:\b)", nino),
    shape(DataKind::NationalId, r"(?-u:\b)(?:[0-9]{8}|[XYZ][0-9]{7})-?[A-Z](?-u:\b)", dni),
    shape(
        DataKind::NationalId,
        r"(?i)(?-u:\b)[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z](?-u:\b)",
        codice_fiscale,
    ),
    shape(DataKind::IpAddress, r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*", ipv6),
    shape(DataKind::Credential, r"(?-u:\b)sk-[A-Za-z0-9_-]{20,}", key),
    shape(DataKind::Credential, r"(?-u:\b)(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?-u:\b)", whole),
    shape(
        DataKind::Credential,
        r"(?-u:\b)(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
        whole,
    ),
    shape(DataKind::Credential, r"(?-u:\b)AIza[A-Za-z0-9_-]{35}", whole),
    shape(DataKind::Credential, r"(?-u:\b)xox[abeoprs]-[A-Za-z0-9-]{10,}", whole),
    shape(DataKind::Credential, r"(?-u:\b)(?:(?:sk|rk)_(?:live|test)|whsec)_[A-Za-z0-9]{16,}", whole),
    shape(
        DataKind::Credential,
        r"(?-u:\b)(?:glpat-|hf_|gsk_|xai-|npm_|pplx-|r8_|dop_v1_|ya29\.)[A-Za-z0-9_-]{20,}",
        key,
    ),
    shape(DataKind::Credential, r"(?-u:\b)SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", whole),
    shape(DataKind::Credential, r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", whole),
    shape(DataKind::Credential, r"(?i)(?-u:\b)bearer[ \t]+([A-Za-z0-9._~+/=-]{16,})", key),
    shape(
        DataKind::Credential,
        r"(?i)authorization[^A-Za-z0-9\n]{1,5}(?:basic|token)[ \t]+([A-Za-z0-9._~+/=-]{8,})",
        whole,
    ),
    shape(
        DataKind::Credential,
        r"(?i)aws_?secret_?access_?key[^A-Za-z0-9\n]{1,5}([A-Za-z0-9/+=]{40})",
        whole,
    ),
    shape(DataKind::Credential, r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@"'<>\\]*:([^\s/"'<>\\]+)@"#, whole),
    shape(
        DataKind::PrivateKey,
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-[^-])*(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)?",
        whole,
    ),
];

/// Words that say that a number is a phone's.
const PHONES: &[&str] = &[
    "phone",
    "tel",
    "mobile",
    "mobil",
    "cell",
    "fax",
    "whatsapp",
    "handy",
    "tél",
    "móvil",
    "celular",
    "portable",
    "number to call",
    "call me",
    "reach me",
    "sms",
    "rufnummer",
    "signal me",
];

/// Endings of file names, which no top-level domain shares: `icon@2x.png` is no address.
const FILES: [&str; 16] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "mjs", "ts", "json", "html", "map", "txt",
    "pdf", "tgz",
];

fn whole(_: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    Some(range)
}

fn alone(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    context.stands_alone(&range).then_some(range)
}

/// A key is not made of words: it has a digit.
fn key(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    context.slice(&range).bytes().any(|byte| byte.is_ascii_digit()).then_some(range)
}

fn email(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    let text = context.slice(&range);
    let (local, domain) = text.split_once('@')?;
    // A sentence's or a quotation's marks before an address are not its own.
    let start = local.len()
        - local.trim_start_matches(|mark: char| !mark.is_alphanumeric() && mark != '_' && mark != '+').len();
    local.get(start..).filter(|local| !local.is_empty() && *local != "git")?;
    let (labels, top) = domain.rsplit_once('.')?;
    let is_domain = !labels.is_empty() && !domain.contains("..") && top.chars().count() >= 2;
    let is_top = top.chars().all(char::is_alphabetic) || top.starts_with("xn--");
    let is_file = FILES.contains(&top.to_ascii_lowercase().as_str());
    (is_domain && is_top && !is_file).then_some(range.start + start..range.end)
}

fn digit_count(context: Context<'_>, range: &Range<usize>) -> usize {
    context.slice(range).bytes().filter(u8::is_ascii_digit).count()
}

/// The match without the beginning of a number that it ran into.
fn unbroken(context: Context<'_>, range: Range<usize>) -> Range<usize> {
    let goes_on = context.text.as_bytes().get(range.end).is_some_and(u8::is_ascii_digit);
    let last = context.slice(&range).trim_end_matches(|letter: char| letter.is_ascii_digit());
    let last = last.trim_end_matches([' ', '.', '(', ')', '/', '-']);
    if goes_on && !last.is_empty() { range.start..range.start + last.len() } else { range }
}

fn international(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    let range = unbroken(context, range);
    ((8..=15).contains(&digit_count(context, &range)) && context.stands_alone(&range)).then_some(range)
}

/// Without a plus, only what is written in groups is a phone's.
fn grouped(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    let is_grouped = context.slice(&range).bytes().any(|byte| matches!(byte, b' ' | b'-' | b'/'));
    (is_grouped && context.stands_alone(&range)).then_some(range)
}

fn american(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    let follows = context.text.as_bytes().get(range.end..).unwrap_or_default();
    let precedes = context.text.as_bytes().get(..range.start).unwrap_or_default();
    let goes_on = matches!(follows, [b'-' | b'.' | b' ', b'0'..=b'9', ..])
        || matches!(precedes, [.., b'0'..=b'9', b'-' | b'.' | b' ']);
    (!goes_on && context.stands_alone(&range)).then_some(range)
}

fn national(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    let follows = context.text.as_bytes().get(range.end..).unwrap_or_default();
    let is_time = matches!(follows, [b':' | b'.' | b'-' | b'/', b'0'..=b'9', ..]);
    ((9..=12).contains(&digit_count(context, &range)) && !is_time && context.stands_alone(&range))
        .then_some(range)
}

/// Digits of any form behind a word that says what they are.
fn named(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    let range = unbroken(context, range);
    let text = context.slice(&range);
    let is_date = matches!(text.as_bytes(), [b'1' | b'2', _, _, _, b'-' | b'/' | b'.', ..]);
    let is_phone = !is_date && context.stands_alone(&range) && context.says(range.start, PHONES);
    ((7..=15).contains(&digit_count(context, &range)) && is_phone).then_some(range)
}

/// The match may have run on into the next word: the country says where the number ends.
fn iban(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    let text = context.slice(&range);
    let length = checks::iban_length(&text.get(..2)?.to_ascii_uppercase())?;
    let mut compact = String::with_capacity(length);
    let mut end = 0;
    for (place, letter) in
        text.char_indices().filter(|(_, letter)| letter.is_ascii_alphanumeric()).take(length)
    {
        compact.push(letter.to_ascii_uppercase());
        end = place + letter.len_utf8();
    }
    let range = range.start..range.start + end;
    (checks::iban(&compact) && context.stands_alone(&range)).then_some(range)
}

fn compact(context: Context<'_>, range: &Range<usize>) -> String {
    context
        .slice(range)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_uppercase())
        .collect()
}

fn nino(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    (checks::nino(&compact(context, &range)) && context.stands_alone(&range)).then_some(range)
}

fn dni(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    (checks::dni(&compact(context, &range)) && context.stands_alone(&range)).then_some(range)
}

fn codice_fiscale(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    (checks::codice_fiscale(&compact(context, &range)) && context.stands_alone(&range)).then_some(range)
}

/// Times and paths of code have colons too: an address has a digit, and three groups or one of three digits.
fn ipv6(context: Context<'_>, range: Range<usize>) -> Option<Range<usize>> {
    let text = context.slice(&range);
    // A sentence's mark is not the address's.
    let text = text.trim_end_matches('.');
    let text = if text.ends_with("::") { text } else { text.trim_end_matches(':') };
    let address: Ipv6Addr = text.parse().ok()?;
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    let is_long = groups >= 3 || text.split(':').next().is_some_and(|first| first.len() >= 3);
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let range = range.start..range.start + text.len();
    let is_one = is_long && has_digit && !address.is_loopback() && !address.is_unspecified();
    (is_one && context.stands_alone(&range)).then_some(range)
}
