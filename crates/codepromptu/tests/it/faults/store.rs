//! A store that is locked, gone, or out of reach.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use cp_base::InstallationScope;
use cp_db::{Db, Durability};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{chats, is_away, is_back};
use crate::program::{Installation, Program, http, run, stderr};

/// So that nothing is waited for long: it is ten seconds otherwise.
const TIMEOUT: (&str, &str) = ("CODEPROMPTU_DATABASE_TIMEOUT_MS", "100");

fn serve(command: &mut Command) -> Program {
    Program::start(command.env(TIMEOUT.0, TIMEOUT.1))
}

/// What a start says that must fail.
fn refused(command: &mut Command) -> String {
    let output = run(command.env(TIMEOUT.0, TIMEOUT.1));
    assert!(!output.status.success());
    stderr(&output)
}

/// The store's troubles are counted, and what waits for it too.
async fn is_counted(program: &Program) {
    let counted = async || {
        let errors = program.metric("codepromptu_pipeline_errors_total", "").await;
        let backlog = program.metric("codepromptu_capture_backlog_bytes", "store-calls").await;
        (errors > 0.0 && backlog > 10_000.0).then_some(())
    };
    super::until("errors and backlog are counted", counted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locked_by_another_process() {
    let installation = Installation::new().await;
    let (program, http) = (serve(&mut installation.serving()), http());
    let mut calls = chats(&program, &http, 5).await;
    is_back(&installation, &program, &calls).await;
    let file = installation.data().join("codepromptu.db").display().to_string();
    let other = Db::connect(&file, Durability::Process).await.unwrap();

    let lock = other.begin_write(InstallationScope::grant()).await.unwrap();
    calls.extend(chats(&program, &http, 150).await);
    is_away(&installation, &program, "store", "database is locked").await;
    is_counted(&program).await;
    drop(lock);
    is_back(&installation, &program, &calls).await;

    // Once more, and the program is killed meanwhile.
    let lock = other.begin_write(InstallationScope::grant()).await.unwrap();
    calls.extend(chats(&program, &http, 150).await);
    program.kill();
    let said = refused(&mut installation.serving());
    assert!(said.contains("holds the lock on") && said.contains("codepromptu.db"), "{said}");
    drop(lock);
    let program = serve(&mut installation.serving());
    is_back(&installation, &program, &calls).await;
    assert!(program.terminate());
}

/// Moves the embedded store's files.
fn move_store(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in ["codepromptu.db", "codepromptu.db-wal", "codepromptu.db-shm"] {
        if from.join(name).exists() {
            std::fs::rename(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moved_away_and_put_back() {
    let installation = Installation::new().await;
    let (program, http) = (serve(&mut installation.serving()), http());
    let mut calls = chats(&program, &http, 5).await;
    is_back(&installation, &program, &calls).await;
    let (data, aside): (PathBuf, PathBuf) = (installation.data(), installation.dir.path().join("aside"));
    for _ in 0..2 {
        move_store(&data, &aside);
        calls.extend(chats(&program, &http, 50).await);
        is_away(&installation, &program, "store", "unable to open database file").await;
        assert!(
            !data.join("codepromptu.db").exists(),
            "an empty store would be in the way of the one that is away"
        );
        is_counted(&program).await;
        move_store(&aside, &data);
        is_back(&installation, &program, &calls).await;
    }
    assert!(program.terminate());
    let program = serve(&mut installation.serving());
    is_back(&installation, &program, &calls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_or_crashes() {
    let cluster = cp_testkit::Cluster::start();
    let installation = Installation::new().await;
    let serving = || {
        let mut command = installation.serving();
        command.args(["--database-url", &cluster.url()]);
        command
    };
    let (program, http) = (serve(&mut serving()), http());
    let mut calls = chats(&program, &http, 5).await;
    is_back(&installation, &program, &calls).await;

    cluster.stop();
    calls.extend(chats(&program, &http, 150).await);
    is_away(&installation, &program, "store", "Connection refused").await;
    is_counted(&program).await;
    cluster.restart();
    is_back(&installation, &program, &calls).await;

    // It crashes, and so does the program.
    cluster.crash();
    calls.extend(chats(&program, &http, 150).await);
    program.kill();
    let said = refused(&mut serving());
    assert!(said.contains("cannot reach postgres://127.0.0.1:"), "{said}");
    cluster.restart();
    let program = serve(&mut serving());
    is_back(&installation, &program, &calls).await;
    assert!(program.terminate());
}

/// Passes bytes on to a server. After `silent` it passes no commit on, nor anything behind one, and ends no connection:
/// so is a server whose machine is gone. Connections made later pass.
struct Line {
    port: u16,
    silent: watch::Sender<bool>,
    swallowed: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl Line {
    async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (silent, heard) = watch::channel(false);
        let (swallowed, seen) = watch::channel(0);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                connections.spawn(pass(client, server, heard.clone(), swallowed.clone()));
            }
        });
        Self { port, silent, swallowed: seen, _tasks: tasks }
    }
}

async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    silent: watch::Receiver<bool>,
    swallowed: watch::Sender<usize>,
) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let gone = AtomicBool::new(false);
    let up = async {
        let mut bytes = Vec::with_capacity(1 << 16);
        while let Ok(1..) = from_client.read_buf(&mut bytes).await {
            if *silent.borrow() && bytes.windows(6).any(|word| word == b"COMMIT") {
                gone.store(true, SeqCst);
                swallowed.send_modify(|count| *count += 1);
                std::future::pending::<()>().await;
            }
            to_server.write_all(&bytes).await.unwrap();
            bytes.clear();
        }
    };
    let down = async {
        tokio::io::copy(&mut from_server, &mut to_client).await.ok();
        if gone.load(SeqCst) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_is_given_up() {
    let cluster = cp_testkit::Cluster::start();
    let mut line = Line::to(cluster.port()).await;
    let installation = Installation::new().await;
    let mut command = installation.serving();
    command.args(["--database-url", &format!("postgres://codepromptu@127.0.0.1:{}/postgres", line.port)]);
    let (program, http) = (serve(&mut command), http());
    let mut calls = chats(&program, &http, 5).await;
    is_back(&installation, &program, &calls).await;

    line.silent.send_replace(true);
    calls.extend(chats(&program, &http, 20).await);
    line.swallowed.wait_for(|swallowed| *swallowed > 0).await.unwrap();
    line.silent.send_replace(false);
    calls.extend(chats(&program, &http, 20).await);
    is_back(&installation, &program, &calls).await;
    assert!(program.metric("codepromptu_pipeline_errors_total", "").await > 0.0);
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_named_at_the_start() {
    let installation = Installation::new().await;
    assert!(installation.serve().terminate());
    let file = installation.data().join("codepromptu.db");
    let mut permissions = std::fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&file, permissions).unwrap();
    let said = refused(&mut super::directory::bound_by_permissions(&installation));
    assert!(said.contains("codepromptu.db for writing"), "{said}");
}
