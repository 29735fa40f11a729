//! Failures, each with the next step.

use std::error::Error;

use cp_wire::Problem;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The text is not a server's address.
    #[error("`{0}` is not a server's address like http://127.0.0.1:8080")]
    Address(String),
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// A key, organisation or project cannot be sent.
    #[error("what is given for `{0}` holds characters that cannot be sent")]
    Header(String),
    /// What is to be sent has no JSON form.
    #[error("the request cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// Nobody answers there.
    #[error("CodePromptu does not answer at {server}")]
    Unreachable {
        /// The server.
        server: String,
        /// What the connection said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server says what is wrong.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// Something else answers there.
    #[error("what answers at {server} is not CodePromptu: {found}")]
    NotCodePromptu {
        /// The server.
        server: String,
        /// What came instead.
        found: String,
    },
    /// The answer broke off.
    #[error("the connection to {server} broke off")]
    BrokenOff {
        /// The server.
        server: String,
        /// What the connection said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl ClientError {
    /// What a person can do about it.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => {
                Some("start it with `codepromptu serve`, or name another server with `--server URL`")
            }
            Self::Address(_) | Self::NotCodePromptu { .. } => {
                Some("name the right server with `--server URL`")
            }
            Self::Header(_) => Some("check what was given, white space and line ends included"),
            Self::Problem(_) | Self::BrokenOff { .. } | Self::Encode(_) | Self::Tls(_) => None,
        }
    }
}
