//! Faults of the disk, injected by tests.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// How many of the next operations fail.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) allocations: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) renames: AtomicU64,
}

impl Faults {
    pub(crate) fn allocate(&self) -> io::Result<()> {
        if due(&self.allocations) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    /// A failing write leaves half of its bytes.
    pub(crate) fn write<'a>(&self, file: &File, bytes: &'a [u8], at: u64) -> io::Result<&'a [u8]> {
        if !due(&self.writes) {
            return Ok(bytes);
        }
        file.write_all_at(&bytes[..bytes.len() / 2], at)?;
        Err(io::Error::from_raw_os_error(5))
    }

    pub(crate) fn rename(&self) -> io::Result<()> {
        if due(&self.renames) { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        if due(&self.syncs) { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
    }
}

fn due(count: &AtomicU64) -> bool {
    count.fetch_update(SeqCst, SeqCst, |count| count.checked_sub(1)).is_ok()
}
