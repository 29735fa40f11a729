//! The parameters of the audit log.

use axum::http::Uri;
use cp_app::model::EventFilter;
use cp_base::Timestamp;
use cp_wire::AuditQuery;

use super::{DEFAULT_LIMIT, MAX_LIMIT, money, number, parameter_names, time};
use crate::problem::Refusal;

/// Which events are asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct EventRequest {
    pub(crate) filter: EventFilter,
    pub(crate) before: Option<u64>,
    pub(crate) limit: u64,
}

/// Reads the query of `uri`; durations count back from `now`.
pub(crate) fn read(uri: &Uri, now: Timestamp) -> Result<EventRequest, Refusal> {
    let mut request =
        EventRequest { filter: EventFilter::default(), before: None, limit: DEFAULT_LIMIT as u64 };
    let filter = &mut request.filter;
    money::read(uri, &parameter_names::<AuditQuery>(), |name, value| {
        match name {
            "since" => filter.since = Some(time(value, now)?),
            "until" => filter.until = Some(time(value, now)?),
            "action" => filter.action = Some(value.to_owned()),
            "actor" => filter.actor = Some(value.to_owned()),
            "target" => filter.target = Some(value.to_owned()),
            "before" => request.before = Some(number(value, i64::MAX.unsigned_abs())?),
            _ => match number(value, MAX_LIMIT as u64)? {
                0 => return Err("it is not between 1 and 500".into()),
                limit => request.limit = limit,
            },
        }
        Ok(())
    })?;
    Ok(request)
}
