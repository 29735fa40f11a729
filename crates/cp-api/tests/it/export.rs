use cp_client::ClientError;
use cp_wire::{CallDetail, CallQuery};

use crate::world::with_world;

/// More than the server reads from the store at a time.
const CALLS: usize = 230;

#[test]
fn an_export_holds_every_call_and_can_be_resumed_anywhere() {
    with_world(async |mut world| {
        let stored = world.store_some(CALLS).await;
        let client = world.client().await;
        let mut export = client.export(&CallQuery::default(), None).await.unwrap();
        assert_eq!(export.total_estimate, Some(230));
        let mut calls: Vec<CallDetail> = Vec::new();
        while let Some(line) = export.next_line().await.unwrap() {
            calls.push(serde_json::from_slice(&line).unwrap());
        }
        let ids = |calls: &[CallDetail]| calls.iter().map(|call| call.summary.id).collect::<Vec<_>>();
        assert_eq!(ids(&calls), stored.iter().map(|call| call.call).collect::<Vec<_>>());

        let mut rest = client.export(&CallQuery::default(), Some(calls[150].summary.cursor())).await.unwrap();
        let mut resumed = calls[..=150].to_vec();
        while let Some(line) = rest.next_line().await.unwrap() {
            resumed.push(serde_json::from_slice(&line).unwrap());
        }
        assert_eq!(resumed, calls);
    });
}

#[test]
fn an_export_that_fails_midway_breaks_off() {
    cp_testkit::run_on_sqlite(async |database: cp_testkit::TestDb| {
        let mut world = crate::world::World::new(&database).await;
        let stored = world.store_some(CALLS).await;
        let oldest = stored.last().unwrap().call.uuid().simple();
        let damage = format!("UPDATE call_contents SET document = x'00' WHERE call_id = x'{oldest}'");
        database.db.run_script(&damage).await.unwrap();
        let mut export = world.client().await.export(&CallQuery::default(), None).await.unwrap();
        let mut lines = 0;
        let error = loop {
            match export.next_line().await {
                Ok(Some(_)) => lines += 1,
                Ok(None) => panic!("a clean end after {lines} of {CALLS} calls"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, ClientError::BrokenOff { .. }), "{error}");
        assert!((100..CALLS).contains(&lines), "{lines}");
    });
}

#[test]
fn a_wrong_filter_is_refused_before_anything_is_sent() {
    with_world(async |mut world| {
        let query = CallQuery { since: Some("yesterday".to_owned()), ..CallQuery::default() };
        let error = world.client().await.export(&query, None).await.unwrap_err();
        assert!(
            matches!(&error, ClientError::Problem(problem) if problem.parameter.as_deref() == Some("since"))
        );
    });
}
