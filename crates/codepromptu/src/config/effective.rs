//! The configuration as it is in effect, each value with where it comes from, for a person to read: nothing in it is secret.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::{Table, Value};

use super::{Config, ConfigError, DEFAULT_FILE, overlay};

/// A value in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Setting {
    /// The key, dotted.
    pub(crate) key: String,
    /// The value; absent where it is not set.
    pub(crate) value: Option<String>,
    /// `default`, the file, or the environment variable.
    pub(crate) from: String,
}

/// Keys whose values are credentials, whole.
const SECRET: [&str; 2] = ["audit.webhook_secret", "otlp.headers"];
/// An address that is a credential from its path on.
const SECRET_PATHS: [&str; 1] = ["audit.webhook_url"];
const HIDDEN: &str = "(hidden)";

/// The file that is read: the one that is named, or else the usual one where it is there.
pub(crate) fn file(named: Option<&Path>) -> Option<PathBuf> {
    let usual = || Some(Path::new(DEFAULT_FILE)).filter(|file| file.exists());
    named.or_else(usual).map(Path::to_path_buf)
}

/// Every key with its value.
pub(crate) fn settings(named: Option<&Path>) -> Result<Vec<Setting>, ConfigError> {
    let config = Config::load(named, &[])?;
    let environment = overlay::environment();
    let mut sources = BTreeMap::new();
    if let Some(file) = file(named) {
        let written = overlay::read(Some(&file), &file, Vec::new(), &[])?;
        sources
            .extend(overlay::leaves("", &written).into_iter().map(|key| (key, file.display().to_string())));
    }
    sources.extend(overlay::variables(&environment)?);
    let effective = Table::try_from(&config).map_err(|error| ConfigError::Type(error.to_string()))?;
    let mut keys: Vec<String> = overlay::KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
    keys.extend(overlay::leaves("", &effective).into_iter().filter(|key| key.starts_with("providers.")));
    let setting = |key: String| Setting {
        value: find(&effective, &key).map(|value| shown(&key, value)),
        from: sources.get(&key).cloned().unwrap_or_else(|| "default".to_owned()),
        key,
    };
    Ok(keys.into_iter().map(setting).collect())
}

fn find<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((section, rest)) => find(table.get(section)?.as_table()?, rest),
    }
}

/// A value without what is secret of it.
fn shown(key: &str, value: &Value) -> String {
    match value {
        _ if SECRET.contains(&key) => HIDDEN.to_owned(),
        Value::String(text) => without_credentials(key, text),
        Value::Array(items) => items.iter().map(|item| shown(key, item)).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// An address without the password, and without what follows a `?`: that may be one, too.
fn without_credentials(key: &str, text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (place, hidden) = match rest.find(['?', '#']) {
        Some(at) => (rest.get(..at).unwrap_or_default(), HIDDEN),
        None => (rest, ""),
    };
    // A password may itself hold a `/`, so that the last `@` ends it.
    let (user, place) = match place.rsplit_once('@') {
        Some((user, place)) => (Some(user.split(':').next().unwrap_or_default()), place),
        None => (None, place),
    };
    let user = user.map_or_else(String::new, |user| format!("{user}:{HIDDEN}@"));
    match place.split_once('/') {
        Some((host, path)) if SECRET_PATHS.contains(&key) && !path.is_empty() => {
            format!("{scheme}://{user}{host}/{HIDDEN}")
        }
        _ => format!("{scheme}://{user}{place}{hidden}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, text: &str, expected: &str) {
        assert_eq!(shown(key, &Value::String(text.to_owned())), expected);
    }

    #[test]
    fn credentials_are_not_shown() {
        let url = "database_url";
        check(url, "postgres://cp:pass@db:5432/cp", "postgres://cp:(hidden)@db:5432/cp");
        check(url, "postgres://cp:p/a@ss@db/cp?password=x", "postgres://cp:(hidden)@db/cp(hidden)");
        check(url, "postgres://db/cp", "postgres://db/cp");
        check("audit.webhook_url", "https://siem.example/T01/secret", "https://siem.example/(hidden)");
        check("audit.webhook_secret", "0123", "(hidden)");
        check("otlp.headers", "authorization=Bearer%20x", "(hidden)");
        check("data_dir", "/var/lib/codepromptu", "/var/lib/codepromptu");
    }

    #[test]
    fn a_file_says_what_it_sets_and_the_rest_is_as_shipped() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(
            &file,
            "data_dir = \"/x\"\n[providers.mine]\nbase_url = \"https://m.example\"\nfamily = \"openai\"\n",
        )
        .unwrap();
        let settings = settings(Some(&file)).unwrap();
        let find = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap();
        assert_eq!(find("data_dir").value.as_deref(), Some("/x"));
        assert_eq!(find("data_dir").from, file.display().to_string());
        assert_eq!(find("providers.mine.base_url").from, file.display().to_string());
        assert_eq!(
            (find("server.insecure").value.as_deref(), find("server.insecure").from.as_str()),
            (Some("false"), "default")
        );
        assert_eq!(find("server.tls_cert").value, None);
    }
}
