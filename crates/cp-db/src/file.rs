//! The file of the embedded store, looked after. SQLite goes on writing to a file that was moved away or deleted, where
//! nobody would ever find what it wrote; a connection to such a file must not be used.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A path, and the file that it was last seen to lead to.
#[derive(Debug)]
pub(crate) struct WatchedFile {
    path: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// Device and inode; absent while there is no file.
    identity: Option<(u64, u64)>,
    since: Instant,
}

impl WatchedFile {
    /// Watches the file at `path`, to which connections have been opened since `since`.
    pub(crate) fn new(path: PathBuf, since: Instant) -> Self {
        let identity = identity(&path);
        Self { path, seen: Mutex::new(Seen { identity, since }) }
    }

    /// Whether a connection that was opened so long ago is one to the file that is there now.
    pub(crate) fn is_current(&self, age: Duration) -> bool {
        let identity = identity(&self.path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if identity != seen.identity {
            *seen = Seen { identity, since: Instant::now() };
        }
        seen.identity.is_some() && age <= seen.since.elapsed()
    }
}

fn identity(path: &PathBuf) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
