//! The first person, and the command line after that.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::program::{Installation, Program, command, run, stderr};

const PASSWORD: &str = "brine kettle vowel otter";

/// The program as a person's command line, with a home of its own.
fn person(dir: &Path, program: &Program) -> Command {
    let mut command = command(dir);
    command.env("HOME", dir).env("CODEPROMPTU_SERVER", &program.base);
    command
}

/// Runs it with lines on standard input.
fn typed(command: &mut Command, lines: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn link(program: &Program) -> Option<String> {
    let line = program.announced.lines().find(|line| line.contains("/setup#"))?;
    Some(line.trim().to_owned())
}

#[tokio::test]
async fn the_first_start_prints_a_link_and_its_owner_signs_in_and_invites() {
    let installation = Installation::new().await;
    let (dir, program) = (installation.dir.path(), installation.serve());
    let link = link(&program).unwrap_or_else(|| panic!("no link in {}", program.announced));
    // Until then this machine may do everything.
    assert!(run(person(dir, &program).args(["key", "list"])).status.success());

    let set_up = ["setup", &link, "--email", "ada@example.test", "--name", "Ada"];
    let output = typed(person(dir, &program).args(set_up), &format!("{PASSWORD}\n"));
    assert!(output.status.success(), "{}", stderr(&output));
    let again = typed(person(dir, &program).args(set_up), &format!("{PASSWORD}\n"));
    assert!(!again.status.success() && stderr(&again).contains("the link is used"), "{}", stderr(&again));

    // Signed in already, and kept where nobody else reads it.
    let output = run(person(dir, &program).args(["key", "list"]));
    assert!(output.status.success(), "{}", stderr(&output));
    let file = dir.join(".config/codepromptu/credentials.toml");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let stranger = run(command(dir).args(["key", "list", "--server", &program.base]));
    assert!(stderr(&stranger).contains("codepromptu login"), "{}", stderr(&stranger));

    let invite = ["member", "invite", "bob@example.test", "--role", "editor"];
    let output = run(person(dir, &program).args(invite));
    assert!(output.status.success(), "{}", stderr(&output));
    let invitation = String::from_utf8_lossy(&output.stdout);
    assert!(invitation.starts_with(&format!("{}/invite#cpi_", program.base)), "{invitation}");
    assert!(stderr(&output).contains("no e-mail is sent"), "{}", stderr(&output));
    let output = run(person(dir, &program).args(["member", "invitations"]));
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(listed.contains("bob@example.test") && listed.contains("editor"), "{listed}");

    let output = run(person(dir, &program).args(["logout"]));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!std::fs::read_to_string(&file).unwrap().contains("cps_"));
    assert!(!run(person(dir, &program).args(["key", "list"])).status.success());

    let wrong = typed(person(dir, &program).args(["login"]), "ada@example.test\nwrong\n");
    assert!(stderr(&wrong).contains("is wrong"), "{}", stderr(&wrong));
    let output = typed(person(dir, &program).args(["login"]), &format!("ada@example.test\n{PASSWORD}\n"));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(run(person(dir, &program).args(["key", "list"])).status.success());
}

#[tokio::test]
async fn a_later_start_prints_no_link_and_a_key_can_be_kept() {
    let installation = Installation::new().await;
    let (dir, program) = (installation.dir.path(), installation.serve());
    let made = run(person(dir, &program).args(["key", "create", "ci", "--role", "viewer"]));
    let key = String::from_utf8(made.stdout).unwrap();
    let set_up = ["setup", &link(&program).unwrap(), "--email", "ada@example.test", "--name", "Ada"];
    let output = typed(person(dir, &program).args(set_up), &format!("{PASSWORD}\n"));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(program.terminate());

    let program = installation.serve();
    assert_eq!(link(&program), None, "{}", program.announced);
    let home = dir.join("other");
    let mut login = person(dir, &program);
    let output = typed(login.env("HOME", &home).args(["login", "--with-key"]), &key);
    assert!(output.status.success(), "{}", stderr(&output));
    let list = run(person(dir, &program).env("HOME", &home).args(["calls", "list"]));
    assert!(list.status.success(), "{}", stderr(&list));
    let keys = run(person(dir, &program).env("HOME", &home).args(["key", "list"]));
    assert!(stderr(&keys).contains("yours here: viewer"), "{}", stderr(&keys));
    let output = run(person(dir, &program).env("HOME", &home).args(["logout"]));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!run(person(dir, &program).env("HOME", &home).args(["calls", "list"])).status.success());
}
