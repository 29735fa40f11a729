//! The public tokenizers: `o200k_base` and `cl100k_base`, by the names of the models that use them.
//!
//! A vocabulary is read when it is first asked for, and stays: tens of megabytes and a tenth of a second that a process
//! which counts nothing does not spend.

use std::collections::HashSet;

use tiktoken_rs::tokenizer::{Tokenizer as Known, get_tokenizer};
use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

/// Text of one call that is tokenized at most: a million letters can take a quarter of a second. A longer call has no count,
/// since one extrapolated from a sample is a guess.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// A model's tokenizer, and how much it may still count.
pub(super) struct Tokenizer {
    vocabulary: Vocabulary,
    bytes_left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vocabulary {
    O200k,
    Cl100k,
}

impl Tokenizer {
    /// The tokenizer of a model; `None` where it is not known.
    pub(super) fn of(model: &str) -> Option<Self> {
        Some(Self { vocabulary: vocabulary(model)?, bytes_left: MAX_BYTES })
    }

    /// Tokens around each function on offer.
    pub(super) const fn function_begin(&self) -> u64 {
        match self.vocabulary {
            Vocabulary::O200k => 7,
            Vocabulary::Cl100k => 10,
        }
    }

    /// The tokens of a text; `None` when there is too much of it, or the tokenizer gives up. Words that look like marks of
    /// the format (`<|endoftext|>`) are plain text to the API.
    pub(super) fn count(&mut self, text: &str) -> Option<u64> {
        if text.is_empty() {
            return Some(0);
        }
        self.bytes_left = self.bytes_left.checked_sub(text.len())?;
        // `count_ordinary` would panic where this returns an error.
        let tokens = self.vocabulary.load().count(text, &HashSet::new()).ok()?;
        u64::try_from(tokens).ok()
    }
}

impl Vocabulary {
    fn load(self) -> &'static CoreBPE {
        match self {
            Self::O200k => o200k_base_singleton(),
            Self::Cl100k => cl100k_base_singleton(),
        }
    }
}

/// Routers write the vendor before the name (`openai/gpt-4o`), and a variant behind it (`gpt-oss:20b`).
fn vocabulary(model: &str) -> Option<Vocabulary> {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = if name.starts_with("ft:") { name.to_owned() } else { name.replace(':', "-") };
    match get_tokenizer(&name)? {
        // Harmony differs in its marks, which are not counted here.
        Known::O200kBase | Known::O200kHarmony => Some(Vocabulary::O200k),
        Known::Cl100kBase => Some(Vocabulary::Cl100k),
        Known::P50kBase | Known::R50kBase | Known::P50kEdit | Known::Gpt2 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_by_their_names() {
        use Vocabulary::{Cl100k, O200k};
        for (model, expected) in [
            ("gpt-4o-2024-08-06", Some(O200k)),
            ("gpt-4.1-mini", Some(O200k)),
            ("gpt-5.4-mini-2026-03-17", Some(O200k)),
            ("o3-pro", Some(O200k)),
            ("openai/gpt-4o:free", Some(O200k)),
            ("gpt-oss:20b", Some(O200k)),
            ("accounts/fireworks/models/gpt-oss-120b", Some(O200k)),
            ("ft:gpt-4o-mini:acme:x:1", Some(O200k)),
            ("gpt-4-turbo", Some(Cl100k)),
            ("gpt-35-turbo", Some(Cl100k)),
            ("text-embedding-3-small", Some(Cl100k)),
            ("claude-sonnet-4-5", None),
            ("gemini-2.5-pro", None),
            ("llama3.2:latest", None),
            ("gpt-6.1-sol", None),
            ("davinci", None),
            ("", None),
        ] {
            assert_eq!(vocabulary(model), expected, "{model}");
        }
    }

    fn count(model: &str, text: &str) -> Option<u64> {
        Tokenizer::of(model).unwrap().count(text)
    }

    /// The counts of OpenAI's cookbook.
    #[test]
    fn published_counts() {
        for (text, cl100k, o200k) in
            [("antidisestablishmentarianism", 6, 6), ("2 + 2 = 4", 7, 7), ("お誕生日おめでとう", 9, 8)]
        {
            assert_eq!(count("gpt-4", text), Some(cl100k), "{text}");
            assert_eq!(count("gpt-4o", text), Some(o200k), "{text}");
        }
        assert!(count("gpt-4o", "<|endoftext|>").unwrap() > 1, "a mark in a text is text");
    }

    /// Counted with OpenAI's own `tiktoken` 0.14.
    #[test]
    fn counts_of_the_reference() {
        for (text, cl100k, o200k) in [
            ("fn main() {\n    println!(\"Grüezi, {}!\", name); // 😀\n}\n", 20, 19),
            ("Der schnelle braune Fuchs springt über den faulen Hund, 1234567 Mal.", 21, 20),
            ("私は毎日日本語を勉強しています。", 17, 11),
            ("   leading   spaces\t\tand\r\n\r\nlines", 8, 8),
            ("don't DON'T we're I'll", 8, 4),
            ("<|endoftext|>", 7, 7),
        ] {
            assert_eq!((count("gpt-4", text), count("gpt-4o", text)), (Some(cl100k), Some(o200k)), "{text}");
        }
    }

    #[test]
    fn text_beyond_the_bound_is_not_counted() {
        let mut tokenizer = Tokenizer::of("gpt-4o").unwrap();
        assert_eq!(tokenizer.count("hello world"), Some(2));
        assert_eq!(tokenizer.count(&"a ".repeat(MAX_BYTES)), None);
    }
}
