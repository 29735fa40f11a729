//! What stands around a find: whether it is whole, and whether a word before it says what it is.

use std::ops::Range;

/// How far before a number the word may stand that says what it is.
const SAID_BEFORE: usize = 40;
/// How far the word and the number may be apart.
const SAID_GAP: usize = 24;

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
