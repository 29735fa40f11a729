//! How this program knows of a call.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How this program knows of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallSource {
    /// It passed the gateway, and was captured.
    #[default]
    Gateway,
    /// A client told of it: nobody here saw it pass.
    Ingestion,
}

impl CallSource {
    /// The stored and shown name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Ingestion => "ingestion",
        }
    }

    /// The source of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Gateway, Self::Ingestion].into_iter().find(|source| source.as_str() == name)
    }

    /// Whether the call passed the gateway.
    #[must_use]
    pub fn is_gateway(&self) -> bool {
        *self == Self::Gateway
    }
}

impl fmt::Display for CallSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
