//! The upstreams: shipped ones, and what the configuration says of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cp_gateway::Reach;
use cp_genai::{Family, PROVIDERS};
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// One upstream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProviderConfig {
    /// Where calls go.
    pub base_url: Option<String>,
    /// `openai`, `anthropic`, `gemini` or `ollama`: how its bodies and errors read.
    pub family: Option<String>,
    /// More certificate authorities, PEM.
    pub ca_file: Option<PathBuf>,
    /// The provider whose price list applies.
    pub prices: Option<String>,
    /// Whether all calls share one HTTP/2 connection.
    pub http2: Option<bool>,
    /// `public`, `private` or `any`: the addresses that its calls may go to.
    pub reach: Option<String>,
}

/// One upstream with everything decided.
#[derive(Clone, Debug)]
pub(crate) struct ProviderRow {
    /// The first segment of the path.
    pub name: String,
    /// How its bodies read.
    pub family: Family,
    /// Where calls go.
    pub base_url: String,
    /// Whose price list applies.
    pub prices: String,
    /// More certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// One HTTP/2 connection for all.
    pub http2: bool,
    /// The addresses that its calls may go to.
    pub reach: Reach,
}

/// The shipped upstreams with what the configuration says of them, and its own.
pub(super) fn rows(configured: &BTreeMap<String, ProviderConfig>) -> Result<Vec<ProviderRow>, ConfigError> {
    let mut rows: BTreeMap<&str, ProviderRow> =
        PROVIDERS.iter().map(|row| (row.name, shipped(row))).collect();
    for (name, given) in configured {
        let error =
            |field: &str, reason: &str| ConfigError::value(&format!("providers.{name}.{field}"), reason);
        if name == "p" || name.contains(['/', '?', '#']) || cp_api::serves(&format!("/{name}")) {
            return Err(error("base_url", "has a name that is no path of its own; choose another"));
        }
        let row = rows.entry(name).or_insert_with(|| ProviderRow {
            name: name.clone(),
            family: Family::OpenAi,
            base_url: String::new(),
            prices: name.clone(),
            ca_file: None,
            http2: false,
            reach: Reach::Private,
        });
        if let Some(family) = &given.family {
            row.family = Family::parse(family)
                .ok_or_else(|| error("family", "must be one of openai, anthropic, gemini, ollama"))?;
        }
        if let Some(reach) = &given.reach {
            row.reach =
                Reach::parse(reach).ok_or_else(|| error("reach", "must be one of public, private, any"))?;
        }
        row.base_url = given.base_url.clone().unwrap_or_else(|| std::mem::take(&mut row.base_url));
        row.prices = given.prices.clone().unwrap_or_else(|| std::mem::take(&mut row.prices));
        row.ca_file = given.ca_file.clone();
        row.http2 = given.http2.unwrap_or_default();
        if row.base_url.is_empty() {
            return Err(error("base_url", "is missing; write it like https://api.example.com"));
        }
    }
    Ok(rows.into_values().filter(|row| !row.base_url.is_empty()).collect())
}

fn shipped(row: &cp_genai::Provider) -> ProviderRow {
    ProviderRow {
        name: row.name.to_owned(),
        family: row.family,
        base_url: row.base_url.to_owned(),
        prices: row.prices.to_owned(),
        ca_file: None,
        http2: false,
        reach: Reach::Private,
    }
}
