use cp_client::TailEvent;
use cp_wire::CallQuery;

use crate::world::with_world;

#[test]
fn calls_come_as_they_are_published_filtered_until_the_node_stops() {
    with_world(async |mut world| {
        let client = world.client().await;
        let query = CallQuery { status: Some("5xx".to_owned()), ..CallQuery::default() };
        let mut tail = client.tail(&query).await.unwrap();
        let (good, mut bad) = (world.call().summary, world.call().summary);
        bad.status = Some(500);
        world.live.publish(world.scope, good);
        world.live.publish(world.scope, bad.clone());
        let Some(TailEvent::Call(call)) = tail.next().await.unwrap() else { panic!("no call") };
        assert_eq!(call.id, bad.call);
        world.app.stop_tails();
        assert_eq!(tail.next().await.unwrap(), None);
    });
}

#[test]
fn a_reader_that_is_too_slow_is_told_how_much_it_missed() {
    with_world(async |world| {
        // The response's body is read only after more calls than the live view holds.
        let response = world.get("/api/v1/calls/tail").await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        for _ in 0..20 {
            world.live.publish(world.scope, world.call().summary);
        }
        let mut body = response.into_body().into_data_stream();
        let first = futures_util::StreamExt::next(&mut body).await.unwrap().unwrap();
        assert_eq!(str::from_utf8(&first).unwrap(), "event: lagged\ndata: {\"missed\":12}\n\n");
    });
}

#[test]
fn text_is_not_available_live() {
    with_world(async |world| {
        let (status, problem) = world.get_json("/api/v1/calls/tail?text=x").await;
        assert_eq!((status, problem["parameter"].as_str()), (400, Some("text")));
    });
}
