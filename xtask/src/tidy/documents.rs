//! Links between the documents lead somewhere, and the glossary's names are those of the code.

use std::collections::BTreeSet;

use super::Finding;
use super::source::SourceFile;

const GLOSSARY: &str = "docs/GLOSSARY.md";

/// Checks every relative link of every document; `exists` tells of other files and folders.
pub(super) fn check_links(files: &[SourceFile], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let documents: Vec<&SourceFile> = files.iter().filter(|file| file.path.ends_with(".md")).collect();
    let mut findings = Vec::new();
    for document in &documents {
        let mut in_code = false;
        for (number, line, _) in document.numbered() {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
            }
            if in_code {
                continue;
            }
            for target in
                targets(line).filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
            {
                if let Some(what) = broken(document, target, &documents, exists) {
                    findings.push(Finding::error(&document.path, number, what, "correct the link"));
                }
            }
        }
    }
    findings
}

/// What is wrong with a link, if anything.
fn broken(
    document: &SourceFile,
    target: &str,
    documents: &[&SourceFile],
    exists: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let path = if path.is_empty() { document.path.clone() } else { resolve(&document.path, path) };
    let Some(anchor) = anchor else {
        return (!exists(&path)).then(|| format!("`{target}` leads nowhere"));
    };
    match documents.iter().find(|document| document.path == path) {
        Some(document) if headings(document).contains(anchor) => None,
        Some(_) => Some(format!("no heading `#{anchor}` in {path}")),
        None => Some(format!("`{target}` leads nowhere")),
    }
}

/// The targets of `[text](target)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// A link's path, relative to the workspace.
fn resolve(document: &str, target: &str) -> String {
    let mut segments: Vec<&str> = document.split('/').collect();
    segments.pop();
    for segment in target.split('/') {
        match segment {
            "." | "" => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    segments.join("/")
}

/// The anchors of a document's headings, by GitHub's rule.
fn headings(document: &SourceFile) -> BTreeSet<String> {
    let headings = document.lines.iter().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let kept = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
        })
        .collect()
}

/// Checks that each name in the glossary's tables, written in backticks in the second column, is a word of the code.
pub(super) fn check_glossary(files: &[SourceFile]) -> Vec<Finding> {
    let Some(glossary) = files.iter().find(|file| file.path == GLOSSARY) else {
        return vec![Finding::error(GLOSSARY, 1, "there is no glossary", "write it: it decides on names")];
    };
    let words: BTreeSet<&str> = files
        .iter()
        .filter(|file| file.is_rust() && file.path.starts_with("crates/"))
        .flat_map(|file| file.lines.iter())
        .flat_map(|line| line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')))
        .collect();
    let mut findings = Vec::new();
    for (number, line, _) in glossary.numbered().filter(|(_, line, _)| line.starts_with('|')) {
        let names = line.split('|').nth(2).unwrap_or_default();
        for name in names.split('`').skip(1).step_by(2).filter(|name| !words.contains(name)) {
            findings.push(Finding::error(
                GLOSSARY,
                number,
                format!("the code has no `{name}`"),
                "rename one or the other",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_resolve_from_where_they_stand() {
        let files = [
            SourceFile::new(
                "docs/A.md",
                "[b](../README.md#the-first-day) [c](B.md) [d](https://x.example/y)",
            ),
            SourceFile::new("README.md", "# The first day!\n[a](docs/A.md) [z](#nowhere)\n```\n[x](y)\n```"),
        ];
        let exists = |path: &str| files.iter().any(|file| file.path == path);
        let findings = check_links(&files, &exists);
        let whats: Vec<&str> = findings.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(whats, ["`B.md` leads nowhere", "no heading `#nowhere` in README.md"]);
    }

    #[test]
    fn glossary_names_are_in_the_code() {
        let files = [
            SourceFile::new("crates/a/src/lib.rs", "pub struct CallId;"),
            SourceFile::new(GLOSSARY, "| call | `CallId`, `Call` | one `thing` |"),
        ];
        let findings = check_glossary(&files);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].what, "the code has no `Call`");
    }
}
