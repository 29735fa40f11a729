//! Costs and prices as wire types.

use std::collections::BTreeMap;

use cp_app as app;
use cp_app::model as domain;
use cp_base::{Timestamp, UsdNanos};
use cp_wire as wire;
use cp_wire::Usd;

use super::fingerprint;

pub(crate) fn cost_report(groups: Vec<domain::CostGroup>, by: Vec<String>) -> wire::CostReport {
    let sum = |estimated: bool| {
        let costs = groups.iter().filter(|group| group.estimated == estimated).map(|group| group.cost);
        costs.fold(UsdNanos(0), |sum, cost| sum + cost)
    };
    let (reported, estimated) = (sum(false), sum(true));
    let (unpriced, priced): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group.unpriced.is_some());
    let unpriced: Vec<_> = unpriced.into_iter().map(unpriced_row).collect();
    wire::CostReport {
        by,
        rows: priced.into_iter().map(cost_row).collect(),
        cost_usd: Usd(reported + estimated),
        reported_usd: Usd(reported),
        estimated_usd: Usd(estimated),
        unpriced_calls: unpriced.iter().map(|row| row.calls).sum(),
        unpriced,
    }
}

fn cost_row(row: domain::CostGroup) -> wire::CostRow {
    let domain::CostGroup { tokens, by_kind, .. } = row;
    let kind = |tokens, cost| wire::CostKind { tokens, cost_usd: Usd(cost) };
    wire::CostRow {
        source: if row.estimated { wire::UsageSource::Estimated } else { wire::UsageSource::Reported },
        calls: row.calls,
        cost_usd: Usd(row.cost),
        kinds: wire::CostKinds {
            input: kind(tokens.input, by_kind.input),
            cache_read: kind(tokens.cache_read, by_kind.cache_read),
            cache_write: kind(tokens.cache_write, by_kind.cache_write),
            cache_write_1h: kind(tokens.cache_write_1h, by_kind.cache_write_1h),
            output: kind(tokens.output, by_kind.output),
            reasoning: kind(tokens.reasoning, by_kind.reasoning),
            fees: kind(0, by_kind.fees),
        },
        group: cost_group(row),
    }
}

fn unpriced_row(row: domain::CostGroup) -> wire::UnpricedRow {
    let tokens = row.tokens;
    wire::UnpricedRow {
        reason: row.unpriced.clone().unwrap_or_default(),
        calls: row.calls,
        first_at: row.first_at,
        last_at: row.last_at,
        input_tokens: tokens.input + tokens.cache_read + tokens.cache_write + tokens.cache_write_1h,
        output_tokens: tokens.output,
        group: cost_group(row),
    }
}

fn cost_group(row: domain::CostGroup) -> wire::CostGroup {
    wire::CostGroup {
        day: row.day.map(day),
        provider_name: row.provider_name,
        model: row.model,
        client: row.client_fingerprint.map(fingerprint),
        service_tier: row.service_tier,
        price_list: row.price_list,
    }
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

pub(crate) fn price_check(models: Vec<app::UnpricedModel>) -> wire::PriceCheck {
    let model = |app::UnpricedModel { calls, listed_now }| wire::UnpricedModel {
        calls: unpriced_row(calls),
        listed_now,
    };
    wire::PriceCheck { unpriced: models.into_iter().map(model).collect() }
}

pub(crate) fn prices(prices: Vec<domain::ListedPrice<'_>>) -> wire::Prices {
    wire::Prices { prices: prices.into_iter().map(price).collect() }
}

fn price(price: domain::ListedPrice<'_>) -> wire::Price {
    wire::Price {
        provider: price.provider.to_owned(),
        model: price.model.to_owned(),
        aliases: price.aliases.to_vec(),
        price_list: price.list.to_owned(),
        valid_from: price.from.map(day),
        valid_until: price.until.map(day),
        rates: rates(&price.standard.rates),
        long_context: long_context(price.standard),
        tiers: price.tiers().into_iter().map(|(name, value)| (name.to_owned(), tier(value))).collect(),
        fees: price.fees().into_iter().map(|(name, fee)| (name.to_owned(), Usd(fee))).collect(),
    }
}

fn tier(tier: &domain::Tier) -> wire::TierPrice {
    match tier {
        domain::Tier::Thousandths(factor) => {
            wire::TierPrice::Factor(format!("{}.{:03}", factor / 1_000, factor % 1_000))
        }
        domain::Tier::Rates(table) => {
            wire::TierPrice::Rates { rates: rates(&table.rates), long_context: long_context(table) }
        }
    }
}

fn long_context(table: &domain::RateTable) -> Option<wire::LongContextPrice> {
    let (above_input_tokens, long) = table.long_context.as_ref()?;
    Some(wire::LongContextPrice { above_input_tokens: *above_input_tokens, rates: rates(long) })
}

fn rates(rates: &domain::Rates) -> BTreeMap<String, Usd> {
    rates.iter().map(|(kind, rate)| (kind.to_string(), Usd(rate))).collect()
}

pub(crate) fn reprice_step(step: app::RepriceStep) -> wire::RepriceStep {
    let model = |row: app::RepricedModel| wire::RepricedModel {
        provider_name: row.provider_name,
        model: row.model,
        calls: row.calls,
        newly_priced: row.newly_priced,
        no_longer_priced: row.no_longer_priced,
        old_cost_usd: Usd(row.old_cost),
        new_cost_usd: Usd(row.new_cost),
    };
    wire::RepriceStep {
        repricing_id: step.repricing,
        examined: step.examined,
        changed: step.changed,
        models: step.models.into_iter().map(model).collect(),
        next: step.next.map(|next| wire::Cursor { started_at: next.started_at, call: next.call }),
    }
}

pub(crate) fn change_page(page: domain::ChangePage) -> wire::ChangePage {
    wire::ChangePage {
        changes: page.changes.into_iter().map(change).collect(),
        next: page.next.map(|(started_at, call)| wire::Cursor { started_at, call }),
    }
}

fn change(change: domain::CostChange) -> wire::CostChange {
    let price = |price: domain::PriceOfCall| wire::PriceOfCall {
        cost_usd: price.cost.map(Usd),
        price_list: price.price_list,
        unpriced: price.unpriced,
    };
    wire::CostChange {
        repricing_id: change.repricing.id,
        begun_at: change.repricing.begun_at,
        actor: change.repricing.actor,
        filter: change.repricing.filter,
        call_id: change.call,
        changed_at: change.changed_at,
        old: price(change.old),
        new: price(change.new),
    }
}
