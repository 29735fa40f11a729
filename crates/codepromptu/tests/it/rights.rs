//! A person's rights, retention and keys, from the command line to the last byte on disk.

use std::path::Path;

use crate::program::{Installation, Program, command, http, run, stderr};

const MARKER: &str = "zq-marker-of-a-person-91c4";

fn ask(installation: &Installation, program: &Program, arguments: &[&str]) -> (String, i32) {
    let output = run(command(installation.dir.path()).args(arguments).args(["--server", &program.base]));
    let said = String::from_utf8(output.stdout.clone()).unwrap() + &stderr(&output);
    (said, output.status.code().unwrap())
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn assert_silent(dir: &Path) {
    for path in files(dir) {
        let bytes = std::fs::read(&path).unwrap();
        let holds = bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes());
        assert!(!holds, "{} holds the marker", path.display());
    }
}

fn body(user: &str, said: &str) -> String {
    serde_json::json!({
        "model": "gpt-4o-mini", "user": user, "messages": [{"role": "user", "content": format!("say {said}")}],
    })
    .to_string()
}

#[tokio::test]
async fn a_person_is_found_exported_held_and_erased() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let http = http();
    let hers = program.chat(&http, &body(MARKER, MARKER)).await.call;
    let his = program.chat(&http, &body("bob", "hello")).await.call;
    program.ended_call(hers).await;
    program.ended_call(his).await;

    let (shown, _) = ask(&installation, &program, &["subject", "show", MARKER]);
    assert!(shown.starts_with("1 calls, 1 with what was said"), "{shown}");
    let (exported, _) = ask(&installation, &program, &["subject", "export", MARKER]);
    assert!(exported.lines().count() == 1 && exported.contains(&hers.to_string()), "{exported}");

    let (hold, _) = ask(&installation, &program, &["hold", "add", "--user", MARKER, "--reason", "case 7"]);
    let (refused, code) = ask(&installation, &program, &["subject", "erase", MARKER, "--yes"]);
    assert!(code != 0 && refused.contains("case 7") && refused.contains(hold.trim()), "{refused}");
    let (released, code) = ask(&installation, &program, &["hold", "release", hold.trim()]);
    assert_eq!(code, 0, "{released}");
    let (asked, code) = ask(&installation, &program, &["subject", "erase", MARKER]);
    assert!(code != 0 && asked.contains("--yes"), "{asked}");

    let backup = installation.dir.path().join("backup.db");
    std::fs::copy(installation.data().join("codepromptu.db"), &backup).unwrap();
    let erase = run(command(installation.dir.path()).args([
        "subject",
        "erase",
        MARKER,
        "--yes",
        "--server",
        &program.base,
    ]));
    assert!(erase.status.success(), "{}", stderr(&erase));
    let file = installation.dir.path().join("certificate.json");
    std::fs::write(&file, &erase.stdout).unwrap();
    assert!(program.client().get_call(hers).await.is_err());
    assert!(program.client().get_call(his).await.is_ok());
    let (shown, _) = ask(&installation, &program, &["subject", "show", MARKER]);
    assert!(shown.starts_with("0 calls"), "{shown}");
    assert!(program.terminate());
    assert_silent(installation.dir.path());

    // Without any server.
    let verify = |file: &Path| run(command(installation.dir.path()).args(["erasure", "verify"]).arg(file));
    let held = verify(&file);
    assert!(held.status.success() && String::from_utf8_lossy(&held.stdout).contains("1 calls"), "{held:?}");
    let altered = std::fs::read_to_string(&file).unwrap().replace("\"calls\": 1", "\"calls\": 2");
    std::fs::write(&file, altered).unwrap();
    let altered = verify(&file);
    assert!(!altered.status.success() && stderr(&altered).contains("altered"), "{}", stderr(&altered));
}

#[tokio::test]
async fn keys_are_rotated_and_wrapped_anew_and_everything_stays_readable() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let http = http();
    let mut calls = Vec::new();
    for number in 0..20 {
        let user = if number % 2 == 0 { "ann" } else { "bob" };
        calls.push(program.chat(&http, &body(user, &format!("number {number}"))).await.call);
    }
    for call in &calls {
        program.ended_call(*call).await;
    }
    let (rotated, code) = ask(&installation, &program, &["keys", "rotate"]);
    assert!(code == 0 && rotated.contains("Destroyed: "), "{rotated}");
    calls.push(program.chat(&http, &body("ann", "under the new key")).await.call);
    let (listed, _) = ask(&installation, &program, &["keys", "list"]);
    assert!(listed.contains("destroyed 2") && listed.contains("in use"), "{listed}");
    for call in &calls {
        assert!(!program.ended_call(*call).await.input_messages.is_empty());
    }
    let before = program.ended_call(calls[0]).await.summary;
    assert!(program.terminate());

    let next = installation.dir.path().join("next.key");
    std::fs::write(&next, "5a".repeat(32)).unwrap();
    let rewrap =
        || run(command(installation.dir.path()).args(["keys", "rewrap", "--new-key-file"]).arg(&next));
    let first = rewrap();
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(rewrap().status.success(), "it may be done again");
    std::fs::copy(&next, installation.data().join("master.key")).unwrap();
    let program = installation.serve();
    for call in &calls {
        assert!(!program.ended_call(*call).await.input_messages.is_empty());
    }
    let again = program.chat(&http, &body("ann", "after")).await.call;
    let after = program.ended_call(again).await.summary;
    assert_eq!(after.client, before.client, "the client is the same");
    assert!(program.terminate());
}

#[tokio::test]
async fn retention_is_shown_and_set() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let (shown, _) = ask(&installation, &program, &["retention", "show"]);
    assert_eq!(shown.matches("forever").count(), 3, "{shown}");
    let (set, code) = ask(&installation, &program, &["retention", "set", "--bodies", "30"]);
    assert!(code == 0 && set.contains("30 days") && set.contains("forever"), "{set}");
    let (set, code) = ask(&installation, &program, &["retention", "set", "--bodies", "0"]);
    assert!(code != 0 && set.contains("capture policy"), "{set}");
    let (set, _) =
        ask(&installation, &program, &["retention", "set", "--bodies", "forever", "--scores", "90"]);
    assert!(set.matches("forever").count() == 2 && set.contains("90 days"), "{set}");
}
