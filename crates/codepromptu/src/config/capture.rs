//! What is captured, and the log that it goes into.

use cp_capture::Durability;
use cp_gateway::OnFull;
use serde::{Deserialize, Serialize};

use super::ConfigError;

const MIB: u64 = 1024 * 1024;

/// What is captured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CaptureConfig {
    /// `process` or `strict`.
    pub durability: DurabilityName,
    /// `forward` or `reject`.
    pub on_full: OnFullName,
    /// Bytes of each body that are kept.
    pub max_body_bytes: usize,
    /// Memory for bodies that are not on disk yet.
    pub memory_bytes: u64,
    /// Calls under way at a time that can be captured.
    pub max_open_calls: usize,
}

/// What a captured call survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DurabilityName {
    /// The death of the process.
    Process,
    /// The loss of power.
    Strict,
}

/// What a call meets when the log has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnFullName {
    /// It passes uncaptured.
    Forward,
    /// It is refused.
    Reject,
}

/// The capture log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// Size of one file.
    pub segment_bytes: u64,
    /// Size of all files.
    pub max_bytes: u64,
    /// How long a file is kept after everything in it is stored.
    pub min_retention_s: u64,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        Self {
            durability: DurabilityName::Process,
            on_full: OnFullName::Forward,
            max_body_bytes: 4 * 1024 * 1024,
            memory_bytes: 64 * MIB,
            max_open_calls: 16_384,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { segment_bytes: 96 * MIB, max_bytes: 8 * 1024 * MIB, min_retention_s: 3600 }
    }
}

impl CaptureConfig {
    /// The durability of captured calls.
    #[must_use]
    pub(crate) fn durability(&self) -> Durability {
        match self.durability {
            DurabilityName::Process => Durability::Process,
            DurabilityName::Strict => Durability::Strict,
        }
    }

    /// What a call meets when the log has no room.
    #[must_use]
    pub(crate) fn on_full(&self) -> OnFull {
        match self.on_full {
            OnFullName::Forward => OnFull::Forward,
            OnFullName::Reject => OnFull::Reject,
        }
    }
}

impl LogConfig {
    /// Whether what is captured fits into it.
    pub(super) fn check(&self, capture: &CaptureConfig) -> Result<(), ConfigError> {
        if self.segment_bytes < capture.memory_bytes {
            let reason = format!("must be at least `capture.memory_bytes` ({})", capture.memory_bytes);
            return Err(ConfigError::value("log.segment_bytes", reason));
        }
        let least = self.segment_bytes.saturating_mul(3);
        if self.max_bytes < least {
            return Err(ConfigError::value(
                "log.max_bytes",
                format!("must be at least three segments ({least})"),
            ));
        }
        Ok(())
    }
}
