//! The closed set of ways in which an operation can fail, as its caller sees it.

/// What kind of failure it is. One to one with an HTTP status and a problem type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input is malformed or out of range.
    InvalidInput,
    /// Nobody is authenticated.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// It does not exist, or not for this caller.
    NotFound,
    /// It clashes with what is there.
    Conflict,
    /// A precondition, such as a revision, no longer holds.
    PreconditionFailed,
    /// The input is over a limit.
    TooLarge,
    /// Too many requests.
    RateLimited,
    /// A fault of ours.
    Internal,
    /// A service that we call failed.
    UpstreamFailed,
    /// Something that we need is down; try again.
    Unavailable,
    /// Something that we need did not answer in time.
    TimedOut,
}

impl ErrorKind {
    /// The HTTP status code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidInput => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::UpstreamFailed => 502,
            Self::Unavailable => 503,
            Self::TimedOut => 504,
        }
    }

    /// The last part of the problem type URI (RFC 9457).
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::PreconditionFailed => "precondition-failed",
            Self::TooLarge => "too-large",
            Self::RateLimited => "rate-limited",
            Self::Internal => "internal",
            Self::UpstreamFailed => "upstream-failed",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed-out",
        }
    }
}
