//! Sums of costs, and pricing again.

use cp_base::{RepricingId, Timestamp, UsdNanos};
use cp_genai::{BillingTerms, CostByKind, Usage, UsageSource};
use cp_testkit::db_test;
use cp_traffic::{
    Billing, CallFilter, ChangeFilter, CostGrouping, FinishedCall, NewPrice, PriceOfCall, Repricing,
    TokensByKind,
};

use crate::world::World;

fn by_kind() -> CostByKind {
    CostByKind {
        input: UsdNanos(100),
        cache_read: UsdNanos(20),
        cache_write: UsdNanos(30),
        cache_write_1h: UsdNanos(40),
        output: UsdNanos(500),
        reasoning: UsdNanos(300),
        fees: UsdNanos(60),
    }
}

/// A call with tokens and costs of every kind.
fn full(call: &mut FinishedCall) {
    let summary = &mut call.summary;
    summary.usage = Some(Usage {
        input_tokens: Some(1_000),
        output_tokens: Some(50),
        cache_read_input_tokens: Some(200),
        cache_creation_input_tokens: Some(100),
        cache_creation_1h_input_tokens: Some(40),
        reasoning_output_tokens: Some(30),
        source: UsageSource::Reported,
    });
    summary.cost = Some(UsdNanos(750));
    summary.billing.by_kind = by_kind();
}

fn unpriced(reason: &'static str) -> impl FnOnce(&mut FinishedCall) {
    move |call| {
        call.summary.cost = None;
        call.summary.price_list = None;
        call.summary.billing = Billing { unpriced: Some(reason.to_owned()), ..Billing::default() };
    }
}

const BY_MODEL: CostGrouping =
    CostGrouping { day: false, provider: true, model: true, client: false, tier: false, list: false };

db_test! {
    async fn billing_comes_back_as_it_went_in(test: TestDb) {
        let world = World::new(&test).await;
        let terms = BillingTerms {
            tiers: vec!["batch".to_owned(), "us".to_owned()],
            tokens: [("input_audio".to_owned(), 7)].into(),
            uses: [("web_search".to_owned(), 3)].into(),
        };
        let call = world.add(|call| { full(call); call.summary.billing.terms = terms.clone(); }).await;
        let stored = world.store.find_call(world.ours, call).await.unwrap().unwrap().summary;
        assert_eq!(stored.billing, Billing { terms, by_kind: by_kind(), unpriced: None });
        let call = world.add(unpriced("no_tier flex")).await;
        let stored = world.store.find_call(world.ours, call).await.unwrap().unwrap().summary;
        assert_eq!(stored.billing.unpriced.as_deref(), Some("no_tier flex"));
    }

    async fn sums_are_those_of_the_calls(test: TestDb) {
        let world = World::new(&test).await;
        for _ in 0..3 {
            world.add(full).await;
        }
        world.add(|call| {
            full(call);
            call.summary.usage.as_mut().unwrap().source = UsageSource::Estimated;
        }).await;
        world.add(unpriced("no_model")).await;
        world.write(vec![cp_traffic::Write::Opened(world.ours, Box::new(world.opened()))]).await;
        let mut foreign = world.finished();
        foreign.scope = world.theirs;
        world.store_finished(vec![foreign]).await;

        let all = CallFilter::default();
        let groups = world.store.sum_costs(world.ours, &all, BY_MODEL).await.unwrap().unwrap();
        let told: Vec<_> = groups.iter().map(|g| (g.unpriced.as_deref(), g.estimated, g.calls, g.cost.0)).collect();
        assert!(told.contains(&(None, false, 3, 2_250)), "{told:?}");
        assert!(told.contains(&(None, true, 1, 750)), "{told:?}");
        assert!(told.contains(&(Some("no_model"), false, 1, 0)), "{told:?}");
        assert!(told.contains(&(Some("running"), false, 1, 0)), "{told:?}");
        assert_eq!(told.len(), 4);
        let measured = groups.iter().find(|group| group.calls == 3).unwrap();
        assert_eq!(measured.by_kind.total(), measured.cost);
        assert_eq!((measured.by_kind.input.0, measured.by_kind.reasoning.0), (300, 900));
        assert_eq!(measured.tokens, TokensByKind {
            input: 2_100, cache_read: 600, cache_write: 180, cache_write_1h: 120, output: 150, reasoning: 90,
        });
        assert_eq!(measured.model.as_deref(), Some("gpt-4o-2024-08-06"));
        assert_eq!((measured.day, measured.client_fingerprint), (None, None));
    }

    async fn calls_are_told_apart_by_what_is_asked_for(test: TestDb) {
        let world = World::new(&test).await;
        let midnight: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        world.add(|call| { full(call); call.summary.started_at = Timestamp(midnight.0 - 1); }).await;
        world.add(|call| { full(call); call.summary.started_at = midnight; }).await;
        world.add(|call| {
            full(call);
            call.summary.started_at = midnight;
            call.summary.client_fingerprint = None;
            call.summary.billing.terms.tiers = vec!["flex".to_owned()];
        }).await;
        let count = async |by| {
            let groups = world.store.sum_costs(world.ours, &CallFilter::default(), by).await.unwrap().unwrap();
            assert_eq!(groups.iter().map(|group| group.cost.0).sum::<i64>(), 2_250);
            groups
        };
        let none = CostGrouping::default();
        assert_eq!(count(none).await.len(), 1);
        let days = count(CostGrouping { day: true, ..none }).await;
        let days: Vec<_> = days.iter().map(|group| group.day.unwrap().to_string()).collect();
        assert_eq!(days, ["2026-02-28T00:00:00.000000Z", "2026-03-01T00:00:00.000000Z"]);
        assert_eq!(count(CostGrouping { client: true, ..none }).await.len(), 2);
        assert_eq!(count(CostGrouping { tier: true, ..none }).await.len(), 2);
        let since = CallFilter { since: Some(midnight), ..CallFilter::default() };
        let groups = world.store.sum_costs(world.ours, &since, none).await.unwrap().unwrap();
        assert_eq!(groups[0].calls, 2);
    }

    async fn a_new_price_is_filed_once_and_only_over_the_price_that_was_read(test: TestDb) {
        let world = World::new(&test).await;
        let call = world.add(full).await;
        let lost = world.add(unpriced("no_model")).await;
        world.add(unpriced("opaque")).await;
        let all = CallFilter::default();
        let page = world.store.list_repriceable(world.ours, &all, None).await.unwrap();
        let ids: Vec<_> = page.calls.iter().map(|call| call.call).collect();
        assert_eq!((ids, page.next), (vec![call, lost], None), "oldest first, opaque calls aside");

        let old = PriceOfCall {
            cost: Some(UsdNanos(750)),
            price_list: page.calls[0].price_list.clone(),
            unpriced: None,
        };
        let new = PriceOfCall { cost: Some(UsdNanos(900)), price_list: Some("new".to_owned()), unpriced: None };
        let kinds = CostByKind { input: UsdNanos(900), ..CostByKind::default() };
        let price = NewPrice { call, old: old.clone(), new: new.clone(), by_kind: kinds };
        let run = Repricing {
            id: world.mint::<cp_base::kind::Repricing>(),
            begun_at: world.now(),
            actor: "local".to_owned(),
            filter: "all calls".to_owned(),
        };
        let reprice = async |scope| {
            world.store.reprice(scope, &run, vec![price.clone()], world.now()).await.unwrap()
        };
        assert_eq!(reprice(world.theirs).await, 0, "another project's call");
        assert_eq!(reprice(world.ours).await, 1);
        let stored = world.store.find_call(world.ours, call).await.unwrap().unwrap().summary;
        assert_eq!((stored.cost, stored.price_list.as_deref()), (new.cost, Some("new")));
        assert_eq!(stored.billing.by_kind, kinds);
        let again = NewPrice { call, old: old.clone(), new: new.clone(), by_kind: kinds };
        let later = Repricing { id: world.mint::<cp_base::kind::Repricing>(), ..run.clone() };
        assert_eq!(world.store.reprice(world.ours, &later, vec![again], world.now()).await.unwrap(), 0);

        let of = async |filter: ChangeFilter| {
            world.store.list_cost_changes(world.ours, filter, None, 10).await.unwrap().changes
        };
        let changes = of(ChangeFilter::default()).await;
        assert_eq!(changes.len(), 1);
        assert_eq!((&changes[0].old, &changes[0].new, &changes[0].repricing), (&old, &new, &run));
        assert_eq!(of(ChangeFilter { call: Some(call), repricing: Some(run.id) }).await.len(), 1);
        let other: RepricingId = world.mint();
        assert!(of(ChangeFilter { repricing: Some(other), call: None }).await.is_empty());
        let theirs = world.store.list_cost_changes(world.theirs, ChangeFilter::default(), None, 10).await.unwrap();
        assert!(theirs.changes.is_empty());

        let newest = PriceOfCall { cost: Some(UsdNanos(1_000)), ..new.clone() };
        let repeated = NewPrice { call, old: new, new: newest.clone(), by_kind: kinds };
        assert_eq!(world.store.reprice(world.ours, &run, vec![repeated], world.now()).await.unwrap(), 1);
        let changes = of(ChangeFilter::default()).await;
        assert_eq!(changes.len(), 1, "a run has one line for each call");
        assert_eq!((&changes[0].old, &changes[0].new), (&old, &newest));
    }
}
