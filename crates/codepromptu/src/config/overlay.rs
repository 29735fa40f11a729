//! File, environment and flags laid over each other, with every key checked by name.

use std::path::Path;

use toml::{Table, Value};

use super::ConfigError;

const PREFIX: &str = "CODEPROMPTU_";
const PROVIDERS: &str = "providers";

/// What a text from the environment or a flag is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Texts,
    Integer,
    Boolean,
}

use Kind::{Boolean, Integer, Text, Texts};

/// Every key but those of providers, sections dotted.
pub(super) const KEYS: &[(&str, Kind)] = &[
    ("data_dir", Text),
    ("database_url", Text),
    ("database_role", Text),
    ("database_timeout_ms", Integer),
    ("server.listen", Text),
    ("server.public_url", Text),
    ("server.tls_cert", Text),
    ("server.tls_key", Text),
    ("server.insecure", Boolean),
    ("gateway.tls_cert", Text),
    ("gateway.tls_key", Text),
    ("capture.durability", Text),
    ("capture.on_full", Text),
    ("capture.max_body_bytes", Integer),
    ("capture.memory_bytes", Integer),
    ("capture.max_open_calls", Integer),
    ("log.segment_bytes", Integer),
    ("log.max_bytes", Integer),
    ("log.min_retention_s", Integer),
    ("gateway.listen", Text),
    ("gateway.default_project", Text),
    ("gateway.connect_timeout_ms", Integer),
    ("gateway.first_byte_timeout_ms", Integer),
    ("gateway.idle_timeout_ms", Integer),
    ("gateway.max_request_bytes", Integer),
    ("gateway.drain_timeout_ms", Integer),
    ("prices.files", Texts),
    ("otlp.endpoint", Text),
    ("otlp.traces_endpoint", Text),
    ("otlp.headers", Text),
    ("otlp.timeout_ms", Integer),
    ("otlp.service_name", Text),
    ("otlp.resource_attributes", Text),
    ("audit.webhook_url", Text),
    ("audit.webhook_secret", Text),
    ("audit.syslog", Text),
    ("sso.reach", Text),
    ("sso.ca_file", Text),
    ("master_key.file", Text),
];

/// The keys of one provider.
pub(super) const PROVIDER_KEYS: &[(&str, Kind)] = &[
    ("base_url", Text),
    ("family", Text),
    ("ca_file", Text),
    ("prices", Text),
    ("http2", Boolean),
    ("reach", Text),
];

/// OpenTelemetry's own variables, and the keys that they set; of two for one key the later wins, and ours wins over
/// both.
const OTEL_VARIABLES: &[(&str, &str, Kind)] = &[
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp.endpoint", Text),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "otlp.traces_endpoint", Text),
    ("OTEL_EXPORTER_OTLP_HEADERS", "otlp.headers", Text),
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "otlp.headers", Text),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "otlp.timeout_ms", Integer),
    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "otlp.timeout_ms", Integer),
    ("OTEL_SERVICE_NAME", "otlp.service_name", Text),
    ("OTEL_RESOURCE_ATTRIBUTES", "otlp.resource_attributes", Text),
];

/// Variables of this prefix that are not configuration keys.
const OTHER_VARIABLES: [&str; 9] = [
    "CODEPROMPTU_API_KEY",
    "CODEPROMPTU_BIN",
    "CODEPROMPTU_LOG",
    "CODEPROMPTU_MASTER_KEY",
    "CODEPROMPTU_ORG",
    "CODEPROMPTU_PROJECT",
    "CODEPROMPTU_SERVER",
    "CODEPROMPTU_TEST_POSTGRES",
    "CODEPROMPTU_TEST_POSTGRES_BIN",
];

/// The environment, as names and values.
#[expect(clippy::disallowed_methods, reason = "the one module that reads the environment")]
pub(super) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The keys that the environment sets, each with the variable that counts.
pub(super) fn variables(environment: &[(String, String)]) -> Result<Vec<(String, String)>, ConfigError> {
    let mut variables = Vec::new();
    for (name, key, _) in OTEL_VARIABLES {
        if environment.iter().any(|(known, value)| known == name && !value.is_empty()) {
            variables.push(((*key).to_owned(), (*name).to_owned()));
        }
    }
    for (name, _) in environment {
        variables.extend(key_of_variable(name)?.map(|(key, _)| (key, name.clone())));
    }
    Ok(variables)
}

/// The table of all that was written, each key known.
pub(super) fn read(
    file: Option<&Path>,
    default_file: &Path,
    environment: Vec<(String, String)>,
    flags: &[(&str, String)],
) -> Result<Table, ConfigError> {
    let path = file.or_else(|| default_file.exists().then_some(default_file));
    let mut table = path.map(read_file).transpose()?.unwrap_or_default();
    for (name, key, kind) in OTEL_VARIABLES {
        // Empty is unset (OpenTelemetry specification, environment variables).
        let value = environment.iter().find(|(known, value)| known == name && !value.is_empty());
        if let Some((_, value)) = value {
            set(&mut table, key, typed(name, *kind, value.clone())?);
        }
    }
    for (name, value) in environment {
        if let Some((key, kind)) = key_of_variable(&name)? {
            set(&mut table, &key, typed(&key, kind, value)?);
        }
    }
    for (key, value) in flags {
        let kind = KEYS.iter().find(|(known, _)| known == key).map_or(Text, |(_, kind)| *kind);
        set(&mut table, key, typed(key, kind, value.clone())?);
    }
    Ok(table)
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let shown = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: shown.clone(), source })?;
    let table: Table = text
        .parse()
        .map_err(|source| ConfigError::Syntax { path: shown.clone(), source: Box::new(source) })?;
    for key in leaves("", &table) {
        if !is_known(&key) {
            return Err(unknown(key, format!("in {shown}")));
        }
    }
    Ok(table)
}

/// The dotted names of all values in a table.
pub(super) fn leaves(prefix: &str, table: &Table) -> Vec<String> {
    let leaf = |(name, value): (&String, &Value)| {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) if !inner.is_empty() => leaves(&key, inner),
            Value::Table(_) if is_section(&key) => Vec::new(),
            _ => vec![key],
        }
    };
    table.iter().flat_map(leaf).collect()
}

fn is_section(key: &str) -> bool {
    key == PROVIDERS
        || KEYS.iter().any(|(known, _)| known.split_once('.').is_some_and(|(section, _)| section == key))
}

fn is_known(key: &str) -> bool {
    match key.strip_prefix(PROVIDERS).and_then(|rest| rest.strip_prefix('.')) {
        Some(rest) => rest
            .rsplit_once('.')
            .is_some_and(|(_, field)| PROVIDER_KEYS.iter().any(|(known, _)| *known == field)),
        None => KEYS.iter().any(|(known, _)| *known == key),
    }
}

/// The key that a variable sets: `CODEPROMPTU_GATEWAY_IDLE_TIMEOUT_MS`, `CODEPROMPTU_PROVIDERS_OPENAI_BASE_URL`.
fn key_of_variable(name: &str) -> Result<Option<(String, Kind)>, ConfigError> {
    let Some(rest) = name.strip_prefix(PREFIX).filter(|_| !OTHER_VARIABLES.contains(&name)) else {
        return Ok(None);
    };
    let variable = |key: &str| key.replace('.', "_").to_uppercase();
    if let Some((key, kind)) = KEYS.iter().find(|(key, _)| variable(key) == rest) {
        return Ok(Some(((*key).to_owned(), *kind)));
    }
    let of_provider = rest.strip_prefix("PROVIDERS_").and_then(|rest| {
        PROVIDER_KEYS.iter().find_map(|(field, kind)| {
            let provider = rest.strip_suffix(&variable(field))?.strip_suffix('_')?;
            Some((format!("{PROVIDERS}.{}.{field}", provider.to_lowercase().replace('_', "-")), *kind))
        })
    });
    match of_provider {
        Some(found) => Ok(Some(found)),
        None => Err(unknown(rest.to_lowercase(), format!("in the environment variable {name}"))),
    }
}

fn typed(key: &str, kind: Kind, text: String) -> Result<Value, ConfigError> {
    let error =
        |reason: &str| ConfigError::Value { key: key.to_owned(), reason: format!("is `{text}`; {reason}") };
    match kind {
        Text => Ok(Value::String(text)),
        Texts => {
            Ok(Value::Array(text.split(',').map(|text| Value::String(text.trim().to_owned())).collect()))
        }
        Integer => text.parse().map(Value::Integer).map_err(|_| error("it must be a whole number")),
        Boolean => text.parse().map(Value::Boolean).map_err(|_| error("it must be true or false")),
    }
}

fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

fn unknown(key: String, place: String) -> ConfigError {
    let (scope, field) = match key.strip_prefix("providers.").and_then(|rest| rest.rsplit_once('.')) {
        Some((provider, field)) => (format!("providers.{provider}."), field.to_owned()),
        None => (String::new(), key.clone()),
    };
    let known = if scope.is_empty() { KEYS } else { PROVIDER_KEYS };
    let distance = |known: &str| {
        let tail = known.rsplit('.').next().unwrap_or(known);
        strsim::damerau_levenshtein(known, &field).min(strsim::damerau_levenshtein(tail, &field) + 1)
    };
    let nearest = known
        .iter()
        .map(|(known, _)| *known)
        .min_by_key(|known| distance(known))
        .filter(|known| distance(known) <= 2 + field.len() / 4)
        .map(|known| format!("{scope}{known}"));
    ConfigError::UnknownKey { key, place, nearest }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::config::{Config, ProviderConfig};

    fn read_text(text: &str, environment: &[(&str, &str)]) -> Result<Table, ConfigError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        read(Some(file.path()), Path::new("absent"), environment, &[("server.listen", "127.0.0.1:1".into())])
    }

    #[test]
    fn every_key_of_the_configuration_is_listed() {
        let mut config = Config {
            database_url: Some(String::new()),
            database_role: Some(String::new()),
            providers: [("x".to_owned(), ProviderConfig::default())].into(),
            ..Config::default()
        };
        config.server.public_url = Some(String::new());
        config.server.tls_cert = Some("".into());
        config.server.tls_key = Some("".into());
        config.gateway.tls_cert = Some("".into());
        config.gateway.tls_key = Some("".into());
        config.gateway.listen = Some(config.server.listen);
        config.gateway.default_project = Some(String::new());
        config.gateway.max_request_bytes = Some(1);
        config.master_key.file = Some("".into());
        config.audit.webhook_url = Some(String::new());
        config.audit.webhook_secret = Some(String::new());
        config.audit.syslog = Some(String::new());
        config.sso.reach = Some(String::new());
        config.sso.ca_file = Some("".into());
        config.otlp.endpoint = Some(String::new());
        config.otlp.traces_endpoint = Some(String::new());
        config.otlp.headers = Some(String::new());
        config.otlp.resource_attributes = Some(String::new());
        config.providers.insert(
            "x".to_owned(),
            ProviderConfig {
                base_url: Some(String::new()),
                family: Some(String::new()),
                ca_file: Some("".into()),
                prices: Some(String::new()),
                http2: Some(true),
                reach: Some(String::new()),
            },
        );
        let mut written = leaves("", &Table::try_from(&config).unwrap());
        let mut listed: Vec<String> = KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
        listed.extend(PROVIDER_KEYS.iter().map(|(field, _)| format!("providers.x.{field}")));
        written.sort();
        listed.sort();
        assert_eq!(written, listed);
    }

    #[test]
    fn a_wrong_key_names_the_nearest() {
        for (text, nearest) in [
            ("[gateway]\nidle_timeout = 5", "gateway.idle_timeout_ms"),
            ("[server]\nlissten = 'x'", "server.listen"),
            ("listen = 'x'", "server.listen"),
            ("[providers.openai]\nbase_uri = 'x'", "providers.openai.base_url"),
        ] {
            let error = read_text(text, &[]).unwrap_err().to_string();
            assert!(error.contains(&format!("did you mean `{nearest}`")), "{error}");
        }
    }

    #[test]
    fn the_environment_wins_over_the_file_and_flags_over_both() {
        let environment = [
            ("CODEPROMPTU_GATEWAY_IDLE_TIMEOUT_MS", "7"),
            ("CODEPROMPTU_SERVER_LISTEN", "127.0.0.1:2"),
            ("CODEPROMPTU_PROVIDERS_MY_VLLM_BASE_URL", "http://h"),
            ("CODEPROMPTU_PRICES_FILES", "a.json, b.json"),
            ("CODEPROMPTU_SERVER", "ignored"),
            ("PATH", "ignored"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://theirs:4318"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "5"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "6"),
            ("OTEL_SERVICE_NAME", ""),
            ("CODEPROMPTU_OTLP_ENDPOINT", "http://ours:4318"),
        ];
        let table =
            read_text("[gateway]\nidle_timeout_ms = 5\nconnect_timeout_ms = 6", &environment).unwrap();
        let config: Config = table.try_into().unwrap();
        assert_eq!((config.gateway.idle_timeout_ms, config.gateway.connect_timeout_ms), (7, 6));
        assert_eq!(config.server.listen.port(), 1);
        assert_eq!(config.prices.files, ["a.json", "b.json"].map(std::path::PathBuf::from));
        assert_eq!(config.otlp.endpoint.as_deref(), Some("http://ours:4318"));
        assert_eq!((config.otlp.timeout_ms, config.otlp.service_name.as_str()), (6, "codepromptu"));
        assert_eq!(config.providers["my-vllm"].base_url.as_deref(), Some("http://h"));
    }

    #[test]
    fn bad_values_are_named() {
        let error = read_text("", &[("CODEPROMPTU_LOG_MAX_BYTES", "many")]).unwrap_err().to_string();
        assert!(error.contains("log.max_bytes") && error.contains("many"), "{error}");
        let error = read_text("", &[("CODEPROMPTU_LOG_MAXBYTES", "1")]).unwrap_err().to_string();
        assert!(error.contains("CODEPROMPTU_LOG_MAXBYTES"), "{error}");
    }

    proptest::proptest! {
        /// Any file and any variable is read or refused, whatever is in it.
        #[test]
        fn any_text_is_read_or_refused(
            file in proptest::prop_oneof!["\\PC{0,200}", "(\\[?\\[?[a-z_.]{0,12}\\]?\\]? ?=? ?['\"0-9a-z]{0,8}\n){0,8}"],
            name in "CODEPROMPTU_[A-Z_0-9é]{0,30}",
            value in "\\PC{0,40}",
        ) {
            if let Ok(table) = read_text(&file, &[(&name, &value)]) {
                let _ = Table::try_into::<Config>(table).map(|config| config.check());
            }
        }
    }
}
