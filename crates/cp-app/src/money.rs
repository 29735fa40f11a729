//! Use cases around what calls cost.

use std::collections::BTreeMap;

use cp_base::{CallId, RepricingId, Timestamp, UsdNanos};
use cp_genai::{ListedPrice, Unpriced, is_reported};
use cp_traffic::{
    Billing, CallCursor, CallFilter, CallSummary, ChangeFilter, ChangePage, CostGroup, CostGrouping,
    MAX_GROUPS, NewPrice, PriceOfCall, Repricing,
};

use crate::access::Action;
use crate::act::Event;
use crate::{App, AppError, Ctx};

/// Reasons for which no price list can be blamed.
const NOT_OF_PRICES: [&str; 4] = ["opaque", "failed", "running", "lost"];

/// Which prices to list. Every field narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceQuery {
    /// The provider's name; its prices may be those of another one.
    pub provider: Option<String>,
    /// The model, as a call names it.
    pub model: Option<String>,
    /// Valid then.
    pub at: Option<Timestamp>,
}

/// Captured calls of a model that have no cost, and could have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpricedModel {
    /// The calls.
    pub calls: CostGroup,
    /// Whether the lists know the model by now, so that pricing the calls again helps.
    pub listed_now: bool,
}

/// A step of pricing stored calls again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RepriceRequest {
    /// Which calls.
    pub filter: CallFilter,
    /// The filter, for people.
    pub described: String,
    /// Where the step before ended.
    pub after: Option<CallCursor>,
    /// The run that this step belongs to; a new one without it.
    pub repricing: Option<RepricingId>,
    /// Whether to look only.
    pub dry_run: bool,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq)]
pub struct RepriceStep {
    /// The run.
    pub repricing: RepricingId,
    /// Calls looked at.
    pub examined: u64,
    /// Calls whose price changed, or would.
    pub changed: u64,
    /// What changed, by provider and model.
    pub models: Vec<RepricedModel>,
    /// Where to go on; absent at the end.
    pub next: Option<CallCursor>,
}

/// Calls of a model whose price changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepricedModel {
    /// The provider.
    pub provider_name: String,
    /// The model that answered, or else that was asked for.
    pub model: Option<String>,
    /// How many calls.
    pub calls: u64,
    /// Of these, those that have a cost now and had none.
    pub newly_priced: u64,
    /// Of these, those that had a cost and have none now.
    pub no_longer_priced: u64,
    /// What they cost before.
    pub old_cost: UsdNanos,
    /// What they cost now.
    pub new_cost: UsdNanos,
}

impl App {
    /// What calls cost, in groups.
    pub async fn sum_costs(
        &self,
        ctx: &Ctx,
        filter: &CallFilter,
        by: CostGrouping,
    ) -> Result<Vec<CostGroup>, AppError> {
        ctx.require(Action::ReadCost)?;
        let groups = self.parts.traffic.sum_costs(ctx.scope, filter, by).await?;
        groups.ok_or_else(|| {
            AppError::too_large(format_args!(
                "the report has more than {MAX_GROUPS} rows: ask for a shorter time, or for fewer things in `by`"
            ))
        })
    }

    /// The prices that pass, by provider, list and model.
    pub fn list_prices(&self, ctx: &Ctx, query: &PriceQuery) -> Result<Vec<ListedPrice<'_>>, AppError> {
        ctx.require(Action::ReadCost)?;
        let provider = query.provider.as_deref().map(|provider| self.price_list(provider));
        let prices = self.parts.prices.iter().filter(|price| {
            provider.is_none_or(|provider| price.provider == provider)
                && query.model.as_deref().is_none_or(|model| price.is_of(model))
                && query.at.is_none_or(|at| price.is_valid(at))
        });
        Ok(prices.collect())
    }

    /// The models whose calls have no cost for want of a price or a count.
    pub async fn check_prices(&self, ctx: &Ctx, filter: &CallFilter) -> Result<Vec<UnpricedModel>, AppError> {
        let by = CostGrouping { provider: true, model: true, tier: true, ..CostGrouping::default() };
        let groups = self.sum_costs(ctx, filter, by).await?;
        let blamed = |group: &CostGroup| {
            group.unpriced.as_deref().is_some_and(|reason| !NOT_OF_PRICES.contains(&reason))
        };
        let unpriced = groups
            .into_iter()
            .filter(blamed)
            .map(|calls| UnpricedModel { listed_now: self.is_listed(&calls), calls });
        Ok(unpriced.collect())
    }

    /// Prices a bounded number of stored calls with the lists of now, oldest first, and files each change. Doing it
    /// again changes nothing; a run that was broken off goes on from its last step, or from the beginning.
    pub async fn reprice(&self, ctx: &Ctx, request: RepriceRequest) -> Result<RepriceStep, AppError> {
        let RepriceRequest { filter, described, after, repricing, dry_run } = request;
        ctx.require(Action::Reprice)?;
        let now = self.parts.clock.now();
        let page = self.parts.traffic.list_repriceable(ctx.scope, &filter, after).await?;
        let id = repricing.unwrap_or_else(|| self.parts.ids.mint());
        let mut models = BTreeMap::new();
        let mut prices = Vec::new();
        for call in &page.calls {
            if let Some(price) = self.new_price(call) {
                add(&mut models, call, &price);
                prices.push(price);
            }
        }
        let mut changed = prices.len() as u64;
        if !dry_run {
            if repricing.is_none() {
                // The calls may be in another database: what is about to be done is on record before it is.
                let act = self.begin(ctx, Action::Reprice).await?;
                act.commit(Event::new("calls.reprice", id).detail(&described)).await?;
            }
            let actor = ctx.org.caller.name().to_owned();
            let run = Repricing { id, begun_at: now, actor, filter: described };
            changed = self.parts.traffic.reprice(ctx.scope, &run, prices, now).await?;
        }
        let (examined, models) = (page.calls.len() as u64, models.into_values().collect());
        Ok(RepriceStep { repricing: id, examined, changed, models, next: page.next })
    }

    /// A page of what repricing changed, newest first.
    pub async fn list_cost_changes(
        &self,
        ctx: &Ctx,
        filter: ChangeFilter,
        after: Option<(Timestamp, CallId)>,
        limit: usize,
    ) -> Result<ChangePage, AppError> {
        ctx.require(Action::ReadCost)?;
        Ok(self.parts.traffic.list_cost_changes(ctx.scope, filter, after, limit).await?)
    }

    fn price_list<'a>(&'a self, provider: &'a str) -> &'a str {
        self.parts.price_lists.get(provider).map_or(provider, String::as_str)
    }

    fn is_listed(&self, calls: &CostGroup) -> bool {
        let (Some(provider), Some(model), Some(at)) = (&calls.provider_name, &calls.model, calls.last_at)
        else {
            return false;
        };
        self.parts.prices.has_model(self.price_list(provider), model, at)
            && matches!(calls.unpriced.as_deref(), Some("no_list" | "no_model"))
    }

    /// What the call costs by the lists of now, if that is another price than it has.
    fn new_price(&self, call: &CallSummary) -> Option<NewPrice> {
        let models: Vec<&str> =
            [&call.response_model, &call.request_model].into_iter().flatten().map(String::as_str).collect();
        let priced = self.parts.prices.price(
            self.price_list(&call.provider_name),
            &models,
            call.started_at,
            call.usage.as_ref(),
            &call.billing.terms,
        );
        // What the answer said of its cost is in no list, and stays as long as none knows the provider.
        if priced == Err(Unpriced::NoList) && call.price_list.as_deref().is_some_and(is_reported) {
            return None;
        }
        let (cost, price_list, billing) = Billing::new(call.billing.terms.clone(), priced);
        let same = (cost, &billing) == (call.cost, &call.billing);
        (!same).then(|| NewPrice {
            call: call.call,
            old: PriceOfCall {
                cost: call.cost,
                price_list: call.price_list.clone(),
                unpriced: call.billing.unpriced.clone(),
            },
            new: PriceOfCall { cost, price_list, unpriced: billing.unpriced },
            by_kind: billing.by_kind,
        })
    }
}

fn add(models: &mut BTreeMap<(String, Option<String>), RepricedModel>, call: &CallSummary, price: &NewPrice) {
    let name = call.response_model.clone().or_else(|| call.request_model.clone());
    let row = models.entry((call.provider_name.clone(), name.clone())).or_insert_with(|| RepricedModel {
        provider_name: call.provider_name.clone(),
        model: name,
        ..RepricedModel::default()
    });
    let (old, new) = (price.old.cost, price.new.cost);
    row.calls += 1;
    row.newly_priced += u64::from(old.is_none() && new.is_some());
    row.no_longer_priced += u64::from(old.is_some() && new.is_none());
    row.old_cost = row.old_cost + old.unwrap_or_default();
    row.new_cost = row.new_cost + new.unwrap_or_default();
}
