//! The capture policy of a project as it is stored and sent: a document with a format version.

use std::collections::{BTreeMap, BTreeSet};

use cp_base::CaptureMode;
use serde::{Deserialize, Serialize};

use crate::kind::DataKind;
use crate::rules::PatternError;

/// The format that this program writes.
const FORMAT: u32 = 1;
/// Rules that a policy may have: each call is held against them.
const MAX_RULES: usize = 64;
/// Conditions of one rule on headers.
const MAX_HEADERS: usize = 16;

/// What a project wants captured. Fields that are absent have their defaults: everything is kept as it passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyDocument {
    /// The format; 1.
    pub format: u32,
    /// How much of each call is kept.
    pub mode: CaptureMode,
    /// Of which calls less is kept.
    pub sampling: Sampling,
    /// Exceptions; the first that matches decides, and sampling is not asked.
    pub rules: Vec<Rule>,
    /// Bytes of each body that are kept at most.
    pub max_body_bytes: Option<u64>,
    /// The kinds of data that are redacted.
    pub redact: BTreeSet<DataKind>,
    /// The project's own patterns, redacted too.
    pub patterns: Vec<OwnPattern>,
    /// Whether the capture log is redacted before it is written.
    pub redact_log: bool,
}

impl Default for PolicyDocument {
    fn default() -> Self {
        let (mode, sampling, rules, max_body_bytes, redact, patterns, redact_log) = Default::default();
        Self { format: FORMAT, mode, sampling, rules, max_body_bytes, redact, patterns, redact_log }
    }
}

/// A share of the calls is kept as the mode says, and less of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// The share, from 0 to 1. Which calls is decided by their ids, and so for ever.
    pub rate: f64,
    /// How much of the others is kept.
    pub rest: CaptureMode,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { rate: 1.0, rest: CaptureMode::MetadataOnly }
    }
}

/// An exception: where all its conditions hold, its mode is the call's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// The provider's name.
    pub provider: Option<String>,
    /// The path at the provider; with `*` at its end, how the path begins.
    pub path: Option<String>,
    /// Headers with their values; `*` is any value.
    pub headers: BTreeMap<String, String>,
    /// How much is kept.
    pub mode: CaptureMode,
}

/// A pattern of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnPattern {
    /// Its name, which stands in the placeholders.
    pub name: String,
    /// A regular expression that runs in linear time: without look-around and back-references.
    pub expression: String,
}

/// A policy that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is no policy.
    #[error("this is no capture policy: {0}")]
    Malformed(String),
    /// A newer program wrote it.
    #[error("the capture policy has format {0}, and this version of the program knows format 1")]
    Newer(u32),
    /// The share is none.
    #[error("sampling.rate is {0}; it must be from 0 to 1")]
    Rate(f64),
    /// There are too many rules.
    #[error("{0} rules are too many; a policy may have 64, of 16 headers each")]
    TooManyRules(usize),
    /// A rule that always matches is no exception.
    #[error("rule {0} has no condition; give it a provider, a path or a header, or set `mode`")]
    NoCondition(usize),
    /// A pattern cannot be used.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl PolicyDocument {
    /// From JSON.
    ///
    /// # Errors
    /// When it is no policy of a known format; the error names the field.
    pub fn from_json(json: &str) -> Result<Self, DocumentError> {
        serde_json::from_str(json).map_err(|error| DocumentError::Malformed(error.to_string()))
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn check(&self) -> Result<(), DocumentError> {
        if self.format != FORMAT {
            return Err(DocumentError::Newer(self.format));
        }
        if !(0.0..=1.0).contains(&self.sampling.rate) {
            return Err(DocumentError::Rate(self.sampling.rate));
        }
        if self.rules.len() > MAX_RULES || self.rules.iter().any(|rule| rule.headers.len() > MAX_HEADERS) {
            return Err(DocumentError::TooManyRules(self.rules.len()));
        }
        let bare = |rule: &Rule| rule.provider.is_none() && rule.path.is_none() && rule.headers.is_empty();
        match self.rules.iter().position(bare) {
            Some(place) => Err(DocumentError::NoCondition(place + 1)),
            None => Ok(()),
        }
    }
}
