use serde_json::json;

use crate::world::{World, body, with_world};

#[test]
fn ready_means_that_the_store_answers_and_the_log_writes() {
    with_world(async |world| {
        assert_eq!(world.get_json("/readyz").await, (200, json!({ "status": "ready" })));
        *world.log_error.lock().unwrap() = Some("no space left".to_owned());
        let (status, problem) = world.get_json("/readyz").await;
        assert_eq!((status, &problem["title"]), (503, &json!("Unavailable")));
        assert_eq!(problem["failing"], json!([{ "part": "capture_log", "detail": "no space left" }]));
        assert_eq!(world.get("/healthz").await.status(), 200);
    });
}

#[test]
fn a_store_that_is_down_is_named() {
    cp_testkit::run_on_sqlite(async |database: cp_testkit::TestDb| {
        let world = World::new(&database).await;
        database.db.close().await;
        let (status, problem) = world.get_json("/readyz").await;
        assert_eq!((status, &problem["failing"][0]["part"]), (503, &json!("store")));
        let (status, state) = world.get_json("/api/v1/status").await;
        assert_eq!((status, &state["store"]["calls"]), (200, &json!(null)), "unknown is not none");
        assert!(state["store"]["last_error"].as_str().unwrap().contains("not available"), "{state}");
        assert_eq!(state["providers"][0]["name"], "openai", "what is known is told");
        let (status, problem) = world.get_json("/api/v1/calls").await;
        assert_eq!((status, &problem["type"]), (503, &json!("urn:codepromptu:problem:unavailable")));
    });
}

#[test]
fn the_status_says_what_is_stored_and_served() {
    with_world(async |mut world| {
        world.store_some(3).await;
        let status = world.client().await.get_status().await.unwrap();
        assert_eq!((status.version.as_str(), status.store.calls), ("1.2.3", Some(3)));
        assert_eq!(status.store.latest_call_at.unwrap().to_string(), "2026-01-01T00:00:02.000000Z");
        assert_eq!(status.providers[0].name, "openai");
    });
}

#[test]
fn metrics_are_prometheus_text() {
    with_world(async |world| {
        let response = world.get("/metrics").await;
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        body(response).await;
    });
}
