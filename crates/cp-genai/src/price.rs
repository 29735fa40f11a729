//! What a call costs: effective-dated price lists, and arithmetic in integers.
//!
//! A price is nano-dollars per million tokens. The products of tokens and prices are summed exactly and divided once,
//! rounding half up. Only tokens are priced: fees for tool use (web searches, containers) are not part of the lists.

mod list;

use std::collections::HashMap;

use cp_base::{Timestamp, UsdNanos};
use serde_json::Value;

pub use self::list::PriceListError;
use self::list::{PriceList, Rates};
use crate::{DecodedCall, Usage};

/// A cost, and the list that it was computed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The price of the tokens.
    pub cost: UsdNanos,
    /// The list's name, such as `openai/2026-11-22`; kept with the call.
    pub list: String,
}

/// The price lists of the providers.
#[derive(Clone, Debug, Default)]
pub struct PriceBook {
    lists: HashMap<String, PriceList>,
}

impl PriceBook {
    /// The lists that the program ships.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the lists are part of the program, and a test reads each of them"
    )]
    pub fn shipped() -> Self {
        let mut book = Self::default();
        for json in [include_str!("../prices/openai.json"), include_str!("../prices/anthropic.json")] {
            book.add_list(json).expect("a shipped price list is well-formed");
        }
        book
    }

    /// Adds a provider's list, or replaces it. The format is that of the files in `prices/`.
    pub fn add_list(&mut self, json: &str) -> Result<(), PriceListError> {
        let (provider, list) = PriceList::parse(json)?;
        self.lists.insert(provider, list);
        Ok(())
    }

    /// The cost of a call that started at `at`: by the model that answered, or else by the one that was asked for.
    ///
    /// None where the usage, the model or its price is not known, and for calls outside the standard service tier
    /// (batch, flex, priority, fast, regional), whose rates differ from the list's.
    #[must_use]
    pub fn price_call(&self, provider_prices: &str, at: Timestamp, call: &DecodedCall) -> Option<Priced> {
        if !is_standard_tier(call) {
            return None;
        }
        let usage = call.usage.as_ref()?;
        [&call.response_model, &call.request_model]
            .into_iter()
            .flatten()
            .find_map(|model| self.price(provider_prices, model, at, usage))
    }

    /// The cost of `usage` of `model` at the standard rates that were valid at `at`.
    ///
    /// Kinds of tokens that were not reported cost nothing, but without a count of input and of output there is no
    /// cost. A kind without a rate of its own costs as much as plain input.
    #[must_use]
    pub fn price(&self, provider_prices: &str, model: &str, at: Timestamp, usage: &Usage) -> Option<Priced> {
        let list = self.lists.get(provider_prices)?;
        let (input, output) = (usage.input_tokens?, usage.output_tokens?);
        let rates = list.rates(model, at, input)?;
        Some(Priced { cost: cost(rates, usage, input, output)?, list: list.name.clone() })
    }
}

/// Nano-dollars; none beyond the range of [`UsdNanos`].
fn cost(rates: &Rates, usage: &Usage, input: u64, output: u64) -> Option<UsdNanos> {
    const PER: i128 = 1_000_000;
    let read = usage.cache_read_input_tokens.unwrap_or(0);
    let created = usage.cache_creation_input_tokens.unwrap_or(0);
    let created_1h = usage.cache_creation_1h_input_tokens.unwrap_or(0).min(created);
    let plain = input.saturating_sub(read).saturating_sub(created);
    let write = rates.cache_write.unwrap_or(rates.input);
    let sum: i128 = [
        (plain, rates.input),
        (read, rates.cached_input.unwrap_or(rates.input)),
        (created - created_1h, write),
        (created_1h, rates.cache_write_1h.unwrap_or(write)),
        (output, rates.output),
    ]
    .into_iter()
    .map(|(tokens, rate)| i128::from(tokens) * i128::from(rate.0))
    .sum();
    i64::try_from((sum + PER / 2) / PER).ok().map(UsdNanos)
}

/// Whether the provider served the call at its list's rates, as far as the response says.
fn is_standard_tier(call: &DecodedCall) -> bool {
    let usage = call.response_extra.get("usage");
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let of_usage = |key: &str| text(usage.and_then(|usage| usage.get(key)));
    let tier = text(call.response_extra.get("service_tier")).or_else(|| of_usage("service_tier"));
    tier.is_none_or(|tier| matches!(tier.as_str(), "default" | "auto" | "standard"))
        && of_usage("speed").is_none_or(|speed| speed == "standard")
        && of_usage("inference_geo")
            .is_none_or(|region| matches!(region.as_str(), "global" | "not_available" | ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T12:00:00Z";

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() }
    }

    fn at(provider: &str, model: &str, time: &str, usage: &Usage) -> Option<String> {
        PriceBook::shipped()
            .price(provider, model, time.parse().unwrap(), usage)
            .map(|priced| priced.cost.to_string())
    }

    fn now(provider: &str, model: &str, usage: &Usage) -> Option<String> {
        at(provider, model, NOW, usage)
    }

    #[test]
    fn plain_tokens() {
        // 1,000 × $2.50/M + 500 × $10/M
        assert_eq!(now("openai", "gpt-4o", &usage(1_000, 500)).unwrap(), "$0.0075");
        // 1,000,000 × $0.15/M + 1,000,000 × $0.60/M
        assert_eq!(now("openai", "gpt-4o-mini", &usage(1_000_000, 1_000_000)).unwrap(), "$0.75");
        // 1 × $0.05/M is 50 nano-dollars.
        assert_eq!(now("openai", "gpt-5-nano", &usage(1, 0)).unwrap(), "$0.00000005");
    }

    #[test]
    fn cached_input_is_part_of_input() {
        let cached = Usage { cache_read_input_tokens: Some(600), ..usage(1_000, 100) };
        // 400 × $1.25/M + 600 × $0.125/M + 100 × $10/M
        assert_eq!(now("openai", "gpt-5", &cached).unwrap(), "$0.001575");
        // A model without a rate for cached input: 1,000 × $15/M + 100 × $120/M
        assert_eq!(now("openai", "gpt-5-pro", &cached).unwrap(), "$0.027");
    }

    #[test]
    fn cache_writes_by_lifetime() {
        let written = Usage {
            cache_read_input_tokens: Some(2_000),
            cache_creation_input_tokens: Some(1_500),
            cache_creation_1h_input_tokens: Some(500),
            ..usage(4_000, 100)
        };
        // 500 × $5/M + 2,000 × $0.50/M + 1,000 × $6.25/M + 500 × $10/M + 100 × $25/M
        assert_eq!(now("anthropic", "claude-opus-4-5-20251101", &written).unwrap(), "$0.01725");
        // OpenAI writes have one rate: 500 × $10/M + 2,000 × $1/M + 1,500 × $12.50/M + 100 × $50/M
        assert_eq!(now("openai", "gpt-6-astra", &written).unwrap(), "$0.03075");
    }

    #[test]
    fn long_context_is_priced_whole() {
        // At the threshold: 272,000 × $2/M + 1,000 × $10/M
        assert_eq!(now("openai", "gpt-6.1-sol", &usage(272_000, 1_000)).unwrap(), "$0.554");
        // One token above it: 272,001 × $4/M + 1,000 × $15/M
        assert_eq!(now("openai", "gpt-6.1-sol", &usage(272_001, 1_000)).unwrap(), "$1.103004");
        // 100,001 × $0.50/M + 10 × $2.50/M
        assert_eq!(now("anthropic", "claude-haiku-5-5", &usage(100_001, 10)).unwrap(), "$0.0500255");
    }

    #[test]
    fn prices_are_those_of_the_day() {
        let read = Usage { cache_read_input_tokens: Some(1_000_000), ..usage(1_000_000, 0) };
        let price = |time| at("anthropic", "claude-sonnet-5-5", time, &read).unwrap();
        assert_eq!(price("2026-10-06T23:59:59Z"), "$0.20");
        assert_eq!(price("2026-10-07T00:00:00Z"), "$0.10");
        let plain = usage(1_000_000, 0);
        assert_eq!(at("openai", "gpt-5.6-luna", "2026-07-29T12:00:00Z", &usage(1_000, 0)).unwrap(), "$0.001");
        assert_eq!(at("openai", "o3", "2025-06-09T00:00:00Z", &plain), None);
        assert_eq!(at("openai", "o3", NOW, &plain).unwrap(), "$2.00");
    }

    #[test]
    fn dated_names_match_and_longer_names_do_not() {
        let plain = usage(1_000_000, 0);
        assert_eq!(now("openai", "gpt-4o-2024-08-06", &plain).unwrap(), "$2.50");
        assert_eq!(now("openai", "gpt-4o-2024-05-13", &plain).unwrap(), "$5.00");
        assert_eq!(now("openai", "gpt-4o-mini-2024-07-18", &plain).unwrap(), "$0.15");
        assert_eq!(now("anthropic", "claude-sonnet-4-5-20250929", &usage(1_000, 0)).unwrap(), "$0.003");
        assert_eq!(now("anthropic", "claude-sonnet-4-20250514", &usage(1_000, 0)).unwrap(), "$0.003");
        for unknown in
            ["gpt-4o-audio-preview", "gpt-4o-2024", "gpt-4o-2024-08-06-x", "gpt", "GPT-6.2-astra", ""]
        {
            assert_eq!(now("openai", unknown, &plain), None, "{unknown}");
        }
    }

    #[test]
    fn without_a_count_or_a_list_there_is_no_cost() {
        assert_eq!(now("openai", "gpt-4o", &Usage { output_tokens: None, ..usage(1, 1) }), None);
        assert_eq!(now("openai", "gpt-4o", &Usage { input_tokens: None, ..usage(1, 1) }), None);
        assert_eq!(now("groq", "gpt-4o", &usage(1, 1)), None);
        assert_eq!(now("openai", "gpt-4o", &usage(0, 0)).unwrap(), "$0.00");
        assert_eq!(now("openai", "o1-pro", &usage(u64::MAX, u64::MAX)), None);
    }

    #[test]
    fn the_sum_is_rounded_once_half_up() {
        let mut book = PriceBook::default();
        let list = r#"{"provider": "p", "as_of": "2026-01-01", "sources": [], "models": [
            {"id": "m", "prices": [{"input": "0.0000005", "output": "0.0000004"}]}]}"#;
        book.add_list(list).unwrap();
        let nanos = |input, output| book.price("p", "m", Timestamp(0), &usage(input, output)).unwrap().cost.0;
        // 500 and 400 nano-dollars a million: 0.5 rounds up and 0.4 down, and 1.5 with 0.8 is 2.3, not 2 + 1.
        assert_eq!(
            [nanos(1_000, 0), nanos(0, 1_000), nanos(1_000, 1_000), nanos(2_000, 1_000)],
            [1, 0, 1, 1]
        );
    }

    #[test]
    fn the_model_that_answered_counts_and_other_tiers_do_not() {
        let book = PriceBook::shipped();
        let mut call = DecodedCall {
            request_model: Some("gpt-4o-mini".into()),
            response_model: Some("gpt-4o-2024-08-06".into()),
            usage: Some(usage(1_000_000, 0)),
            ..DecodedCall::default()
        };
        let price = |call: &DecodedCall| book.price_call("openai", NOW.parse().unwrap(), call);
        let priced = price(&call).unwrap();
        assert_eq!((priced.cost.to_string().as_str(), priced.list.as_str()), ("$2.50", "openai/2026-11-22"));
        call.response_model = Some("router".into());
        assert_eq!(price(&call).unwrap().cost.to_string(), "$0.15");
        call.response_extra.insert("service_tier".into(), "flex".into());
        assert_eq!(price(&call), None);
    }

    #[test]
    fn a_bad_list_says_what_is_wrong() {
        let list = |prices: &str| {
            let json = format!(
                r#"{{"provider":"p","as_of":"2026-01-01","sources":[],"models":[{{"id":"m","prices":[{prices}]}}]}}"#
            );
            PriceBook::default().add_list(&json).unwrap_err().to_string()
        };
        assert!(list(r#"{"input": "-1", "output": "1"}"#).contains("`m`"));
        assert!(list(r#"{"input": "1", "output": "1", "valid_from": "soon"}"#).contains("`soon`"));
        assert!(list(r#"{"input": "1"}"#).contains("price list"));
        assert!(list(r#"{"input": "1", "output": "1", "inputt": "1"}"#).contains("price list"));
    }
}
