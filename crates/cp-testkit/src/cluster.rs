//! A PostgreSQL server of a test's own, which the test stops and starts.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpSocket;

/// The folder of the server programs, told by whoever starts the tests.
const BIN: &str = "CODEPROMPTU_TEST_POSTGRES_BIN";

/// The program's role is no superuser: walls in the database hold for it.
const ROLE: &str = "CREATE ROLE codepromptu LOGIN\nALTER DATABASE postgres OWNER TO codepromptu\n";

/// Nothing needs to outlive a crash of the machine.
const SETTINGS: &str =
    "-c fsync=off -c autovacuum=off -c listen_addresses=127.0.0.1 -c unix_socket_directories=";

/// A server with an empty database, removed with everything when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    bin: PathBuf,
    dir: TempDir,
    /// PostgreSQL refuses to run as root.
    user: Option<(u32, u32)>,
    port: u16,
    /// Bound and never listening: while the server is stopped, nobody else is given its port.
    _held: TcpSocket,
}

#[expect(clippy::expect_used, reason = "a test without its server must fail")]
impl Cluster {
    /// A running server.
    #[must_use]
    pub fn start() -> Self {
        let cluster = Self::prepare();
        cluster.restart();
        cluster
    }

    /// A running server that speaks nothing but TLS, with this certificate and its key, both PEM.
    #[must_use]
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        let cluster = Self::prepare();
        cluster.write("server.crt", certificate);
        cluster.write("server.key", key);
        cluster.write("postgresql.auto.conf", "ssl = on\n");
        cluster.write("pg_hba.conf", "hostssl all all 127.0.0.1/32 trust\n");
        cluster.restart();
        cluster
    }

    /// An empty database whose server is not started yet.
    fn prepare() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let user = unprivileged_user();
        if let Some((user, group)) = user {
            chown(dir.path(), Some(user), Some(group)).expect("root can give files away");
        }
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o700)).expect("it is ours");
        let (held, port) = hold_port();
        let cluster = Self { bin: bin(), dir, user, port, _held: held };
        let options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
        cluster.run("initdb", &options);
        cluster.administer(ROLE);
        cluster
    }

    /// Writes a file of the server's own, which nobody else may read.
    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join("data").join(name);
        std::fs::write(&path, text).expect("the data directory is ours");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("it is ours");
        if let Some((user, group)) = self.user {
            chown(&path, Some(user), Some(group)).expect("root can give files away");
        }
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://codepromptu@127.0.0.1:{}/postgres", self.port)
    }

    /// Where it answers to its superuser.
    #[must_use]
    pub fn superuser_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Its port at 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it as an administrator does: connections are told and closed.
    pub fn stop(&self) {
        self.run("pg_ctl", &["stop", "-w", "-m", "fast"]);
    }

    /// Ends it as a power cut would: without a word.
    pub fn crash(&self) {
        self.run("pg_ctl", &["stop", "-w", "-m", "immediate"]);
    }

    /// Starts it again, on the same port.
    pub fn restart(&self) {
        let options = format!("-p {} {SETTINGS}", self.port);
        let log = self.dir.path().join("log").display().to_string();
        self.run("pg_ctl", &["start", "-w", "-l", &log, "-o", &options]);
    }

    /// Runs statements, one a line, while the server is not started.
    fn administer(&self, statements: &str) {
        let mut command = self.unprivileged("postgres");
        command.args(["--single", "-D"]).arg(self.dir.path().join("data")).arg("postgres");
        let mut server =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the server programs run");
        server.stdin.take().expect("it is a pipe").write_all(statements.as_bytes()).expect("they are read");
        assert!(server.wait().expect("it is our child").success(), "{statements}");
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program).args(arguments).output().expect("the server programs run");
        assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.unprivileged(program);
        command.arg("-D").arg(self.dir.path().join("data"));
        command
    }

    fn unprivileged(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.current_dir(self.dir.path());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may be stopped already.
        let _ = self.command("pg_ctl").args(["stop", "-w", "-m", "immediate"]).output();
    }
}

/// A port of this machine that refuses connections as long as the socket is there. A server that reuses addresses, as
/// PostgreSQL does, may listen on it.
#[must_use]
#[expect(clippy::expect_used, reason = "a test without a port must fail")]
pub fn hold_port() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a new socket takes options");
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port");
    let port = socket.local_addr().expect("it is bound").port();
    (socket, port)
}

#[expect(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests have no configuration, and none may be skipped"
)]
fn bin() -> PathBuf {
    std::env::var(BIN).map(PathBuf::from).unwrap_or_else(|_| {
        panic!("{BIN} is not set: run `make test`, or `cargo xtask postgres -- CMD`, which name the server programs")
    })
}

/// As root: user and group id of `postgres`, or else of `nobody`.
#[must_use]
pub fn unprivileged_user() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    if std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() != 0) {
        return None;
    }
    let users = std::fs::read_to_string(Path::new("/etc/passwd")).unwrap_or_default();
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next()? == name;
            let user = fields.nth(1)?.parse().ok()?;
            let group = fields.next()?.parse().ok()?;
            found.then_some((user, group))
        })
    };
    find("postgres").or_else(|| find("nobody"))
}
