//! Failures of use cases.

use std::error::Error;

use cp_base::ErrorKind;
use cp_traffic::StoreError;

/// Why a use case failed: what its caller may know, and what only the log may.
#[derive(Debug, thiserror::Error)]
#[error("{public}")]
pub struct AppError {
    /// The kind.
    pub kind: ErrorKind,
    /// What the caller is told: what happened, to which input, and what to do next.
    pub public: String,
    /// The cause, for the log.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl AppError {
    /// It does not exist, or not for this caller.
    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self {
            kind: ErrorKind::NotFound,
            public: format!("there is no {what} in this project"),
            source: None,
        }
    }

    /// The answer would be too large.
    pub(crate) fn too_large(what: impl std::fmt::Display) -> Self {
        Self { kind: ErrorKind::TooLarge, public: what.to_string(), source: None }
    }
}

/// An error and everything that caused it, on one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        let (kind, public) = if error.is_retryable() {
            (ErrorKind::Unavailable, "the store does not answer; try again shortly, and see /readyz")
        } else {
            (ErrorKind::Internal, "the store failed; the program's log says why")
        };
        Self { kind, public: public.to_owned(), source: Some(Box::new(error)) }
    }
}
