//! The parameters of scores.

use axum::http::Uri;
use cp_app::model::{ScoreFilter, ScoreSource};
use cp_base::{ScoreId, Timestamp};
use cp_wire::ScoreQuery;

use super::{DEFAULT_LIMIT, MAX_LIMIT, money, number, parameter_names, time};
use crate::problem::Refusal;

/// The kinds of values.
pub(crate) const DATA_TYPES: [&str; 4] = ["numeric", "boolean", "categorical", "text"];

/// Reads the query of `uri`; durations count back from `now`.
pub(crate) fn read(uri: &Uri, now: Timestamp) -> Result<(ScoreFilter, u64), Refusal> {
    let (mut filter, mut limit) = (ScoreFilter::default(), DEFAULT_LIMIT as u64);
    money::read(uri, &parameter_names::<ScoreQuery>(), |name, value| {
        let id = |error: cp_base::IdParseError| error.to_string();
        match name {
            "since" => filter.since = Some(time(value, now)?),
            "until" => filter.until = Some(time(value, now)?),
            "name" => filter.name = Some(value.to_owned()),
            "data_type" if !DATA_TYPES.contains(&value) => {
                return Err(format!("it is none of {}", DATA_TYPES.join(", ")).into());
            }
            "data_type" => filter.data_type = Some(value.to_owned()),
            "source" => {
                let source = ScoreSource::parse(value).ok_or("it is none of api, annotation, eval")?;
                filter.source = Some(source);
            }
            "call" => filter.call = Some(value.parse().map_err(id)?),
            "prompt_version" => filter.prompt_version = Some(value.parse().map_err(id)?),
            "trace" => filter.trace = Some(value.to_owned()),
            "session" => filter.session = Some(value.to_owned()),
            "after" => {
                let place = cursor(value).ok_or("it is no `next` of an earlier page")?;
                filter.after = Some(place);
            }
            _ => match number(value, MAX_LIMIT as u64)? {
                0 => return Err("it is not between 1 and 500".into()),
                asked => limit = asked,
            },
        }
        Ok(())
    })?;
    Ok((filter, limit))
}

fn cursor(text: &str) -> Option<(Timestamp, ScoreId)> {
    let (at, score) = text.split_once('.')?;
    Some((Timestamp(at.parse().ok()?), score.parse().ok()?))
}
