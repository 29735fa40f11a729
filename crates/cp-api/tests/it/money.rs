use cp_app::model::UsageSource;
use cp_wire::{ChangeQuery, CostQuery, PriceQuery, PricedCallsQuery};
use serde_json::json;

use crate::world::{World, with_world};

/// Two calls of a model that has a price, each a thousand tokens in; the second estimated, the last of no known model.
async fn store_calls(world: &World) {
    let mut calls = [(); 3].map(|()| world.call());
    for call in &mut calls {
        call.summary.response_model = Some("gpt-5-mini".to_owned());
        call.summary.usage.as_mut().unwrap().input_tokens = Some(1_000);
        call.summary.usage.as_mut().unwrap().output_tokens = Some(0);
    }
    calls[1].summary.usage.as_mut().unwrap().source = UsageSource::Estimated;
    let unknown = &mut calls[2].summary;
    (unknown.request_model, unknown.response_model) = (None, Some("our-tune".to_owned()));
    (unknown.cost, unknown.price_list) = (None, None);
    unknown.billing = cp_traffic::Billing { unpriced: Some("no_model".to_owned()), ..Default::default() };
    world.store(calls.into()).await;
}

#[test]
fn a_report_holds_measured_estimated_and_unpriced_calls_apart() {
    with_world(async |mut world| {
        store_calls(&world).await;
        let asked = CostQuery { by: Some("day,model,key".to_owned()), ..CostQuery::default() };
        let report = world.client().await.get_cost(&asked).await.unwrap();
        let dollars = [report.cost_usd, report.reported_usd, report.estimated_usd].map(|usd| usd.to_string());
        assert_eq!(dollars, ["0.002469134", "0.001234567", "0.001234567"]);
        assert_eq!((report.rows.len(), report.unpriced_calls), (2, 1));
        let row = &report.rows[0];
        assert_eq!(
            (row.group.day.as_deref(), row.group.model.as_deref()),
            (Some("2026-01-01"), Some("gpt-5-mini"))
        );
        assert_eq!(row.group.client.as_deref(), Some("07070707070707070707070707070707"));
        assert_eq!(
            (row.kinds.input.tokens, row.kinds.input.cost_usd.to_string().as_str()),
            (1_000, "0.001234567")
        );
        let unpriced = &report.unpriced[0];
        assert_eq!((unpriced.reason.as_str(), unpriced.input_tokens), ("no_model", 1_000));

        let (status, problem) = world.get_json("/api/v1/cost?by=modell").await;
        assert_eq!((status, &problem["valid"][2]), (400, &json!("model")));
    });
}

#[test]
fn prices_are_listed_as_a_call_finds_them() {
    with_world(async |mut world| {
        let client = world.client().await;
        let asked = |model: &str, at: &str| PriceQuery {
            provider: Some("openai".to_owned()),
            model: Some(model.to_owned()),
            at: Some(at.to_owned()),
        };
        let found = client.list_prices(&asked("gpt-5.6-luna", "2026-07-29")).await.unwrap().prices;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].rates["input"].to_string(), "1.00");
        assert_eq!(found[0].valid_until.as_deref(), Some("2026-07-30"));
        let found = client.list_prices(&asked("gpt-5.6-luna", "2026-11-22")).await.unwrap().prices;
        assert_eq!(found[0].rates["input"].to_string(), "0.20");
        assert_eq!(serde_json::to_value(&found[0].tiers["flex"]).unwrap(), json!({"factor": "0.500"}));
        assert!(client.list_prices(&asked("gpt-9", "2026-11-22")).await.unwrap().prices.is_empty());
    });
}

#[test]
fn a_cost_that_the_answer_told_stays_when_prices_change() {
    with_world(async |mut world| {
        let mut call = world.call();
        call.summary.provider_name = "openrouter".to_owned();
        call.summary.price_list = Some("openrouter/reported".to_owned());
        world.store(vec![call]).await;
        let client = world.client().await;
        let step = client.reprice(&PricedCallsQuery::default(), false, None).await.unwrap();
        assert_eq!((step.examined, step.changed), (1, 0));
    });
}

#[test]
fn what_has_no_price_is_named_and_what_has_another_one_is_repriced_once() {
    with_world(async |mut world| {
        store_calls(&world).await;
        let client = world.client().await;
        let all = PricedCallsQuery::default();
        let check = client.check_prices(&all).await.unwrap();
        assert_eq!(check.unpriced.len(), 1);
        assert_eq!(check.unpriced[0].calls.group.model.as_deref(), Some("our-tune"));
        assert!(!check.unpriced[0].listed_now);

        let looked = client.reprice(&all, true, None).await.unwrap();
        assert_eq!((looked.examined, looked.changed, looked.next), (3, 2, None));
        let step = client.reprice(&all, false, None).await.unwrap();
        assert_eq!((step.examined, step.changed), (3, 2));
        // 2 × 1,000 × $0.25/M
        assert_eq!(step.models[0].new_cost_usd.to_string(), "0.0005");
        assert_eq!(step.models[0].old_cost_usd.to_string(), "0.002469134");
        assert_eq!(client.reprice(&all, false, None).await.unwrap().changed, 0);

        let asked = ChangeQuery { repricing: Some(step.repricing_id.to_string()), ..ChangeQuery::default() };
        let changes = client.list_cost_changes(&asked).await.unwrap().changes;
        assert_eq!(changes.len(), 2);
        assert_eq!((changes[0].actor.as_str(), changes[0].filter.as_str()), ("this machine", "all calls"));
        assert_eq!(changes[0].old.price_list.as_deref(), Some("test"));
        assert_eq!(changes[0].new.price_list.as_deref(), Some("openai/2026-11-24"));
        let first =
            client.list_cost_changes(&ChangeQuery { limit: Some("1".to_owned()), ..asked }).await.unwrap();
        let after = first.next.map(|next| next.to_string());
        let rest = client.list_cost_changes(&ChangeQuery { after, ..ChangeQuery::default() }).await.unwrap();
        assert_eq!([first.changes, rest.changes].concat(), changes);

        let response = world.get("/api/v1/prices/reprice").await;
        assert_eq!(response.status(), 405);
    });
}
