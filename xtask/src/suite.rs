//! What must pass before a change goes in, cheapest first. The first failure ends it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::postgres::Cluster;
use crate::{fuzz, is_root, run, say, tidy};

/// How long each target is fuzzed in every run of the tests.
const FUZZ_SECONDS: u32 = 20;
const CARGO_DENY: &str = "0.20.2";

/// Headings and times of the steps of one run.
struct Steps {
    began: Instant,
    finished: Vec<(&'static str, Duration)>,
}

#[expect(clippy::disallowed_methods, reason = "a chore measures itself; nothing depends on the time")]
fn moment() -> Instant {
    Instant::now()
}

impl Steps {
    fn begin() -> Self {
        Self { began: moment(), finished: Vec::new() }
    }

    /// Runs one step under its heading.
    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        say(&format!("\n── {name}"));
        let began = moment();
        work().with_context(|| format!("{name}: failed"))?;
        self.finished.push((name, began.elapsed()));
        Ok(())
    }

    fn summary(&self) {
        let steps: Vec<String> =
            self.finished.iter().map(|(name, took)| format!("{name} {} s", took.as_secs())).collect();
        say(&format!("\nall passed in {} s ({})", self.began.elapsed().as_secs(), steps.join(", ")));
    }
}

/// `make check`: what needs no test to run.
pub(crate) fn check(root: &Path) -> Result<ExitCode> {
    let mut steps = Steps::begin();
    check_steps(root, &mut steps)?;
    steps.summary();
    Ok(ExitCode::SUCCESS)
}

/// `make test`: everything.
pub(crate) fn test(root: &Path) -> Result<ExitCode> {
    let mut steps = Steps::begin();
    check_steps(root, &mut steps)?;
    steps.step("licences and bans", || {
        let cargo_deny = cargo_deny(root)?;
        run(Command::new(cargo_deny)
            .args(["--log-level", "warn", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"])
            .current_dir(root))
    })?;
    steps.step("Rust tests", || rust_tests(root))?;
    steps
        .step("documentation tests", || run(cargo(root).args(["test", "--workspace", "--doc", "--quiet"])))?;
    steps.step("fuzzing", || fuzz::all(root, FUZZ_SECONDS))?;
    steps.step("official clients", || client_tests(root))?;
    steps.summary();
    Ok(ExitCode::SUCCESS)
}

fn check_steps(root: &Path, steps: &mut Steps) -> Result<()> {
    steps.step("format", || run(cargo(root).args(["fmt", "--all", "--check"])))?;
    steps.step("tidy", || {
        if tidy::run(root)? != ExitCode::SUCCESS {
            bail!("see the errors above");
        }
        Ok(())
    })?;
    steps.step("clippy", || {
        run(cargo(root).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    })
}

pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    command
}

/// Every test on both databases; through nextest where it is installed.
fn rust_tests(root: &Path) -> Result<()> {
    let cluster = Cluster::start(root)?;
    let mut command = cargo(root);
    if answers("cargo", &["nextest", "--version"]) {
        command.args(["nextest", "run", "--workspace"]);
    } else {
        command.args(["test", "--workspace", "--tests", "--no-fail-fast"]);
    }
    run(command.envs(cluster.variables()))
}

/// The providers' own packages against the real program and the mock provider.
fn client_tests(root: &Path) -> Result<()> {
    // With the tests' features, so that nothing is compiled a second time.
    run(cargo(root).args(["build", "--workspace", "--bins", "--tests"]))?;
    let python = client_environment(root)?;
    run(Command::new(&python)
        .args([
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--no-cache",
            "--quiet",
            "--select",
            "E9,F",
            "tests/clients",
        ])
        .current_dir(root))?;
    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/clients"]);
    match node_clients(root)? {
        Some(folder) => {
            if !answers("chromium", &["--version"]) {
                install_debian_package("chromium")?;
            }
            pytest.env("NODE_CLIENTS", folder)
        }
        None => {
            say("no Node.js here: the clients in JavaScript and the pages are left out");
            pytest.args(["--ignore", "tests/clients/test_node.py", "--ignore", "tests/clients/test_pages.py"])
        }
    };
    run(pytest
        .env("CODEPROMPTU_BIN", root.join("target/debug/codepromptu"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(root))
}

/// A Python of its own with what `requirements.txt` names, made again when the list changes.
fn client_environment(root: &Path) -> Result<PathBuf> {
    let requirements = root.join("tests/clients/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let environment = root.join("build/clients");
    let installed = environment.join("installed.txt");
    let python = environment.join("bin/python");
    if std::fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if !answers("python3", &["-c", "import ensurepip, venv"]) {
        install_debian_package("python3-venv")?;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&requirements))?;
    std::fs::write(&installed, wanted)?;
    Ok(python)
}

/// The JavaScript clients and what is done with them, where there is Node.js; installed again when the list changes.
fn node_clients(root: &Path) -> Result<Option<PathBuf>> {
    const FILES: [&str; 5] =
        ["package.json", "package-lock.json", "scenario.mjs", "provider.mjs", "langfuse.mjs"];
    if !(answers("node", &["--version"]) && answers("npm", &["--version"])) {
        return Ok(None);
    }
    let (source, folder) = (root.join("tests/clients/node"), root.join("build/node-clients"));
    let lock = |folder: &Path| std::fs::read_to_string(folder.join("package-lock.json")).ok();
    let installed = folder.join("node_modules").exists() && lock(&source) == lock(&folder);
    std::fs::create_dir_all(&folder)?;
    for file in FILES {
        std::fs::copy(source.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    if !installed {
        let install = ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
        run(Command::new("npm").args(install).current_dir(&folder))?;
    }
    Ok(Some(folder))
}

/// The pinned cargo-deny, built into `build/tools` at the first need.
fn cargo_deny(root: &Path) -> Result<PathBuf> {
    let tools = root.join("build/tools");
    let program = tools.join("bin/cargo-deny");
    let version = Command::new(&program).arg("--version").output();
    if !version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(CARGO_DENY)) {
        say(&format!("building cargo-deny {CARGO_DENY} into build/tools, once"));
        run(cargo(root)
            .args(["install", "--quiet", "--locked", "--debug", "--force", "--version", CARGO_DENY, "--root"])
            .args([tools.as_os_str(), "cargo-deny".as_ref()]))?;
    }
    Ok(program)
}

pub(crate) fn install_debian_package(package: &str) -> Result<()> {
    if !is_root() || !answers("apt-get", &["--version"]) {
        bail!("{package} is missing: install it, on Debian with `apt-get install {package}`, and try again");
    }
    say(&format!("installing {package}"));
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get").args(["install", "-qq", "--no-install-recommends", package]))
}

/// Whether a program is there and content.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    let quiet = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}
