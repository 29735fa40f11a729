//! Limits on what a key may use: so much of something in a window of the calendar, UTC.

use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::tz::TimeZone;

use crate::{CallId, GatewayKeyId, Timestamp, UsdNanos};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Calls.
    Requests,
    /// Input and output tokens together.
    Tokens,
    /// Cost, in billionths of a dollar.
    Usd,
}

/// How long a limit counts before it begins anew: from one boundary of the calendar to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A month.
    Month,
}

/// No more than `amount` of something within a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Limit {
    /// Of what.
    pub measure: Measure,
    /// For how long.
    pub window: Window,
    /// How much: calls, tokens or billionths of a dollar.
    pub amount: u64,
}

/// What calls used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spend {
    /// Calls.
    pub requests: u64,
    /// Tokens.
    pub tokens: u64,
    /// Cost, in billionths of a dollar.
    pub usd_nanos: u64,
}

/// What a stored call used, for the limits of its gateway key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The key that it came with.
    pub key: GatewayKeyId,
    /// The call.
    pub call: CallId,
    /// When it began.
    pub started_at: Timestamp,
    /// Its tokens and cost, and itself.
    pub spend: Spend,
    /// Whether it passed the gateway itself.
    pub origin: Origin,
}

/// How a stored call came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It passed the gateway.
    Exchange,
    /// It was found in another: one of a batch, or one that the provider made in the background.
    Derived,
}

/// A text that names no measure or no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is none of {known}")]
pub struct LimitParseError {
    text: String,
    known: &'static str,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 3] = [Self::Requests, Self::Tokens, Self::Usd];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Usd => "usd",
        }
    }
}

impl FromStr for Measure {
    type Err = LimitParseError;

    fn from_str(text: &str) -> Result<Self, LimitParseError> {
        let error = || LimitParseError { text: text.to_owned(), known: "requests, tokens, usd" };
        Self::ALL.into_iter().find(|measure| measure.as_str() == text).ok_or_else(error)
    }
}

const MINUTE_US: i64 = 60_000_000;

impl Window {
    /// Every window, the shortest first.
    pub const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::Month];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The beginning of the window that `at` lies in, and its end, which is the beginning of the next.
    #[must_use]
    pub fn around(self, at: Timestamp) -> (Timestamp, Timestamp) {
        let length = match self {
            Self::Minute => MINUTE_US,
            Self::Hour => 60 * MINUTE_US,
            Self::Day => 24 * 60 * MINUTE_US,
            Self::Month => return month(at).unwrap_or((at, at)),
        };
        let start = at.0 - at.0.rem_euclid(length);
        (Timestamp(start), Timestamp(start.saturating_add(length)))
    }
}

/// Fails beyond the years that the calendar knows.
fn month(at: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let date = jiff::Timestamp::from_microsecond(at.0).ok()?.to_zoned(TimeZone::UTC).date();
    let (first, next) = (date.first_of_month(), date.first_of_month().checked_add(1.month()).ok()?);
    let midnight = |date: jiff::civil::Date| {
        let midnight = date.to_zoned(TimeZone::UTC).ok()?;
        Some(Timestamp(midnight.timestamp().as_microsecond()))
    };
    Some((midnight(first)?, midnight(next)?))
}

impl FromStr for Window {
    type Err = LimitParseError;

    fn from_str(text: &str) -> Result<Self, LimitParseError> {
        let error = || LimitParseError { text: text.to_owned(), known: "minute, hour, day, month" };
        Self::ALL.into_iter().find(|window| window.as_str() == text).ok_or_else(error)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = self.window.as_str();
        match self.measure {
            Measure::Usd => {
                let amount = UsdNanos(i64::try_from(self.amount).unwrap_or(i64::MAX));
                write!(f, "{amount} a {window}")
            }
            measure => write!(f, "{} {} a {window}", self.amount, measure.as_str()),
        }
    }
}

impl Spend {
    /// So much of one measure.
    #[must_use]
    pub const fn of(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Requests => self.requests,
            Measure::Tokens => self.tokens,
            Measure::Usd => self.usd_nanos,
        }
    }

    /// What is left without `other`; nothing is below zero.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            tokens: self.tokens.saturating_sub(other.tokens),
            usd_nanos: self.usd_nanos.saturating_sub(other.usd_nanos),
        }
    }
}

impl AddAssign for Spend {
    fn add_assign(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.usd_nanos = self.usd_nanos.saturating_add(other.usd_nanos);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_the_calendar() {
        let at: Timestamp = "2024-02-29T23:59:30.5Z".parse().unwrap();
        let around = [
            (Window::Minute, "2024-02-29T23:59:00Z", "2024-03-01T00:00:00Z"),
            (Window::Hour, "2024-02-29T23:00:00Z", "2024-03-01T00:00:00Z"),
            (Window::Day, "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
            (Window::Month, "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        ];
        for (window, start, end) in around {
            assert_eq!(window.around(at), (start.parse().unwrap(), end.parse().unwrap()), "{window:?}");
        }
        let december = Window::Month.around("2025-12-31T00:00:00Z".parse().unwrap());
        assert_eq!(december.1.to_string(), "2026-01-01T00:00:00.000000Z");
        assert_eq!(Window::Minute.around(Timestamp(-1)), (Timestamp(-MINUTE_US), Timestamp(0)));
    }

    #[test]
    fn names_go_both_ways() {
        for measure in Measure::ALL {
            assert_eq!(measure.as_str().parse(), Ok(measure));
        }
        for window in Window::ALL {
            assert_eq!(window.as_str().parse(), Ok(window));
        }
        assert!("year".parse::<Window>().unwrap_err().to_string().contains("minute, hour, day, month"));
    }

    #[test]
    fn a_limit_reads_like_one() {
        let limit = |measure, amount| Limit { measure, window: Window::Day, amount }.to_string();
        assert_eq!(limit(Measure::Requests, 10), "10 requests a day");
        assert_eq!(limit(Measure::Usd, 2_500_000_000), "$2.50 a day");
    }
}
