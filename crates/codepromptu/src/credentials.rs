//! What the command line keeps of a sign-in: a token for each server, in a file that its owner alone reads.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::config;
use crate::output::Failure;

/// The file, as it is written.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    #[serde(default)]
    servers: BTreeMap<String, Credential>,
}

/// What is kept for a server.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credential {
    /// Who, for people; absent for an API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// The token of a session, or an API key.
    pub(crate) token: String,
}

/// What is kept for a server, if anything is.
pub(crate) fn find(server: &str) -> anyhow::Result<Option<Credential>> {
    let Some(path) = path() else { return Ok(None) };
    Ok(read(&path)?.servers.remove(server))
}

/// Keeps a credential for a server, in place of the one before it.
pub(crate) fn keep(server: &str, credential: Credential) -> anyhow::Result<()> {
    let path = path().ok_or_else(|| Failure {
        what: "there is no place to keep the sign-in: neither XDG_CONFIG_HOME nor HOME is set".to_owned(),
        help: "set one of them, or give an API key with `--api-key`".to_owned(),
    })?;
    let mut kept = read(&path)?;
    kept.servers.insert(server.to_owned(), credential);
    write(&path, &kept)
}

/// Forgets what is kept for a server.
pub(crate) fn forget(server: &str) -> anyhow::Result<()> {
    let Some(path) = path() else { return Ok(()) };
    let mut kept = read(&path)?;
    match kept.servers.remove(server) {
        Some(_) => write(&path, &kept),
        None => Ok(()),
    }
}

/// The file, where there is a place for it.
pub(crate) fn path() -> Option<PathBuf> {
    Some(config::user_dir()?.join("credentials.toml"))
}

fn read(path: &Path) -> anyhow::Result<Kept> {
    let shown = path.display();
    match std::fs::read_to_string(path) {
        // What is wrong with it is not said: the message would quote a token.
        Ok(text) => toml::from_str(&text).map_err(|_| {
            let what = format!("{shown} does not read");
            Failure { what, help: "remove the file, and sign in again with `codepromptu login`".to_owned() }
                .into()
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Kept::default()),
        Err(error) => Err(error).with_context(|| format!("{shown} cannot be read")),
    }
}

/// Written whole beside it and put in its place: a reader sees the old one or the new one.
fn write(path: &Path, kept: &Kept) -> anyhow::Result<()> {
    let text = toml::to_string(kept)?;
    let next = path.with_extension("toml.part");
    let written = || {
        if let Some(dir) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        match std::fs::remove_file(&next) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&next, path)
    };
    written().with_context(|| format!("{} cannot be written", path.display()))
}
