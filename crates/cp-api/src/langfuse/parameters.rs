//! What stands in an address.

use axum::extract::Query;
use axum::http::Uri;

use super::Failure;

/// The parameters of an address, each once.
pub(super) fn parameters(uri: &Uri) -> Vec<(String, String)> {
    Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default()
}

pub(super) fn find<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &str,
    value: &str,
) -> Result<T, Failure> {
    value.parse().map_err(|error| Failure::invalid(format_args!("{name}: {error}")))
}
