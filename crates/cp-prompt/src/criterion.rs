//! What a team calls success: data that is written on a prompt, and judged elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::{named_values, serde_as_text, shown};

/// What is measured of a prompt's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// The mean of its scores, 0 to 1.
    Quality,
    /// The median of the calls' durations.
    LatencyP50Ms,
    /// What 95 of 100 calls are faster than.
    LatencyP95Ms,
    /// What 95 of 100 calls begin to answer within.
    FirstChunkP95Ms,
    /// The mean cost of a call.
    CostUsdPerCall,
    /// The share of calls that the model refused, 0 to 1.
    RefusalRate,
    /// The share of calls that failed, 0 to 1.
    ErrorRate,
    /// The share of answers that are what the response's schema says, 0 to 1.
    SchemaValidity,
}

named_values!(Metric, MetricParseError, "metric", {
    Quality = "quality",
    LatencyP50Ms = "latency_p50_ms",
    LatencyP95Ms = "latency_p95_ms",
    FirstChunkP95Ms = "first_chunk_p95_ms",
    CostUsdPerCall = "cost_usd_per_call",
    RefusalRate = "refusal_rate",
    ErrorRate = "error_rate",
    SchemaValidity = "schema_validity",
});

impl Metric {
    /// Whether it is a share, and so from 0 to 1.
    #[must_use]
    pub const fn is_share(self) -> bool {
        matches!(self, Self::Quality | Self::RefusalRate | Self::ErrorRate | Self::SchemaValidity)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::LatencyP50Ms => "median latency",
            Self::LatencyP95Ms => "p95 latency",
            Self::FirstChunkP95Ms => "p95 time to the first chunk",
            Self::CostUsdPerCall => "cost per call",
            Self::RefusalRate => "refusal rate",
            Self::ErrorRate => "error rate",
            Self::SchemaValidity => "schema validity",
        }
    }
}

/// How what is measured must stand to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// Not below it.
    AtLeast,
    /// Not above it.
    AtMost,
}

named_values!(Comparison, ComparisonParseError, "comparison", { AtLeast = "at_least", AtMost = "at_most" });

/// What is to be reached: a decimal with nine places, so that a cost is exact. On the wire a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Target(i64);

const UNIT: i64 = 1_000_000_000;

impl Target {
    /// From billionths; of dollars, these are what costs are kept in.
    #[must_use]
    pub const fn from_billionths(billionths: i64) -> Self {
        Self(billionths)
    }

    /// In billionths.
    #[must_use]
    pub const fn billionths(self) -> i64 {
        self.0
    }
}

impl TryFrom<f64> for Target {
    type Error = CriterionError;

    fn try_from(number: f64) -> Result<Self, CriterionError> {
        let billionths = (number * UNIT as f64).round();
        // Beyond these, the number would not come back as it was given.
        const EXACT: f64 = (1_u64 << 53) as f64;
        if !billionths.is_finite() || billionths.abs() > EXACT {
            return Err(CriterionError::Target(number.to_string()));
        }
        Ok(Self(billionths as i64))
    }
}

impl From<Target> for f64 {
    fn from(target: Target) -> Self {
        target.0 as Self / UNIT as Self
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f64::from(*self).fmt(f)
    }
}

/// Which calls count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CriterionWindow {
    /// The latest ones, so many.
    Calls(u32),
    /// Those of the latest time, in seconds.
    Seconds(u32),
}

/// A text that is no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no window: write `100 calls`, `30 minutes`, `24 hours` or `7 days`")]
pub struct CriterionWindowParseError(String);

/// Units of time and their seconds, the longest first.
const UNITS: [(&str, u32); 4] = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];

impl FromStr for CriterionWindow {
    type Err = CriterionWindowParseError;

    fn from_str(text: &str) -> Result<Self, CriterionWindowParseError> {
        let parse = || {
            let (amount, unit) = text.split_once(' ')?;
            let amount: u32 = amount.parse().ok().filter(|amount| *amount > 0)?;
            let unit = unit.strip_suffix('s').unwrap_or(unit);
            if unit == "call" {
                return Some(Self::Calls(amount));
            }
            let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
            amount.checked_mul(*seconds).map(Self::Seconds)
        };
        parse().ok_or_else(|| CriterionWindowParseError(shown(text)))
    }
}

impl fmt::Display for CriterionWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (amount, unit) = match *self {
            Self::Calls(calls) => (calls, "call"),
            Self::Seconds(seconds) => {
                let whole = UNITS.iter().find(|(_, unit)| seconds % unit == 0);
                whole.map_or((seconds, "second"), |(name, unit)| (seconds / unit, *name))
            }
        };
        write!(f, "{amount} {unit}{}", if amount == 1 { "" } else { "s" })
    }
}

serde_as_text!(CriterionWindow);

/// What a prompt is to reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Criterion {
    /// Something measured is to stand so to a number.
    Measured {
        /// What is measured.
        metric: Metric,
        /// How it must stand to the target.
        comparison: Comparison,
        /// The target.
        target: Target,
        /// Over which calls.
        window: CriterionWindow,
    },
    /// Something that is written down, and judged by whoever knows the language.
    Expression {
        /// As it was written.
        expression: String,
    },
}

/// A criterion that nothing can meet, or nobody can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CriterionError {
    /// A number that is none, or too large.
    #[error("{0} is no target: write a number of up to nine million, with up to nine places")]
    Target(String),
    /// A share beyond 0 to 1, or another measure below 0.
    #[error("{metric} cannot be {target}: {hint}")]
    Range {
        /// The metric.
        metric: Metric,
        /// The target.
        target: Target,
        /// What it can be.
        hint: &'static str,
    },
    /// An expression that says nothing, or too much.
    #[error("an expression has 1 to {MAX_EXPRESSION_BYTES} bytes: this one has {0}")]
    Expression(usize),
}

const MAX_EXPRESSION_BYTES: usize = 4_096;

impl Criterion {
    /// Checks what its types cannot say.
    ///
    /// # Errors
    ///
    /// Where nothing can meet it.
    pub fn check(&self) -> Result<(), CriterionError> {
        match self {
            Self::Measured { metric, target, .. } => {
                let hint = if metric.is_share() { "it is from 0 to 1" } else { "it is not below 0" };
                if target.0 < 0 || (metric.is_share() && target.0 > UNIT) {
                    return Err(CriterionError::Range { metric: *metric, target: *target, hint });
                }
                Ok(())
            }
            Self::Expression { expression } if expression.trim().is_empty() => {
                Err(CriterionError::Expression(0))
            }
            Self::Expression { expression } if expression.len() > MAX_EXPRESSION_BYTES => {
                Err(CriterionError::Expression(expression.len()))
            }
            Self::Expression { .. } => Ok(()),
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (metric, comparison, target, window) = match self {
            Self::Measured { metric, comparison, target, window } => (metric, comparison, target, window),
            Self::Expression { expression } => return f.write_str(expression),
        };
        let how = match comparison {
            Comparison::AtLeast => "at least",
            Comparison::AtMost => "at most",
        };
        write!(f, "{} {how} ", metric.words())?;
        match metric {
            Metric::CostUsdPerCall => write!(f, "{}", cp_base::UsdNanos(target.0))?,
            Metric::LatencyP50Ms | Metric::LatencyP95Ms | Metric::FirstChunkP95Ms => {
                write!(f, "{target} ms")?
            }
            _ => write!(f, "{target}")?,
        }
        write!(f, " over the last {window}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn criterion(value: serde_json::Value) -> Criterion {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_criterion_reads_like_a_sentence() {
        let sentence = |metric: &str, comparison: &str, target: f64, window: &str| {
            let value =
                json!({ "metric": metric, "comparison": comparison, "target": target, "window": window });
            let criterion = criterion(value.clone());
            assert_eq!(criterion.check(), Ok(()));
            assert_eq!(criterion, self::criterion(serde_json::to_value(&criterion).unwrap()));
            criterion.to_string()
        };
        assert_eq!(
            sentence("quality", "at_least", 0.9, "100 calls"),
            "quality at least 0.9 over the last 100 calls"
        );
        assert_eq!(
            sentence("latency_p95_ms", "at_most", 1500.0, "7 days"),
            "p95 latency at most 1500 ms over the last 7 days"
        );
        assert_eq!(
            sentence("cost_usd_per_call", "at_most", 0.25, "36 hours"),
            "cost per call at most $0.25 over the last 36 hours"
        );
        assert_eq!(criterion(json!({ "expression": "score.tone > 3" })).to_string(), "score.tone > 3");
    }

    #[test]
    fn windows_go_both_ways() {
        for text in ["1 call", "100 calls", "1 day", "7 days", "24 hours", "90 minutes", "61 seconds"] {
            let window: CriterionWindow = text.parse().unwrap();
            let written = window.to_string();
            assert_eq!(written.parse(), Ok(window), "{text}");
        }
        assert_eq!("24 hours".parse::<CriterionWindow>().unwrap().to_string(), "1 day");
        for bad in ["", "calls", "0 calls", "-1 days", "1  day", "7 weeks", "99999999 days"] {
            assert!(bad.parse::<CriterionWindow>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_nothing_can_meet_is_refused() {
        let check = |metric: &str, target: f64| {
            let value =
                json!({ "metric": metric, "comparison": "at_least", "target": target, "window": "1 day" });
            criterion(value).check().map_err(|error| error.to_string())
        };
        assert_eq!(check("quality", 1.0), Ok(()));
        assert_eq!(check("quality", 90.0).unwrap_err(), "quality cannot be 90: it is from 0 to 1");
        assert!(check("latency_p95_ms", -1.0).is_err());
        assert!(criterion(json!({ "expression": " " })).check().is_err());
        assert!(Target::try_from(f64::NAN).is_err() && Target::try_from(1e12).is_err());
        assert_eq!(Target::try_from(0.000_000_001).unwrap().billionths(), 1);
    }
}
