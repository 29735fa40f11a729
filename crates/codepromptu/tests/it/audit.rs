//! The audit log, exported and verified by the real program.

use std::path::Path;

use cp_base::{Digest, hex, sha256};
use cp_db::{Db, Durability};
use cp_store::ChainedEvent;

use crate::program::{Installation, Program, command, run, stderr};

/// Makes some projects, and so events.
fn make_projects(program: &Program, dir: &Path, names: &[&str]) {
    for name in names {
        let made = run(command(dir).args(["project", "create", name, "--server", &program.base]));
        assert!(made.status.success(), "{}", stderr(&made));
    }
}

/// What `codepromptu audit …` says, where it succeeds, or why it fails.
fn audit(program: &Program, dir: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = run(command(dir).arg("audit").args(arguments).args(["--server", &program.base]));
    if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(stderr(&output)) }
}

/// The chain made anew after a change of one event, as somebody with the file and without the key can.
fn rewritten(export: &str, change: impl Fn(&mut ChainedEvent)) -> String {
    let mut previous: Digest = [0; 32];
    let mut text = String::new();
    for line in export.lines() {
        let mut event: ChainedEvent = serde_json::from_str(line).unwrap();
        change(&mut event);
        previous = sha256(&[b"codepromptu audit v1", &previous, event.event.canonical().as_bytes()]);
        event.hash = hex(&previous);
        text += &serde_json::to_string(&event).unwrap();
        text.push('\n');
    }
    text
}

#[tokio::test]
async fn a_changed_byte_of_an_export_is_found_and_its_record_named() {
    let installation = Installation::new().await;
    let (program, dir) = (installation.serve(), installation.dir.path());
    make_projects(&program, dir, &["One", "Two", "Three"]);
    audit(&program, dir, &["export", "-o", "whole.jsonl"]).unwrap();
    let whole = std::fs::read(dir.join("whole.jsonl")).unwrap();
    let said = audit(&program, dir, &["verify", "whole.jsonl"]).unwrap();
    assert!(said.contains("3 events"), "{said}");
    assert_eq!(audit(&program, dir, &["verify"]).unwrap(), said, "the server's own chain");
    // At the beginning of the file, at its end, and here and there.
    let places = (0..whole.len()).step_by(whole.len() / 16).chain([whole.len() - 1]);
    for (place, bit) in places.zip((0..8).cycle()) {
        let mut flipped = whole.clone();
        flipped[place] ^= 1 << bit;
        std::fs::write(dir.join("flipped.jsonl"), flipped).unwrap();
        let record = whole[..place].iter().filter(|byte| **byte == b'\n').count() + 1;
        let said = audit(&program, dir, &["verify", "flipped.jsonl"]).unwrap_err();
        assert!(said.contains(&format!("record {record}")), "byte {place}, bit {bit}: {said}");
    }
}

#[tokio::test]
async fn a_checkpoint_that_was_kept_tells_of_a_chain_made_anew() {
    let installation = Installation::new().await;
    let (program, dir) = (installation.serve(), installation.dir.path());
    make_projects(&program, dir, &["One", "Two", "Three"]);
    let checkpoint = audit(&program, dir, &["checkpoint"]).unwrap();
    std::fs::write(dir.join("kept.json"), &checkpoint).unwrap();
    make_projects(&program, dir, &["Four"]);
    let export = audit(&program, dir, &["export"]).unwrap();
    let verify = |export: &str, more: &[&str]| {
        std::fs::write(dir.join("export.jsonl"), export).unwrap();
        audit(&program, dir, &[&["verify", "export.jsonl"], more].concat())
    };
    let kept = ["--checkpoint", "kept.json"];
    verify(&export, &kept).unwrap();
    assert_eq!(rewritten(&export, |_| ()), export);

    // Cut off before the checkpoint, the chain holds together; only the checkpoint tells.
    let cut: String = export.lines().take(2).map(|line| format!("{line}\n")).collect();
    verify(&cut, &[]).unwrap();
    let said = verify(&cut, &kept).unwrap_err();
    assert!(said.contains("ends at event 2") && said.contains("signed over event 3"), "{said}");

    // The same where an event was changed and all behind it made anew.
    let forged = rewritten(&export, |event| {
        if event.event.sequence == 2 {
            event.event.actor.name = "somebody else".to_owned();
        }
    });
    verify(&forged, &[]).unwrap();
    let said = verify(&forged, &kept).unwrap_err();
    assert!(said.contains("event 3 is not the one that kept.json was signed over"), "{said}");

    // A checkpoint is no better than its signature, and than the key that it has to be of.
    let mut document: serde_json::Value = serde_json::from_str(&checkpoint).unwrap();
    let public_key = document["public_key"].as_str().unwrap().to_owned();
    verify(&export, &["--checkpoint", "kept.json", "--public-key", &public_key]).unwrap();
    let another = cp_base::SigningKey::derived_from(&cp_base::SealingKey::new([9; 32]));
    let said = verify(&export, &[&kept[..], &["--public-key", &another.public().to_string()]].concat());
    assert!(said.unwrap_err().contains("kept.json is not signed with"));
    document["text"] = document["text"].as_str().unwrap().replace("\n3\n", "\n2\n").into();
    std::fs::write(dir.join("kept.json"), document.to_string()).unwrap();
    assert!(verify(&export, &kept).unwrap_err().contains("kept.json is not signed with"));
}

#[tokio::test]
async fn an_event_that_is_changed_in_the_store_is_found_too() {
    let installation = Installation::new().await;
    let (program, dir) = (installation.serve(), installation.dir.path());
    make_projects(&program, dir, &["One", "Two", "Three"]);
    audit(&program, dir, &["verify"]).unwrap();
    let file = installation.data().join("codepromptu.db");
    let db = Db::connect(&file.display().to_string(), Durability::Process).await.unwrap();
    db.run_script("UPDATE audit_events SET document = REPLACE(document, 'two', 'owt') WHERE sequence = 2")
        .await
        .unwrap();
    let said = audit(&program, dir, &["verify"]).unwrap_err();
    assert!(said.contains("record 2") && said.contains("event 2 does not fit its hash"), "{said}");
    db.run_script("DELETE FROM audit_events WHERE sequence = 2").await.unwrap();
    let said = audit(&program, dir, &["verify"]).unwrap_err();
    assert!(said.contains("event 2 is missing"), "{said}");
    db.close().await;
}
