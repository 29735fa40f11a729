//! A folder of prompts, kept in step with the library both ways: `codepromptu pull`, `push`, `diff` and `status DIR`.
//!
//! What either side says is compared with what both agreed on last. What one side alone changed goes to the other one;
//! where both changed it, a file is never overwritten and nothing is saved over a version that the folder has not seen.

mod check;
mod decide;
mod diff;
mod files;
mod library;
mod merge;
mod path;
mod pull;
mod push;
mod report;
mod state;
mod status;
mod survey;

use std::path::PathBuf;

pub(crate) use self::diff::{DiffArgs, run as diff};
pub(crate) use self::pull::{PullArgs, run as pull};
pub(crate) use self::push::{PushArgs, run as push};
use self::state::State;
pub(crate) use self::status::{Form, show as status};

/// A folder, and what was agreed on for it.
pub(crate) struct Folder {
    root: PathBuf,
    state: State,
}

/// The folder of prompts in a repository.
const DEFAULT: &str = "prompts";

impl Folder {
    /// The folder that was named; else the current one where it was pulled into, or `prompts` in it.
    fn open(named: Option<PathBuf>) -> anyhow::Result<Self> {
        let here = PathBuf::from(".");
        let root = named.unwrap_or_else(|| if State::is_in(&here) { here } else { PathBuf::from(DEFAULT) });
        let state = State::load(&root)?;
        Ok(Self { root, state })
    }
}
