//! What takes something away asks first.

use std::io::{IsTerminal, Write};

use anyhow::bail;
use clap::Args;

/// `--yes`.
#[derive(Debug, Args)]
pub(super) struct Sure {
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Sure {
    /// Asks whether to do it. Where there is nobody to ask, it is done with `--yes` alone.
    pub(super) fn ask(&self, what: &str) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            bail!("{what} needs a yes: say it with --yes");
        }
        write!(std::io::stderr(), "{what}? [y/N] ")?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            bail!("nothing is changed");
        }
        Ok(())
    }
}
