//! The format of a price list.
//!
//! ```json
//! {"provider": "p", "as_of": "2026-11-22", "sources": ["https://…"],
//!  "tiers": {"batch": {"factor": "0.5"}}, "fees": {"web_search": "10"},
//!  "models": [{"id": "m", "aliases": ["n"], "prices": [
//!    {"valid_from": "2026-01-01", "valid_until": "2027-01-01", "input": "2.5", "cached_input": "0.25", "output": "10",
//!     "long_context": {"above_input_tokens": 200000, "input": "5", "output": "15"},
//!     "tiers": {"flex": {"input": "1.25", "output": "5"}}, "fees": {}}]}]}
//! ```
//!
//! Prices are decimal strings in US dollars: per million tokens, by the names of [`RateKind`], and per thousand uses for
//! `fees`. `valid_from` is inclusive, `valid_until` exclusive, both days in UTC; absent means without a bound. A tier
//! has a factor for all rates, or rates of its own. Tiers and fees of a list hold for all its models that do not say
//! otherwise. The tier `peak` applies by itself in `peak_hours`, such as
//! `{"utc": ["01:00-04:00"], "except": ["2026-10-01"]}`: from Monday to Friday, unless `"weekends": true` is beside it.
//! A model matches by its id or an alias, either alone or followed by the date of a snapshot, so that a model
//! that a list does not hold never takes the price of one with a shorter name; [`names`] says more.

use std::collections::{BTreeMap, HashMap};

use cp_base::{Timestamp, UsdNanos};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::names::names;
use super::peak::PeakHours;
use super::rates::{RateKind, RateTable, Rates, Tier};

/// A price list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceListError {
    /// Not JSON of the format.
    #[error("it is not a price list")]
    Format(#[from] serde_json::Error),
    /// A field of a model's prices is wrong.
    #[error("the prices of the model `{model}`: `{field}` {reason}")]
    Field {
        /// The model's id.
        model: String,
        /// The field, such as `long_context.input`.
        field: String,
        /// What is wrong with it, and what to write.
        reason: String,
    },
    /// A field that holds for all models is wrong.
    #[error("`{field}` {reason}")]
    Common {
        /// The field, such as `tiers.batch.factor`.
        field: String,
        /// What is wrong with it, and what to write.
        reason: String,
    },
}

/// One provider's prices.
#[derive(Clone, Debug)]
pub(super) struct PriceList {
    pub(super) provider: String,
    /// Provider and day, such as `openai/2026-11-22`; of an installation's own also where it is from.
    pub(super) name: String,
    pub(super) tiers: BTreeMap<String, Tier>,
    pub(super) fees: BTreeMap<String, UsdNanos>,
    models: Vec<Model>,
    /// From a model's names to its place in `models`.
    places: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Model {
    id: String,
    aliases: Vec<String>,
    periods: Vec<Period>,
}

/// A model's prices of some days.
#[derive(Clone, Debug, Default)]
pub(super) struct Period {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    pub(super) standard: RateTable,
    pub(super) tiers: BTreeMap<String, Tier>,
    pub(super) fees: BTreeMap<String, UsdNanos>,
    pub(super) peak: Option<PeakHours>,
}

/// A price as a list has it.
#[derive(Clone, Copy, Debug)]
pub struct ListedPrice<'a> {
    /// The provider whose prices these are.
    pub provider: &'a str,
    /// The list's name.
    pub list: &'a str,
    /// The model's id.
    pub model: &'a str,
    /// Its other names.
    pub aliases: &'a [String],
    /// Valid from, inclusive.
    pub from: Option<Timestamp>,
    /// Valid until, exclusive.
    pub until: Option<Timestamp>,
    /// The rates of standard service.
    pub standard: &'a RateTable,
    tiers: [&'a BTreeMap<String, Tier>; 2],
    fees: [&'a BTreeMap<String, UsdNanos>; 2],
}

impl<'a> ListedPrice<'a> {
    /// Whether a call of a model of that name could have this price.
    #[must_use]
    pub fn is_of(&self, model: &str) -> bool {
        names(model).any(|name| self.model == name || self.aliases.iter().any(|alias| alias == name))
    }

    /// Whether the price is valid then.
    #[must_use]
    pub fn is_valid(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// The service tiers that have a price.
    #[must_use]
    pub fn tiers(&self) -> BTreeMap<&'a str, &'a Tier> {
        self.tiers.into_iter().flatten().map(|(name, tier)| (name.as_str(), tier)).collect()
    }

    /// The fees for a thousand uses.
    #[must_use]
    pub fn fees(&self) -> BTreeMap<&'a str, UsdNanos> {
        self.fees.into_iter().flatten().map(|(name, fee)| (name.as_str(), *fee)).collect()
    }
}

impl PriceList {
    /// Reads a list.
    pub(super) fn parse(json: &str, origin: Option<&str>) -> Result<Self, PriceListError> {
        let raw: RawList = serde_json::from_str(json)?;
        let common = |(field, reason)| PriceListError::Common { field, reason };
        let origin = origin.map(|origin| format!(" ({origin})")).unwrap_or_default();
        let mut list = Self {
            name: format!("{}/{}{origin}", raw.provider, raw.as_of),
            provider: raw.provider,
            tiers: tiers("tiers", &raw.tiers).map_err(common)?,
            fees: fees("fees", &raw.fees).map_err(common)?,
            models: Vec::new(),
            places: HashMap::new(),
        };
        for RawModel { id, aliases, prices } in raw.models {
            let error = |(field, reason)| PriceListError::Field { model: id.clone(), field, reason };
            let periods = prices.iter().map(period).collect::<Result<_, _>>().map_err(error)?;
            for name in aliases.iter().chain([&id]) {
                if list.places.insert(name.clone(), list.models.len()).is_some() {
                    return Err(error(("id".to_owned(), format!("or an alias, `{name}`, is there twice"))));
                }
            }
            list.models.push(Model { id, aliases, periods });
        }
        Ok(list)
    }

    /// A model's prices of that day.
    pub(super) fn find(&self, model: &str, at: Timestamp) -> Option<&Period> {
        let model = self.models.get(*self.places.get(model)?)?;
        model.periods.iter().find(|period| {
            period.from.is_none_or(|from| from <= at) && period.until.is_none_or(|until| at < until)
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ListedPrice<'_>> {
        self.models.iter().flat_map(move |model| {
            model.periods.iter().map(move |period| ListedPrice {
                provider: &self.provider,
                list: &self.name,
                model: &model.id,
                aliases: &model.aliases,
                from: period.from,
                until: period.until,
                standard: &period.standard,
                tiers: [&self.tiers, &period.tiers],
                fees: [&self.fees, &period.fees],
            })
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    provider: String,
    as_of: String,
    #[serde(rename = "sources")]
    _sources: Vec<String>,
    #[serde(default)]
    tiers: Map<String, Value>,
    #[serde(default)]
    fees: Map<String, Value>,
    models: Vec<RawModel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModel {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    prices: Vec<Map<String, Value>>,
}

/// A field's name and what is wrong with it.
pub(super) type Wrong = (String, String);

fn period(raw: &Map<String, Value>) -> Result<Period, Wrong> {
    let mut period = Period::default();
    let mut table = Map::new();
    for (field, value) in raw {
        match field.as_str() {
            "valid_from" => period.from = Some(midnight(field, value)?),
            "valid_until" => period.until = Some(midnight(field, value)?),
            "tiers" => period.tiers = tiers(field, object(field, value)?)?,
            "fees" => period.fees = fees(field, object(field, value)?)?,
            "peak_hours" => period.peak = Some(PeakHours::parse(field, value)?),
            _ => {
                table.insert(field.clone(), value.clone());
            }
        }
    }
    if let (Some(from), Some(until)) = (period.from, period.until)
        && until <= from
    {
        return Err(("valid_until".to_owned(), "is not after `valid_from`".to_owned()));
    }
    period.standard = rate_table("", &table)?;
    Ok(period)
}

fn tiers(field: &str, raw: &Map<String, Value>) -> Result<BTreeMap<String, Tier>, Wrong> {
    let tier = |(name, value): (&String, &Value)| -> Result<_, Wrong> {
        let field = format!("{field}.{name}");
        let raw = object(&field, value)?;
        let tier = match raw.get("factor") {
            None => Tier::Rates(rate_table(&format!("{field}."), raw)?),
            Some(_) if raw.len() > 1 => {
                return Err((field, "has a factor and rates; one decides".to_owned()));
            }
            Some(factor) => Tier::Thousandths(thousandths(&format!("{field}.factor"), factor)?),
        };
        Ok((name.clone(), tier))
    };
    raw.iter().map(tier).collect()
}

fn fees(field: &str, raw: &Map<String, Value>) -> Result<BTreeMap<String, UsdNanos>, Wrong> {
    raw.iter().map(|(name, value)| Ok((name.clone(), dollars(&format!("{field}.{name}"), value)?))).collect()
}

fn rate_table(prefix: &str, raw: &Map<String, Value>) -> Result<RateTable, Wrong> {
    let mut standard = raw.clone();
    let long_context = standard.remove("long_context").map(|value| -> Result<_, Wrong> {
        let field = format!("{prefix}long_context");
        let mut long = object(&field, &value)?.clone();
        let above = long.remove("above_input_tokens").as_ref().and_then(Value::as_u64);
        let above = above.ok_or_else(|| {
            (format!("{field}.above_input_tokens"), "must be a number of tokens".to_owned())
        })?;
        Ok((above, rates(&format!("{field}."), &long)?))
    });
    Ok(RateTable { rates: rates(prefix, &standard)?, long_context: long_context.transpose()? })
}

fn rates(prefix: &str, raw: &Map<String, Value>) -> Result<Rates, Wrong> {
    let rate = |(name, value): (&String, &Value)| -> Result<_, Wrong> {
        let field = format!("{prefix}{name}");
        let kind =
            RateKind::parse(name).ok_or_else(|| (field.clone(), "is no field of a price".to_owned()))?;
        Ok((kind, dollars(&field, value)?))
    };
    let rates: BTreeMap<_, _> = raw.iter().map(rate).collect::<Result<_, _>>()?;
    if rates.contains_key(&RateKind::Input) {
        Ok(Rates(rates))
    } else {
        Err((format!("{prefix}input"), "is missing".to_owned()))
    }
}

pub(super) fn object<'a>(field: &str, value: &'a Value) -> Result<&'a Map<String, Value>, Wrong> {
    value.as_object().ok_or_else(|| (field.to_owned(), "must be an object".to_owned()))
}

fn dollars(field: &str, value: &Value) -> Result<UsdNanos, Wrong> {
    let text = value.as_str().ok_or_else(|| {
        (field.to_owned(), format!("is {value}, and prices are texts, so that they are exact: \"2.50\""))
    })?;
    UsdNanos::parse_dollars(text).map_err(|error| (field.to_owned(), format!("is not usable: {error}")))
}

fn thousandths(field: &str, value: &Value) -> Result<u32, Wrong> {
    const NANOS_PER_THOUSANDTH: i64 = 1_000_000;
    let nanos = dollars(field, value)?.0;
    let whole = u32::try_from(nanos / NANOS_PER_THOUSANDTH).ok();
    whole
        .filter(|_| nanos % NANOS_PER_THOUSANDTH == 0)
        .ok_or_else(|| (field.to_owned(), "has more than three decimals, or is too large".to_owned()))
}

pub(super) fn midnight(field: &str, value: &Value) -> Result<Timestamp, Wrong> {
    let wrong = || (field.to_owned(), format!("is {value}, not a day like \"2026-11-22\""));
    let day = value.as_str().filter(|day| day.len() == 10).ok_or_else(wrong)?;
    format!("{day}T00:00:00Z").parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::SHIPPED;

    #[test]
    fn the_periods_of_a_shipped_model_follow_one_another_up_to_now() {
        for json in SHIPPED {
            let list = PriceList::parse(json, None).unwrap();
            for model in &list.models {
                assert_eq!(model.periods.last().unwrap().until, None, "{}", model.id);
                for pair in model.periods.windows(2) {
                    assert!(pair[0].until.is_some() && pair[0].until == pair[1].from, "{}", model.id);
                }
            }
        }
    }

    #[test]
    fn a_bad_list_says_which_model_and_which_field() {
        let error = |prices: &str| {
            let json = format!(
                r#"{{"provider":"p","as_of":"2026-01-01","sources":[],"models":[{{"id":"m","prices":[{prices}]}}]}}"#
            );
            PriceList::parse(&json, None).unwrap_err().to_string()
        };
        for (prices, says) in [
            (r#"{"input": "-1", "output": "1"}"#, "`input` is not usable"),
            (r#"{"input": 1}"#, "`input` is 1, and prices are texts"),
            (r#"{"input": "1", "valid_from": "soon"}"#, "`valid_from` is \"soon\""),
            (r#"{"output": "1"}"#, "`input` is missing"),
            (r#"{"input": "1", "inputt": "1"}"#, "`inputt` is no field"),
            (r#"{"input": "1", "long_context": {"input": "1"}}"#, "`long_context.above_input_tokens`"),
            (r#"{"input": "1", "tiers": {"flex": {"output": "1"}}}"#, "`tiers.flex.input` is missing"),
            (r#"{"input": "1", "tiers": {"flex": {"factor": "0.0005"}}}"#, "`tiers.flex.factor`"),
            (r#"{"input": "1", "fees": {"x": "a"}}"#, "`fees.x`"),
            (r#"{"input": "1", "valid_from": "2026-01-02", "valid_until": "2026-01-01"}"#, "`valid_until`"),
        ] {
            let found = error(prices);
            assert!(found.contains("`m`") && found.contains(says), "{found}");
        }
    }
}
