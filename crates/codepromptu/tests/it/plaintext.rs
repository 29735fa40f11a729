//! Nothing that was said is on disk in the clear.

use std::path::Path;

use crate::program::{Installation, http};

const PROMPT_MARKER: &str = "zq-marker-in-a-prompt-7f3a";
const KEY_MARKER: &str = "sk-test-secret-key";

pub(crate) fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

pub(crate) fn holds(bytes: &[u8], marker: &str) -> bool {
    bytes.windows(marker.len()).any(|window| window == marker.as_bytes())
}

#[tokio::test]
async fn no_file_holds_a_prompt_an_answer_or_a_key() {
    let installation = Installation::new().await;
    let program = installation.serve();
    let http = http();
    for (n, stream) in [(1, false), (2, true)] {
        // The mock repeats what it was told, so that the marker is in the answer too.
        let body = serde_json::json!({
            "model": "gpt-4o-mini", "stream": stream, "user": format!("user-{PROMPT_MARKER}"),
            "messages": [{"role": "user", "content": format!("say {PROMPT_MARKER} {n}")}],
        });
        let answer = program.chat(&http, &body.to_string()).await;
        let stored = program.ended_call(answer.call).await;
        assert!(
            serde_json::to_string(&stored).unwrap().contains(PROMPT_MARKER),
            "the marker is not stored at all"
        );
    }
    assert!(files(&installation.data()).len() >= 3, "log, database and key are there to be read");
    assert_silent(&installation.data());
    assert!(program.terminate());
    assert_silent(&installation.data());
}

/// Neither the log nor the database, nor the database's own log, may tell.
fn assert_silent(data: &Path) {
    for path in files(data) {
        let bytes = std::fs::read(&path).unwrap();
        for marker in [PROMPT_MARKER, KEY_MARKER] {
            assert!(!holds(&bytes, marker), "{} holds {marker}", path.display());
        }
    }
}
