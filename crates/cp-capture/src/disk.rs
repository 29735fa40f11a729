//! The files of a log: one directory with segments, named by their base position, and the file `node`, which holds the
//! node's id and is locked while the log is open.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, FlockOperation};

use crate::error::OpenError;

const SUFFIX: &str = ".seg";
const NODE_FILE: &str = "node";

/// The directory.
#[derive(Debug)]
pub(crate) struct Disk {
    dir: PathBuf,
    #[cfg(test)]
    pub(crate) faults: std::sync::Arc<crate::faults::Faults>,
}

impl Disk {
    /// Makes the directory where it is missing, for the owner alone.
    pub(crate) fn new(dir: &Path) -> Result<Self, OpenError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|source| OpenError::io("make the directory", dir, source))?;
        Ok(Self {
            dir: dir.to_owned(),
            #[cfg(test)]
            faults: Default::default(),
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn segment_path(&self, base: u64) -> PathBuf {
        segment_path(&self.dir, base)
    }

    /// Opens the node file and locks it; the lock lasts as long as the file is open.
    pub(crate) fn lock(&self) -> Result<(File, PathBuf), OpenError> {
        let path = self.dir.join(NODE_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(|source| OpenError::io("open", &path, source))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok((file, path)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Locked { dir: self.dir.clone() }),
            Err(error) => Err(OpenError::io("lock", &path, error.into())),
        }
    }

    /// The bases of the segments, in order.
    pub(crate) fn bases(&self) -> io::Result<Vec<u64>> {
        let mut bases = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
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
        #[cfg(test)]
        self.faults.allocate()?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(self.segment_path(base))?;
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
        self.faults.rename()?;
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
        self.faults.sync()?;
        file.sync_data()
    }

    pub(crate) fn remove(&self, base: u64) -> io::Result<()> {
        match std::fs::remove_file(self.segment_path(base)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }
}

pub(crate) fn segment_path(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:020}{SUFFIX}"))
}
