//! Random secrets that are shown once and kept as a digest.

use crate::{Digest, Random, Secret, sha256};

/// A bearer token, such as an API key: a prefix that says what it is, and 256 random bits in Crockford's base 32.
///
/// Only its digest is kept. So much randomness needs neither salt nor a slow hash, and a look-up by digest tells nothing
/// by the time that it takes.
#[derive(Clone, Debug)]
pub struct Token(Secret);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LETTERS: usize = 52;
/// Letters behind the prefix that may be shown, to tell one token from another: 40 bits of 260.
const SHOWN: usize = 8;

impl Token {
    /// A new token: `prefix`, such as `cpa_`, and 52 random letters.
    #[must_use]
    pub fn generate(random: &Random, prefix: &str) -> Self {
        let letters = random.bytes::<LETTERS>();
        let letters = letters.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
        Self(Secret::new(prefix.chars().chain(letters.map(|letter| char::from(*letter))).collect()))
    }

    /// A token that somebody presents; `None` where the text cannot be one with this prefix.
    #[must_use]
    pub fn parse(text: &str, prefix: &str) -> Option<Self> {
        let letters = text.strip_prefix(prefix)?;
        let fits = letters.len() == LETTERS && letters.bytes().all(|letter| ALPHABET.contains(&letter));
        fits.then(|| Self(Secret::new(text.to_owned())))
    }

    /// The token, for whoever is to keep it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&[b"codepromptu token v1", self.expose().as_bytes()])
    }

    /// Its beginning, which may be shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        let text = self.expose();
        text.get(..text.len().saturating_sub(LETTERS - SHOWN)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_again_by_its_digest() {
        let token = Token::generate(&Random::seeded(1), "cpa_");
        let again = Token::parse(token.expose(), "cpa_").unwrap();
        assert_eq!(token.digest(), again.digest());
        assert_eq!(token.shown().len(), "cpa_".len() + SHOWN);
        assert!(token.expose().starts_with(token.shown()));
        assert_ne!(token.digest(), Token::generate(&Random::seeded(2), "cpa_").digest());
    }

    #[test]
    fn what_is_no_token_is_not_looked_up() {
        let token = Token::generate(&Random::seeded(1), "cpa_");
        assert!(Token::parse(token.expose(), "cps_").is_none());
        for text in ["", "cpa_", "cpa_short", &token.expose().to_uppercase(), &format!("{}0", token.expose())]
        {
            assert!(Token::parse(text, "cpa_").is_none(), "{text}");
        }
        assert!(!format!("{token:?}").contains(token.shown()));
    }
}
