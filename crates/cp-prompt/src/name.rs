//! What prompts, labels, versions and variables are called.

use std::fmt;
use std::str::FromStr;

use crate::text::{serde_as_text, shown};

/// The name of a prompt within its project: 1 to 255 characters, like a path (`support/refund-reply`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PromptName(String);

/// A text that is no name of a prompt, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptNameError {
    /// Nothing.
    #[error("the prompt's name is empty: give it 1 to 255 characters, such as `support/refund-reply`")]
    Empty,
    /// More than 255 characters.
    #[error("the prompt's name `{0}` has more than 255 characters: shorten it")]
    TooLong(String),
    /// White space at an edge.
    #[error("the prompt's name `{0}` begins or ends with white space: take it away")]
    Edges(String),
    /// A segment between slashes that is empty, `.` or `..`.
    #[error("the prompt's name `{0}` has an empty, `.` or `..` part between its `/`: name each part")]
    Segment(String),
    /// A control character or `|`.
    #[error("the prompt's name `{name}` has {character:?} in it, which names cannot hold: take it out")]
    Character {
        /// The name.
        name: String,
        /// The first such character.
        character: char,
    },
    /// A word that addresses use themselves.
    #[error(
        "`{0}` cannot be a prompt's name, as addresses use the word: choose another, such as `{0}-prompt`"
    )]
    Reserved(String),
}

impl PromptName {
    /// The most characters.
    pub const MAX_CHARACTERS: usize = 255;

    /// The name, as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the last `/`: the folder that the prompt lies in.
    #[must_use]
    pub fn folder(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(folder, _)| folder)
    }
}

const RESERVED: [&str; 3] = ["new", "metrics", "prompt-detail"];

impl FromStr for PromptName {
    type Err = PromptNameError;

    fn from_str(text: &str) -> Result<Self, PromptNameError> {
        if text.is_empty() {
            return Err(PromptNameError::Empty);
        }
        if text.chars().nth(Self::MAX_CHARACTERS).is_some() {
            return Err(PromptNameError::TooLong(shown(text)));
        }
        if let Some(character) = text.chars().find(|character| character.is_control() || *character == '|') {
            return Err(PromptNameError::Character { name: shown(text), character });
        }
        if text.trim() != text {
            return Err(PromptNameError::Edges(shown(text)));
        }
        if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(PromptNameError::Segment(shown(text)));
        }
        if RESERVED.contains(&text) {
            return Err(PromptNameError::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PromptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a label: 1 to 36 of `a-z`, `0-9`, `_`, `-` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelName(String);

/// A text that is no name of a label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no label: it takes 1 to 36 of a-z, 0-9, `_`, `-` and `.`")]
pub struct LabelNameError(String);

impl LabelName {
    const MAX_LEN: usize = 36;
    const LATEST: &str = "latest";
    const PRODUCTION: &str = "production";

    /// The label that is meant where none is named.
    #[must_use]
    pub fn production() -> Self {
        Self(Self::PRODUCTION.to_owned())
    }

    /// The label that moves by itself, with each new version.
    #[must_use]
    pub fn latest() -> Self {
        Self(Self::LATEST.to_owned())
    }

    /// Whether it is the one that moves by itself, and that nobody sets.
    #[must_use]
    pub fn is_latest(&self) -> bool {
        self.0 == Self::LATEST
    }

    /// Whether it is the one that is meant where none is named.
    #[must_use]
    pub fn is_production(&self) -> bool {
        self.0 == Self::PRODUCTION
    }

    /// The label, as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LabelName {
    type Err = LabelNameError;

    fn from_str(text: &str) -> Result<Self, LabelNameError> {
        let letter = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.')
        };
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.bytes().all(letter) {
            return Err(LabelNameError(shown(text)));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LabelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a version: 1 for a prompt's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "i64", into = "i32")]
pub struct VersionNumber(i32);

/// What is no number of a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version: versions count 1, 2, 3 …")]
pub struct VersionNumberError(String);

impl VersionNumber {
    /// A prompt's first version.
    pub const FIRST: Self = Self(1);

    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// The one after it; `None` where numbers end.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl TryFrom<i64> for VersionNumber {
    type Error = VersionNumberError;

    fn try_from(number: i64) -> Result<Self, VersionNumberError> {
        match i32::try_from(number) {
            Ok(small) if small >= 1 => Ok(Self(small)),
            _ => Err(VersionNumberError(number.to_string())),
        }
    }
}

impl From<VersionNumber> for i32 {
    fn from(version: VersionNumber) -> Self {
        version.0
    }
}

impl FromStr for VersionNumber {
    type Err = VersionNumberError;

    /// Takes what [`Display`](fmt::Display) writes, and nothing else: no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, VersionNumberError> {
        let error = || VersionNumberError(shown(text));
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        let number: i64 = if plain { text.parse().map_err(|_| error())? } else { return Err(error()) };
        Self::try_from(number).map_err(|_| error())
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a variable or a placeholder: a letter or `_`, then letters, digits and `_`, all ASCII; at most 100.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableName(String);

/// A text that is no name of a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name a variable: it takes up to 100 letters, digits and `_`, and begins with no digit")]
pub struct VariableNameError(String);

impl VariableName {
    const MAX_LEN: usize = 100;

    /// The name, as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VariableName {
    type Err = VariableNameError;

    fn from_str(text: &str) -> Result<Self, VariableNameError> {
        let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let begins = text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if !letters || !begins || text.len() > Self::MAX_LEN {
            return Err(VariableNameError(shown(text)));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(PromptName, LabelName, VariableName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_named_like_paths() {
        let long = "ä".repeat(255);
        for good in
            ["a", "support/refund-reply", "with spaces (EU) @ 7 #x", "日本/語", "newer", "a/new", &long]
        {
            assert_eq!(good.parse::<PromptName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/a",
            "a/",
            "a//b",
            " a",
            "a ",
            "a\nb",
            "a|b",
            "new",
            "metrics",
            "prompt-detail",
            "a/../b",
            ".",
        ] {
            assert!(bad.parse::<PromptName>().is_err(), "{bad}");
        }
        assert!(matches!("ä".repeat(256).parse::<PromptName>(), Err(PromptNameError::TooLong(_))));
        assert_eq!("a/b/c".parse::<PromptName>().unwrap().folder(), Some("a/b"));
    }

    #[test]
    fn errors_name_what_is_wrong_and_the_next_step() {
        let error = |name: &str| name.parse::<PromptName>().unwrap_err().to_string();
        assert_eq!(
            error("a|b"),
            "the prompt's name `a|b` has '|' in it, which names cannot hold: take it out"
        );
        assert_eq!(
            error("new"),
            "`new` cannot be a prompt's name, as addresses use the word: choose another, such as `new-prompt`"
        );
        assert_eq!(
            "Prod".parse::<LabelName>().unwrap_err().to_string(),
            "`Prod` is no label: it takes 1 to 36 of a-z, 0-9, `_`, `-` and `.`"
        );
    }

    #[test]
    fn labels_are_short_and_plain() {
        for good in ["production", "a", "v1.2_x-y", &"x".repeat(36)] {
            assert_eq!(good.parse::<LabelName>().unwrap().as_str(), good);
        }
        for bad in ["", "A", "a b", "a/b", "é", &"x".repeat(37)] {
            assert!(bad.parse::<LabelName>().is_err(), "{bad}");
        }
        assert!(LabelName::latest().is_latest() && !LabelName::production().is_latest());
    }

    #[test]
    fn versions_count_from_one() {
        assert_eq!("17".parse::<VersionNumber>().unwrap().get(), 17);
        for bad in ["", "0", "-1", "+1", "01", "1.0", "2147483648", "99999999999999999999", "x"] {
            assert!(bad.parse::<VersionNumber>().is_err(), "{bad}");
        }
        assert_eq!(VersionNumber::try_from(i64::from(i32::MAX)).unwrap().next(), None);
        assert_eq!(serde_json::from_str::<VersionNumber>("3").unwrap().get(), 3);
        assert!(serde_json::from_str::<VersionNumber>("0").is_err());
    }
}
