//! Where the master key comes from: the environment, a file, or this program at its first start.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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
    if let Some(text) = master_key_variable() {
        let key = MasterKey::from_hex(&text).context("CODEPROMPTU_MASTER_KEY is of no use")?;
        return Ok(FoundKey {
            key,
            source: "environment variable CODEPROMPTU_MASTER_KEY".to_owned(),
            made: None,
        });
    }
    let named = config.master_key.file.as_deref();
    let path = named.map_or_else(|| config.data_dir.join(FILE_NAME), Path::to_path_buf);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let key = MasterKey::from_hex(&Secret::new(text))
                .with_context(|| format!("{} is of no use", path.display()))?;
            Ok(FoundKey { key, source: path.display().to_string(), made: None })
        }
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => make(config, path, random),
        Err(error) => {
            Err(error).with_context(|| format!("the master key cannot be read from {}", path.display()))
        }
    }
}

fn make(config: &Config, path: PathBuf, random: &Random) -> anyhow::Result<FoundKey> {
    if config.data_dir.join("log").exists() {
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
