//! Labels: what clients say of calls beside their content, for finding them by it. Like a handle, a label is stored as a
//! keyed digest: it may name a person, and the database tells it to nobody.

use cp_base::{Digest, SealingKey};

/// One label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// The end user, as the SDK's field names them.
    User(String),
    /// An entry of the SDK's metadata.
    Metadata {
        /// Its name.
        name: String,
        /// Its value; JSON where it is no text.
        value: String,
    },
    /// The trace that the client's span belongs to: 32 hexadecimal digits.
    Trace(String),
    /// The session that the call belongs to, in the client's terms.
    Session(String),
    /// The batch that the call was served in, by the provider's id.
    Batch(String),
}

impl Label {
    /// What is stored of it in a project.
    #[must_use]
    pub fn digest(&self, key: &SealingKey) -> Digest {
        let (kind, parts): (&[u8], [&str; 2]) = match self {
            Self::User(user) => (b"user", [user, ""]),
            Self::Metadata { name, value } => (b"metadata", [name, value]),
            Self::Trace(trace) => (b"trace", [&trace.to_ascii_lowercase(), ""]),
            Self::Session(session) => (b"session", [session, ""]),
            Self::Batch(batch) => (b"batch label", [batch, ""]),
        };
        let [first, second] = parts.map(str::as_bytes);
        key.digest(&[b"label", kind, first, second])
    }
}
