//! The arithmetic.

use std::fmt;

use cp_base::UsdNanos;

use super::list::{Period, PriceList};
use super::rates::{RateKind, RateTable, Tier};
use super::terms::{BillingTerms, REGIONAL};
use crate::Usage;

/// A cost, its parts, and the list that it was computed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// Tokens and fees.
    pub cost: UsdNanos,
    /// What it is made of.
    pub by_kind: CostByKind,
    /// The list's name, such as `openai/2026-11-22`; kept with the call.
    pub list: String,
}

/// The parts of a cost. All but `reasoning`, which is within `output`, add up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostByKind {
    /// Input that was neither read from nor written to the cache.
    pub input: UsdNanos,
    /// Input read from the cache.
    pub cache_read: UsdNanos,
    /// Input written to the cache, for five minutes or whatever else is not an hour.
    pub cache_write: UsdNanos,
    /// Input written to the cache for an hour.
    pub cache_write_1h: UsdNanos,
    /// All output.
    pub output: UsdNanos,
    /// Of the output, reasoning.
    pub reasoning: UsdNanos,
    /// Tools that the provider ran and charges for one by one.
    pub fees: UsdNanos,
}

impl CostByKind {
    /// The cost.
    #[must_use]
    pub fn total(&self) -> UsdNanos {
        self.input + self.cache_read + self.cache_write + self.cache_write_1h + self.output + self.fees
    }
}

/// Why a call has no cost. The text is stored: a word, and for some what was missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unpriced {
    /// The call passed unread.
    Opaque,
    /// The call failed and used nothing that was reported.
    Failed,
    /// Tokens were neither reported nor counted.
    NoUsage,
    /// The provider has no price list.
    NoList,
    /// No list of the provider has a price of the model for that day.
    NoModel,
    /// The model has no price in this service tier.
    NoTier(String),
    /// The model has no price for this kind of tokens.
    NoRate(RateKind),
    /// A use of this tool has no price.
    NoFee(String),
    /// The cost is beyond what can be counted.
    OutOfRange,
}

impl fmt::Display for Unpriced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opaque => f.write_str("opaque"),
            Self::Failed => f.write_str("failed"),
            Self::NoUsage => f.write_str("no_usage"),
            Self::NoList => f.write_str("no_list"),
            Self::NoModel => f.write_str("no_model"),
            Self::NoTier(tier) => write!(f, "no_tier {tier}"),
            Self::NoRate(kind) => write!(f, "no_rate {kind}"),
            Self::NoFee(name) => write!(f, "no_fee {name}"),
            Self::OutOfRange => f.write_str("out_of_range"),
        }
    }
}

const TOKENS_PER_PRICE: i128 = 1_000_000;
const USES_PER_PRICE: i128 = 1_000;
const THOUSANDTHS: i128 = 1_000;

/// The rates of a tier: a table, and a factor as a fraction.
struct Applied<'a> {
    table: &'a RateTable,
    numerator: i128,
    denominator: i128,
}

pub(super) fn cost(
    list: &PriceList,
    period: &Period,
    usage: &Usage,
    terms: &BillingTerms,
) -> Result<(UsdNanos, CostByKind), Unpriced> {
    let input = usage.input_tokens.ok_or(Unpriced::NoUsage)?;
    let applied = apply_tiers(list, period, terms, input)?;
    let rates = applied.table.of(input);
    let output = match (usage.output_tokens, rates.get(RateKind::Output)) {
        (Some(output), _) => output,
        (None, None | Some(UsdNanos(0))) => 0,
        (None, Some(_)) => return Err(Unpriced::NoUsage),
    };
    let charge = |parts: &[(u64, RateKind)]| {
        parts.iter().filter(|(tokens, _)| *tokens > 0).try_fold(0_i128, |sum, (tokens, kind)| {
            let rate = rates.get(*kind).ok_or(Unpriced::NoRate(*kind))?;
            let price = i128::from(*tokens) * i128::from(rate.0);
            price
                .checked_mul(applied.numerator)
                .and_then(|price| price.checked_add(sum))
                .ok_or(Unpriced::OutOfRange)
        })
    };
    let Split { input, cache_read, cache_write, cache_write_1h, output, reasoning } =
        Split::of(usage, terms, (input, output));
    let mut sum = RunningSum { exact: 0, denominator: TOKENS_PER_PRICE * applied.denominator, rounded: 0 };
    let mut by_kind = CostByKind {
        input: sum.add(charge(&input)?)?,
        cache_read: sum.add(charge(&cache_read)?)?,
        cache_write: sum.add(charge(&cache_write)?)?,
        cache_write_1h: sum.add(charge(&cache_write_1h)?)?,
        output: sum.add(charge(&output)?)?,
        reasoning: sum.add(charge(&reasoning)?)?,
        fees: UsdNanos(0),
    };
    by_kind.output = by_kind.output + by_kind.reasoning;
    by_kind.fees = sum.add(fees(list, period, terms, applied.denominator)?)?;
    Ok((UsdNanos(sum.rounded), by_kind))
}

/// Tokens by what they are charged as.
struct Split {
    input: [(u64, RateKind); 4],
    cache_read: [(u64, RateKind); 2],
    cache_write: [(u64, RateKind); 2],
    cache_write_1h: [(u64, RateKind); 1],
    /// But for reasoning.
    output: [(u64, RateKind); 4],
    reasoning: [(u64, RateKind); 1],
}

impl Split {
    fn of(usage: &Usage, terms: &BillingTerms, (all_input, all_output): (u64, u64)) -> Self {
        let of_kind = |kind: RateKind, most: u64| {
            (terms.tokens.get(kind.as_str()).copied().unwrap_or(0).min(most), kind)
        };
        let read = usage.cache_read_input_tokens.unwrap_or(0);
        let created = usage.cache_creation_input_tokens.unwrap_or(0);
        let created_1h = usage.cache_creation_1h_input_tokens.unwrap_or(0).min(created);
        let created_12h = of_kind(RateKind::CacheWrite12h, created - created_1h);
        let plain = all_input.saturating_sub(read).saturating_sub(created);
        let read_audio = of_kind(RateKind::CachedInputAudio, read);
        let (audio, _) = of_kind(RateKind::InputAudio, all_input);
        let audio = (audio.saturating_sub(read_audio.0).min(plain), RateKind::InputAudio);
        let image = of_kind(RateKind::InputImage, plain - audio.0);
        let video = of_kind(RateKind::InputVideo, plain - audio.0 - image.0);
        let out_audio = of_kind(RateKind::OutputAudio, all_output);
        let out_image = of_kind(RateKind::OutputImage, all_output - out_audio.0);
        let out_video = of_kind(RateKind::OutputVideo, all_output - out_audio.0 - out_image.0);
        let rest = all_output - out_audio.0 - out_image.0 - out_video.0;
        let reasoning = usage.reasoning_output_tokens.unwrap_or(0).min(rest);
        Self {
            input: [(plain - audio.0 - image.0 - video.0, RateKind::Input), audio, image, video],
            cache_read: [(read - read_audio.0, RateKind::CachedInput), read_audio],
            cache_write: [(created - created_1h - created_12h.0, RateKind::CacheWrite), created_12h],
            cache_write_1h: [(created_1h, RateKind::CacheWrite1h)],
            output: [(rest - reasoning, RateKind::Output), out_audio, out_image, out_video],
            reasoning: [(reasoning, RateKind::Output)],
        }
    }
}

/// The rates under all tiers of the call: one table, and the product of the factors.
fn apply_tiers<'a>(
    list: &'a PriceList,
    period: &'a Period,
    terms: &BillingTerms,
    input: u64,
) -> Result<Applied<'a>, Unpriced> {
    const NO_DIFFERENCE: Tier = Tier::Thousandths(1_000);
    let find = |name: &str| {
        let tier = period.tiers.get(name).or_else(|| list.tiers.get(name));
        tier.or((name == REGIONAL).then_some(&NO_DIFFERENCE))
    };
    let mut applied = Applied { table: &period.standard, numerator: 1, denominator: 1 };
    let whole = terms.service_tier();
    let whole = whole.as_deref().and_then(|name| Some((name, find(name)?)));
    let each = || terms.tiers.iter().map(|name| (name.as_str(), find(name)));
    let tiers: Vec<_> = match whole {
        Some((name, tier)) => vec![(name, Some(tier))],
        None => each().collect(),
    };
    let mut has_own_rates = false;
    for (name, tier) in tiers {
        let unknown = || Unpriced::NoTier(name.to_owned());
        match tier.ok_or_else(unknown)? {
            Tier::Thousandths(factor) => {
                applied.numerator =
                    applied.numerator.checked_mul((*factor).into()).ok_or(Unpriced::OutOfRange)?;
                applied.denominator =
                    applied.denominator.checked_mul(THOUSANDTHS).ok_or(Unpriced::OutOfRange)?;
            }
            // Two tables cannot both hold, and a table without a threshold says nothing of what is beyond it.
            Tier::Rates(table)
                if has_own_rates || period.standard.is_long(input) && table.long_context.is_none() =>
            {
                return Err(unknown());
            }
            Tier::Rates(table) => (applied.table, has_own_rates) = (table, true),
        }
    }
    Ok(applied)
}

/// What the tools cost, in parts of a nano-dollar as small as those of the tokens. No tier changes it.
fn fees(
    list: &PriceList,
    period: &Period,
    terms: &BillingTerms,
    denominator: i128,
) -> Result<i128, Unpriced> {
    terms.uses.iter().try_fold(0_i128, |sum, (name, uses)| {
        let fee = period.fees.get(name).or_else(|| list.fees.get(name));
        let fee = fee.ok_or_else(|| Unpriced::NoFee(name.clone()))?;
        let price = i128::from(*uses) * i128::from(fee.0);
        price
            .checked_mul(TOKENS_PER_PRICE / USES_PER_PRICE * denominator)
            .and_then(|price| price.checked_add(sum))
            .ok_or(Unpriced::OutOfRange)
    })
}

/// A sum whose parts are rounded so that they add up to the rounded whole.
struct RunningSum {
    exact: i128,
    denominator: i128,
    rounded: i64,
}

impl RunningSum {
    /// Adds a part; returns by how much the rounded sum grew.
    fn add(&mut self, part: i128) -> Result<UsdNanos, Unpriced> {
        self.exact = self.exact.checked_add(part).ok_or(Unpriced::OutOfRange)?;
        let half_more = self.exact.checked_add(self.denominator / 2).ok_or(Unpriced::OutOfRange)?;
        let rounded = i64::try_from(half_more / self.denominator).map_err(|_| Unpriced::OutOfRange)?;
        let grown = rounded - self.rounded;
        self.rounded = rounded;
        Ok(UsdNanos(grown))
    }
}
