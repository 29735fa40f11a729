//! The file of a prompt, by the prompt's name: `support/reply` is `support/reply.md`.
//!
//! Names can hold what file systems and version control cannot, or mean otherwise. Such characters are written `%` and two
//! hexadecimal digits for each byte, so that every name has one path and every path at most one name, and no path leads out
//! of the folder or to something hidden.

use std::path::{Path, PathBuf};

use cp_prompt::PromptName;
use percent_encoding::percent_decode_str;

const EXTENSION: &str = ".md";
/// A part of a path has 255 bytes at most; what is longer goes on in a folder below, behind a `%` without digits.
const MAX_PART_BYTES: usize = 200;
/// What some file system or shell of today refuses in a part.
const REFUSED: &str = r#"%<>:"\|?*"#;
/// What is the file of no prompt, though it lies among them.
const README: &str = "README";
/// What Windows takes for devices.
const DEVICES: [&str; 22] = [
    "aux", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "con", "lpt1", "lpt2",
    "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "nul", "prn",
];

/// The path of a prompt's file below its folder.
pub(super) fn path_of(name: &PromptName) -> PathBuf {
    let mut parts = name.as_str().split('/').peekable();
    let mut path = String::new();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let escaped = if is_last { escaped(part) } else { not_a_file(escaped(part)) };
        path.push_str(&shortened(&escaped));
        path.push_str(if is_last { EXTENSION } else { "/" });
    }
    PathBuf::from(path)
}

/// The name of the prompt that a path is the file of.
pub(super) fn name_of(path: &Path) -> Option<PromptName> {
    let text = path.to_str()?.strip_suffix(EXTENSION)?.replace("%/", "");
    let name: PromptName = percent_decode_str(&text).decode_utf8().ok()?.parse().ok()?;
    // `%41.md` would be another file of the prompt `A`.
    (path_of(&name) == path).then_some(name)
}

fn escaped(part: &str) -> String {
    let last = part.chars().count() - 1;
    let stem = part.split('.').next().unwrap_or_default().to_lowercase();
    let is_taken = part == README || DEVICES.contains(&stem.as_str());
    let mut escaped = String::new();
    for (index, letter) in part.chars().enumerate() {
        let is_edge = index == 0 && (letter == '.' || is_taken)
            || (index == 0 || index == last) && letter == ' '
            || index == last && letter == '.';
        if is_edge || REFUSED.contains(letter) {
            let mut bytes = [0; 4];
            escaped.extend(letter.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")));
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// The folder of `a.md/b` is not the file of `a`.
fn not_a_file(escaped: String) -> String {
    match escaped.strip_suffix(EXTENSION) {
        Some(stem) => format!("{stem}%2Emd"),
        None => escaped,
    }
}

/// Parts of a part, each short enough.
fn shortened(escaped: &str) -> String {
    let mut shortened = String::new();
    let mut length = 0;
    for mut unit in units(escaped) {
        if length + unit.len() > MAX_PART_BYTES {
            shortened.push_str("%/");
            length = 0;
            // Nor does such a folder hide its first file.
            unit = if unit == "." { "%2E" } else { unit };
        }
        shortened.push_str(unit);
        length += unit.len();
    }
    shortened
}

/// Characters, and escapes as one.
fn units(escaped: &str) -> impl Iterator<Item = &str> {
    let mut rest = escaped;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let length = if first == '%' { 3 } else { first.len_utf8() };
        let (unit, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(name: &str, path: &str) {
        let name: PromptName = name.parse().unwrap();
        assert_eq!(path_of(&name), PathBuf::from(path));
        assert_eq!(name_of(Path::new(path)), Some(name), "{path}");
    }

    #[test]
    fn names_are_paths() {
        check("support/refund-reply", "support/refund-reply.md");
        check("日本/語 v1.2", "日本/語 v1.2.md");
        check("a.md/b.md", "a%2Emd/b.md.md");
        check(".git/hooks", "%2Egit/hooks.md");
        check("...", "%2E.%2E.md");
        check("what? 100%", "what%3F 100%25.md");
        check("con/nul.txt", "%63on/%6Eul.txt.md");
        check("README", "%52EADME.md");
        check(&format!("{}.x", "a".repeat(200)), &format!("{}%/%2Ex.md", "a".repeat(200)));
        check("a\u{2028}b", "a\u{2028}b.md");
        check(&"ä".repeat(150), &format!("{}%/{}.md", "ä".repeat(100), "ä".repeat(50)));
    }

    #[test]
    fn other_files_are_no_prompts() {
        for path in
            ["README.md", "notes.txt", "a%2Emd.md", "%41.md", "a%.md", "../a.md", ".hidden.md", "a|b.md"]
        {
            assert_eq!(name_of(Path::new(path)), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn every_name_has_a_path_of_its_own_below_the_folder(
            name in "([.%/ :?aÄ\\\\*]|md|\\.md|con|README|\\PC){1,9}|(\\PC){90,255}",
        ) {
            if let Ok(name) = name.parse::<PromptName>() {
                let path = path_of(&name);
                prop_assert_eq!(name_of(&path), Some(name));
                let mut parts = path.components();
                prop_assert!(parts.all(|part| matches!(part, std::path::Component::Normal(part)
                    if part.len() <= 255 && !part.as_encoded_bytes().starts_with(b"."))));
            }
        }
    }
}
