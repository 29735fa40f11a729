//! Whether what was measured of a version is what its prompt is to reach, and what a label makes of it.

use std::collections::BTreeMap;
use std::fmt;

use crate::criterion::{Comparison, Criterion, CriterionWindow, Metric, Target};
use crate::text::named_values;

/// What was measured of a version, by what it is and over which calls.
pub type Measurements = BTreeMap<(Metric, CriterionWindow), Target>;

/// How a version stands to a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is met.
    Pass,
    /// It is not.
    Fail,
    /// Nothing was measured yet, or nobody here reads the expression.
    Unmeasured,
}

/// A criterion, and how a version stands to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The criterion.
    pub criterion: Criterion,
    /// What was measured.
    pub measured: Option<Target>,
    /// How it stands.
    pub verdict: Verdict,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.measured {
            Some(measured) => write!(f, "{} (measured: {measured})", self.criterion),
            None => write!(f, "{} (not measured)", self.criterion),
        }
    }
}

/// Judges each criterion, in their order.
#[must_use]
pub fn judge(criteria: &[Criterion], measured: &Measurements) -> Vec<Judged> {
    let judged = |criterion: &Criterion| {
        let (measured, verdict) = match criterion {
            Criterion::Expression { .. } => (None, Verdict::Unmeasured),
            Criterion::Measured { metric, comparison, target, window } => {
                let value = measured.get(&(*metric, *window)).copied();
                (value, value.map_or(Verdict::Unmeasured, |value| compare(value, *comparison, *target)))
            }
        };
        Judged { criterion: criterion.clone(), measured, verdict }
    };
    criteria.iter().map(judged).collect()
}

fn compare(value: Target, comparison: Comparison, target: Target) -> Verdict {
    let is_met = match comparison {
        Comparison::AtLeast => value >= target,
        Comparison::AtMost => value <= target,
    };
    if is_met { Verdict::Pass } else { Verdict::Fail }
}

/// What a label asks of a prompt's criteria before it moves to a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// Nothing.
    #[default]
    None,
    /// That none of them fails; what is not measured passes.
    NotFailing,
    /// That each of them is met.
    Met,
}

named_values!(Gate, GateParseError, "gate", { None = "none", NotFailing = "not_failing", Met = "met" });

impl Gate {
    /// Whether it stays shut.
    #[must_use]
    pub const fn stops(self, verdict: Verdict) -> bool {
        match self {
            Self::None => false,
            Self::NotFailing => matches!(verdict, Verdict::Fail),
            Self::Met => !matches!(verdict, Verdict::Pass),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_most(target: i64) -> Criterion {
        Criterion::Measured {
            metric: Metric::LatencyP95Ms,
            comparison: Comparison::AtMost,
            target: Target::from_billionths(target * 1_000_000_000),
            window: CriterionWindow::Calls(100),
        }
    }

    #[test]
    fn what_is_measured_is_judged_and_the_rest_is_not() {
        let window = CriterionWindow::Calls(100);
        let measured =
            Measurements::from([((Metric::LatencyP95Ms, window), Target::from_billionths(900_000_000_000))]);
        let expression = Criterion::Expression { expression: "score.tone > 0.8".to_owned() };
        let elsewhere = match at_most(1) {
            Criterion::Measured { metric, comparison, target, .. } => {
                Criterion::Measured { metric, comparison, target, window: CriterionWindow::Calls(9) }
            }
            expression => expression,
        };
        let criteria = [at_most(900), at_most(899), elsewhere, expression];
        let judged = judge(&criteria, &measured);
        let verdicts: Vec<_> = judged.iter().map(|judged| judged.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail, Verdict::Unmeasured, Verdict::Unmeasured]);
        assert_eq!(
            judged[1].to_string(),
            "p95 latency at most 899 ms over the last 100 calls (measured: 900)"
        );
    }

    #[test]
    fn a_gate_stops_what_it_says() {
        let stopped = |gate: Gate| {
            [Verdict::Pass, Verdict::Unmeasured, Verdict::Fail].map(|verdict| gate.stops(verdict))
        };
        assert_eq!(stopped(Gate::None), [false, false, false]);
        assert_eq!(stopped(Gate::NotFailing), [false, false, true]);
        assert_eq!(stopped(Gate::Met), [false, true, true]);
    }
}
