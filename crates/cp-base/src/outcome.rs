//! How a call ended, as the gateway saw it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The ending of a call. The status code and `finish_reasons` say what the provider thought of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The response reached its end, whatever its status.
    Completed,
    /// The upstream could not be reached, or broke off.
    UpstreamError,
    /// The client hung up.
    ClientCancelled,
    /// A time-out of the gateway ended it.
    TimedOut,
    /// The gateway refused the request midway, such as for its size.
    Rejected,
    /// The gateway was stopped.
    ShutDown,
    /// The gateway died: there is an opening and no closing.
    Lost,
}

impl Outcome {
    /// Every outcome, in the order of this enum.
    pub const ALL: [Self; 7] = [
        Self::Completed,
        Self::UpstreamError,
        Self::ClientCancelled,
        Self::TimedOut,
        Self::Rejected,
        Self::ShutDown,
        Self::Lost,
    ];

    /// The stored and shown name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::UpstreamError => "upstream_error",
            Self::ClientCancelled => "client_cancelled",
            Self::TimedOut => "timed_out",
            Self::Rejected => "rejected",
            Self::ShutDown => "shut_down",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an outcome; one of completed, upstream_error, client_cancelled, timed_out, rejected, shut_down, lost"
)]
pub struct OutcomeParseError(String);

impl FromStr for Outcome {
    type Err = OutcomeParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| OutcomeParseError(text.into()))
    }
}
