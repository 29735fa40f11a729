//! Who may put calls into a project.

use std::str::FromStr;

/// Who may put calls into a project at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectAccess {
    /// Whoever names it, or whom nobody else claims.
    Open,
    /// Who has a gateway key of the project, or a provider's key that it has claimed.
    WithKey,
}

/// A text that is none of the two.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither open nor with_key")]
pub struct ProjectAccessParseError(String);

impl ProjectAccess {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::WithKey => "with_key",
        }
    }
}

impl FromStr for ProjectAccess {
    type Err = ProjectAccessParseError;

    fn from_str(text: &str) -> Result<Self, ProjectAccessParseError> {
        let known = [Self::Open, Self::WithKey].into_iter().find(|access| access.as_str() == text);
        known.ok_or_else(|| ProjectAccessParseError(text.to_owned()))
    }
}
