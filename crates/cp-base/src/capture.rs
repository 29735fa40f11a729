//! How much of a call is captured: the decision, as it goes with the call from the gateway to the store.

use serde::{Deserialize, Serialize};

/// How much of a call is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMode {
    /// All of it; what redaction replaces, it replaces.
    #[default]
    Full,
    /// Structure, tokens and cost, and of each text its length.
    Masked,
    /// No bodies: who called what when, how long it took and how it ended.
    MetadataOnly,
    /// Nothing: the call passes and is counted.
    Off,
}

impl CaptureMode {
    /// As it is written in a policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Masked => "masked",
            Self::MetadataOnly => "metadata_only",
            Self::Off => "off",
        }
    }
}

/// What of a policy decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureReason {
    /// The project's mode.
    #[default]
    Project,
    /// One of its rules.
    Rule,
    /// Its sampling.
    Sampling,
}

impl CaptureReason {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Rule => "rule",
            Self::Sampling => "sampling",
        }
    }
}

/// What was decided of a call when it was admitted. Records and documents from before there were policies have the
/// default, which is what was done then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CaptureMark {
    /// How much is kept.
    pub mode: CaptureMode,
    /// What decided that.
    pub reason: CaptureReason,
    /// The version of the project's policy; zero where the project had none.
    pub policy_version: u64,
    /// The kinds of data that are redacted, one bit each, as `cp-redact` numbers them.
    pub redacted_kinds: u32,
    /// Whether the capture log is redacted too.
    pub redact_log: bool,
}
