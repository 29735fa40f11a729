//! Hours in which a provider charges more.

use cp_base::Timestamp;
use serde_json::{Map, Value};

use super::list::{Wrong, midnight, object};

/// The name of the tier that applies in these hours.
pub(super) const PEAK: &str = "peak";

/// Hours of the day in UTC, from Monday to Friday, but for some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PeakHours {
    /// Of each stretch the first minute of the day, and the one after its last.
    stretches: Vec<(i64, i64)>,
    weekends: bool,
    /// Midnights of the days that have no such hours.
    except: Vec<Timestamp>,
}

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

impl PeakHours {
    /// Reads `{"utc": ["01:00-04:00"], "weekends": false, "except": ["2026-10-01"]}`.
    pub(super) fn parse(field: &str, value: &Value) -> Result<Self, Wrong> {
        let raw = object(field, value)?;
        if let Some(unknown) = raw.keys().find(|key| !["utc", "weekends", "except"].contains(&key.as_str())) {
            return Err((format!("{field}.{unknown}"), "is no field of these hours".to_owned()));
        }
        let stretches = texts(raw, "utc").map(|text| {
            stretch(text).ok_or_else(|| {
                (format!("{field}.utc"), format!("has {text:?}, which is no time like \"01:00-04:00\""))
            })
        });
        Ok(Self {
            stretches: stretches.collect::<Result<_, _>>()?,
            weekends: raw.get("weekends") == Some(&Value::Bool(true)),
            except: texts(raw, "except")
                .map(|day| midnight(&format!("{field}.except"), &day.into()))
                .collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn hold(&self, at: Timestamp) -> bool {
        let (day, time) = (at.0.div_euclid(DAY), at.0.rem_euclid(DAY));
        // The epoch was a Thursday.
        let is_weekend = (day + 3).rem_euclid(7) >= 5;
        let is_except = self.except.contains(&Timestamp(at.0 - time));
        (self.weekends || !is_weekend)
            && !is_except
            && self.stretches.iter().any(|(from, until)| (from * MINUTE..until * MINUTE).contains(&time))
    }
}

fn texts<'a>(raw: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a str> {
    let items = raw.get(key).and_then(Value::as_array).into_iter().flatten();
    items.map(|item| item.as_str().unwrap_or_default())
}

fn stretch(text: &str) -> Option<(i64, i64)> {
    let (from, until) = text.split_once('-')?;
    Some((minutes(from)?, minutes(until)?)).filter(|(from, until)| from < until)
}

fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours <= 24).then(|| i64::from(hours) * 60 + i64::from(minutes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hours_days_and_exceptions() {
        let hours = json!({"utc": ["01:00-04:00", "06:00-10:00"], "except": ["2026-10-01"]});
        let hours = PeakHours::parse("peak_hours", &hours).unwrap();
        for (at, holds) in [
            ("2026-11-24T00:59:59.999999Z", false),
            ("2026-11-24T01:00:00Z", true),
            ("2026-11-24T03:59:59Z", true),
            ("2026-11-24T04:00:00Z", false),
            ("2026-11-24T09:00:00Z", true),
            // A Saturday, a Sunday, and the Monday after them.
            ("2026-11-28T09:00:00Z", false),
            ("2026-11-29T09:00:00Z", false),
            ("2026-11-30T09:00:00Z", true),
            // A Thursday that is a holiday.
            ("2026-10-01T09:00:00Z", false),
            ("1969-12-31T09:00:00Z", true),
        ] {
            assert_eq!(hours.hold(at.parse().unwrap()), holds, "{at}");
        }
        let every_day = json!({"utc": ["06:00-10:00"], "weekends": true});
        let every_day = PeakHours::parse("peak_hours", &every_day).unwrap();
        assert!(every_day.hold("2026-11-28T09:00:00Z".parse().unwrap()));
    }

    #[test]
    fn hours_that_are_none_are_refused() {
        for wrong in [
            json!({"utc": ["4-1"]}),
            json!({"utc": ["04:00-01:00"]}),
            json!({"utc": ["01:60-02:00"]}),
            json!({"utc": [1]}),
            json!({"utc": ["01:00-04:00"], "except": ["soon"]}),
            json!({"hours": []}),
            json!([]),
        ] {
            assert!(PeakHours::parse("peak_hours", &wrong).is_err(), "{wrong}");
        }
    }
}
