//! What is old goes, what is held stays, and the file shrinks.

use cp_base::Timestamp;
use cp_testkit::{db_test, run_on_sqlite};
use cp_traffic::{CallFilter, Holds};

use crate::world::{World, message};

/// Deletes what was said before then, as the program does, and collects.
async fn expire_bodies(world: &World, before: Timestamp, holds: &Holds) -> u64 {
    let (mut after, mut calls) = (None, 0);
    loop {
        let step = world.store.expire_bodies(world.ours, before, holds, after).await.unwrap();
        calls += step.calls;
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    world.store.collect_garbage(world.ours).await.unwrap();
    calls
}

db_test! {
    async fn what_was_said_goes_and_what_the_young_share_stays(test: TestDb) {
        let world = World::new(&test).await;
        for number in 0..450 {
            world.add(|call| call.messages.input = vec![message("user", &format!("old {number}"))]).await;
        }
        let before = world.now();
        let young = world.said_by(&[], "young");
        world.store_finished(vec![young.clone()]).await;
        let mut theirs = world.finished();
        theirs.scope = world.theirs;
        world.store_finished(vec![theirs.clone()]).await;
        let later = Timestamp(world.now().0 + 1);

        assert_eq!(expire_bodies(&world, before, &Holds::default()).await, 450);
        assert_eq!(world.list(CallFilter::default()).await.len(), 451, "the columns stay");
        assert_eq!(world.count(&test.db, "bodies").await, 4 + 4, "the young call's and the other project's");
        let found = world.store.find_call(world.ours, young.summary.call).await.unwrap().unwrap();
        assert_eq!(found.document, Some(young.document));
        assert_eq!(expire_bodies(&world, before, &Holds::default()).await, 0);

        let mut after = None;
        loop {
            let step = world.store.expire_calls(world.ours, later, &Holds::default(), after).await.unwrap();
            after = step.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(world.count(&test.db, "calls").await, 1, "the other project's");
        assert!(world.store.find_call(world.theirs, theirs.summary.call).await.unwrap().unwrap().document.is_some());
    }

    async fn what_is_held_stays(test: TestDb) {
        let world = World::new(&test).await;
        let calls = [world.said_by(&["ann"], "a"), world.said_by(&["bob"], "b"), world.said_by(&[], "c")];
        world.store_finished(calls.to_vec()).await;
        let later = Timestamp(world.now().0 + 1);
        let project = Holds { project: true, ..Holds::default() };
        assert_eq!(expire_bodies(&world, later, &project).await, 0);
        let some = Holds {
            people: vec![world.person("ann")],
            calls: vec![calls[2].summary.call],
            ..Holds::default()
        };
        assert_eq!(expire_bodies(&world, later, &some).await, 1);
        for (call, is_held) in calls.iter().zip([true, false, true]) {
            let found = world.store.find_call(world.ours, call.summary.call).await.unwrap().unwrap();
            assert_eq!(found.document.is_some(), is_held);
        }
        assert_eq!(expire_bodies(&world, later, &Holds::default()).await, 2, "once nothing holds them");
        let held = async |user: &str, call| {
            world.store.holds_call_of(world.ours, world.person(user), &[call]).await.unwrap()
        };
        assert!(held("ann", calls[0].summary.call).await);
        assert!(!held("ann", calls[1].summary.call).await);
    }

    async fn a_body_that_is_needed_again_is_not_collected(test: TestDb) {
        let world = World::new(&test).await;
        world.store_finished(vec![world.said_by(&[], "again")]).await;
        let later = Timestamp(world.now().0 + 1);
        let step = world.store.expire_bodies(world.ours, later, &Holds::default(), None).await.unwrap();
        assert_eq!(step.calls, 1);
        // Between the mark and the collector somebody says the same.
        let again = world.said_by(&[], "again");
        world.store_finished(vec![again.clone()]).await;
        let collected = world.store.collect_garbage(world.ours).await.unwrap();
        assert_eq!(collected.bodies, 0);
        let found = world.store.find_call(world.ours, again.summary.call).await.unwrap().unwrap();
        assert_eq!(found.messages, again.messages);
    }
}

#[test]
fn the_file_shrinks_also_one_that_an_earlier_version_made() {
    for is_old in [false, true] {
        run_on_sqlite(async |test| {
            if is_old {
                test.db.run_script("PRAGMA auto_vacuum = NONE; VACUUM").await.unwrap();
            }
            let world = World::new(&test).await;
            let noise = |seed: u64| {
                let random = cp_base::Random::seeded(seed);
                (0..200).map(|_| format!("{:?}", random.bytes::<32>())).collect::<String>()
            };
            for number in 0..100 {
                world.add(|call| call.messages.input = vec![message("user", &noise(number))]).await;
            }
            assert!(world.store.release_space().await.unwrap());
            let size = || std::fs::metadata(&test.files()[0]).unwrap().len();
            let before = size();
            assert_eq!(expire_bodies(&world, Timestamp(world.now().0 + 1), &Holds::default()).await, 100);
            assert!(world.store.release_space().await.unwrap());
            assert!(size() < before / 3, "{} of {before} bytes are left", size());
        });
    }
}
