//! The files that the rules read, and which of their lines are tests.

use std::path::Path;

use anyhow::{Context as _, Result};

/// Folders that hold nothing of ours, or nothing written by hand.
const SKIPPED_FOLDERS: [&str; 6] = ["target", "build", "node_modules", ".git", "__pycache__", "snapshots"];
const EXTENSIONS: [&str; 11] = ["rs", "md", "toml", "sql", "py", "sh", "html", "css", "js", "yml", "yaml"];
const NAMES: [&str; 2] = ["Makefile", "run"];

/// A text file of the tree.
pub(super) struct SourceFile {
    /// Relative to the workspace, with `/`.
    pub(super) path: String,
    pub(super) lines: Vec<String>,
    /// For each line, whether it belongs to tests.
    is_test: Vec<bool>,
}

impl SourceFile {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let is_test = if is_test_path(path) { vec![true; lines.len()] } else { test_lines(&lines) };
        Self { path: path.into(), lines, is_test }
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Lines with their numbers, counted from 1, and whether each belongs to tests.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        self.lines
            .iter()
            .zip(&self.is_test)
            .enumerate()
            .map(|(index, (line, is_test))| (index + 1, line.as_str(), *is_test))
    }
}

fn is_test_path(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.starts_with("crates/cp-testkit/")
}

/// Marks the items under `#[cfg(test)]`. Relies on rustfmt: an item ends at the first `}` with its own indentation.
fn test_lines(lines: &[String]) -> Vec<bool> {
    let mut marks = vec![false; lines.len()];
    let mut end_of_item: Option<String> = None;
    let mut seeking_item = false;
    for (line, mark) in lines.iter().zip(&mut marks) {
        if let Some(end) = &end_of_item {
            *mark = true;
            if line == end {
                end_of_item = None;
            }
        } else if seeking_item {
            *mark = true;
            if line.ends_with('{') {
                end_of_item = Some(format!("{}}}", indentation(line)));
                seeking_item = false;
            } else if line.ends_with(';') || line.ends_with('}') {
                seeking_item = false;
            }
        } else if line.trim() == "#[cfg(test)]" {
            *mark = true;
            seeking_item = true;
        }
    }
    marks
}

/// The white space that a line begins with.
pub(super) fn indentation(line: &str) -> &str {
    line.strip_suffix(line.trim_start()).unwrap_or_default()
}

/// Reads every text file of the tree, in the order of their paths.
pub(super) fn read_tree(root: &Path) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                if !SKIPPED_FOLDERS.contains(&name.as_str()) {
                    folders.push(entry.path());
                }
            } else if is_read(&name) {
                let path = entry.path();
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                files.push(SourceFile::new(&path.strip_prefix(root)?.to_string_lossy(), &text));
            }
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

fn is_read(name: &str) -> bool {
    NAMES.contains(&name)
        || name.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_under_cfg_test_are_tests() {
        let text = "fn a() {\n}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n#[cfg(test)]\nmod d;\nx";
        let file = SourceFile::new("crates/x/src/a.rs", text);
        let tests: Vec<usize> =
            file.numbered().filter(|(_, _, is_test)| *is_test).map(|(line, _, _)| line).collect();
        assert_eq!(tests, [3, 4, 5, 6, 7, 9, 10]);
    }

    #[test]
    fn files_in_test_folders_are_tests() {
        assert!(SourceFile::new("crates/x/tests/it.rs", "a").numbered().all(|(_, _, is_test)| is_test));
    }
}
