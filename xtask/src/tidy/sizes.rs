//! Sizes of files and functions. Tests don't count.

use super::Finding;
use super::source::{SourceFile, indentation};

const FILE_SOFT: usize = 400;
const FILE_HARD: usize = 800;
const FUNCTION_SOFT: usize = 60;
const FUNCTION_HARD: usize = 100;

pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    if !file.is_rust() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let lines = file.numbered().filter(|(_, _, is_test)| !is_test).count();
    let size = format!("{lines} lines");
    if lines > FILE_HARD {
        findings.push(Finding::error(&file.path, 1, size, format!("split it: {FILE_HARD} is the limit")));
    } else if lines > FILE_SOFT {
        findings.push(Finding::warning(
            &file.path,
            1,
            size,
            format!("split it by subject below {FILE_SOFT}"),
        ));
    }
    for (line, length) in functions(file) {
        let size = format!("a function of {length} lines");
        if length > FUNCTION_HARD {
            findings.push(Finding::error(&file.path, line, size, format!("{FUNCTION_HARD} is the limit")));
        } else if length > FUNCTION_SOFT {
            findings.push(Finding::warning(&file.path, line, size, format!("aim below {FUNCTION_SOFT}")));
        }
    }
    findings
}

/// First line and length of each function outside tests. Relies on rustfmt, as `source` does.
fn functions(file: &SourceFile) -> Vec<(usize, usize)> {
    let mut functions = Vec::new();
    for (number, line, is_test) in file.numbered() {
        if is_test || !begins_function(line.trim_start()) || line.ends_with(['}', ';']) {
            continue;
        }
        let indentation = indentation(line);
        let end = format!("{indentation}}}");
        let length = file
            .lines
            .iter()
            .skip(number)
            .take_while(|line| !(line.starts_with(&format!("{indentation})")) && line.ends_with(';')))
            .position(|line| *line == end);
        if let Some(length) = length {
            functions.push((number, length + 2));
        }
    }
    functions
}

fn begins_function(line: &str) -> bool {
    let mut rest = line;
    if let Some(after_pub) = rest.strip_prefix("pub") {
        rest = match after_pub.strip_prefix('(') {
            Some(visibility) => visibility.split_once(") ").map_or("", |(_, rest)| rest),
            None => after_pub.trim_start(),
        };
    }
    for qualifier in ["const ", "async "] {
        rest = rest.strip_prefix(qualifier).unwrap_or(rest);
    }
    rest.starts_with("fn ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Level;

    fn check_text(text: &str) -> Vec<Finding> {
        check(&SourceFile::new("crates/x/src/a.rs", text))
    }

    #[test]
    fn long_files_warn_and_longer_ones_fail() {
        assert!(check_text(&"x\n".repeat(400)).is_empty());
        assert_eq!(check_text(&"x\n".repeat(401))[0].level, Level::Warning);
        assert_eq!(check_text(&"x\n".repeat(801))[0].level, Level::Error);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    x\n".repeat(900));
        assert!(check_text(&tests).is_empty());
    }

    #[test]
    fn long_functions_are_found_where_they_begin() {
        let text =
            format!("impl A {{\n    pub(crate) async fn a() {{\n{}    }}\n}}\n", "        x\n".repeat(99));
        assert_eq!(
            check_text(&text),
            [Finding::error("crates/x/src/a.rs", 2, "a function of 101 lines", "100 is the limit")]
        );
    }

    #[test]
    fn declarations_have_no_length() {
        let text =
            format!("trait A {{\n    fn a(\n        b: u8,\n    ) -> u8;\n{}    }}\n}}\n", "x\n".repeat(200));
        assert!(check_text(&text).is_empty());
    }
}
