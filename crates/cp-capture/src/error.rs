//! What can go wrong with the log.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use cp_base::KeyId;

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system refused.
    #[error(
        "cannot {action} {path}; the capture log needs a directory that it may write to, with room on its disk"
    )]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process has the log open.
    #[error("another codepromptu uses {dir}; stop it, or give this one a data directory of its own")]
    Locked {
        /// The log's directory.
        dir: PathBuf,
    },
    /// The log was written with another key.
    #[error(
        "{path} is sealed with key {found}, and the key at hand is {held}; start with the master key that wrote it"
    )]
    WrongKey {
        /// The first segment of that kind.
        path: PathBuf,
        /// The key that the segment names.
        found: KeyId,
        /// The key that was given.
        held: KeyId,
    },
    /// The log was written by a newer program.
    #[error(
        "{path} has log format {found}, and this version knows format {known}; use the newer codepromptu"
    )]
    Newer {
        /// The first segment of that kind.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this program reads.
        known: u32,
    },
}

impl OpenError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }
}

/// Why a call cannot be captured now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The log has its full size, and none of it may go yet.
    #[error(
        "the capture log has reached its size limit; raise the limit, or see why what it holds is not stored"
    )]
    LogFull,
    /// The disk is full.
    #[error("the disk of the capture log is full; free space on it")]
    DiskFull,
    /// The disk does not take what is written.
    #[error("the capture log cannot be written; its last error says why")]
    WriteFailed,
    /// More calls are under way than the log has promised room for.
    #[error("too many calls are under way; add a node, or raise the limit (capture.max_open_calls)")]
    TooManyCalls,
    /// The log is shut down.
    #[error("the capture log is shut down; send the call to another node, or again in a moment")]
    Closed,
}

impl Refused {
    /// The value of the metric's `reason` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LogFull => "log_full",
            Self::DiskFull => "disk_full",
            Self::WriteFailed => "write_failed",
            Self::TooManyCalls => "too_many_calls",
            Self::Closed => "closed",
        }
    }

    /// The reason that an error of the disk amounts to.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::WriteFailed,
        }
    }
}

/// Why an appended record is not known to be in the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// It could not be written, neither to the current segment nor to a fresh one.
    #[error("the record could not be written")]
    Write(#[source] Arc<io::Error>),
    /// It is written, and whether it would survive a power cut is not known.
    #[error("the record is written, and could not be synced")]
    Sync(#[source] Arc<io::Error>),
    /// There was no room for another segment.
    #[error("there was no room for the record")]
    NoRoom(#[source] Refused),
    /// It is larger than a segment.
    #[error("the record takes {bytes} bytes and a segment holds {segment_bytes}")]
    TooLarge {
        /// What it takes.
        bytes: u64,
        /// What a segment holds.
        segment_bytes: u64,
    },
    /// It does not encode.
    #[error("the record could not be encoded: {0}")]
    Encode(String),
    /// The slot had an opening already.
    #[error("the call has an opening already")]
    AlreadyOpen,
    /// The log was shut down first.
    #[error("the capture log is shut down")]
    Closed,
}

/// Why the log could not be read; trying again goes on where the last batch ended.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}")]
pub struct ReadError {
    /// The segment.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}
