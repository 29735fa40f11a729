//! Faults of the disk, injected by tests.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// An operation of the disk that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Preallocating a new segment: the disk is full.
    Allocate,
    /// Writing a frame: a part of it arrives, then the disk is full, or broken.
    Write,
    /// Syncing what was written.
    Sync,
    /// Making a new file's, or a new name's, place in the directory durable.
    SyncDir,
    /// Giving an empty segment its new name.
    Rename,
    /// Cutting a finished segment to its frames.
    Cut,
    /// Deleting a segment.
    Remove,
}

impl Fault {
    pub(crate) const ALL: [Self; 7] =
        [Self::Allocate, Self::Write, Self::Sync, Self::SyncDir, Self::Rename, Self::Cut, Self::Remove];
}

/// How many of the next operations fail, of each kind.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    due: [AtomicU64; Fault::ALL.len()],
    /// Of 256 parts of a failing write, those that arrive.
    written: AtomicU64,
}

impl Faults {
    /// The next `times` operations of this kind fail.
    pub(crate) fn set(&self, fault: Fault, times: u64) {
        self.due[fault as usize].store(times, SeqCst);
    }

    /// Of a failing write, `parts` of 256 arrive.
    pub(crate) fn set_written(&self, parts: u8) {
        self.written.store(parts.into(), SeqCst);
    }

    /// All is well again.
    pub(crate) fn clear(&self) {
        Fault::ALL.iter().for_each(|fault| self.set(*fault, 0));
    }

    pub(crate) fn meet(&self, fault: Fault) -> io::Result<()> {
        let due = &self.due[fault as usize];
        if due.fetch_update(SeqCst, SeqCst, |due| due.checked_sub(1)).is_err() {
            return Ok(());
        }
        match fault {
            Fault::Allocate => Err(io::ErrorKind::StorageFull.into()),
            _ => Err(io::Error::from_raw_os_error(5)),
        }
    }

    pub(crate) fn write<'a>(&self, file: &File, bytes: &'a [u8], at: u64) -> io::Result<&'a [u8]> {
        let Err(error) = self.meet(Fault::Write) else { return Ok(bytes) };
        let parts = usize::try_from(self.written.load(SeqCst)).unwrap();
        file.write_all_at(&bytes[..bytes.len() * parts / 256], at)?;
        // An odd share of it arrives where the disk is full, an even one where it is broken.
        Err(if parts % 2 == 1 { io::ErrorKind::StorageFull.into() } else { error })
    }
}
