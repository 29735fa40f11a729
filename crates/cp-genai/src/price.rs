//! What a call costs: effective-dated price lists, and arithmetic in integers.
//!
//! Prices are nano-dollars per million tokens and per thousand uses. All products are summed exactly and divided once,
//! rounding half up. The parts that the cost is shown in are differences of the running sum, each rounded so, and
//! therefore add up to the cost exactly; no part is off by a nano-dollar or more.
//!
//! What is not known is never guessed: a call whose tier, modality or tool has no price in the list has no cost, and
//! [`Unpriced`] says why.

mod cost;
mod list;
mod names;
mod peak;
mod rates;
mod reported;
mod terms;
mod uses;

use std::collections::BTreeMap;
use std::sync::Arc;

use cp_base::Timestamp;

pub use self::cost::{CostByKind, Priced, Unpriced};
pub use self::list::{ListedPrice, PriceListError};
use self::list::{Period, PriceList};
pub use self::rates::{RateKind, RateTable, Rates, Tier};
pub use self::reported::is_reported;
pub use self::terms::BillingTerms;
use crate::{DecodedCall, Usage};

/// The price lists of the providers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct PriceBook {
    /// Of each provider, the lists in the order in which they were added.
    lists: BTreeMap<String, Vec<Arc<PriceList>>>,
}

/// The lists that the program ships.
const SHIPPED: &[&str] = &[
    include_str!("../prices/openai.json"),
    include_str!("../prices/anthropic.json"),
    include_str!("../prices/gemini.json"),
    include_str!("../prices/mistral.json"),
    include_str!("../prices/groq.json"),
    include_str!("../prices/deepseek.json"),
    include_str!("../prices/xai.json"),
];

impl PriceBook {
    /// The lists that the program ships.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the lists are part of the program, and a test reads each of them"
    )]
    pub fn shipped() -> Self {
        let mut book = Self::default();
        for json in SHIPPED {
            book.add_list(json).expect("a shipped price list is well-formed");
        }
        book
    }

    /// Lays a list over those of the same provider: where it knows a model's price of a day, it decides; what it does
    /// not say, the earlier lists do. The format is that of the files in `prices/`.
    pub fn add_list(&mut self, json: &str) -> Result<(), PriceListError> {
        self.add(PriceList::parse(json, None)?);
        Ok(())
    }

    /// Like [`add_list`](Self::add_list), for a list of an installation: `origin`, such as the file's name, becomes part
    /// of the list's name, so that calls priced with it are told from those priced with a shipped one.
    pub fn add_own_list(&mut self, json: &str, origin: &str) -> Result<(), PriceListError> {
        self.add(PriceList::parse(json, Some(origin))?);
        Ok(())
    }

    fn add(&mut self, list: PriceList) {
        self.lists.entry(list.provider.clone()).or_default().push(Arc::new(list));
    }

    /// The cost of a call that started at `at`: by the model that answered, or, where no list has that, by the one that
    /// was asked for. Of a provider without a list, it is what the answer itself says.
    pub fn price_call(
        &self,
        provider_prices: &str,
        at: Timestamp,
        call: &DecodedCall,
        terms: &BillingTerms,
    ) -> Result<Priced, Unpriced> {
        if call.operation_name.is_none() {
            return Err(Unpriced::Opaque);
        }
        if !self.lists.contains_key(provider_prices)
            && let Some(priced) = reported::cost(provider_prices, call)
        {
            return Ok(priced);
        }
        let failed = call.error.is_some();
        let models: Vec<&str> =
            [&call.response_model, &call.request_model].into_iter().flatten().map(String::as_str).collect();
        self.price(provider_prices, &models, at, call.usage.as_ref(), terms).map_err(|why| match why {
            Unpriced::NoUsage if failed => Unpriced::Failed,
            why => why,
        })
    }

    /// The cost of `usage` under `terms`, at the prices that were valid at `at` for the first of `models` that has any.
    ///
    /// Kinds of tokens that were not reported cost nothing, but without a count of the input, and of the output where
    /// the model has a price for it, there is no cost.
    pub fn price(
        &self,
        provider_prices: &str,
        models: &[&str],
        at: Timestamp,
        usage: Option<&Usage>,
        terms: &BillingTerms,
    ) -> Result<Priced, Unpriced> {
        let usage = usage.ok_or(Unpriced::NoUsage)?;
        if !self.lists.contains_key(provider_prices) {
            return Err(Unpriced::NoList);
        }
        let (list, period) =
            models.iter().find_map(|model| self.find(provider_prices, model, at)).ok_or(Unpriced::NoModel)?;
        let terms = match &period.peak {
            Some(hours) if hours.hold(at) => &terms.clone().under(peak::PEAK),
            _ => terms,
        };
        let (cost, by_kind) = cost::cost(list, period, usage, terms)?;
        Ok(Priced { cost, by_kind, list: list.name.clone() })
    }

    /// Whether any price of a model was valid at `at`.
    #[must_use]
    pub fn has_model(&self, provider_prices: &str, model: &str, at: Timestamp) -> bool {
        self.find(provider_prices, model, at).is_some()
    }

    /// The fullest name first, so that a list that names a snapshot outweighs one that names the model alone.
    fn find(&self, provider: &str, model: &str, at: Timestamp) -> Option<(&PriceList, &Period)> {
        let lists = self.lists.get(provider)?;
        names::names(model)
            .find_map(|name| lists.iter().rev().find_map(|list| Some((&**list, list.find(name, at)?))))
    }

    /// Every price, by provider, list and model.
    pub fn iter(&self) -> impl Iterator<Item = ListedPrice<'_>> {
        self.lists.values().flatten().flat_map(|list| list.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OperationName;

    const NOW: &str = "2026-11-22T12:00:00Z";

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() }
    }

    fn at(provider: &str, model: &str, time: &str, usage: &Usage) -> Option<String> {
        PriceBook::shipped()
            .price(provider, &[model], time.parse().unwrap(), Some(usage), &BillingTerms::default())
            .ok()
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
            ["gpt-4o-realtime-preview", "gpt-4o-2024", "gpt-4o-2024-08-06-x", "gpt", "GPT-6.2-astra", ""]
        {
            assert_eq!(now("openai", unknown, &plain), None, "{unknown}");
        }
    }

    #[test]
    fn without_a_count_or_a_list_there_is_no_cost() {
        assert_eq!(now("openai", "gpt-4o", &Usage { output_tokens: None, ..usage(1, 1) }), None);
        assert_eq!(now("openai", "gpt-4o", &Usage { input_tokens: None, ..usage(1, 1) }), None);
        assert_eq!(now("together", "gpt-4o", &usage(1, 1)), None);
        assert_eq!(now("openai", "gpt-4o", &usage(0, 0)).unwrap(), "$0.00");
        assert_eq!(now("openai", "o1-pro", &usage(u64::MAX, u64::MAX)), None);
    }

    #[test]
    fn the_sum_is_rounded_once_half_up() {
        let mut book = PriceBook::default();
        let list = r#"{"provider": "p", "as_of": "2026-01-01", "sources": [], "models": [
            {"id": "m", "prices": [{"input": "0.0000005", "output": "0.0000004"}]}]}"#;
        book.add_list(list).unwrap();
        let nanos = |input, output| {
            let usage = usage(input, output);
            book.price("p", &["m"], Timestamp(0), Some(&usage), &BillingTerms::default()).unwrap().cost.0
        };
        // 500 and 400 nano-dollars a million: 0.5 rounds up and 0.4 down, and 1.5 with 0.8 is 2.3, not 2 + 1.
        assert_eq!(
            [nanos(1_000, 0), nanos(0, 1_000), nanos(1_000, 1_000), nanos(2_000, 1_000)],
            [1, 0, 1, 1]
        );
    }

    #[test]
    fn the_model_that_answered_counts() {
        let book = PriceBook::shipped();
        let mut call = DecodedCall {
            operation_name: Some(OperationName::Chat),
            request_model: Some("gpt-4o-mini".into()),
            response_model: Some("gpt-4o-2024-08-06".into()),
            usage: Some(usage(1_000_000, 0)),
            ..DecodedCall::default()
        };
        let price = |call: &DecodedCall| {
            book.price_call("openai", NOW.parse().unwrap(), call, &BillingTerms::of(call))
        };
        let priced = price(&call).unwrap();
        assert_eq!((priced.cost.to_string().as_str(), priced.list.as_str()), ("$2.50", "openai/2026-11-24"));
        call.response_model = Some("router".into());
        assert_eq!(price(&call).unwrap().cost.to_string(), "$0.15");
        call.response_extra.insert("service_tier".into(), "scale".into());
        assert_eq!(price(&call), Err(Unpriced::NoTier("scale".into())));
        call.usage = None;
        assert_eq!(price(&call), Err(Unpriced::NoUsage));
        call.error = Some(crate::ProviderError::default());
        assert_eq!(price(&call), Err(Unpriced::Failed));
        call.operation_name = None;
        assert_eq!(price(&call), Err(Unpriced::Opaque));
    }
}
