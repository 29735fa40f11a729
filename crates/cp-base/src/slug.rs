//! Names that stand in addresses.

use std::fmt;
use std::str::FromStr;

/// The name of an organisation, project or team in addresses: 1 to 63 of `a-z`, `0-9` and `-`, neither first nor last
/// a `-` (a label of RFC 1123). Unique among its kind within its owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(String);

/// A text that is no slug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no short name: it takes 1 to 63 of a-z, 0-9 and -, and begins and ends with a letter or digit"
)]
pub struct SlugError(String);

const MAX_LEN: usize = 63;

impl Slug {
    /// The name, as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest slug to a name for people; `None` where nothing of it is left.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let words =
            lower.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let mut text = words.collect::<Vec<_>>().join("-");
        text.truncate(MAX_LEN);
        text.trim_end_matches('-').parse().ok()
    }
}

impl FromStr for Slug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        let letters =
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let edges = text.starts_with('-') || text.ends_with('-');
        if text.is_empty() || text.len() > MAX_LEN || !letters || edges {
            return Err(SlugError(text.chars().take(2 * MAX_LEN).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_in_an_address_is_a_slug() {
        for good in ["a", "support-bot", "7", &"x".repeat(63)] {
            assert_eq!(good.parse::<Slug>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a b", "a/b", "ä", "..", &"x".repeat(64)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_has_a_nearest_slug() {
        let nearest = |name: &str| Slug::from_name(name).map(|slug| slug.to_string());
        assert_eq!(nearest("Customer Support (EU)").as_deref(), Some("customer-support-eu"));
        let long = format!("{} b", "a".repeat(62));
        assert_eq!(nearest(&long).as_deref(), Some("a".repeat(62).as_str()));
        assert_eq!(nearest("日本"), None);
    }
}
