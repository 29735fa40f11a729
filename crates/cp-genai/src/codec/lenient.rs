//! JSON as clients write it. A text that was cut in the middle of an emoji ends with half a surrogate pair, written as
//! `\ud83d`: an escape that is JSON by its grammar and no character. It is read as U+FFFD rather than not at all, and so
//! are bytes that are no UTF-8.

use std::borrow::Cow;

use serde_json::Value;

/// Reads a JSON text.
pub(super) fn parse(text: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(text).or_else(|error| {
        let characters = String::from_utf8_lossy(text);
        match (without_lone_surrogates(characters.as_bytes()), characters) {
            (Some(mended), _) => serde_json::from_slice(&mended),
            (None, Cow::Owned(mended)) => serde_json::from_str(&mended),
            (None, Cow::Borrowed(_)) => Err(error),
        }
    })
}

/// The text with each escape of half a surrogate pair replaced; `None` where there is none.
fn without_lone_surrogates(text: &[u8]) -> Option<Vec<u8>> {
    let mut mended = Vec::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = if byte == b'\\' { rest.get(..6).and_then(code_unit) } else { None };
        let (kept, length) = match escape {
            Some(0xd800..=0xdbff) if follows_low_half(rest) => (rest.get(..12), 12),
            Some(0xd800..=0xdfff) => {
                changed = true;
                (Some(br"\ufffd".as_slice()), 6)
            }
            // Another escape is two bytes, so that an escaped backslash does not begin one.
            _ if byte == b'\\' => (rest.get(..2), 2),
            _ => (rest.get(..1), 1),
        };
        mended.extend_from_slice(kept.unwrap_or(rest));
        rest = if length == 1 { tail } else { rest.get(length..).unwrap_or_default() };
    }
    changed.then_some(mended)
}

fn follows_low_half(escape: &[u8]) -> bool {
    escape.get(6..12).and_then(code_unit).is_some_and(|unit| (0xdc00..=0xdfff).contains(&unit))
}

/// The number in `\u1234`.
fn code_unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(br"\u")?;
    let hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
    hexadecimal.then(|| u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_an_emoji_is_read_as_a_replacement() {
        for (text, read) in [
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\ude00 and \uD83D\uDE00""#, "\u{fffd} and 😀"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\\ud83d \ud83d""#, "\\ud83d \u{fffd}"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), read, "{text}");
        }
        assert_eq!(parse(b"\"cut \xE2\x82\"").unwrap(), "cut \u{fffd}");
        assert!(parse(br#"{"a": \ud83d}"#).is_err());
        assert!(parse(b"\xE2\x82").is_err());
        assert!(parse(br#""\ud83d"#).is_err(), "it is cut off");
    }

    proptest! {
        #[test]
        fn any_text_survives_being_written(text: String) {
            let json = serde_json::to_vec(&text).unwrap();
            prop_assert_eq!(parse(&json).unwrap(), Value::from(text));
            prop_assert_eq!(without_lone_surrogates(&json), None);
        }
    }
}
