//! What people and programs write in a word: ids, keys, tokens, times, amounts, cursors, signatures, sealed bytes.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use cp_base::{
    ApiKeyId, CallId, ConversationId, MasterKey, OrgId, Outcome, PublicKey, SealingKey, Secret, SigningKey,
    Slug, Timestamp, Token, UsdNanos, unhex,
};
use cp_wire::Cursor;

/// Whatever is read is written so that it reads as the same again, and what is not read is refused without a word of more.
/// The first byte says what the rest is.
pub fn texts(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    if kind % 16 == 15 {
        return sealed(rest);
    }
    let Ok(text) = std::str::from_utf8(rest) else { return };
    match kind % 16 {
        0 => same_again::<CallId>(text),
        1 => same_again::<ConversationId>(text),
        2 => same_again::<OrgId>(text),
        3 => same_again::<ApiKeyId>(text),
        4 => same_again::<Slug>(text),
        5 => same_again::<Timestamp>(text),
        6 => same_again::<Cursor>(text),
        7 => same_again::<Outcome>(text),
        8 => same_again::<PublicKey>(text),
        9 => amount(text),
        10 => token(text),
        11 => drop(MasterKey::from_hex(&Secret::new(text.to_owned()))),
        12 => drop(unhex(text)),
        _ => signature(text),
    }
}

fn same_again<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let written = value.to_string();
    assert_eq!(written.parse::<T>().ok().as_ref(), Some(&value), "{text} is written {written}");
}

fn amount(text: &str) {
    let Ok(amount) = UsdNanos::parse_dollars(text) else { return };
    let written = amount.to_string();
    let again = UsdNanos::parse_dollars(written.trim_start_matches('$')).ok();
    assert_eq!(again, Some(amount), "{text} is written {written}");
}

/// A token is taken as it is or not at all.
fn token(text: &str) {
    let Some(token) = Token::parse(text, "cpa_") else { return };
    assert_eq!(token.expose(), text);
    assert!(!format!("{token:?}").contains(text), "a token shows itself");
}

/// Nothing that somebody makes up is a signature.
fn signature(text: &str) {
    let key = SigningKey::derived_from(&SealingKey::new([7; 32])).public();
    assert!(key.verify(b"what was signed by nobody", text).is_err());
}

/// Nothing that somebody makes up opens.
fn sealed(bytes: &[u8]) {
    let key = SealingKey::new([7; 32]);
    assert!(key.open(b"context", bytes).is_err());
    drop(SealingKey::key_of(bytes));
    assert!(MasterKey::new([7; 32]).unwrap_data_key(b"context", bytes).is_err());
}

/// One of each sort, after the byte that says which.
pub(crate) const SEEDS: &[(&str, &[u8])] = &[
    ("call", b"\x00call_00000000000000000000000000"),
    ("conversation", b"\x01conv_00000000000000000000000000"),
    ("org", b"\x02org_00000000000000000000000000"),
    ("key", b"\x03key_00000000000000000000000000"),
    ("slug", b"\x04support-team-2"),
    ("time", b"\x052026-11-22T09:30:00.000001Z"),
    ("cursor", b"\x061780272000000000.call_00000000000000000000000000"),
    ("outcome", b"\x07client_cancelled"),
    ("public-key", b"\x080707070707070707070707070707070707070707070707070707070707070707"),
    ("amount", b"\x0912.345678901"),
    ("token", b"\x0acpa_0000000000000000000000000000000000000000000000000000"),
    ("master-key", b"\x0b0707070707070707070707070707070707070707070707070707070707070707"),
    ("hex", b"\x0c00ff"),
    ("signature", b"\x0d07070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707"),
    ("sealed", b"\x0f\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
];
