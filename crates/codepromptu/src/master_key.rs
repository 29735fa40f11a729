//! Where the master key comes from: the environment, a file, or this program at its first start.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::{Context, bail};
use cp_base::{MasterKey, Random, Secret};

use crate::config::{Config, master_key_variable};

/// The key's file in the data directory, where nothing else was said.
const FILE_NAME: &str = "master.key";

/// The master key, and where it lies.
#[derive(Debug)]
pub(crate) struct FoundKey {
    /// The key.
    pub key: MasterKey,
    /// For people: the variable or file that holds it.
    pub source: String,
    /// The file, when it was made just now.
    pub made: Option<PathBuf>,
}

/// Finds the key, or makes one where nothing was stored yet.
pub(crate) fn find(config: &Config, random: &Random) -> anyhow::Result<FoundKey> {
    match look(config)? {
        Some(found) => Ok(found),
        None => make(config, file(config), random),
    }
}

/// The file that the key lies in, where the environment has none.
pub(crate) fn file(config: &Config) -> PathBuf {
    config.master_key.file.clone().unwrap_or_else(|| config.data_dir.join(FILE_NAME))
}

/// Finds the key; there is none before the first start.
pub(crate) fn look(config: &Config) -> anyhow::Result<Option<FoundKey>> {
    if let Some(text) = master_key_variable() {
        let key = MasterKey::from_hex(&text).context("CODEPROMPTU_MASTER_KEY is of no use")?;
        return Ok(Some(FoundKey {
            key,
            source: "environment variable CODEPROMPTU_MASTER_KEY".to_owned(),
            made: None,
        }));
    }
    let path = file(config);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let key = MasterKey::from_hex(&Secret::new(text))
                .with_context(|| format!("{} is of no use", path.display()))?;
            Ok(Some(FoundKey { key, source: path.display().to_string(), made: None }))
        }
        Err(error) if error.kind() == ErrorKind::NotFound && config.master_key.file.is_none() => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("the master key cannot be read from {}", path.display()))
        }
    }
}

/// Whether something was stored that only a key opens which is there already.
pub(crate) fn is_needed(config: &Config) -> bool {
    config.data_dir.join("log").exists()
}

fn make(config: &Config, path: PathBuf, random: &Random) -> anyhow::Result<FoundKey> {
    if is_needed(config) {
        bail!(
            "{} is gone, and what is stored in {} can be read with that key alone; put it back from a backup, or give \
             it in CODEPROMPTU_MASTER_KEY",
            path.display(),
            config.data_dir.display()
        );
    }
    let text = MasterKey::generate(random);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("the new master key cannot be written to {}", path.display()))?;
    writeln!(file, "{}", text.expose())?;
    file.sync_all()?;
    Ok(FoundKey { key: MasterKey::from_hex(&text)?, source: path.display().to_string(), made: Some(path) })
}
