//! Which processor each party gets. Pinning is `taskset`'s work.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process::Process;

/// The machine's processors, by number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// How many there are.
    pub(crate) count: usize,
    /// The proxy under test.
    pub(crate) proxy: usize,
    /// The load generator: this process.
    pub(crate) load: usize,
    /// The mock provider.
    pub(crate) mock: usize,
}

impl Cores {
    /// The last processors: the first one serves more of the machine's interrupts.
    pub(crate) fn of_this_machine() -> Result<Self> {
        match std::thread::available_parallelism()?.get() {
            1 => bail!("the bench needs two processors at least"),
            count @ 2 => Ok(Self { count, proxy: 1, load: 0, mock: 0 }),
            count => Ok(Self { count, proxy: count - 1, load: count - 2, mock: count - 3 }),
        }
    }

    /// Keeps every processor from halting, with a thread that runs only where nothing else wants to. A halted virtual
    /// processor takes up to a millisecond to wake, which would be most of what is measured.
    pub(crate) fn keep_awake(self) -> Result<Vec<Process>> {
        let harness = std::env::current_exe()?;
        let spinner = |core: usize| {
            let mut command = pinned(core, "chrt");
            command.args(["--idle", "0"]).arg(&harness).arg("spin").stdout(Stdio::null());
            Process::start(&mut command)
        };
        (0..self.count).map(spinner).collect()
    }

    /// The list of all processors.
    pub(crate) fn all(self) -> String {
        format!("0-{}", self.count - 1)
    }

    /// Moves this process, the load generator, to its processor.
    pub(crate) fn take_load_generator(self) -> Result<()> {
        let status = Command::new("taskset")
            .args([
                "--all-tasks",
                "--cpu-list",
                "--pid",
                &self.load.to_string(),
                &std::process::id().to_string(),
            ])
            .stdout(std::process::Stdio::null())
            .status()
            .context("`taskset` is missing: install util-linux")?;
        if !status.success() {
            bail!("taskset failed ({status})");
        }
        Ok(())
    }
}

/// A command that runs on one processor.
pub(crate) fn pinned(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    on(&core.to_string(), program)
}

/// A command that runs on any of a list of processors, such as `0-3`.
pub(crate) fn on(processors: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", processors]).arg(program);
    command
}
