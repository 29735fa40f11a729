//! The library from the command line, as a person or a script uses it.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{Installation, Program, command, run, stderr};

struct Library {
    installation: Installation,
    program: Program,
}

impl Library {
    async fn new() -> Self {
        let installation = Installation::new().await;
        let program = installation.serve();
        Self { installation, program }
    }

    /// Runs a command that succeeds, and returns what it wrote.
    fn ok(&self, arguments: &[&str]) -> String {
        let output = run(&mut self.command(arguments));
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// Runs a command that fails with a code, and returns what it said.
    fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let output = run(&mut self.command(arguments));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        stderr(&output)
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = command(self.installation.dir.path());
        command.args(arguments).env("CODEPROMPTU_SERVER", &self.program.base);
        command
    }

    /// A file beside the program's own, as an argument.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.installation.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// An editor that puts a text in place of another, and ends the last line as editors do.
    fn editor(&self, old: &str, new: &str) -> String {
        let script =
            format!("sed -i 's/{old}/{new}/' \"$1\"\ntail -c1 \"$1\" | grep -q . && echo >> \"$1\"\ntrue\n");
        format!("sh {}", self.file("editor.sh", &script))
    }
}

#[tokio::test]
async fn a_prompt_is_made_saved_and_read_as_it_was_written() {
    let library = Library::new().await;
    let text = "Dear {{ customer }},\nno newline at the end";
    let file = library.file("reply.txt", text);
    let made = library.ok(&[
        "prompt",
        "create",
        "support/reply",
        "--file",
        &file,
        "--tag",
        "mail",
        "--tag",
        "refund",
        "--config",
        r#"{"model":"gpt-4o-mini"}"#,
        "--message",
        "first",
        "--label",
        "production",
        "--purpose",
        "refunds",
    ]);
    assert_eq!(made, "support/reply has version 1 now.\n");
    assert_eq!(library.ok(&["prompt", "get", "support/reply"]), text);

    let refused = library.refused(4, &["prompt", "create", "support/reply", "--text", "x"]);
    assert!(refused.contains("codepromptu prompt save support/reply"), "{refused}");

    let again = library.ok(&["prompt", "save", "support/reply", "--file", &file]);
    assert_eq!(again, "support/reply says this already, in version 1.\n");
    let second = library.ok(&["prompt", "save", "support/reply", "--text", "Hello", "--parent", "1"]);
    assert_eq!(second, "support/reply has version 2 now.\n");
    let late = library.refused(4, &["prompt", "save", "support/reply", "--text", "Hi", "--parent", "1"]);
    assert!(late.contains("version 2 came in between"), "{late}");

    for (reference, said) in
        [("support/reply", "Hello"), ("support/reply#1", text), ("support/reply@production", text)]
    {
        assert_eq!(library.ok(&["prompt", "get", reference]), said, "{reference}");
    }
    let newest = library.json(&["prompt", "get", "support/reply"]);
    assert_eq!((&newest["number"], &newest["config"]), (&json!(2), &json!({ "model": "gpt-4o-mini" })));
    library.refused(3, &["prompt", "get", "support/reply#9"]);
    library.refused(3, &["prompt", "get", "support/reply@nowhere"]);
    library.refused(2, &["prompt", "get", ""]);
    library.refused(2, &["prompt", "create", "neither"]);
}

#[tokio::test]
async fn a_chat_is_messages_from_the_standard_input_on() {
    let library = Library::new().await;
    let messages = json!([
        { "role": "system", "content": "Be kind." },
        { "role": "user", "content": "I am {{ name }}, {{ age + 1 }} soon." },
    ]);
    let mut create = library.command(&["prompt", "create", "talk", "--chat", "--file", "-", "--json"]);
    let mut child = create.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(messages.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let saved: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(saved["prompt"]["kind"], "chat");
    let content: Value = serde_json::from_str(&library.ok(&["prompt", "get", "talk"])).unwrap();
    assert_eq!(content, messages);
    let refused = library.refused(1, &["prompt", "save", "talk", "--text", "no messages"]);
    assert!(refused.contains("the messages of a chat are a JSON array"), "{refused}");

    let vars = format!("@{}", library.file("vars.json", r#"{"name":"Bo","age":1}"#));
    let rendered = library.ok(&["prompt", "render", "talk#1", "--vars", &vars, "--var", "age:=41"]);
    let rendered: Value = serde_json::from_str(&rendered).unwrap();
    assert_eq!(rendered[1]["content"], "I am Bo, 42 soon.");
    let missing = library.refused(1, &["prompt", "render", "talk", "--var", "age:=1"]);
    assert!(missing.contains("name"), "{missing}");
    library.refused(2, &["prompt", "render", "talk", "--var", "age:=one"]);
}

#[tokio::test]
async fn an_editor_changes_a_prompt_and_what_cannot_be_saved_is_kept() {
    let library = Library::new().await;
    library.ok(&["prompt", "create", "greeting", "--text", "Good morning", "--config", r#"{"model":"m"}"#]);
    let edit = |old: &str, new: &str| {
        let mut command = library.command(&["prompt", "edit", "greeting", "--message", "later"]);
        run(command.env("EDITOR", "false").env("VISUAL", library.editor(old, new)))
    };
    assert_eq!(edit("nothing of it", "x").stdout, b"Nothing was changed.\n");
    assert_eq!(edit("morning", "evening").stdout, b"greeting has version 2 now.\n");
    let saved = library.json(&["prompt", "get", "greeting"]);
    assert_eq!(
        (&saved["content"], &saved["message"], &saved["config"]),
        (&json!("Good evening"), &json!("later"), &json!({ "model": "m" }))
    );

    let failed = edit("evening", "{{ unended");
    let said = stderr(&failed);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    let path = said.split("what you wrote is in ").nth(1).unwrap().split(": ").next().unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "Good {{ unended\n");
    assert!(said.contains(&format!("codepromptu prompt save greeting --file {path}")), "{said}");
    std::fs::remove_file(path).unwrap();

    // Somebody else saves while the editor is open.
    let meanwhile = format!(
        "{} prompt save greeting --text Meanwhile >&2; echo Mine >",
        env!("CARGO_BIN_EXE_codepromptu")
    );
    let late = run(library.command(&["prompt", "edit", "greeting"]).env("VISUAL", meanwhile));
    let said = stderr(&late);
    assert_eq!(late.status.code(), Some(4), "{said}");
    let path = said.split("what you wrote is in ").nth(1).unwrap().split(": ").next().unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "Mine\n");
    std::fs::remove_file(path).unwrap();
    assert_eq!(library.ok(&["prompt", "get", "greeting"]), "Meanwhile");

    let given_up = run(library.command(&["prompt", "edit", "greeting"]).env("EDITOR", "false"));
    assert!(stderr(&given_up).contains("nothing is saved"), "{given_up:?}");
}

#[tokio::test]
async fn labels_move_back_and_away_and_are_protected() {
    let library = Library::new().await;
    library.ok(&["prompt", "create", "greeting", "--text", "One", "--label", "production"]);
    library.ok(&["prompt", "save", "greeting", "--text", "Two", "--message", "shorter"]);
    let diff = library.ok(&["prompt", "diff", "greeting", "production", "#2"]);
    assert!(diff.starts_with("--- greeting#1\n+++ greeting#2\n"), "{diff}");
    assert!(diff.contains("\n-One\n") && diff.contains("\n+Two\n") && !diff.contains("settings"), "{diff}");
    assert_eq!(library.json(&["prompt", "diff", "greeting", "2"])["diff"], "");

    let moved =
        library.ok(&["prompt", "label", "greeting", "production", "--from", "1", "--reason", "works"]);
    assert_eq!(moved, "production is at version 2 of greeting now.\n");
    library.refused(4, &["prompt", "label", "greeting#1", "production", "--from", "1"]);
    let back = library.ok(&["prompt", "rollback", "greeting"]);
    assert_eq!(back, "production is back at version 1 of greeting.\n");

    let unsure = library.refused(1, &["prompt", "unlabel", "greeting", "production"]);
    assert!(unsure.contains("say it with --yes"), "{unsure}");
    library.ok(&["prompt", "unlabel", "greeting", "production", "--yes"]);
    let moves = library.json(&["prompt", "moves", "greeting"]);
    let moves = moves["moves"].as_array().unwrap();
    let path: Vec<_> = moves.iter().map(|moved| (&moved["from"], &moved["to"])).collect();
    let (none, one, two) = (json!(null), json!(1), json!(2));
    assert_eq!(path, [(&one, &none), (&two, &one), (&one, &two), (&none, &one)]);
    assert!(library.ok(&["prompt", "moves", "greeting"]).contains("works"));
    let history = library.ok(&["prompt", "history", "greeting"]);
    assert!(history.starts_with("VERSION  TIME (UTC)"), "{history}");
    assert!(history.lines().nth(1).unwrap().ends_with("latest  shorter"), "{history}");

    library.ok(&["prompt", "protect", "live", "--role", "owner", "--role", "admin"]);
    assert_eq!(
        library.ok(&["prompt", "protect"]),
        "LABEL  MOVED BY      APPROVALS  CRITERIA\nlive   owner, admin  none       none\n"
    );
    library.ok(&["prompt", "unprotect", "live", "--yes"]);
    library.refused(3, &["prompt", "unprotect", "live", "--yes"]);
}

#[tokio::test]
async fn a_label_moves_by_approval() {
    let library = Library::new().await;
    library.ok(&["prompt", "create", "greeting", "--text", "One", "--label", "live"]);
    library.ok(&["prompt", "save", "greeting", "--text", "Two"]);
    let rule = ["--role", "owner", "--approvals", "1", "--author-may-approve", "--criteria", "not_failing"];
    let said = library.ok(&[&["prompt", "protect", "live"], &rule[..]].concat());
    assert_eq!(said, "Of every prompt, live takes 1 approval by owner, admin now; owner may propose.\n");
    let refused = library.refused(1, &["prompt", "label", "greeting", "live"]);
    assert!(refused.contains("codepromptu prompt propose"), "{refused}");
    let proposed = library.ok(&["prompt", "propose", "greeting", "live", "--reason", "shorter"]);
    let (id, rest) = proposed.split_once(' ').unwrap();
    assert_eq!(rest, "is open: live of greeting from 1 to 2. It has 0 of 1 approvals by owner, admin.\n");
    let listed = library.ok(&["prompt", "proposals", "greeting"]);
    assert!(listed.lines().nth(1).unwrap().ends_with("shorter"), "{listed}");
    let approved = library.ok(&["prompt", "approve", id, "--note", "yes, shorter"]);
    assert_eq!(approved, format!("{id} is applied: live of greeting from 1 to 2.\n"));
    assert!(library.ok(&["prompt", "proposal", id]).ends_with("(approve): yes, shorter\n"));
    library.refused(4, &["prompt", "withdraw", id]);
    let back = library.ok(&["prompt", "propose", "greeting#1", "live"]);
    let id = back.split_once(' ').unwrap().0;
    library.ok(&["prompt", "reject", id, "--note", "too long"]);
    assert_eq!(library.json(&["prompt", "proposals"])["proposals"], json!([]));
    assert_eq!(library.json(&["prompt", "proposals", "--all"])["proposals"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn versions_are_talked_about() {
    let library = Library::new().await;
    library.ok(&["prompt", "create", "greeting", "--text", "One"]);
    let said = library.ok(&["prompt", "comment", "greeting#1", "too short"]);
    let (id, rest) = said.split_once(' ').unwrap();
    assert_eq!(rest, "on greeting#1 is open.\n");
    library.ok(&["prompt", "comment", "greeting", "is it?", "--reply-to", id]);
    library.ok(&["prompt", "comment", id, "far too short", "--state", "resolved"]);
    let comments = library.ok(&["prompt", "comments", "greeting", "#1"]);
    let rows: Vec<_> = comments.lines().skip(1).collect();
    assert!(rows[0].ends_with("edited: far too short") && rows[0].contains("resolved"), "{comments}");
    assert!(rows[1].contains(id) && rows[1].ends_with("is it?"), "{comments}");
    assert_eq!(library.json(&["prompt", "mentions"])["comments"], json!([]));
    assert_eq!(library.ok(&["prompt", "rate", "greeting", "4"]), "greeting#1 has 4 of 5 from you.\n");
    assert_eq!(library.json(&["prompt", "rate", "greeting"])["mean"], 4.0);
    library.refused(1, &["prompt", "rate", "greeting", "6"]);
    let proposed = library.ok(&["prompt", "propose", "greeting", "live"]);
    let id = proposed.split_once(' ').unwrap().0;
    let said = library.ok(&["prompt", "comment", id, "why now?"]);
    assert_eq!(said, format!("That is comment 1 of {id}.\n"));
}

#[tokio::test]
async fn prompts_are_related() {
    let library = Library::new().await;
    for name in ["long", "short"] {
        library.ok(&["prompt", "create", name, "--text", "x"]);
    }
    let said = library.ok(&["prompt", "relate", "short", "supersedes", "long", "--note", "half as long"]);
    assert_eq!(said, "short supersedes long.\n");
    library.refused(4, &["prompt", "relate", "long", "superseded_by", "short"]);
    library.ok(&["prompt", "relate", "long", "tested_by", "--text", "tests/long.py"]);
    let related = library.ok(&["prompt", "related", "long"]);
    let rows: Vec<_> = related.lines().skip(1).collect();
    assert!(rows[0].starts_with("superseded_by  short"), "{related}");
    assert!(
        rows[0].ends_with("half as long") && rows[1].starts_with("tested_by      tests/long.py"),
        "{related}"
    );
    let found = library.json(&["prompt", "related", "short"]);
    let id = found["references"][0]["id"].as_str().unwrap();
    library.ok(&["prompt", "unrelate", id, "--yes"]);
    assert_eq!(library.json(&["prompt", "related", "short"])["references"], json!([]));
}

#[tokio::test]
async fn prompts_are_found_described_renamed_and_put_out_of_use() {
    let library = Library::new().await;
    library.ok(&["prompt", "create", "tone", "--text", "Be kind.", "--label", "production"]);
    library.ok(&["prompt", "create", "mail/refund", "--text", r#"{% include "tone" %}"#, "--tag", "money"]);
    library.ok(&["prompt", "create", "mail/money", "--text", "x"]);
    let names = |found: &Value| -> Vec<String> {
        let prompts = found["prompts"].as_array().unwrap().iter();
        prompts.map(|prompt| prompt["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&library.json(&["search", "money"])), ["mail/money", "mail/refund"]);
    assert_eq!(names(&library.json(&["prompt", "list", "--folder", "mail", "--limit", "1"])), ["mail/money"]);
    let listed = library.ok(&["prompt", "list", "tone"]);
    assert!(listed.lines().nth(1).unwrap().ends_with("1  production#1"), "{listed}");
    let includers = library.ok(&["prompt", "includers", "tone"]);
    assert!(includers.lines().nth(1).unwrap().starts_with("mail/refund        1"), "{includers}");

    library.ok(&[
        "prompt",
        "set",
        "mail/refund",
        "--description",
        "Refunds",
        "--tag",
        "",
        "--status",
        "active",
    ]);
    let set = library.json(&["prompt", "set", "mail/refund", "--purpose", "money back", "--revision", "2"]);
    let said = [&set["description"], &set["purpose"], &set["status"], &set["tags"]];
    assert_eq!(said, [&json!("Refunds"), &json!("money back"), &json!("active"), &json!([])]);
    library.refused(4, &["prompt", "set", "mail/refund", "--purpose", "x", "--revision", "2"]);
    let nothing = library.refused(1, &["prompt", "set", "mail/refund"]);
    assert!(nothing.contains("nothing is given that would change"), "{nothing}");

    library.refused(4, &["prompt", "archive", "tone", "--yes"]);
    library.refused(1, &["prompt", "archive", "mail/money"]);
    library.ok(&["prompt", "archive", "mail/money", "--yes"]);
    assert_eq!(names(&library.json(&["prompt", "list", "--archived"])), ["mail/money"]);
    library.ok(&["prompt", "restore", "mail/money"]);
    library.refused(4, &["prompt", "rename", "mail/money", "mail/refund"]);
    library.ok(&["prompt", "rename", "mail/money", "mail/cash"]);
    assert_eq!(library.ok(&["prompt", "get", "mail/cash"]), "x");
}
