//! The files of a folder. Nothing outside of it is read or written: a symbolic link is no folder and no file here.

use std::fs::{DirBuilder, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use cp_prompt::PromptName;

use super::path::name_of;

/// A prompt is refused above this by the library; a file above it is not read.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// What lies in a folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Files of prompts, by name.
    pub(super) prompts: Vec<(PromptName, PathBuf)>,
    /// What is no file of a prompt and looks like one, with the reason.
    pub(super) others: Vec<(PathBuf, &'static str)>,
}

/// Lists the files of prompts in a folder and in those below it, by path.
pub(super) fn list(root: &Path) -> anyhow::Result<Listing> {
    let mut listing = Listing::default();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let place = root.join(&folder);
        let entries = match std::fs::read_dir(&place) {
            Err(error) if error.kind() == ErrorKind::NotFound && place == root => return Ok(listing),
            read => read.with_context(|| format!("{} cannot be read", place.display()))?,
        };
        for entry in entries {
            let entry = entry.with_context(|| format!("{} cannot be read", place.display()))?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().with_context(|| format!("{} cannot be read", path.display()))?;
            match kind {
                _ if entry.file_name().as_encoded_bytes().starts_with(b".") => {}
                kind if kind.is_dir() => folders.push(path),
                kind => take(&mut listing, path, kind),
            }
        }
    }
    listing.prompts.sort();
    listing.others.sort();
    Ok(listing)
}

fn take(listing: &mut Listing, path: PathBuf, kind: std::fs::FileType) {
    if path.extension().is_none_or(|extension| extension != "md") || path.ends_with("README.md") {
        return;
    }
    match name_of(&path) {
        _ if kind.is_symlink() => listing.others.push((path, "it is a symbolic link, which is not followed")),
        Some(name) if kind.is_file() => listing.prompts.push((name, path)),
        Some(_) => listing.others.push((path, "it is no file")),
        None => listing.others.push((path, "its path is not how a prompt's name is written: rename it")),
    }
}

/// What a file says.
pub(super) fn read(root: &Path, path: &Path) -> anyhow::Result<String> {
    let place = checked(root, path)?;
    let read = || {
        let length = std::fs::metadata(&place)?.len();
        if length > MAX_FILE_BYTES {
            return Err(std::io::Error::other(format!("it has {length} bytes, and a prompt is shorter")));
        }
        std::fs::read_to_string(&place)
    };
    read().with_context(|| format!("{} cannot be read", place.display()))
}

/// Writes a file whole: whoever looks sees the one before it or the new one.
pub(super) fn write(root: &Path, path: &Path, text: &str) -> anyhow::Result<()> {
    let place = checked(root, path)?;
    let written = || {
        let folder = place.parent().unwrap_or(root);
        DirBuilder::new().recursive(true).create(folder)?;
        // What others may do with it is up to the umask.
        let permissions = Permissions::from_mode(0o666);
        let mut builder = tempfile::Builder::new();
        let mut file = builder.prefix(".codepromptu-").permissions(permissions).tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&place).map(drop).map_err(|error| error.error)
    };
    written().with_context(|| format!("{} cannot be written", place.display()))
}

/// Removes a file, and the folders above it that nothing is left in.
pub(super) fn remove(root: &Path, path: &Path) -> anyhow::Result<()> {
    let place = checked(root, path)?;
    std::fs::remove_file(&place).with_context(|| format!("{} cannot be removed", place.display()))?;
    for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
        // One that is not empty stays.
        if std::fs::remove_dir(root.join(folder)).is_err() {
            break;
        }
    }
    Ok(())
}

/// The place of a path in a folder, unless it would lead out of it.
fn checked(root: &Path, path: &Path) -> anyhow::Result<PathBuf> {
    let mut place = root.to_owned();
    for part in path.components() {
        let Component::Normal(part) = part else { bail!("{} leads out of the folder", path.display()) };
        place.push(part);
        if std::fs::symlink_metadata(&place).is_ok_and(|found| found.is_symlink()) {
            bail!(
                "{} is a symbolic link, which may lead out of the folder: nothing is read or written there",
                place.display()
            );
        }
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_whole_and_removed_with_their_folders() {
        let root = tempfile::tempdir().unwrap();
        let path = Path::new("a/b/c.md");
        write(root.path(), path, "one").unwrap();
        write(root.path(), path, "two").unwrap();
        assert_eq!(read(root.path(), path).unwrap(), "two");
        write(root.path(), Path::new("a/README.md"), "not a prompt").unwrap();
        write(root.path(), Path::new("a/.hidden.md"), "nor this").unwrap();
        write(root.path(), Path::new("a/%41.md"), "A is A.md").unwrap();
        let listing = list(root.path()).unwrap();
        assert_eq!(listing.prompts, [("a/b/c".parse().unwrap(), path.to_owned())]);
        assert_eq!(listing.others.len(), 1);
        remove(root.path(), path).unwrap();
        assert!(!root.path().join("a/b").exists() && root.path().join("a").exists());
    }

    #[test]
    fn nothing_outside_is_touched() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("x.md"), "theirs").unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("x.md"), root.path().join("x.md")).unwrap();
        for path in ["link/x.md", "x.md", "../x.md", "/x.md"] {
            assert!(write(root.path(), Path::new(path), "ours").is_err(), "{path}");
            assert!(read(root.path(), Path::new(path)).is_err(), "{path}");
            assert!(remove(root.path(), Path::new(path)).is_err(), "{path}");
        }
        assert_eq!(std::fs::read_to_string(outside.path().join("x.md")).unwrap(), "theirs");
        let listing = list(root.path()).unwrap();
        assert!(listing.prompts.is_empty(), "{listing:?}");
        assert_eq!(listing.others.len(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_empty() {
        let root = tempfile::tempdir().unwrap();
        assert!(list(&root.path().join("none")).unwrap().prompts.is_empty());
    }
}
