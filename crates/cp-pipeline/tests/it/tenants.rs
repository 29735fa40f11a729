//! Calls of several projects in one log, and what gateway keys used.

use std::sync::{Arc, Mutex};

use cp_base::{Id, Origin, ProjectScope, Random, Settled, kind};
use cp_capture::Opening;
use cp_pipeline::Settlements;
use cp_testkit::db_test;
use cp_traffic::CallFilter;
use serde_json::json;

use crate::World;

/// A chat of `said`, with 5 input and 2 output tokens.
fn bodies(said: &str) -> [String; 2] {
    let request = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": said}]});
    let message = json!({"role": "assistant", "content": format!("{said}, indeed")});
    let response = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    });
    [request, response].map(|body| body.to_string())
}

db_test! {
    async fn calls_that_came_in_turns_land_apart_each_under_its_own_key(test: TestDb) {
        let world = World::new(test).await;
        let theirs = ProjectScope::grant(world.ids.mint(), world.ids.mint());
        let (key, _) = world.master.new_data_key(&Random::seeded(8), b"");
        world.traffic.put_keys(theirs, key.into());
        let log = world.open_log();
        for n in 0..6 {
            for (scope, said) in [(world.scope, "ours"), (theirs, "theirs")] {
                let opening = Opening { org: scope.org(), project: scope.project(), ..world.opening(&log) };
                // The first question is the same in both: stored once for each.
                let [request, response] = bodies(&if n == 0 { "same".to_owned() } else { format!("{said} {n}") });
                world.pass_as(&log, opening, request.as_bytes(), response.as_bytes()).await;
            }
        }
        world.store_all(&log).await;
        for (scope, other) in [(world.scope, "theirs"), (theirs, "ours")] {
            let page = world.traffic.list_details(scope, &CallFilter::default(), None, 100).await.unwrap();
            assert_eq!(page.calls.len(), 6);
            for call in &page.calls {
                let said = format!("{:?}", call.messages);
                assert!(!said.contains(other) && said.contains("indeed"), "{said}");
            }
        }
    }

    async fn what_a_key_used_is_told_once_it_is_stored_and_can_be_summed(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let key: Id<kind::GatewayKey> = world.ids.mint();
        let [request, response] = bodies("hello");
        let with_key = Opening { gateway_key: Some(key), ..world.opening(&log) };
        let (began, day) = (with_key.started_at, world.opening(&log).started_at);
        let call = world.pass_as(&log, with_key, request.as_bytes(), response.as_bytes()).await;
        world.pass(&log, request.as_bytes(), response.as_bytes()).await;

        let told = Arc::new(Mutex::new(Vec::new()));
        let hear = told.clone();
        let settlements = Settlements::new(move |settled| hear.lock().unwrap().extend_from_slice(settled));
        world.run_telling(&log, settlements).finish().await;
        let told = told.lock().unwrap().clone();
        let [Settled { spend, .. }] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(told, [Settled { key, call, started_at: began, spend: *spend, origin: Origin::Exchange }]);
        assert_eq!((spend.requests, spend.tokens), (1, 7));
        assert!(spend.usd_nanos > 0, "it has a price");

        let here = world.traffic.key_spends_of(log.node(), began).await.unwrap();
        assert_eq!(here, [(key, *spend)], "a process that starts now counts the same");
        assert!(world.traffic.key_spends_but_of(log.node(), began).await.unwrap().is_empty());
        let elsewhere = world.traffic.key_spends_but_of(world.ids.mint(), began).await.unwrap();
        assert_eq!(elsewhere, [(key, *spend)]);
        assert!(world.traffic.key_spends_of(log.node(), day).await.unwrap().is_empty(), "it began before");
        let shown = world.call(call).await.summary;
        assert_eq!(shown.gateway_key, Some(key));
    }
}
