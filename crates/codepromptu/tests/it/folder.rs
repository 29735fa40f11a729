//! A folder of files and the library, kept in step both ways by the real program.

use std::path::{Path, PathBuf};

use cp_client::Client;
use cp_wire::{NewPrompt, NewPromptVersion, PromptChange, PromptDetails};
use serde_json::{Value, json};

use crate::program::{Installation, Program, command, run, stderr};

struct Team {
    installation: Installation,
    program: Program,
}

impl Team {
    async fn new() -> Self {
        let installation = Installation::new().await;
        let program = installation.serve();
        Self { installation, program }
    }

    fn client(&self) -> Client {
        self.program.client()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.installation.dir.path().join("prompts").join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Edits a file as a person does.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{text}");
        self.write(name, &text.replace(from, to));
    }

    /// Runs a command; what it said and its exit code.
    fn ask(&self, arguments: &[&str]) -> (String, i32) {
        let mut command = command(self.installation.dir.path());
        let output = run(command.args(arguments).args(["--server", &self.program.base]));
        let said = String::from_utf8(output.stdout.clone()).unwrap() + &stderr(&output);
        (said, output.status.code().unwrap())
    }

    /// Runs a command that succeeds.
    fn ok(&self, arguments: &[&str]) -> String {
        let (said, code) = self.ask(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    /// Runs a command that fails with a code and says something.
    fn refused(&self, code: i32, arguments: &[&str], says: &[&str]) {
        let (said, found) = self.ask(arguments);
        assert_eq!(found, code, "{arguments:?}: {said}");
        for says in says {
            assert!(said.contains(says), "{says:?} is not in: {said}");
        }
    }

    async fn create(&self, name: &str, content: Value) {
        let version = NewPromptVersion { content, ..NewPromptVersion::default() };
        let new = NewPrompt { name: name.to_owned(), version, details: PromptDetails::default() };
        self.client().create_prompt(&new).await.unwrap();
    }

    async fn save(&self, name: &str, content: Value) {
        let version = NewPromptVersion { content, ..NewPromptVersion::default() };
        self.client().create_version(name, &version).await.unwrap();
    }

    async fn change(&self, name: &str, change: PromptChange) {
        self.client().update_prompt(name, &change).await.unwrap();
    }

    /// What the newest version says, and its number.
    async fn newest(&self, name: &str) -> (Value, i64) {
        let version = self.client().get_version(name, "latest").await.unwrap();
        (version.content, version.number)
    }

    /// Neither side has anything for the other one.
    fn is_in_step(&self) {
        let state = self.read(".codepromptu/state.json");
        assert_eq!(self.ok(&["pull"]), "The files say what the library says.\n");
        assert_eq!(self.ok(&["push"]), "The library says what the files say.\n");
        assert_eq!(self.ok(&["status", "prompts"]), "Folder and library say the same.\n");
        assert_eq!(self.ok(&["diff"]), "");
        assert_eq!(self.read(".codepromptu/state.json"), state);
    }
}

const LINES: &str = "one\ntwo\nthree\nfour\nfive";

#[tokio::test]
async fn what_one_side_changes_comes_to_the_other() {
    let team = Team::new().await;
    team.create("support/reply", json!("Dear {{ customer }},\r\nfine.\n")).await;
    let chat =
        json!([{ "role": "system", "content": "Be brief." }, { "type": "placeholder", "name": "history" }]);
    team.create("talk? ...", chat).await;
    let said = team.ok(&["pull"]);
    assert!(said.contains("new       support/reply.md  version 1"), "{said}");
    assert_eq!(team.read("support/reply.md"), "---\n---\n\nDear {{ customer }},\r\nfine.\n\n");
    let talk = "talk%3F ..%2E.md";
    assert!(team.read(talk).contains("\n## placeholder: history\n"));
    team.is_in_step();

    team.edit("support/reply.md", "---\n---\n", "---\npurpose: refunds\n---\n");
    team.edit("support/reply.md", "fine.", "good.");
    team.write("new/one.md", "Hello {{ name }}\n");
    assert!(team.ok(&["push", "--dry-run"]).contains("new       new/one.md"));
    assert_eq!(team.newest("support/reply").await.1, 1);
    team.ok(&["push", "--message", "Warmer"]);
    let version = team.client().get_version("support/reply", "latest").await.unwrap();
    assert_eq!((version.number, version.message.as_str()), (2, "Warmer"));
    assert_eq!(version.content, json!("Dear {{ customer }},\r\ngood.\n"));
    assert_eq!(team.client().get_prompt("support/reply").await.unwrap().purpose, "refunds");
    assert_eq!(team.newest("new/one").await, (json!("Hello {{ name }}"), 1));
    team.is_in_step();

    team.save("new/one", json!("Hi {{ name }}")).await;
    let details = PromptDetails { tags: Some(vec!["b".into(), "a".into()]), ..PromptDetails::default() };
    team.change("new/one", PromptChange { details, ..PromptChange::default() }).await;
    assert!(team.ok(&["status", "prompts"]).contains("changed   new/one.md  in the library: pull"));
    assert!(team.ok(&["diff", "prompts", "new/one"]).contains("-Hi {{ name }}\n+Hello {{ name }}"));
    team.ok(&["pull"]);
    assert_eq!(team.read("new/one.md"), "---\ntags:\n- a\n- b\n---\n\nHi {{ name }}\n");
    team.is_in_step();
}

#[tokio::test]
async fn what_both_change_is_merged_or_shown_and_never_overwritten() {
    let team = Team::new().await;
    team.create("a", json!(LINES)).await;
    team.ok(&["pull"]);
    team.edit("a.md", "one", "One");
    team.save("a", json!(LINES.replace("five", "Five"))).await;
    team.refused(4, &["push"], &["conflict  a.md  changed here and in the library", "nothing was pushed"]);
    assert!(team.ok(&["pull"]).contains("merged    a.md  version 2, and what you changed"));
    team.ok(&["push"]);
    assert_eq!(team.newest("a").await, (json!("One\ntwo\nthree\nfour\nFive"), 3));
    team.is_in_step();

    team.edit("a.md", "three", "drei");
    let ours = team.read("a.md");
    team.save("a", json!("One\ntwo\ntrois\nfour\nFive")).await;
    team.refused(4, &["pull"], &["conflict  a.md", "drei", "trois"]);
    assert_eq!(team.read("a.md"), ours);
    team.refused(4, &["pull", "--merge"], &["conflict  a.md"]);
    let marked = team.read("a.md");
    assert!(
        marked.contains("<<<<<<< ours\ndrei\n") && marked.contains("=======\ntrois\n>>>>>>> theirs"),
        "{marked}"
    );
    team.refused(1, &["push"], &["prompts/a.md: it has the markers of a conflict"]);
    assert_eq!(team.newest("a").await.1, 4);
    team.write("a.md", "One\ntwo\ndrei, trois\nfour\nFive\n");
    team.ok(&["push"]);
    assert_eq!(team.newest("a").await, (json!("One\ntwo\ndrei, trois\nfour\nFive"), 5));
    team.is_in_step();
}

#[tokio::test]
async fn files_and_prompts_are_renamed_deleted_and_archived() {
    let team = Team::new().await;
    for name in ["a", "b", "c", "d"] {
        team.create(name, json!(format!("This is {name}."))).await;
    }
    team.ok(&["pull"]);
    std::fs::create_dir(team.path("moved")).unwrap();
    std::fs::rename(team.path("a.md"), team.path("moved/a.md")).unwrap();
    assert!(team.ok(&["push"]).contains("renamed   moved/a.md  it was a"));
    assert_eq!(team.newest("moved/a").await.0, json!("This is a."));
    team.is_in_step();

    team.change("moved/a", PromptChange { name: Some("a2".into()), ..PromptChange::default() }).await;
    team.edit("moved/a.md", "This", "That");
    assert!(team.ok(&["push"]).contains("renamed   moved/a.md  in the library"));
    assert!(team.ok(&["pull"]).contains("moved     a2.md  it was moved/a.md"));
    assert!(!team.path("moved").exists());
    team.ok(&["push"]);
    assert_eq!(team.newest("a2").await.0, json!("That is a."));

    std::fs::remove_file(team.path("b.md")).unwrap();
    assert!(team.ok(&["push"]).contains("deleted   b.md  `push --archive`"));
    assert!(team.ok(&["pull"]).contains("deleted   b.md  `pull --restore`"));
    assert!(team.ok(&["pull", "--restore"]).contains("new       b.md"));
    std::fs::remove_file(team.path("b.md")).unwrap();
    assert!(team.ok(&["push", "--archive"]).contains("archived  b.md"));
    assert!(team.client().get_prompt("b").await.unwrap().archived_at.is_some());
    team.write("b.md", "It is back.\n");
    team.refused(4, &["push"], &["b.md cannot be pushed", "codepromptu prompt restore b"]);
    std::fs::remove_file(team.path("b.md")).unwrap();

    let archived = || PromptChange { archived: Some(true), ..PromptChange::default() };
    team.change("c", archived()).await;
    team.change("d", archived()).await;
    team.edit("d.md", "This", "That");
    team.refused(4, &["pull"], &["removed   c.md", "conflict  d.md  changed here, archived in the library"]);
    assert!(!team.path("c.md").exists() && team.path("d.md").exists());
    std::fs::remove_file(team.path("d.md")).unwrap();
    team.ok(&["pull"]);
    team.is_in_step();
}

#[tokio::test]
async fn a_check_names_file_line_and_column_and_changes_nothing() {
    let team = Team::new().await;
    team.create("tone", json!("Be kind.")).await;
    team.ok(&["pull"]);
    team.write("broken.md", "---\nkind: chat\n---\n\n## role: user\n\nfine\n{{ name | uper }}\n");
    team.write("key.md", "---\ndescripton: x\n---\n\nx\n");
    team.write("lost.md", "A\n{% include \"nowhere@staging\" %}\n");
    team.write("self.md", "{% include \"self@latest\" %}\n");
    team.write("types.md", "---\nvariables:\n- {name: n, type: integer}\n- {name: old}\n---\n{% for x in n %}{{ x }}{% endfor %}\n");
    team.write("fine.md", "---\nvariables:\n- {name: old}\n---\n{% include \"tone@latest\" %}\n");
    std::os::unix::fs::symlink("/etc/hostname", team.path("link.md")).unwrap();
    for command in [&["push", "--check"][..], &["push"]] {
        team.refused(
            1,
            command,
            &[
                "prompts/broken.md:8:",
                "did you mean `upper`",
                "prompts/key.md:2:1: there is no key `descripton`",
                "prompts/lost.md:2:",
                "there is no `nowhere@staging`",
                "prompts/self.md:1:",
                "includes itself",
                "prompts/link.md: it is a symbolic link",
            ],
        );
    }
    let (said, _) = team.ask(&["push", "--check"]);
    assert!(said.contains(
        "prompts/types.md:2:1: warning: the variable `n` is described as integer, and used as array"
    ));
    assert!(
        said.contains("prompts/fine.md:2:1: warning: the variable `old` is described, and used nowhere"),
        "{said}"
    );
    let listed = team.client().list_prompts(&cp_wire::PromptQuery::default()).await.unwrap();
    assert_eq!(listed.prompts.len(), 1);
    for name in ["broken.md", "key.md", "lost.md", "self.md", "types.md", "link.md"] {
        std::fs::remove_file(team.path(name)).unwrap();
    }
    assert!(team.ok(&["push", "--check"]).contains("Every file is fine."));
    team.ok(&["push"]);
    team.is_in_step();
}

#[tokio::test]
async fn a_folder_holds_a_part_of_one_library_and_included_prompts_come_first() {
    let team = Team::new().await;
    team.create("in/b", json!("b")).await;
    team.create("out", json!("out")).await;
    team.ok(&["pull", "--prefix", "in"]);
    assert!(team.path("in/b.md").exists() && !team.path("out.md").exists());
    team.refused(1, &["pull", "--prefix", "out"], &["holds `in` already"]);
    team.write("in/a.md", "{% include \"in/z@latest\" %}\n");
    team.write("in/z.md", "z\n");
    team.ok(&["push"]);
    team.is_in_step();
    // What an earlier version said is that version again, and the newest stays.
    team.edit("in/z.md", "z\n", "zz\n");
    team.ok(&["push"]);
    team.edit("in/z.md", "zz\n", "z\n");
    assert!(team.ok(&["push"]).contains("version 1, which it said before; the newest stays 2"));
    team.is_in_step();
    team.write("elsewhere.md", "x\n");
    team.refused(1, &["push"], &["prompts/elsewhere.md:1:1: the folder holds what is below `in`"]);

    let other = Team::new().await;
    copy(&team.path(""), &other.path(""));
    other.refused(1, &["pull"], &["the folder is of another project or server"]);
    std::fs::remove_dir_all(other.path(".codepromptu")).unwrap();
    other.ok(&["push"]);
    assert_eq!(other.newest("in/z").await, (json!("z"), 1));
    other.is_in_step();
}

#[tokio::test]
async fn everything_that_is_said_of_a_prompt_is_in_its_file() {
    let team = Team::new().await;
    let content = json!([
        { "role": "system", "content": "## role: user\nis no heading\n" },
        { "role": "tool", "content": "", "tool_call_id": "c1" },
    ]);
    let details = json!({
        "status": "draft", "description": "Two\nlines: #1", "purpose": "yes", "models": ["gpt-5"], "tags": ["b", "a"],
        "variables": [{ "name": "n", "type": "integer", "required": false, "default": 3, "examples": [1, 2] }],
        "criteria": [
            { "metric": "latency_p95_ms", "comparison": "at_most", "target": 800, "window": "7 days" },
            { "expression": "len(output) < 10" },
        ],
        "metadata": { "007": [1.5, null, "1_000", { "a": "~" }], "date": "2026-01-01" },
    });
    let config = json!({ "model": "gpt-5", "temperature": 1.0, "stop": ["\n---\n"], "seed": 18446744073709551615_u64 });
    let new = json!({ "name": "whole", "details": details, "version": { "content": content, "syntax": "none", "config": config } });
    team.client().create_prompt(&serde_json::from_value(new).unwrap()).await.unwrap();
    team.ok(&["pull"]);
    team.is_in_step();
    // The file alone says all of it.
    std::fs::remove_dir_all(team.path(".codepromptu")).unwrap();
    assert_eq!(team.ok(&["push"]), "The library says what the files say.\n");
    team.is_in_step();
    team.edit("whole.md", "Two", "Three");
    team.ok(&["push"]);
    let prompt = team.client().get_prompt("whole").await.unwrap();
    assert_eq!((prompt.description.as_str(), prompt.latest), ("Three\nlines: #1", 1));
    assert_eq!(serde_json::to_value(&prompt.metadata).unwrap(), details["metadata"]);
    let variables = "variables:\n- name: \"n\"\n  type: integer\n  required: false\n  default: 3\n  examples:\n  - 1\n  - 2\n";
    let text = team.read("whole.md");
    assert!(text.contains(variables) && text.contains("\n\\## role: user\nis no heading\n\n\n"), "{text}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
