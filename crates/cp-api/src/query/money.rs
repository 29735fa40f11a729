//! The parameters of costs and prices.

use axum::extract::Query;
use axum::http::Uri;
use cp_app::model::{CallCursor, CallFilter, ChangeFilter, CostGrouping};
use cp_app::{PriceQuery, RepriceRequest};
use cp_base::Timestamp;
use cp_wire as wire;
use cp_wire::Cursor;

use super::{
    BadParameter, DEFAULT_LIMIT, MAX_LIMIT, Wrong, bad, fingerprint, label, nearest, number, parameter_names,
    time, unknown,
};
use crate::problem::Refusal;

/// A name in `by`, and what it sets.
type Group = (&'static str, fn(&mut CostGrouping) -> &mut bool);

const GROUPS: [Group; 6] = [
    ("day", |by| &mut by.day),
    ("provider", |by| &mut by.provider),
    ("model", |by| &mut by.model),
    ("key", |by| &mut by.client),
    ("tier", |by| &mut by.tier),
    ("list", |by| &mut by.list),
];

/// What a report is about.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct CostRequest {
    pub(crate) filter: CallFilter,
    pub(crate) by: CostGrouping,
    /// The names, in the order in which they were given.
    pub(crate) names: Vec<String>,
}

/// Reads the query of a cost report.
pub(crate) fn cost(uri: &Uri, now: Timestamp) -> Result<CostRequest, Refusal> {
    let mut request = CostRequest::default();
    read(uri, &parameter_names::<wire::CostQuery>(), |name, value| match name {
        "by" => value.split(',').try_for_each(|name| {
            let group = GROUPS.iter().find(|(known, _)| *known == name).ok_or_else(|| group_wrong(name))?;
            *(group.1)(&mut request.by) = true;
            request.names.push(name.to_owned());
            Ok(())
        }),
        _ => set_filter(&mut request.filter, name, value, now),
    })?;
    Ok(request)
}

fn group_wrong(name: &str) -> Wrong {
    let valid: Vec<String> = GROUPS.iter().map(|(known, _)| (*known).to_owned()).collect();
    Wrong { reason: format!("`{name}` is not one of {}{}", valid.join(", "), nearest(name, &valid)), valid }
}

/// Reads which calls a check is about.
pub(crate) fn check(uri: &Uri, now: Timestamp) -> Result<CallFilter, Refusal> {
    let mut filter = CallFilter::default();
    read(uri, &parameter_names::<wire::PricedCallsQuery>(), |name, value| {
        set_filter(&mut filter, name, value, now)
    })?;
    Ok(filter)
}

/// Reads which prices are asked for.
pub(crate) fn prices(uri: &Uri, now: Timestamp) -> Result<PriceQuery, Refusal> {
    let mut query = PriceQuery::default();
    read(uri, &parameter_names::<wire::PriceQuery>(), |name, value| {
        match name {
            "provider" => query.provider = Some(value.to_owned()),
            "model" => query.model = Some(value.to_owned()),
            _ => query.at = Some(time(value, now)?),
        }
        Ok(())
    })?;
    Ok(query)
}

/// Reads a step of repricing.
pub(crate) fn reprice(uri: &Uri, now: Timestamp) -> Result<RepriceRequest, Refusal> {
    let names =
        [parameter_names::<wire::PricedCallsQuery>(), parameter_names::<wire::RepriceQuery>()].concat();
    let mut request = RepriceRequest::default();
    let mut described = Vec::new();
    read(uri, &names, |name, value| {
        match name {
            "dry_run" => {
                request.dry_run = value.parse().map_err(|_| "it is neither true nor false")?;
            }
            "after" => {
                let Cursor { started_at, call } = cursor(value)?;
                request.after = Some(CallCursor { started_at, call });
            }
            "repricing" => request.repricing = Some(value.parse().map_err(|_| NO_RUN)?),
            _ => {
                set_filter(&mut request.filter, name, value, now)?;
                described.push(format!("{name}={value}"));
            }
        }
        Ok(())
    })?;
    request.described = if described.is_empty() { "all calls".to_owned() } else { described.join(" ") };
    Ok(request)
}

const NO_RUN: &str = "it is not the id of a run that reprices";

/// Which changes, and which page of them.
#[derive(Debug)]
pub(crate) struct ChangeRequest {
    pub(crate) filter: ChangeFilter,
    pub(crate) limit: usize,
    pub(crate) after: Option<Cursor>,
}

/// Reads which changes are asked for.
pub(crate) fn changes(uri: &Uri) -> Result<ChangeRequest, Refusal> {
    let mut request = ChangeRequest { filter: ChangeFilter::default(), limit: DEFAULT_LIMIT, after: None };
    read(uri, &parameter_names::<wire::ChangeQuery>(), |name, value| {
        match name {
            "repricing" => request.filter.repricing = Some(value.parse().map_err(|_| NO_RUN)?),
            "call" => request.filter.call = Some(value.parse().map_err(|_| "it is not a call's id")?),
            "limit" => match usize::try_from(number(value, MAX_LIMIT as u64)?) {
                Ok(limit) if limit > 0 => request.limit = limit,
                _ => return Err("it is not between 1 and 500".into()),
            },
            _ => request.after = Some(cursor(value)?),
        }
        Ok(())
    })?;
    Ok(request)
}

fn cursor(value: &str) -> Result<Cursor, Wrong> {
    value.parse().map_err(|error: wire::CursorParseError| Wrong::from(error.to_string()))
}

fn set_filter(filter: &mut CallFilter, name: &str, value: &str, now: Timestamp) -> Result<(), Wrong> {
    match name {
        "since" => filter.since = Some(time(value, now)?),
        "until" => filter.until = Some(time(value, now)?),
        "client" => filter.client_fingerprint = Some(fingerprint(value)?),
        "user" | "metadata" | "batch" => filter.labels.push(label(name, value)?),
        _ if value.is_empty() => return Err("it is empty".into()),
        "provider" => filter.provider_name = Some(value.to_owned()),
        _ => filter.model = Some(value.to_owned()),
    }
    Ok(())
}

/// Hands each parameter to `set`, once and only if the endpoint takes it.
pub(super) fn read(
    uri: &Uri,
    names: &[String],
    mut set: impl FnMut(&str, &str) -> Result<(), Wrong>,
) -> Result<(), BadParameter> {
    let pairs =
        Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
    for (position, (name, value)) in pairs.iter().enumerate() {
        if !names.contains(name) {
            return Err(unknown(name, value, names.to_vec()));
        }
        if pairs.iter().take(position).any(|(earlier, _)| earlier == name) {
            return Err(bad(name, value, "it is given twice", vec![]));
        }
        set(name, value).map_err(|wrong| bad(name, value, &wrong.reason, wrong.valid))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000_000);

    #[test]
    fn a_report_names_its_groups() {
        let uri = "/x?by=model,day&since=2026-11-01&provider=openai".parse().unwrap();
        let request = cost(&uri, NOW).unwrap();
        assert_eq!(request.names, ["model", "day"]);
        assert_eq!(request.by, CostGrouping { day: true, model: true, ..CostGrouping::default() });
        assert_eq!(request.filter.since, Some("2026-11-01T00:00:00Z".parse().unwrap()));
        let request = cost(&"/x?batch=b&metadata=team=search".parse().unwrap(), NOW).unwrap();
        assert_eq!(request.filter.labels.len(), 2);
        let error = cost(&"/x?by=modl".parse().unwrap(), NOW).unwrap_err();
        assert!(error.0.detail.contains("did you mean `model`?"), "{error:?}");
    }

    #[test]
    fn a_step_of_repricing_tells_which_calls_it_is_for() {
        let uri = "/x?model=gpt-4o&since=2026-11-01&dry_run=true".parse().unwrap();
        let request = reprice(&uri, NOW).unwrap();
        assert!(request.dry_run);
        assert_eq!(request.described, "model=gpt-4o since=2026-11-01");
        assert_eq!(reprice(&"/x".parse().unwrap(), NOW).unwrap().described, "all calls");
        assert!(reprice(&"/x?dry_run=maybe".parse().unwrap(), NOW).is_err());
        assert!(changes(&"/x?limit=0".parse().unwrap()).is_err());
    }
}
