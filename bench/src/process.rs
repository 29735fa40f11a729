//! A process under test: started, watched through `/proc`, and stopped.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// `/proc` counts processor time in hundredths of a second (`USER_HZ`, which Linux fixes for programs).
const TICK: Duration = Duration::from_millis(10);

/// A child that is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

/// Processor time used so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct CpuTime {
    /// Of the process and its children, threads that have ended included.
    pub(crate) total: Duration,
    /// Of the living threads, by name without its trailing number.
    pub(crate) by_thread: BTreeMap<String, Duration>,
}

impl CpuTime {
    /// What was used since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let by_thread = self.by_thread.iter().map(|(name, time)| {
            (name.clone(), time.saturating_sub(earlier.by_thread.get(name).copied().unwrap_or_default()))
        });
        Self { total: self.total.saturating_sub(earlier.total), by_thread: by_thread.collect() }
    }
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        Ok(Self { child: command.spawn().with_context(|| format!("cannot start {program}"))? })
    }

    /// Fails when the process has ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("a process of the bench ended early ({status})"),
            None => Ok(()),
        }
    }

    pub(crate) fn cpu_time(&self) -> Result<CpuTime> {
        let mut time = CpuTime::default();
        for pid in self.family()? {
            time.total += cpu_time_of(format!("/proc/{pid}/stat"))?.1;
            for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
                // A thread may end between the listing and the look.
                if let Ok((name, used)) = cpu_time_of(format!("{}/stat", task?.path().display())) {
                    let group =
                        name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '-');
                    *time.by_thread.entry(group.to_owned()).or_default() += used;
                }
            }
        }
        Ok(time)
    }

    /// Resident memory of the process and its children, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let mut kilobytes = 0;
        for pid in self.family()? {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
            kilobytes += line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default();
        }
        Ok(kilobytes * 1024)
    }

    /// The process and its children; none here has grandchildren.
    fn family(&self) -> Result<Vec<u32>> {
        let pid = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        std::iter::once(Ok(pid)).chain(children.split_whitespace().map(|child| Ok(child.parse()?))).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGTERM first: nginx stops its workers, CodePromptu closes its log.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if asked.is_err() {
            let _already_ended = self.child.kill();
        }
        let _status = self.child.wait();
    }
}

/// A thread's or process's name and the processor time in its `stat` file.
fn cpu_time_of(path: impl AsRef<Path>) -> Result<(String, Duration)> {
    let stat = std::fs::read_to_string(path)?;
    parse_stat(&stat).with_context(|| format!("cannot read `{stat}`"))
}

/// Format: proc_pid_stat(5). The name is in parentheses and may itself hold some; utime and stime are the 14th and
/// 15th fields.
fn parse_stat(stat: &str) -> Option<(String, Duration)> {
    let (before, after) = stat.rsplit_once(") ")?;
    let (_, name) = before.split_once('(')?;
    let mut fields = after.split(' ').skip(11);
    let ticks = fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?;
    Some((name.to_owned(), TICK * ticks))
}

/// A loopback address that is free now.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_around_the_name() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 99 1000 10";
        assert_eq!(parse_stat(stat), Some(("a (b) c".into(), Duration::from_secs(2))));
    }
}
