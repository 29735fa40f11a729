//! Calls that clients tell of, in pieces, on several nodes.

use cp_base::CallSource;
use cp_testkit::db_test;
use cp_traffic::{Batch, FinishedCall, StoreError, TrafficStore, Write};

use crate::world::{World, message};

fn told(world: &World, users: &[&str], answer: &str) -> FinishedCall {
    let mut call = world.said_by(users, "asked");
    call.summary.source = CallSource::Ingestion;
    call.messages.output = vec![message("assistant", answer)];
    call
}

async fn write(store: &TrafficStore, write: Write) -> Result<(), StoreError> {
    store.write_batch(Batch { writes: vec![write], cursor: None }).await
}

db_test! {
    async fn what_is_told_later_takes_the_place_of_what_is_stored(test: TestDb) {
        let world = World::new(&test).await;
        let first = told(&world, &["ann"], "one");
        let id = first.summary.call;
        let (none, stored) = world.store.find_told(world.ours, id).await.unwrap();
        assert_eq!(stored, None);
        write(&world.store, Write::Told(Box::new(first.clone()), none)).await.unwrap();
        let (seen, stored) = world.store.find_told(world.ours, id).await.unwrap();
        assert_eq!(stored, Some(first.clone()));

        let mut second = stored.unwrap();
        second.messages.output = vec![message("assistant", "two")];
        write(&world.store, Write::Told(Box::new(second.clone()), seen)).await.unwrap();
        assert_eq!(world.store.find_told(world.ours, id).await.unwrap().1, Some(second));
        assert_eq!(world.count(&test.db, "calls").await, 1);
        let bodies = world.count(&test.db, "bodies").await;
        world.store.collect_garbage(world.ours).await.unwrap();
        assert_eq!(world.count(&test.db, "bodies").await, bodies - 1, "the first answer, and nothing else");
        let found = world.store.find_call(world.ours, id).await.unwrap().unwrap();
        assert_eq!(found.messages.output, [message("assistant", "two")]);
    }

    async fn nothing_that_another_node_was_told_meanwhile_is_lost(test: TestDb) {
        let world = World::new(&test).await;
        let other = TrafficStore::new(test.connect_again().await, world.keys.clone(), world.random.clone());
        let first = told(&world, &[], "one");
        let id = first.summary.call;
        let (none, _) = world.store.find_told(world.ours, id).await.unwrap();
        write(&other, Write::Told(Box::new(first.clone()), none)).await.unwrap();
        // It was new when this node looked, and is not any more.
        let refused = write(&world.store, Write::Told(Box::new(first.clone()), none)).await;
        assert!(matches!(refused, Err(StoreError::Stale)), "{refused:?}");
        let (seen, _) = world.store.find_told(world.ours, id).await.unwrap();
        write(&other, Write::Told(Box::new(first.clone()), seen)).await.unwrap();
        let refused = write(&world.store, Write::Told(Box::new(first.clone()), seen)).await;
        assert!(matches!(refused, Err(StoreError::Stale)), "{refused:?}");
        let (seen, _) = world.store.find_told(world.ours, id).await.unwrap();
        write(&world.store, Write::Told(Box::new(first), seen)).await.unwrap();
    }

    async fn other_projects_calls_stay(test: TestDb) {
        let world = World::new(&test).await;
        let ours = told(&world, &[], "one");
        let mut theirs = ours.clone();
        theirs.scope = world.theirs;
        for call in [&ours, &theirs] {
            let (seen, stored) = world.store.find_told(call.scope, call.summary.call).await.unwrap();
            assert_eq!(stored, None);
            write(&world.store, Write::Told(Box::new(call.clone()), seen)).await.unwrap();
        }
        let (seen, _) = world.store.find_told(world.ours, ours.summary.call).await.unwrap();
        write(&world.store, Write::Told(Box::new(ours.clone()), seen)).await.unwrap();
        let left = world.store.find_told(world.theirs, ours.summary.call).await.unwrap().1.unwrap();
        assert_eq!(left.messages, theirs.messages);
    }
}
