//! The format of a price list.
//!
//! Prices are decimal strings in US dollars per million tokens. `valid_from` is inclusive, `valid_until` exclusive, both
//! days in UTC; absent means without a bound. A model matches by its id or an alias, either alone or followed by the
//! date of a snapshot, so that a model that a list does not hold never takes the price of one with a shorter name.

use std::collections::HashMap;

use cp_base::{MoneyParseError, Timestamp, TimestampParseError, UsdNanos};
use serde::Deserialize;

/// A price list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceListError {
    /// Not JSON of the format.
    #[error("the price list is not of the expected form")]
    Format(#[from] serde_json::Error),
    /// A price is not a decimal number.
    #[error("a price of the model `{model}` is not usable")]
    Price {
        /// The model's id.
        model: String,
        /// What is wrong with it.
        #[source]
        source: MoneyParseError,
    },
    /// A day is not a date.
    #[error("`{day}`, a day in the prices of the model `{model}`, is not a date like 2026-11-22")]
    Day {
        /// The model's id.
        model: String,
        /// The text.
        day: String,
        /// What is wrong with it.
        #[source]
        source: TimestampParseError,
    },
}

/// One provider's prices.
#[derive(Clone, Debug)]
pub(super) struct PriceList {
    /// Provider and day, such as `openai/2026-11-22`.
    pub(super) name: String,
    periods: Vec<Vec<Period>>,
    /// From a model's names to its place in `periods`.
    models: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Period {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    rates: Rates,
    /// The rates of a whole call whose input is longer than this.
    long_context: Option<(u64, Rates)>,
}

/// Per million tokens.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    pub(super) input: UsdNanos,
    pub(super) cached_input: Option<UsdNanos>,
    pub(super) cache_write: Option<UsdNanos>,
    pub(super) cache_write_1h: Option<UsdNanos>,
    pub(super) output: UsdNanos,
}

impl PriceList {
    /// Reads a list; the first of the pair is the provider.
    pub(super) fn parse(json: &str) -> Result<(String, Self), PriceListError> {
        let raw: RawList = serde_json::from_str(json)?;
        let name = format!("{}/{}", raw.provider, raw.as_of);
        let mut list = Self { name, periods: Vec::new(), models: HashMap::new() };
        for model in raw.models {
            let periods =
                model.prices.iter().map(|price| price.period(&model.id)).collect::<Result<_, _>>()?;
            for name in model.aliases.into_iter().chain([model.id]) {
                list.models.insert(name, list.periods.len());
            }
            list.periods.push(periods);
        }
        Ok((raw.provider, list))
    }

    /// The rates of a call with that many input tokens, cached ones included.
    pub(super) fn rates(&self, model: &str, at: Timestamp, input_tokens: u64) -> Option<&Rates> {
        let place = self.models.get(model).or_else(|| self.models.get(undated(model)?))?;
        let valid = |period: &&Period| {
            period.from.is_none_or(|from| from <= at) && period.until.is_none_or(|until| at < until)
        };
        let period = self.periods.get(*place)?.iter().find(valid)?;
        match &period.long_context {
            Some((above, rates)) if input_tokens > *above => Some(rates),
            _ => Some(&period.rates),
        }
    }
}

/// The name without the date of a snapshot: `-2024-08-06`, `-20250929` or `@20250929`.
fn undated(model: &str) -> Option<&str> {
    let shapes = ["-dddd-dd-dd", "-dddddddd", "@dddddddd"];
    shapes.iter().find_map(|shape| {
        let (name, date) = model.split_at_checked(model.len().checked_sub(shape.len())?)?;
        let fits =
            |(byte, shape): (u8, u8)| if shape == b'd' { byte.is_ascii_digit() } else { byte == shape };
        date.bytes().zip(shape.bytes()).all(fits).then_some(name)
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    provider: String,
    as_of: String,
    #[serde(rename = "sources")]
    _sources: Vec<String>,
    models: Vec<RawModel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModel {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    prices: Vec<RawPrice>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    valid_from: Option<String>,
    valid_until: Option<String>,
    long_context: Option<RawLongContext>,
    #[serde(flatten)]
    rates: RawRates,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLongContext {
    above_input_tokens: u64,
    #[serde(flatten)]
    rates: RawRates,
}

#[derive(Deserialize)]
struct RawRates {
    input: String,
    cached_input: Option<String>,
    cache_write: Option<String>,
    cache_write_1h: Option<String>,
    output: String,
}

impl RawPrice {
    fn period(&self, model: &str) -> Result<Period, PriceListError> {
        let day = |day: &Option<String>| day.as_deref().map(|day| midnight(model, day)).transpose();
        let long_context = self.long_context.as_ref();
        Ok(Period {
            from: day(&self.valid_from)?,
            until: day(&self.valid_until)?,
            rates: self.rates.parse(model)?,
            long_context: long_context
                .map(|long| long.rates.parse(model).map(|rates| (long.above_input_tokens, rates)))
                .transpose()?,
        })
    }
}

impl RawRates {
    fn parse(&self, model: &str) -> Result<Rates, PriceListError> {
        let price = |text: &str| dollars(model, text);
        let optional = |text: &Option<String>| text.as_deref().map(price).transpose();
        Ok(Rates {
            input: price(&self.input)?,
            cached_input: optional(&self.cached_input)?,
            cache_write: optional(&self.cache_write)?,
            cache_write_1h: optional(&self.cache_write_1h)?,
            output: price(&self.output)?,
        })
    }
}

fn dollars(model: &str, text: &str) -> Result<UsdNanos, PriceListError> {
    UsdNanos::parse_dollars(text).map_err(|source| PriceListError::Price { model: model.to_owned(), source })
}

fn midnight(model: &str, day: &str) -> Result<Timestamp, PriceListError> {
    format!("{day}T00:00:00Z").parse().map_err(|source| PriceListError::Day {
        model: model.to_owned(),
        day: day.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_periods_of_a_shipped_model_follow_one_another_up_to_now() {
        for json in [include_str!("../../prices/openai.json"), include_str!("../../prices/anthropic.json")] {
            let (_, list) = PriceList::parse(json).unwrap();
            assert!(list.models.len() > 20);
            for (model, place) in &list.models {
                let periods = &list.periods[*place];
                assert_eq!(periods.last().unwrap().until, None, "{model}");
                for pair in periods.windows(2) {
                    assert!(pair[0].until.is_some() && pair[0].until == pair[1].from, "{model}");
                }
            }
        }
    }

    #[test]
    fn the_date_of_a_snapshot_is_taken_off() {
        assert_eq!(undated("gpt-4o-2024-08-06"), Some("gpt-4o"));
        assert_eq!(undated("claude-sonnet-4-5-20250929"), Some("claude-sonnet-4-5"));
        assert_eq!(undated("claude-sonnet-4-5@20250929"), Some("claude-sonnet-4-5"));
        for other in ["gpt-4o", "gpt-4-0613", "claude-sonnet-4-5-2025092", "é-2024-08-0€", ""] {
            assert_eq!(undated(other), None, "{other}");
        }
    }
}
