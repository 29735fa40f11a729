//! A log directory that may not be written, or is not there any more.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use cp_base::CallId;

use super::{chat, is_away, is_back};
use crate::program::{Http, Installation, Program, http, run, stderr};

/// Log files of 135 KB each.
pub(super) const SMALL_LOG: &str = "[capture]\nmemory_bytes = 65536\nmax_open_calls = 32\n\
    [log]\nsegment_bytes = 131072\nmax_bytes = 4000000";

/// The program, to whom the permissions of files apply: those that root passes over, a root without that right does not.
pub(super) fn bound_by_permissions(installation: &Installation) -> Command {
    if cp_testkit::unprivileged_user().is_none() {
        return installation.serving();
    }
    installation.serving_under("setpriv", &["--bounding-set", "-dac_override,-dac_read_search"])
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Calls until one of them passes uncaptured; those before it.
async fn fill(program: &Program, http: &Http) -> Vec<CallId> {
    let mut captured = Vec::new();
    for _ in 0..500 {
        let answer = chat(program, http, 8_000).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        if !answer.captured {
            return captured;
        }
        captured.push(answer.call);
    }
    panic!("the log never refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_becomes_read_only_or_is_replaced_while_the_program_runs() {
    let installation = Installation::with(SMALL_LOG).await;
    let (program, http) = (Program::start(&mut bound_by_permissions(&installation)), http());
    let log = installation.data().join("log");
    let mut calls = vec![chat(&program, &http, 100).await.call];
    is_back(&installation, &program, &calls).await;

    set_mode(&log, 0o500);
    calls.extend(fill(&program, &http).await);
    is_away(&installation, &program, "capture_log", "Permission denied").await;
    let refused = program.metric("codepromptu_capture_refused_total", "write_failed").await;
    let uncaptured = program.metric("codepromptu_gateway_calls_uncaptured_total", "").await;
    assert!(refused >= 1.0 && refused == uncaptured, "{refused} {uncaptured}");
    set_mode(&log, 0o700);
    is_back(&installation, &program, &calls).await;

    let aside = installation.dir.path().join("aside");
    for replaced in [false, true] {
        std::fs::rename(&log, &aside).unwrap();
        if replaced {
            std::fs::create_dir(&log).unwrap();
        }
        calls.extend(fill(&program, &http).await);
        is_away(&installation, &program, "capture_log", "moved or replaced").await;
        if replaced {
            std::fs::remove_dir_all(&log).unwrap();
        }
        std::fs::rename(&aside, &log).unwrap();
        is_back(&installation, &program, &calls).await;
    }
    calls.push(chat(&program, &http, 100).await.call);
    assert!(program.terminate());
    let program = installation.serve();
    is_back(&installation, &program, &calls).await;
}

#[tokio::test]
async fn that_may_not_be_written_is_named_at_the_start() {
    let installation = Installation::new().await;
    assert!(installation.serve().terminate());
    let log = installation.data().join("log");
    set_mode(&log, 0o500);
    let output = run(&mut bound_by_permissions(&installation));
    set_mode(&log, 0o700);
    let said = stderr(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("data/log") && said.contains("Permission denied"), "{said}");
    assert!(installation.serve().terminate(), "nothing is lost by it");
}
