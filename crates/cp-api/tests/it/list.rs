use cp_wire::{CallQuery, PageQuery, Part};
use serde_json::json;

use crate::world::with_world;

#[test]
fn pages_hold_every_call_once_newest_first() {
    with_world(async |mut world| {
        let stored = world.store_some(5).await;
        let client = world.client().await;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = PageQuery { limit: Some("2".to_owned()), after };
            let page = client.list_calls(&CallQuery::default(), &page).await.unwrap();
            seen.extend(page.calls.iter().map(|call| call.id));
            after = page.next.map(|next| next.to_string());
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, stored.iter().map(|call| call.call).collect::<Vec<_>>());
    });
}

#[test]
fn filters_reach_the_store() {
    with_world(async |mut world| {
        let mut calls = [(); 3].map(|()| world.call());
        calls[1].summary.status = Some(429);
        let limited = world.store(calls.into()).await[1].call;
        let client = world.client().await;
        for query in [
            CallQuery { status: Some("4xx".to_owned()), ..CallQuery::default() },
            CallQuery { since: Some("2s".to_owned()), until: Some("1s".to_owned()), ..CallQuery::default() },
            CallQuery { text: Some("00:00:01".to_owned()), ..CallQuery::default() },
        ] {
            let page = client.list_calls(&query, &PageQuery::default()).await.unwrap();
            assert_eq!(page.calls.iter().map(|call| call.id).collect::<Vec<_>>(), [limited], "{query:?}");
        }
    });
}

#[test]
fn a_call_is_shown_whole() {
    with_world(async |mut world| {
        let stored = world.store_some(1).await;
        let client = world.client().await;
        let call = client.get_call(stored[0].call).await.unwrap();
        assert_eq!(call.summary.cost_usd.unwrap().to_string(), "0.001234567");
        assert_eq!(call.summary.client.as_deref(), Some("07070707070707070707070707070707"));
        assert_eq!(call.input_messages[0].parts, [Part::Text { content: "Where is my parcel?".to_owned() }]);
        assert_eq!(call.output_messages[0].role, "assistant");
        assert_eq!(call.parameters["temperature"], 0.5);
        assert_eq!((call.user.as_deref(), call.traceparent.as_deref()), (Some("u-17"), Some("00-1-2-01")));

        let (status, json) = world.get_json(&format!("/api/v1/calls/{}", stored[0].call)).await;
        assert_eq!(
            (status, &json["usage"]["input_tokens"], &json["usage"]["source"]),
            (200, &json!(3), &json!("reported"))
        );
        assert_eq!(json["started_at"], "2026-01-01T00:00:00.000000Z");
    });
}

#[test]
fn what_is_not_there_is_a_problem_that_says_so() {
    with_world(async |mut world| {
        let absent = "call_01h455vb4pex5vsknk084sn02q";
        let error = world.client().await.get_call(absent.parse().unwrap()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("there is no call {absent} in this project"));
        for (path, status, says) in [
            (format!("/api/v1/calls/{absent}"), 404, absent),
            ("/api/v1/calls/x".to_owned(), 400, "call_"),
            ("/api/v1/conversations/conv_01h455vb4pex5vsknk084sn02q".to_owned(), 404, "no conversation"),
            ("/api/v1/nothing".to_owned(), 404, "/docs"),
            (format!("/api/v1/calls/{absent}?limit=1"), 400, "takes none"),
        ] {
            let (found, problem) = world.get_json(&path).await;
            assert_eq!((found, problem["status"].as_u64()), (status, Some(status.into())), "{path}");
            assert!(problem["detail"].as_str().unwrap().contains(says), "{path}: {problem}");
        }
    });
}

#[test]
fn a_wrong_parameter_is_named() {
    with_world(async |world| {
        let (status, problem) = world.get_json("/api/v1/calls?provder=openai").await;
        assert_eq!(
            (status, &problem["parameter"], &problem["value"]),
            (400, &json!("provder"), &json!("openai"))
        );
        assert!(problem["detail"].as_str().unwrap().contains("did you mean `provider`?"), "{problem}");
        assert_eq!(problem["type"], "urn:codepromptu:problem:invalid-input");

        let response = world.get("/api/v1/calls?status=4x").await;
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let response = world.request("DELETE", "/api/v1/calls", &[("host", "localhost")]).await;
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    });
}
