//! Money in integers. No float touches it.

use std::fmt;
use std::ops::Add;

/// US dollars in billionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsdNanos(pub i64);

/// A text that is not an amount of dollars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an amount in dollars with at most nine decimals")]
pub struct MoneyParseError(String);

const NANOS: i64 = 1_000_000_000;
const DECIMALS: usize = 9;

impl UsdNanos {
    /// Reads a non-negative decimal such as `2.50`, exactly.
    pub fn parse_dollars(text: &str) -> Result<Self, MoneyParseError> {
        let error = || MoneyParseError(text.to_owned());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > DECIMALS {
            return Err(error());
        }
        let whole: i64 = whole.parse().map_err(|_| error())?;
        let fraction: i64 = format!("{fraction:0<DECIMALS$}").parse().map_err(|_| error())?;
        whole.checked_mul(NANOS).and_then(|nanos| nanos.checked_add(fraction)).map(Self).ok_or_else(error)
    }
}

impl Add for UsdNanos {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for UsdNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, nanos) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, fraction) = (nanos / NANOS.unsigned_abs(), nanos % NANOS.unsigned_abs());
        let fraction = format!("{fraction:09}");
        let shown = fraction.trim_end_matches('0');
        write!(f, "{sign}${whole}.{shown:0<2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_exact() {
        assert_eq!(UsdNanos::parse_dollars("2.50").unwrap(), UsdNanos(2_500_000_000));
        assert_eq!(UsdNanos::parse_dollars("0.000000001").unwrap(), UsdNanos(1));
        for bad in ["", ".", "1.", "-1", "1e3", "0.0000000001", "99999999999999"] {
            assert!(UsdNanos::parse_dollars(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn display_keeps_every_digit_that_counts() {
        assert_eq!(UsdNanos(2_500_000_000).to_string(), "$2.50");
        assert_eq!(UsdNanos(-1_234_567).to_string(), "-$0.001234567");
        assert_eq!(UsdNanos(0).to_string(), "$0.00");
    }
}
