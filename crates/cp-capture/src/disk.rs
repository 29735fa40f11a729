//! The files of a log: one directory with segments, named by their base position, and the file `node`, which holds the
//! node's id and is locked while the log is open.
//!
//! Files stay open when they are moved or deleted, and what is written to them then is found by nobody. So the directory
//! is known by what it is, and looked after.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use cp_base::Timestamp;
use rustix::fs::{FallocateFlags, FlockOperation};

use crate::error::OpenError;
#[cfg(test)]
use crate::faults::Fault;

const SUFFIX: &str = ".seg";
const NODE_FILE: &str = "node";

/// A directory, by its path and by what was there when the log was opened.
#[derive(Clone, Debug)]
pub(crate) struct LogDir {
    path: PathBuf,
    identity: (u64, u64),
}

impl LogDir {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }

    pub(crate) fn segment_path(&self, base: u64) -> PathBuf {
        self.path.join(format!("{base:020}{SUFFIX}"))
    }

    /// Whether the path still leads to the directory that was opened.
    pub(crate) fn check(&self) -> io::Result<()> {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "{} was moved or replaced while the log was in use; put it back, or start anew",
            self.path.display()
        )))
    }
}

/// Device and inode.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Whether no directory holds this open file any more.
pub(crate) fn is_deleted(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

/// The directory at work.
#[derive(Debug)]
pub(crate) struct Disk {
    dir: LogDir,
    #[cfg(test)]
    pub(crate) faults: std::sync::Arc<crate::faults::Faults>,
}

impl Disk {
    /// Makes the directory where it is missing, for the owner alone.
    pub(crate) fn new(dir: &Path) -> Result<Self, OpenError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        let opened = made.and_then(|()| LogDir::open(dir));
        Ok(Self {
            dir: opened.map_err(|source| OpenError::io("make the directory", dir, source))?,
            #[cfg(test)]
            faults: Default::default(),
        })
    }

    pub(crate) fn dir(&self) -> &LogDir {
        &self.dir
    }

    pub(crate) fn path(&self) -> &Path {
        &self.dir.path
    }

    pub(crate) fn segment_path(&self, base: u64) -> PathBuf {
        self.dir.segment_path(base)
    }

    /// Opens the node file and locks it; the lock lasts as long as the file is open.
    pub(crate) fn lock(&self) -> Result<(File, PathBuf), OpenError> {
        let path = self.dir.path.join(NODE_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(|source| OpenError::io("open", &path, source))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok((file, path)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Locked { dir: self.dir.path.clone() }),
            Err(error) => Err(OpenError::io("lock", &path, error.into())),
        }
    }

    /// The bases of the segments, in order.
    pub(crate) fn bases(&self) -> io::Result<Vec<u64>> {
        let mut bases = Vec::new();
        for entry in std::fs::read_dir(&self.dir.path)? {
            let name = entry?.file_name();
            let base = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            bases.extend(base.and_then(|base| base.parse::<u64>().ok()));
        }
        bases.sort_unstable();
        Ok(bases)
    }

    /// Makes a segment of `capacity` bytes, preallocated and durable, or leaves nothing behind.
    pub(crate) fn create(&self, base: u64, header: &[u8], capacity: u64) -> io::Result<File> {
        let made = self.try_create(base, header, capacity);
        if made.is_err() {
            // What was begun may be there or not; without a frame in it, it is harmless.
            let _ = std::fs::remove_file(self.segment_path(base));
        }
        made
    }

    fn try_create(&self, base: u64, header: &[u8], capacity: u64) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(self.segment_path(base))?;
        #[cfg(test)]
        self.faults.meet(Fault::Allocate)?;
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, capacity) {
            // A file system without preallocation: a full disk is then noticed when writing.
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
        file.write_all_at(header, 0)?;
        file.sync_all()?;
        self.sync_dir()?;
        Ok(file)
    }

    /// Gives an empty segment another base.
    pub(crate) fn recycle(&self, from: u64, to: u64) -> io::Result<File> {
        #[cfg(test)]
        self.faults.meet(Fault::Rename)?;
        std::fs::rename(self.segment_path(from), self.segment_path(to))?;
        self.sync_dir()?;
        OpenOptions::new().write(true).open(self.segment_path(to))
    }

    pub(crate) fn write(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        #[cfg(test)]
        let bytes = self.faults.write(file, bytes, at)?;
        file.write_all_at(bytes, at)
    }

    pub(crate) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        self.faults.meet(Fault::Sync)?;
        file.sync_data()
    }

    /// Cuts a file to `len`, and dates it: its retention is counted from there after a restart.
    pub(crate) fn cut(&self, file: &File, len: u64, last_write: Timestamp) -> io::Result<()> {
        #[cfg(test)]
        self.faults.meet(Fault::Cut)?;
        file.set_len(len)?;
        let micros = u64::try_from(last_write.0).unwrap_or(0);
        file.set_modified(UNIX_EPOCH + Duration::from_micros(micros))
    }

    pub(crate) fn remove(&self, base: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.meet(Fault::Remove)?;
        match std::fs::remove_file(self.segment_path(base)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_dir(&self) -> io::Result<()> {
        #[cfg(test)]
        self.faults.meet(Fault::SyncDir)?;
        File::open(&self.dir.path)?.sync_all()
    }
}
