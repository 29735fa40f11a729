//! A new sealing key takes over while calls are stored.

use cp_base::{DataKeys, InstallationScope, KeyRing, SealingKey};
use cp_testkit::db_test;
use cp_traffic::{Batch, CallFilter, Resealed, StoreError, TrafficStore, Write};

use crate::world::World;

/// Gives our project a new sealing key, and returns its keys without the old one.
async fn begin(world: &World, db: &cp_db::Db) -> DataKeys {
    let old = world.keys.find(world.ours.project()).unwrap();
    let new = SealingKey::generate(&world.random);
    let mut tx = db.begin_write(InstallationScope::grant()).await.unwrap();
    TrafficStore::require_key(&mut tx, world.ours, new.id()).await.unwrap();
    tx.commit().await.unwrap();
    let both = DataKeys::new(old.hashing().clone(), new.clone(), vec![old.sealing().clone()]);
    world.keys.put(world.ours.project(), both);
    DataKeys::new(old.hashing().clone(), new, Vec::new())
}

async fn assert_readable(store: &TrafficStore, world: &World, calls: usize) {
    let (mut seen, mut after) = (0, None);
    loop {
        let page = store.list_details(world.ours, &CallFilter::default(), after, 100).await.unwrap();
        seen += page
            .calls
            .iter()
            .filter(|call| call.document.is_some() && call.messages.input.len() == 1)
            .count();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, calls);
}

db_test! {
    async fn everything_is_sealed_anew_while_calls_are_written(test: TestDb) {
        let world = World::new(&test).await;
        let theirs = world.add(|call| call.scope = world.theirs).await;
        for batch in 0..20 {
            let calls = (0..100).map(|number| {
                let users: &[&str] = if number % 3 == 0 { &["ann"] } else { &[] };
                world.said_by(users, &format!("{batch} {number}"))
            });
            world.store_finished(calls.collect()).await;
        }
        let only_old = KeyRing::default();
        only_old.put(world.ours.project(), (*world.keys.find(world.ours.project()).unwrap()).clone());
        let only_new = begin(&world, &test.db).await;
        let total = world.store.count_sealed(world.ours).await.unwrap();
        assert_eq!(total, 2_000 + 4_000 + 4, "documents, questions and answers, instructions and tools of two");

        let (mut place, mut changed, mut written) = (None, 0, 0);
        loop {
            let step = world.store.reseal(world.ours, place.as_deref()).await.unwrap();
            changed += step.changed;
            assert_eq!(step.unreadable, 0);
            // Killed before it could save its place, it does the piece again.
            let again = world.store.reseal(world.ours, place.as_deref()).await.unwrap();
            assert!(again.changed <= 256);
            changed += again.changed;
            world.store_finished(vec![world.said_by(&["ann"], &format!("meanwhile {written}"))]).await;
            written += 1;
            place = step.next;
            if place.is_none() {
                break;
            }
        }
        assert_eq!(changed, total);

        world.keys.put(world.ours.project(), only_new);
        assert_eq!(world.store.reseal(world.ours, None).await.unwrap().changed, 0);
        assert_readable(&world.store, &world, 2_000 + written).await;
        let old = TrafficStore::new(test.connect_again().await, only_old, world.random.clone());
        let newest = world.list(CallFilter::default()).await;
        for call in [newest[0].call, newest.last().unwrap().call] {
            assert!(matches!(old.find_call(world.ours, call).await, Err(StoreError::Unseal(_))));
        }
        let theirs = world.store.find_call(world.theirs, theirs).await.unwrap().unwrap();
        assert!(theirs.document.is_some(), "another project's key is another's");
    }

    async fn nothing_is_sealed_with_a_key_that_has_been_replaced(test: TestDb) {
        let world = World::new(&test).await;
        let late = TrafficStore::new(test.connect_again().await, {
            let ring = KeyRing::default();
            ring.put(world.ours.project(), (*world.keys.find(world.ours.project()).unwrap()).clone());
            ring
        }, world.random.clone());
        begin(&world, &test.db).await;
        let batch = || Batch { writes: vec![Write::Finished(Box::new(world.finished()))], cursor: None };
        let error = late.write_batch(batch()).await.unwrap_err();
        assert!(matches!(error, StoreError::Stale) && error.is_retryable(), "{error:?}");
        world.store.write_batch(batch()).await.unwrap();
        assert_eq!(world.list(CallFilter::default()).await.len(), 1);
    }

    async fn an_empty_project_is_done_at_once(test: TestDb) {
        let world = World::new(&test).await;
        begin(&world, &test.db).await;
        let documents = world.store.reseal(world.ours, None).await.unwrap();
        assert!(documents.next.is_some() && documents.changed == 0);
        let scores = world.store.reseal(world.ours, documents.next.as_deref()).await.unwrap();
        assert!(scores.next.is_some() && scores.changed == 0);
        let end = world.store.reseal(world.ours, scores.next.as_deref()).await.unwrap();
        assert_eq!(end, Resealed::default());
    }
}
