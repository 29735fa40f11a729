//! Writes the seed corpus: a folder for each target, into the folder that is named.

use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| anyhow::anyhow!("usage: seeds FOLDER"))?;
    for (target, seeds) in codepromptu_fuzz::seeds()? {
        let folder = folder.join(target);
        std::fs::create_dir_all(&folder)?;
        for (name, seed) in seeds {
            std::fs::write(folder.join(name), seed)?;
        }
    }
    Ok(())
}
