//! Things that may not be written, and where they may after all.

use super::Finding;
use super::source::SourceFile;

/// Where a ban looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Every line of every file.
    Everything,
    /// Rust code, tests included.
    Code,
    /// Rust code that ships.
    ShippedCode,
}

struct Ban {
    /// Found where it is no part of a longer word.
    needle: &'static str,
    reach: Reach,
    /// Beginnings of the paths where it may be.
    except: &'static [&'static str],
    remedy: &'static str,
}

/// The crates that may make a tenant's scope out of plain ids.
const MAKERS_OF_SCOPES: &[&str] = &[
    // The first organisation and its project.
    "crates/cp-store/src/bootstrap.rs",
    // What a credential or a membership leads to.
    "crates/cp-store/src/keys.rs",
    "crates/cp-store/src/orgs.rs",
    "crates/cp-store/src/passes.rs",
    // A node's sealed copy of what it serves.
    "crates/cp-app/src/shelf/copy.rs",
    // The gateway serves every project.
    "crates/cp-store/src/gateway.rs",
    // The audit log of every organisation goes to the installation's targets.
    "crates/cp-store/src/targets.rs",
    // A captured call names its tenant: the gateway wrote it there from its own scope.
    "crates/cp-pipeline/src/derive.rs",
];

/// The places that may act for the whole installation: for no tenant yet, or for all of them.
const MAKERS_OF_INSTALLATION_SCOPES: &[&str] = &[
    // The schema itself.
    "crates/cp-db/src/migrate.rs",
    "crates/cp-db/src/catalogue.rs",
    // The first start; keys of every project, and of the installation.
    "crates/cp-store/src/bootstrap.rs",
    "crates/cp-store/src/data_keys.rs",
    "crates/cp-store/src/installation.rs",
    // Batches of the log hold calls of many projects; cursors and what gateway keys used are the installation's.
    "crates/cp-traffic/src/store.rs",
    "crates/cp-traffic/src/spend.rs",
    "crates/cp-traffic/src/write.rs",
    // What is under way, and which chains have something new, wherever it is.
    "crates/cp-pipeline/src/keeper.rs",
    "crates/cp-audit/src/stream.rs",
    // Who asks, before it is known where; and accounts of people, who may belong to several organisations.
    "crates/cp-app/src/authenticate.rs",
    "crates/cp-app/src/sign_in.rs",
    "crates/cp-app/src/provider_sign_in.rs",
    "crates/cp-app/src/account.rs",
    "crates/cp-app/src/second_factor.rs",
    "crates/cp-app/src/invitations.rs",
    "crates/cp-app/src/setup.rs",
    // The organisations that somebody belongs to.
    "crates/cp-app/src/orgs.rs",
    // The making of an organisation, by another one's owner.
    "crates/cp-app/src/act.rs",
    // What came to no project, and what others have claimed.
    "crates/cp-app/src/gateway.rs",
    // A node serves the prompts of every project, and counts what it served.
    "crates/cp-app/src/shelf/keep.rs",
    "crates/cp-app/src/serving.rs",
    // The gateway serves every project.
    "crates/codepromptu/src/serve/policies.rs",
    "crates/codepromptu/src/serve/projects.rs",
];

const NO_NOTES: &str = "finish it now, or leave it out";
const NO_MACHINES: &str = "a path of one machine: say it relative to the workspace";
const NO_NUMBERS: &str = "say what it was about: numbers of a tracker don't outlive it";

const BANS: &[Ban] = &[
    Ban { needle: "TODO", reach: Reach::Everything, except: &[], remedy: NO_NOTES },
    Ban { needle: "FIXME", reach: Reach::Everything, except: &[], remedy: NO_NOTES },
    Ban { needle: "XXX", reach: Reach::Everything, except: &[], remedy: NO_NOTES },
    Ban { needle: "/home/", reach: Reach::Everything, except: &[], remedy: NO_MACHINES },
    Ban { needle: "/root/", reach: Reach::Everything, except: &[], remedy: NO_MACHINES },
    Ban { needle: "/work/", reach: Reach::Everything, except: &[], remedy: NO_MACHINES },
    Ban { needle: "issue #", reach: Reach::Everything, except: &[], remedy: NO_NUMBERS },
    Ban { needle: "unimplemented!", reach: Reach::Code, except: &[], remedy: NO_NOTES },
    Ban { needle: "todo!", reach: Reach::Code, except: &[], remedy: NO_NOTES },
    Ban {
        needle: "[allow(",
        reach: Reach::Code,
        except: &[],
        remedy: "use `#[expect(lint, reason = \"the invariant\")]`",
    },
    Ban {
        needle: "[ignore",
        reach: Reach::Code,
        except: &[],
        remedy: "make the test fast and sure, or delete it",
    },
    Ban {
        needle: "ProjectScope::grant",
        reach: Reach::ShippedCode,
        except: MAKERS_OF_SCOPES,
        remedy: "take the scope as a parameter: only authentication and the named system constructors make one",
    },
    Ban {
        needle: "OrgScope::grant",
        reach: Reach::ShippedCode,
        except: MAKERS_OF_SCOPES,
        remedy: "take the scope as a parameter: only authentication and the named system constructors make one",
    },
    Ban {
        needle: "InstallationScope::grant",
        reach: Reach::ShippedCode,
        except: MAKERS_OF_INSTALLATION_SCOPES,
        remedy: "begin the transaction with the scope of whoever asks: only the named places reach everybody's rows",
    },
    Ban {
        needle: "sqlx::",
        reach: Reach::Code,
        except: &["crates/cp-db/"],
        remedy: "go through cp-db, which alone knows the engine",
    },
];

/// Module names that say nothing.
const MODULES: [&str; 6] = ["common", "utils", "util", "helpers", "core", "misc"];

/// SQL that asks a clock, in lower case.
const SQL_CLOCKS: [&str; 9] = [
    "now()",
    "current_timestamp",
    "current_date",
    "current_time",
    "clock_timestamp",
    "datetime(",
    "strftime(",
    "julianday(",
    "unixepoch(",
];
const SQL_FOLDERS: [&str; 3] = ["crates/cp-db/", "crates/cp-store/", "crates/cp-traffic/"];

pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    // The rules name what they forbid.
    if file.path.starts_with("xtask/src/tidy/") {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = check_module_name(file).into_iter().collect();
    for (number, line, is_test) in file.numbered() {
        let is_code = file.is_rust() && !line.trim_start().starts_with("//");
        for ban in BANS {
            let reached = match ban.reach {
                Reach::Everything => true,
                Reach::Code => is_code,
                Reach::ShippedCode => is_code && !is_test,
            };
            let excepted = ban.except.iter().any(|beginning| file.path.starts_with(beginning));
            if reached && !excepted && contains_word(line, ban.needle) {
                findings.push(Finding::error(&file.path, number, format!("`{}`", ban.needle), ban.remedy));
            }
        }
        findings.extend(sql_clock(file, line).map(|clock| {
            Finding::error(
                &file.path,
                number,
                format!("SQL asks `{clock}`"),
                "bind a `Timestamp` of the `Clock`",
            )
        }));
    }
    findings
}

fn check_module_name(file: &SourceFile) -> Option<Finding> {
    let in_source = file.path.split_once("/src/").filter(|_| file.is_rust())?.1;
    let named = in_source.split('/').map(|segment| segment.trim_end_matches(".rs"));
    let name = named.into_iter().find(|segment| MODULES.contains(segment))?;
    Some(Finding::error(&file.path, 1, format!("a module named `{name}`"), "name it after what it holds"))
}

/// The clock that this line's SQL asks, if any. In Rust, `clock.now()` and `Instant::now()` are no SQL.
fn sql_clock(file: &SourceFile, line: &str) -> Option<&'static str> {
    let is_sql = file.path.ends_with(".sql");
    let is_near_sql = file.is_rust() && SQL_FOLDERS.iter().any(|folder| file.path.starts_with(folder));
    if !is_sql && !is_near_sql {
        return None;
    }
    let comment = if is_sql { "--" } else { "// " };
    let line = line.split_once(comment).map_or(line, |(code, _)| code).to_lowercase();
    SQL_CLOCKS.into_iter().find(|clock| {
        line.match_indices(clock).any(|(at, _)| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            !before.is_some_and(|before| before.is_alphanumeric() || matches!(before, '_' | '.' | ':' | '`'))
        })
    })
}

/// Whether `needle` occurs in `line` and is not a part of a longer word.
fn contains_word(line: &str, needle: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let begins_word = needle.starts_with(is_part);
    let ends_word = needle.ends_with(is_part);
    line.match_indices(needle).any(|(at, found)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + found.len()..).and_then(|after| after.chars().next());
        let goes_on = begins_word && before.is_some_and(is_part) || ends_word && after.is_some_and(is_part);
        !goes_on
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(path: &str, text: &str) -> Vec<String> {
        check(&SourceFile::new(path, text)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn notes_to_oneself_are_found_as_words() {
        assert_eq!(whats("docs/A.md", "a TODO here"), ["`TODO`"]);
        assert!(whats("docs/A.md", "MASTODON, TODOS").is_empty());
    }

    #[test]
    fn scopes_are_made_in_their_places_and_in_tests() {
        let line = "let scope = ProjectScope::grant(org, project);";
        assert_eq!(whats("crates/cp-api/src/a.rs", line), ["`ProjectScope::grant`"]);
        assert!(whats("crates/cp-store/src/bootstrap.rs", line).is_empty());
        assert!(whats("crates/cp-api/tests/it/a.rs", line).is_empty());
        assert!(
            whats("crates/cp-api/src/a.rs", &format!("#[cfg(test)]\nmod tests {{\n    {line}\n}}"))
                .is_empty()
        );
    }

    #[test]
    fn the_installations_scope_is_made_in_its_places() {
        let line = "let mut tx = db.begin_read(InstallationScope::grant()).await?;";
        assert_eq!(whats("crates/cp-app/src/teams.rs", line), ["`InstallationScope::grant`"]);
        assert!(whats("crates/cp-app/src/sign_in.rs", line).is_empty());
    }

    #[test]
    fn lints_are_expected_and_tests_run() {
        assert_eq!(whats("crates/a/src/a.rs", "#![allow(x)]\n#[ignore]"), ["`[allow(`", "`[ignore`"]);
        assert!(whats("crates/a/src/a.rs", "#[expect(x, reason = \"y\")]").is_empty());
    }

    #[test]
    fn sql_asks_no_clock() {
        assert_eq!(whats("crates/cp-db/m/1.sql", "a BIGINT DEFAULT NOW()"), ["SQL asks `now()`"]);
        assert_eq!(whats("crates/cp-store/src/sql.rs", "X = \"SELECT now()\""), ["SQL asks `now()`"]);
        assert!(whats("crates/cp-store/src/sql.rs", "let at = clock.now(); // now()").is_empty());
        assert!(whats("crates/cp-api/src/a.rs", "now()").is_empty());
    }

    #[test]
    fn modules_say_what_they_hold() {
        assert_eq!(whats("crates/a/src/utils.rs", ""), ["a module named `utils`"]);
        assert_eq!(whats("crates/a/src/core/b.rs", ""), ["a module named `core`"]);
        assert!(whats("crates/a/src/scores.rs", "").is_empty());
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        assert_eq!(whats("Makefile", "cd /home/me"), ["`/home/`"]);
    }
}
