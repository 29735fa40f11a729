//! Values that are one JSON string.

use std::fmt;
use std::str::FromStr;

use cp_base::{CallId, Timestamp, UsdNanos};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

/// US dollars as an exact decimal string, such as `0.001234567`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = r"^-?\d+\.\d{2,9}$", example = "0.001234567")]
pub struct Usd(pub UsdNanos);

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_string().replacen('$', "", 1))
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
        UsdNanos::parse_dollars(digits)
            .map(|amount| Self(UsdNanos(sign * amount.0)))
            .map_err(de::Error::custom)
    }
}

/// Where a page begins: just after this call, newest first. Opaque to other clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The call's start.
    pub started_at: Timestamp,
    /// The call, which decides between calls of one instant.
    pub call: CallId,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.started_at.0, self.call)
    }
}

/// A text that is not a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorParseError;

impl fmt::Display for CursorParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cursor is the `next` of an earlier page, unchanged")
    }
}

impl std::error::Error for CursorParseError {}

impl FromStr for Cursor {
    type Err = CursorParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (micros, call) = text.split_once('.').ok_or(CursorParseError)?;
        Ok(Self {
            started_at: Timestamp(micros.parse().map_err(|_| CursorParseError)?),
            call: call.parse().map_err(|_| CursorParseError)?,
        })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_both_ways() {
        for (nanos, text) in [(0, "\"0.00\""), (1, "\"0.000000001\""), (-2_500_000_000, "\"-2.50\"")] {
            assert_eq!(serde_json::to_string(&Usd(UsdNanos(nanos))).unwrap(), text);
            assert_eq!(serde_json::from_str::<Usd>(text).unwrap(), Usd(UsdNanos(nanos)));
        }
        assert!(serde_json::from_str::<Usd>("\"$1.00\"").is_err());
    }

    #[test]
    fn a_cursor_round_trips_and_anything_else_is_refused() {
        let text = "1763803800250000.call_01h455vb4pex5vsknk084sn02q";
        assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        for bad in ["", ".", "12", "x.call_01h455vb4pex5vsknk084sn02q", "12.prj_01h455vb4pex5vsknk084sn02q"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
