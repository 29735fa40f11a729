//! What a person asks the program about itself: completions, pages of the manual, the configuration, and what is wrong.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::program::{Installation, command, run, stderr};

fn ok(dir: &Path, arguments: &[&str]) -> String {
    let output = run(command(dir).args(arguments));
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// What `doctor` found, by what it looked at, and its exit code.
fn examined(dir: &Path, server: &str) -> (Vec<(String, String, String)>, i32) {
    let output = run(command(dir).args(["doctor", "--json", "--server", server]));
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = findings.iter().map(|finding| {
        (text(finding, "what"), text(finding, "level"), text(finding, "found") + &text(finding, "help"))
    });
    (findings.collect(), output.status.code().unwrap())
}

/// The address of a program that answers, and is another one.
fn other_program() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let asked = stream.read(&mut [0; 4_096]).is_ok_and(|read| read > 0);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
            asked.then(|| stream.write_all(answer).ok());
        }
    });
    format!("http://{address}")
}

fn check(findings: &[(String, String, String)], what: &str, level: &str, says: &str) {
    let is_meant = |(known, found, said): &&(String, String, String)| {
        known == what && found == level && said.contains(says)
    };
    assert!(findings.iter().any(|finding| is_meant(&finding)), "{what}: {level}: {says}: {findings:#?}");
}

#[test]
fn shells_complete_every_command() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ok(dir.path(), &["completion", shell]);
        for word in ["rollback", "restore", "doctor", "dry-run"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    // The shell itself reads its script.
    let script = dir.path().join("completion.bash");
    std::fs::write(&script, ok(dir.path(), &["completion", "bash"])).unwrap();
    let read = std::process::Command::new("bash").arg("-n").arg(&script).output().unwrap();
    assert!(read.status.success(), "{}", stderr(&read));
}

#[test]
fn every_command_has_a_page() {
    let dir = tempfile::tempdir().unwrap();
    assert!(ok(dir.path(), &["man"]).contains("codepromptu\\-prompt"));
    ok(dir.path(), &["man", "pages"]);
    for page in
        ["codepromptu.1", "codepromptu-push.1", "codepromptu-prompt-rollback.1", "codepromptu-config-path.1"]
    {
        let text = std::fs::read_to_string(dir.path().join("pages").join(page)).unwrap();
        assert!(text.contains(".SH NAME"), "{page}: {text}");
    }
}

#[tokio::test]
async fn the_configuration_is_shown_with_where_it_comes_from_and_without_secrets() {
    let installation = Installation::with("[audit]\nwebhook_url = \"https://siem.example/token-1\"\nwebhook_secret = \"0123456789abcdef0123456789abcdef\"").await;
    let dir = installation.dir.path();
    let mut asking = command(dir);
    asking.args(["config", "--json"]).env("CODEPROMPTU_DATABASE_URL", "postgres://cp:open-sesame@db/cp");
    let output = run(asking.env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20letmein"));
    let shown = String::from_utf8(output.stdout).unwrap();
    for secret in ["token-1", "0123456789abcdef", "open-sesame", "letmein"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    let settings: Vec<Value> = serde_json::from_str(&shown).unwrap();
    let find = |key: &str| {
        let setting = settings.iter().find(|setting| setting["key"] == key).unwrap();
        (setting["value"].as_str().unwrap_or_default(), setting["from"].as_str().unwrap())
    };
    assert_eq!(find("database_url"), ("postgres://cp:(hidden)@db/cp", "CODEPROMPTU_DATABASE_URL"));
    assert_eq!(find("otlp.headers"), ("(hidden)", "OTEL_EXPORTER_OTLP_HEADERS"));
    assert_eq!(find("server.listen"), ("127.0.0.1:0", "codepromptu.toml"));
    assert_eq!(find("log.min_retention_s").1, "default");
    assert!(find("providers.openai.base_url").0.ends_with("/openai"));

    let paths: Value = serde_json::from_str(&ok(dir, &["config", "path", "--json"])).unwrap();
    assert_eq!(paths["data"], installation.data().display().to_string());
    assert_eq!(paths["configuration"], "codepromptu.toml");
    assert!(ok(dir, &["config", "path"]).contains("master.key"));
}

#[tokio::test]
async fn the_doctor_finds_nothing_before_the_first_start_and_while_it_runs() {
    let installation = Installation::new().await;
    let dir = installation.dir.path();
    // Nobody listens on a port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (findings, code) = examined(dir, &format!("http://{free}"));
    assert_eq!(code, 0, "{findings:#?}");
    check(&findings, "configuration", "ok", "codepromptu.toml");
    check(&findings, "data directory", "ok", "is made at the first start");
    check(&findings, "master key", "ok", "is made at the first start");
    check(&findings, "database", "ok", "is made at the first start");
    check(&findings, "server", "warning", "codepromptu serve");
    assert!(!installation.data().exists());

    let program = installation.serve();
    let (findings, code) = examined(dir, &program.base);
    assert_eq!(code, 0, "{findings:#?}");
    assert!(findings.iter().all(|(_, level, _)| level == "ok"), "{findings:#?}");
    check(&findings, "database", "ok", "has this program's schema");
    check(&findings, "credentials", "ok", "owner");
    let said = ok(dir, &["doctor", "--server", &program.base]);
    assert!(said.lines().all(|line| line.starts_with("ok ")), "{said}");
}

#[tokio::test]
async fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let installation =
        Installation::with(&format!("[gateway]\nlisten = \"{}\"", taken.local_addr().unwrap())).await;
    drop(taken);
    let dir = installation.dir.path();
    drop(installation.serve());
    let taken = std::net::TcpListener::bind(
        ok(dir, &["config", "--json"])
            .split("\"gateway.listen\",\n    \"value\": \"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap(),
    )
    .unwrap();
    // Whoever connects is not answered, and sees the end.
    std::thread::spawn(move || taken.incoming().for_each(drop));
    std::fs::set_permissions(installation.data(), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(installation.data().join("master.key"), PermissionsExt::from_mode(0o644))
        .unwrap();
    std::fs::write(
        installation.data().join("codepromptu.db"),
        "no database at all, though long enough to be read",
    )
    .unwrap();
    // Its write-ahead log would stand in for it.
    for more in ["-wal", "-shm"] {
        std::fs::remove_file(installation.data().join(format!("codepromptu.db{more}"))).ok();
    }
    let other = other_program();
    let (findings, code) = examined(dir, &other);
    assert_eq!(code, 1, "{findings:#?}");
    check(&findings, "data directory", "warning", "chmod 700");
    check(&findings, "master key", "error", "chmod 600");
    check(&findings, "database", "error", "codepromptu.db");
    check(&findings, "port", "warning", "is in use");
    check(&findings, "server", "error", "is not CodePromptu");

    std::fs::remove_file(installation.data().join("master.key")).unwrap();
    let (findings, _) = examined(dir, &other);
    check(&findings, "master key", "error", "put it back from a backup");
    std::fs::write(installation.config(), "data_dri = \"x\"").unwrap();
    let (findings, code) = examined(dir, "http://127.0.0.1:1");
    assert_eq!(code, 1);
    check(&findings, "configuration", "error", "did you mean `data_dir`");
}
