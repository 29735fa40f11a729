//! Disks that are full: file systems of some hundred KB, which the program alone sees mounted.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use cp_base::{CallId, InstallationScope};
use cp_db::{Db, Durability};

use super::directory::SMALL_LOG;
use super::{chat, chats, is_away, is_back};
use crate::program::{Answer, Installation, Program, http};

/// The program in a namespace of its own, after `script` has mounted there what it wants. Root without the right to make
/// users may still mount; anybody else needs user namespaces.
fn serve_mounted(installation: &Installation, script: &str) -> Program {
    std::fs::create_dir_all(installation.data()).unwrap();
    let may = |flags: &str| {
        let tried = Command::new("unshare").args([flags, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let flags = ["-rm", "-m"].into_iter().find(|flags| may(flags));
    let Some(flags) = flags else {
        panic!("full disks are tried on a small one: this needs `unshare` and the right to mount")
    };
    let script = format!("set -e; {script}; exec \"$0\" \"$@\"");
    let mut command = installation.serving_under("unshare", &[flags, "sh", "-c", &script]);
    // Else it would be made on the file system that is about to be covered.
    command.env("CODEPROMPTU_MASTER_KEY", "5".repeat(64));
    Program::start(command.env("CODEPROMPTU_DATABASE_TIMEOUT_MS", "100"))
}

/// A path as the program sees it.
fn inside(program: &Program, path: &Path) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root{}", program.id(), path.display()))
}

/// Writes a file until nothing more fits.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for size in [65_536, 4_096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
    drop(file);
}

/// Calls until one of them finds no room; those before it, and its answer.
async fn fill_log(program: &Program) -> (Vec<CallId>, Answer) {
    let (mut captured, http) = (Vec::new(), http());
    for _ in 0..500 {
        let answer = chat(program, &http, 8_000).await;
        if !answer.captured {
            return (captured, answer);
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        captured.push(answer.call);
    }
    panic!("the log never refused");
}

/// A log that fills its disk while nothing can be stored, and the same while somebody else fills it.
async fn full_log(on_full: &str) -> (Installation, Program, Vec<CallId>, Vec<Answer>) {
    let small = SMALL_LOG.replace("[capture]", &format!("[capture]\non_full = \"{on_full}\""));
    let installation = Installation::with(&small).await;
    // Two files of the log and a half.
    let log = installation.data().join("log");
    let mount = format!("mkdir -p {0}; mount -t tmpfs -o size=340k tmpfs {0}", log.display());
    let program = serve_mounted(&installation, &mount);
    let (mut calls, mut refused) = (chats(&program, &http(), 3).await, Vec::new());
    is_back(&installation, &program, &calls).await;

    let file = installation.data().join("codepromptu.db").display().to_string();
    let other = Db::connect(&file, Durability::Process).await.unwrap();
    let lock = other.begin_write(InstallationScope::grant()).await.unwrap();
    let (captured, answer) = fill_log(&program).await;
    assert!(captured.len() > 10, "{captured:?}");
    calls.extend(captured);
    refused.push(answer);
    is_away(&installation, &program, "capture_log", "No space left").await;
    is_away(&installation, &program, "store", "database is locked").await;
    drop(lock);
    // What is stored makes room.
    is_back(&installation, &program, &calls).await;

    let filler = inside(&program, &log).join("filler");
    fill(&filler);
    let (captured, answer) = fill_log(&program).await;
    calls.extend(captured);
    refused.push(answer);
    is_away(&installation, &program, "capture_log", "No space left").await;
    std::fs::remove_file(filler).unwrap();
    is_back(&installation, &program, &calls).await;

    let counted = program.metric("codepromptu_capture_refused_total", "disk_full").await;
    assert_eq!(counted, 2.0);
    assert!(program.status(installation.dir.path()).contains("2 calls found no room in the log"));
    calls.extend(chats(&program, &http(), 3).await);
    is_back(&installation, &program, &calls).await;
    (installation, program, calls, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_log_lets_calls_pass_uncaptured() {
    let (_installation, program, _, refused) = full_log("forward").await;
    assert!(
        refused.iter().all(|answer| answer.status == 200 && answer.body.contains("chat.completion")),
        "{refused:?}"
    );
    assert_eq!(program.metric("codepromptu_gateway_calls_uncaptured_total", "").await, 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_log_refuses_calls_where_evidence_comes_first() {
    let (_installation, program, _, refused) = full_log("reject").await;
    assert!(
        refused.iter().all(|answer| answer.status == 503 && answer.body.contains("capture_full")),
        "{refused:?}"
    );
    assert_eq!(program.metric("codepromptu_gateway_errors_total", "capture_full").await, 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_store_delays_and_loses_nothing() {
    let installation = Installation::new().await;
    let (data, log) = (installation.data(), installation.dir.path().join("log"));
    std::fs::create_dir(&log).unwrap();
    // The log stays on the large disk.
    let mount = format!(
        "mount -t tmpfs -o size=4m tmpfs {0}; mkdir {0}/log; mount --bind {1} {0}/log",
        data.display(),
        log.display()
    );
    let program = serve_mounted(&installation, &mount);
    let http = http();
    let mut calls = chats(&program, &http, 5).await;
    is_back(&installation, &program, &calls).await;
    let filler = inside(&program, &data).join("filler");
    for _ in 0..2 {
        fill(&filler);
        for _ in 0..40 {
            let answer = chat(&program, &http, 4_000).await;
            assert!(answer.status == 200 && answer.captured, "{answer:?}");
            calls.push(answer.call);
        }
        is_away(&installation, &program, "pipeline", "full").await;
        std::fs::remove_file(&filler).unwrap();
        is_back(&installation, &program, &calls).await;
    }
}

/// From now on no file grows beyond so much.
fn limit_files(program: &Program, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let status = Command::new("prlimit").args(["--pid", &program.id().to_string(), &limit]).status().unwrap();
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_takes_nothing_more_is_told_to_clients_where_evidence_comes_first() {
    let small = SMALL_LOG.replace("[capture]", "[capture]\non_full = \"reject\"");
    let installation = Installation::with(&small).await;
    let script = "trap '' XFSZ; exec \"$0\" \"$@\"";
    let (program, http) = (Program::start(&mut installation.serving_under("sh", &["-c", script])), http());
    let mut calls = chats(&program, &http, 3).await;
    is_back(&installation, &program, &calls).await;

    limit_files(&program, "1");
    let answer = chat(&program, &http, 100).await;
    assert!(answer.status == 503 && answer.body.contains("capture_failed"), "{answer:?}");
    let answer = chat(&program, &http, 100).await;
    assert!(answer.status == 503 && answer.body.contains("capture_full"), "{answer:?}");
    is_away(&installation, &program, "capture_log", "File too large").await;
    let ended = async |outcome: &str| program.metric("codepromptu_gateway_calls_total", outcome).await;
    assert_eq!((ended("rejected").await, ended("client_cancelled").await), (1.0, 0.0));
    assert_eq!(program.metric("codepromptu_capture_lost_records_total", "").await, 2.0);

    limit_files(&program, "unlimited");
    super::until("ready", async || (program.get("/readyz").await.0 == 200).then_some(())).await;
    calls.extend(chats(&program, &http, 3).await);
    for call in calls {
        program.ended_call(call).await;
    }
    assert_eq!(program.all_calls().await.len(), 6, "what was refused is no call");
}
