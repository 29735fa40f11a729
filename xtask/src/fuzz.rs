//! Fuzzing with libFuzzer, which instruments the code and so finds its own way in.
//!
//! A stable compiler does: the passes are LLVM's. What is found is written to `build/fuzz/found`, fails the run, and once
//! mended belongs into `fuzz/regressions`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::suite::{answers, cargo, install_debian_package};
use crate::{run, say};

const TARGETS: [&str; 7] = ["events", "codecs", "records", "bodies", "redaction", "templates", "texts"];

/// Coverage of edges and comparisons, counted where libFuzzer looks for it (SanitizerCoverage, clang's documentation).
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// Bytes of an input, seconds that one may take, and megabytes: more is a finding.
const LIMITS: [&str; 3] = ["-max_len=16384", "-timeout=20", "-rss_limit_mb=1024"];

/// `cargo xtask fuzz [SECONDS] [TARGET…]`.
pub(crate) fn command(root: &Path, arguments: &[OsString]) -> Result<ExitCode> {
    let mut words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let seconds = match words.first().map(|word| word.parse()) {
        Some(Ok(seconds)) => {
            words.remove(0);
            seconds
        }
        _ => 60,
    };
    if let Some(unknown) = words.iter().find(|word| !TARGETS.contains(&word.as_str())) {
        bail!("there is no target {unknown}; there are {}", TARGETS.join(", "));
    }
    let chosen =
        TARGETS.into_iter().filter(|target| words.is_empty() || words.iter().any(|word| word == target));
    fuzz(root, &chosen.collect::<Vec<_>>(), seconds)?;
    Ok(ExitCode::SUCCESS)
}

/// Every target at once, for so long.
pub(crate) fn all(root: &Path, seconds: u32) -> Result<()> {
    fuzz(root, &TARGETS, seconds)
}

fn fuzz(root: &Path, targets: &[&str], seconds: u32) -> Result<()> {
    let programs = build(root)?;
    let folder = root.join("build/fuzz");
    let seeds = folder.join("seeds");
    run(cargo(root)
        .args(["run", "--quiet", "--package", "codepromptu-fuzz", "--bin", "seeds", "--"])
        .arg(&seeds))?;
    let runs: Vec<Run> =
        targets.iter().map(|target| Run::start(root, &programs, target, seconds)).collect::<Result<_>>()?;
    let failed = runs.into_iter().map(Run::finish).filter(Result::is_err).collect::<Vec<_>>();
    failed.into_iter().next().unwrap_or(Ok(()))
}

/// Builds the instrumented targets, and returns where they are.
fn build(root: &Path) -> Result<PathBuf> {
    if !answers("c++", &["--version"]) {
        install_debian_package("g++")?;
    }
    let version = Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    // With the target named, what runs at build time is not instrumented.
    let built = root.join("target/fuzz");
    run(cargo(root)
        .args(["build", "--quiet", "--profile", "fuzz", "--target", host, "--package", "codepromptu-fuzz"])
        .args(["--features", "libfuzzer", "--target-dir"])
        .arg(&built)
        .args(TARGETS.iter().flat_map(|target| ["--bin", target]))
        .env("RUSTFLAGS", INSTRUMENTED))?;
    Ok(built.join(host).join("fuzz"))
}

/// One target at work.
struct Run {
    target: String,
    report: PathBuf,
    found: PathBuf,
    process: Child,
}

impl Run {
    fn start(root: &Path, programs: &Path, target: &str, seconds: u32) -> Result<Self> {
        let folder = root.join("build/fuzz");
        let (corpus, found) = (folder.join("corpus").join(target), folder.join("found").join(target));
        let regressions = root.join("fuzz/regressions").join(target);
        for folder in [&corpus, &found, &regressions] {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let report = folder.join(format!("{target}.txt"));
        let output = File::create(&report).with_context(|| format!("cannot write {}", report.display()))?;
        let process = Command::new(programs.join(target))
            .args(LIMITS)
            .args([format!("-max_total_time={seconds}"), format!("-artifact_prefix={}/", found.display())])
            .args(["-print_final_stats=1", "-close_fd_mask=1"])
            .args([corpus, folder.join("seeds").join(target), regressions])
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start the target {target}"))?;
        Ok(Self { target: target.to_owned(), report, found, process })
    }

    fn finish(mut self) -> Result<()> {
        let status = self.process.wait()?;
        let report = fs::read_to_string(&self.report).unwrap_or_default();
        let figure =
            |name: &str| report.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim();
        let executed = figure("stat::number_of_executed_units:");
        let inputs = figure("stat::new_units_added:");
        say(&format!("{}: {executed} inputs tried, {inputs} of them new", self.target));
        if status.success() {
            return Ok(());
        }
        let last: Vec<_> = report.lines().rev().take(40).collect();
        say(&last.into_iter().rev().collect::<Vec<_>>().join("\n"));
        bail!(
            "the target {} broke; the input is in {}: mend it, and put the input into fuzz/regressions/{}",
            self.target,
            self.found.display(),
            self.target
        )
    }
}
