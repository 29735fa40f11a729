//! Prompts come from files of other programs, leave as lines, and come back from them.

use std::path::Path;

use cp_wire::PromptQuery;
use serde_json::{Value, json};

use crate::program::{Installation, Program, command, run, stderr};

fn ask(dir: &Path, program: &Program, arguments: &[&str]) -> (String, i32) {
    let output = run(command(dir).args(arguments).args(["--server", &program.base]));
    (String::from_utf8(output.stdout.clone()).unwrap() + &stderr(&output), output.status.code().unwrap())
}

fn last_line(said: &str) -> &str {
    said.lines().rfind(|line| line.contains(" left out")).unwrap()
}

fn langfuse() -> Value {
    json!([
        { "name": "greet", "version": 1, "prompt": "Hello {{name}}", "labels": [], "tags": ["warm"] },
        { "name": "greet", "version": 2, "prompt": "Hi {{name}}", "labels": ["production"], "tags": ["warm"],
          "commitMessage": "shorter" },
    ])
}

#[tokio::test]
async fn an_import_is_shown_done_and_repeated_without_effect() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let dir = installation.dir.path();
    std::fs::write(dir.join("langfuse.json"), langfuse().to_string()).unwrap();
    std::fs::write(dir.join("tone.md"), "---\ntags: [style]\n---\nBe kind.\n").unwrap();
    let files = ["import", "langfuse.json", "tone.md", "--folder", "team"];

    let (shown, code) = ask(dir, &program, &[&files[..], &["--dry-run"]].concat());
    assert!(
        code == 0 && last_line(&shown).ends_with("2 made, 1 new versions, 0 there already, 0 left out"),
        "{shown}"
    );
    assert_eq!(program.client().list_prompts(&PromptQuery::default()).await.unwrap().prompts, []);

    let (done, code) = ask(dir, &program, &files);
    assert_eq!((done.trim_end(), code), ("2 made, 1 new versions, 0 there already, 0 left out", 0));
    let greet = program.client().get_prompt("team/greet").await.unwrap();
    assert_eq!((greet.labels.get("production"), greet.latest), (Some(&2), 2));
    assert_eq!(greet.tags, ["warm"]);
    let newest = program.client().get_version("team/greet", "production").await.unwrap();
    assert_eq!((newest.content, newest.message.as_str()), (json!("Hi {{name}}"), "shorter"));

    for more in [&[][..], &["--dry-run"]] {
        let (again, code) = ask(dir, &program, &[&files[..], more].concat());
        assert!(
            code == 0 && last_line(&again).ends_with("0 made, 0 new versions, 3 there already, 0 left out"),
            "{again}"
        );
    }
    assert_eq!(program.client().get_prompt("team/greet").await.unwrap().updated_at, greet.updated_at);
}

#[tokio::test]
async fn what_is_left_out_is_named_and_the_rest_is_taken() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let dir = installation.dir.path();
    std::fs::write(dir.join("prompts.csv"), "act,prompt\nGood,Yes\nEmpty,\nnew,A reserved name\n").unwrap();
    std::fs::write(dir.join("broken.json"), "{\"a\":\n oops}").unwrap();
    std::fs::write(dir.join("template.md"), "{% if %}").unwrap();
    let (said, code) = ask(
        dir,
        &program,
        &["import", "prompts.csv", "broken.json", "template.md", "gone.md", "--format", "csv"],
    );
    assert!(code == 1 && said.contains("prompts.csv: line 3: it says nothing"), "{said}");
    assert!(said.contains("prompts.csv: line 4: `new` cannot be a prompt's name"), "{said}");
    assert!(said.contains("gone.md: it cannot be read"), "{said}");
    assert!(program.client().get_prompt("Good").await.is_ok());

    let (said, code) = ask(dir, &program, &["import", "broken.json", "template.md", "--format", "langfuse"]);
    assert!(code == 1 && said.contains("broken.json: it is not JSON") && said.contains("line 2"), "{said}");
    let (said, code) = ask(dir, &program, &["import", "template.md"]);
    assert!(code == 1 && said.contains("template.md: the prompt, `template`: "), "{said}");
    let (said, code) = ask(dir, &program, &["import", "broken.json"]);
    assert!(code == 1 && said.contains("--format"), "{said}");
    let (said, code) = ask(dir, &program, &["import", "template.md", "--format", "word"]);
    assert!(code == 2 && said.contains("langfuse"), "{said}");
}

#[tokio::test]
async fn a_library_leaves_as_lines_and_comes_back_whole() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let dir = installation.dir.path();
    std::fs::write(dir.join("langfuse.json"), langfuse().to_string()).unwrap();
    assert_eq!(ask(dir, &program, &["import", "langfuse.json"]).1, 0);
    let (said, code) = ask(dir, &program, &["export", "library.jsonl"]);
    assert_eq!((said.trim_end(), code), ("1 prompts in library.jsonl", 0));
    let exported = std::fs::read_to_string(dir.join("library.jsonl")).unwrap();
    assert_eq!(ask(dir, &program, &["export"]), (exported.clone(), 0));

    let (said, code) = ask(dir, &program, &["import", "library.jsonl"]);
    assert_eq!((said.trim_end(), code), ("0 made, 0 new versions, 2 there already, 0 left out", 0));
    let other = Installation::new().await;
    let fresh = other.serve();
    assert_eq!(ask(dir, &fresh, &["import", "library.jsonl"]).1, 0);
    let (again, _) = ask(dir, &fresh, &["export"]);
    // Ids, people and times are of the library that they are in; what is said is the same.
    let told = |lines: &str| -> Vec<Value> {
        let line: Value = serde_json::from_str(lines).unwrap();
        let prompt = ["name", "kind", "tags", "labels", "variables"]
            .map(|key| line.pointer(&format!("/prompt/{key}")).cloned());
        let versions = line.get("versions").unwrap().as_array().unwrap().iter();
        let keys = ["number", "content", "syntax", "config", "digest", "message", "labels"];
        let versions = versions.map(|version| json!(keys.map(|key| version.get(key))));
        versions.chain([json!(prompt)]).collect()
    };
    assert_eq!(told(&again), told(&exported));
}
