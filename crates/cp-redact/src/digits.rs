//! Numbers: one pass over the digits of a text, in the groups in which people write them.

use std::ops::Range;

use crate::checks;
use crate::context::Context;
use crate::kind::DataKind;
use crate::rules::Hit;

/// Digits in a row.
#[derive(Clone, Copy)]
struct Group {
    start: usize,
    end: usize,
    /// What joins it to the group before; nothing where it begins a chain.
    joint: Option<u8>,
}

/// The longest window of groups that any kind has.
const MAX_GROUPS: usize = 7;

/// Words that say what a number without a form of its own is.
const SSN: &[&str] = &["ssn", "social security"];
const STEUER_ID: &[&str] = &["steuer", "tax id", "idnr", "identifikationsnummer", "tin"];
const PESEL: &[&str] = &["pesel"];
const CPF: &[&str] = &["cpf"];
const BSN: &[&str] = &["bsn", "burgerservice", "sofinummer", "sofi-nummer"];
const AADHAAR: &[&str] = &["aadhaar", "aadhar", "uidai"];
const VERSIONS: &[&str] = &["version", "release", "firmware", "section", "chapter", "build", "v.", "ver"];

/// Finds cards, national ids and IPv4 addresses.
pub(crate) fn find(context: Context<'_>, hits: &mut Vec<Hit>) {
    let bytes = context.text.as_bytes();
    let mut chain: Vec<Group> = Vec::new();
    let mut at = 0;
    while let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_digit)) {
        let start = at + offset;
        let length = bytes.iter().skip(start).take_while(|byte| byte.is_ascii_digit()).count();
        let end = start + length;
        let joint = chain.last().and_then(|last| joint(bytes, last.end, start));
        if joint.is_none() {
            chain_hits(context, &chain, hits);
            chain.clear();
        }
        chain.push(Group { start, end, joint });
        at = end;
    }
    chain_hits(context, &chain, hits);
}

/// The one separator between two groups.
fn joint(bytes: &[u8], end: usize, start: usize) -> Option<u8> {
    let between = bytes.get(end..start)?;
    match between {
        [separator @ (b' ' | b'-' | b'.')] => Some(*separator),
        _ => None,
    }
}

fn chain_hits(context: Context<'_>, chain: &[Group], hits: &mut Vec<Hit>) {
    let mut rest = chain;
    while let [first, following @ ..] = rest {
        let longest = rest.len().min(MAX_GROUPS);
        let windows = (1..=longest).rev().filter_map(|length| rest.split_at_checked(length));
        let found = windows.into_iter().find_map(|(window, after)| {
            let joined = Window {
                context,
                groups: window,
                before: first.joint,
                after: after.first().and_then(|group| group.joint),
            };
            Some((joined.hit()?, after))
        });
        rest = match found {
            Some((hit, after)) => {
                hits.push(hit);
                after
            }
            None => following,
        };
    }
}

/// Some neighbouring groups, and how their neighbours are joined to them.
struct Window<'a> {
    context: Context<'a>,
    groups: &'a [Group],
    before: Option<u8>,
    after: Option<u8>,
}

impl Window<'_> {
    fn hit(&self) -> Option<Hit> {
        let range = self.range()?;
        if !self.context.stands_alone(&range) {
            return None;
        }
        let digits = checks::digits(self.context.text.get(range.clone())?);
        let kind = if self.is_card(&digits) {
            DataKind::Card
        } else if self.is_national_id(&digits, &range) {
            DataKind::NationalId
        } else if self.is_address(&range) {
            DataKind::IpAddress
        } else {
            return None;
        };
        Some(Hit::new(kind, range))
    }

    fn range(&self) -> Option<Range<usize>> {
        Some(self.groups.first()?.start..self.groups.last()?.end)
    }

    fn lengths(&self) -> Vec<usize> {
        self.groups.iter().map(|group| group.end - group.start).collect()
    }

    /// The separators within, where they are all one.
    fn separator(&self) -> Option<u8> {
        let mut joints = self.groups.iter().skip(1).map(|group| group.joint);
        let first = joints.next()??;
        joints.all(|joint| joint == Some(first)).then_some(first)
    }

    /// Whether no further group is joined on by `-` or `.`: then it would be part of a longer number.
    fn is_whole(&self) -> bool {
        ![self.before, self.after].iter().any(|joint| matches!(joint, Some(b'-' | b'.')))
    }

    fn is_card(&self, digits: &[u8]) -> bool {
        let grouped = match *self.lengths() {
            [_] => true,
            [4, 4, 4, 1..=4] | [4, 4, 4, 4, 1..=3] | [4, 6, 5] | [4, 6, 4] => {
                matches!(self.separator(), Some(b' ' | b'-'))
            }
            _ => false,
        };
        grouped && self.is_whole() && checks::card(digits)
    }

    fn is_national_id(&self, digits: &[u8], range: &Range<usize>) -> bool {
        if !self.is_whole() {
            return false;
        }
        let says = |words: &[&str]| self.context.says(range.start, words);
        match (&*self.lengths(), self.separator()) {
            ([3, 2, 4], Some(b'-')) => checks::ssn(digits),
            ([3, 2, 4], Some(b' ')) => checks::ssn(digits) && says(SSN),
            ([2, 3, 3, 3], Some(b' ')) => checks::steuer_id(digits),
            ([1, 2, 2, 2, 3, 3, 2], Some(b' ')) => checks::nir(digits),
            ([4, 4, 4], Some(b' ')) => {
                self.before.is_none() && self.after.is_none() && checks::aadhaar(digits)
            }
            ([4, 4, 4], Some(b'-')) => checks::aadhaar(digits) && says(AADHAAR),
            ([3, 3, 3, 2], None) => self.is_cpf_form() && checks::cpf(digits),
            ([3, 3, 3] | [3, 2, 4] | [4, 2, 3], Some(b' ' | b'.')) => checks::bsn(digits) && says(BSN),
            ([9], _) => (checks::ssn(digits) && says(SSN)) || (checks::bsn(digits) && says(BSN)),
            ([11], _) => {
                (checks::steuer_id(digits) && says(STEUER_ID))
                    || (checks::pesel(digits) && says(PESEL))
                    || (checks::cpf(digits) && says(CPF))
            }
            ([12], _) => checks::aadhaar(digits) && says(AADHAAR),
            ([15], _) => checks::nir(digits),
            _ => false,
        }
    }

    /// `529.982.247-25`
    fn is_cpf_form(&self) -> bool {
        let joints: Vec<_> = self.groups.iter().skip(1).filter_map(|group| group.joint).collect();
        matches!(*joints, [b'.', b'.', b'-'])
    }

    /// Four numbers up to 255. What stands behind `v`, a product's name or a word such as `version` is a version, and an
    /// address that every machine has is nobody's.
    fn is_address(&self, range: &Range<usize>) -> bool {
        let is_dotted = self.groups.len() == 4 && self.separator() == Some(b'.');
        let text = self.context.text.get(range.clone()).filter(|_| is_dotted);
        let Some(Ok(address)) = text.map(str::parse::<std::net::Ipv4Addr>) else { return false };
        let joined = |joint: Option<u8>| joint == Some(b'.');
        let before = self.context.text.as_bytes().get(..range.start).unwrap_or_default();
        let is_product = matches!(before, [.., letter, b'/'] if letter.is_ascii_alphanumeric());
        !joined(self.before)
            && !joined(self.after)
            && !is_product
            && !address.is_loopback()
            && !address.is_unspecified()
            && !address.is_broadcast()
            && !self.context.says(range.start, VERSIONS)
    }
}
