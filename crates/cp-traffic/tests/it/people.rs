//! What people said is theirs alone, and can be erased alone.

use std::sync::Arc;

use cp_base::{CallId, Digest, Timestamp};
use cp_db::{Db, Durability};
use cp_testkit::{TestDb, db_test, run_on_sqlite};
use cp_traffic::{
    BatchRef, CallDetail, CallFilter, Erased, RawBodies, SUBJECT_KEY_MIGRATIONS, TrafficStore, Write,
};

use crate::world::{World, message};

async fn find(world: &World, call: CallId) -> Option<CallDetail> {
    world.store.find_call(world.ours, call).await.unwrap()
}

/// Erases a person's calls of until now, as the program does.
async fn erase(world: &World, user: &str) -> Erased {
    erase_until(world, world.person(user), world.now()).await
}

async fn erase_until(world: &World, person: Digest, until: Timestamp) -> Erased {
    let secrets = world.store.shred_person(world.ours, person, until).await.unwrap();
    let mut erased = Erased::default();
    loop {
        let step = world.store.erase_step(world.ours, person, until, &secrets).await.unwrap();
        if step.is_nothing() {
            break;
        }
        erased = erased.and(step);
    }
    world.store.collect_garbage(world.ours).await.unwrap();
    erased
}

db_test! {
    async fn people_share_nothing_and_a_person_stores_a_message_once(test: TestDb) {
        let world = World::new(&test).await;
        let mut stored = Vec::new();
        for users in [&["ann"][..], &["bob"], &["ann", "bob"], &["bob", "ann"], &[]] {
            for _ in 0..2 {
                let call = world.said_by(users, "the same");
                stored.push(call.clone());
                world.store_finished(vec![call]).await;
            }
        }
        // Question, answer, instructions and tools: of each person, of the two together, and of nobody.
        assert_eq!(world.count(&test.db, "bodies").await, 4 * 4);
        for call in stored {
            let found = find(&world, call.summary.call).await.unwrap();
            assert_eq!((found.messages, found.document), (call.messages, Some(call.document)));
        }
        let same = CallFilter { text: Some("answer to the SAME".to_owned()), ..CallFilter::default() };
        assert_eq!(world.list(same).await.len(), 10);
    }

    async fn one_is_erased_and_the_others_stay_whole(test: TestDb) {
        let world = World::new(&test).await;
        let (mut ann, mut others) = (Vec::new(), Vec::new());
        for turn in 0..130 {
            for users in [&["ann"][..], &["bob"], &["ann", "cid"], &[]] {
                let call = world.said_by(users, &format!("turn {}", turn % 7));
                let of = if users.contains(&"ann") { &mut ann } else { &mut others };
                of.push(call.summary.call);
                world.store_finished(vec![call]).await;
            }
        }
        let counts = world.store.count_person(world.ours, world.person("ann")).await.unwrap();
        assert_eq!((counts.calls, counts.documents, counts.sealed_apart), (260, 260, 260));
        let erased = erase(&world, "ann").await;
        // Ann's label on each call, and that of the other on half of them.
        assert_eq!((erased.calls, erased.unnamed, erased.handles), (260, 0, 390));
        // Seven questions and answers, instructions and tools: hers, and hers with the other.
        assert_eq!(erased.bodies, 2 * 16);
        for call in ann {
            assert_eq!(find(&world, call).await, None);
        }
        for call in others {
            let found = find(&world, call).await.unwrap();
            assert!(found.document.is_some() && found.messages.output.len() == 1, "{found:?}");
        }
        assert_eq!(world.count(&test.db, "bodies").await, 2 * 16);
        assert_eq!(world.store.count_person(world.ours, world.person("ann")).await.unwrap().calls, 0);
        assert_eq!(world.store.count_person(world.ours, world.person("bob")).await.unwrap().calls, 130);
        assert!(world.store.release_space().await.unwrap());
    }

    async fn a_log_that_is_read_again_brings_nothing_back(test: TestDb) {
        let world = World::new(&test).await;
        let (running, call) = (world.opened(), world.said_by(&["ann"], "hello"));
        let opened = Write::Opened(world.ours, Box::new(running.clone()));
        let log = vec![
            Write::Opened(world.ours, Box::new(call.summary.clone())),
            opened,
            Write::Finished(Box::new(call.clone())),
        ];
        world.write(log.clone()).await;
        let until = world.now();
        assert_eq!(erase_until(&world, world.person("ann"), until).await.calls, 1);
        world.write(log).await;
        assert_eq!(find(&world, call.summary.call).await, None);
        assert_eq!(world.count(&test.db, "calls").await, 1, "the one that runs, of nobody knows whom");
        // It turns out to be hers.
        let mut ended = world.ended(running.clone());
        ended.users = vec![world.person("ann")];
        world.store_finished(vec![ended]).await;
        assert_eq!(world.count(&test.db, "calls").await, 0);
        assert_eq!(world.count(&test.db, "bodies").await, 0);

        // What she says from then on is stored, and is not the old.
        world.clock.advance(std::time::Duration::from_secs(1));
        let later = world.said_by(&["ann"], "hello");
        world.store_finished(vec![later.clone(), call]).await;
        assert_eq!(find(&world, later.summary.call).await.unwrap().messages, later.messages);
        assert_eq!(world.count(&test.db, "calls").await, 1);
        // An erasure that is taken up again after a crash leaves it alone.
        assert!(erase_until(&world, world.person("ann"), until).await.is_nothing());
        assert_eq!(world.count(&test.db, "calls").await, 1);
    }

    async fn a_conversation_goes_with_its_calls_that_name_nobody(test: TestDb) {
        let world = World::new(&test).await;
        let conversation = world.mint();
        let mut calls = Vec::new();
        for users in [&[][..], &["ann"], &["bob"]] {
            let mut call = world.said_by(users, "hello");
            call.summary.conversation = Some(conversation);
            calls.push(call);
        }
        let elsewhere = world.said_by(&[], "hello");
        calls.push(elsewhere.clone());
        world.store_finished(calls.clone()).await;
        let erased = erase(&world, "ann").await;
        assert_eq!((erased.calls, erased.unnamed), (2, 1));
        world.store_finished(calls.clone()).await;
        assert_eq!(find(&world, calls[0].summary.call).await, None);
        assert!(find(&world, calls[2].summary.call).await.unwrap().document.is_some());
        let found = find(&world, elsewhere.summary.call).await.unwrap();
        assert_eq!(found.messages, elsewhere.messages, "its bodies were those of the call that went");
    }

    async fn an_exchange_that_carried_many_loses_its_raw_bodies(test: TestDb) {
        let world = World::new(&test).await;
        let mut carriers = [world.finished(), world.finished()];
        for (number, carrier) in carriers.iter_mut().enumerate() {
            let said = format!("everybody's {number}").into_bytes();
            carrier.raw = Some(RawBodies { request: said.clone(), response: said });
        }
        let [sent, fetched] = carriers.each_ref().map(|carrier| carrier.summary.call);
        let carried = ["ann", "bob"].map(|user| {
            let mut call = world.said_by(&[user], "hello");
            let batch = BatchRef {
                batch_id: None, custom_id: user.to_owned(), sent_by: Some(sent), fetched_by: fetched,
            };
            call.document.batch = Some(batch);
            call
        });
        let log: Vec<_> = carriers.clone().into_iter().chain(carried.clone()).collect();
        world.store_finished(log.clone()).await;
        let erased = erase(&world, "ann").await;
        assert_eq!((erased.calls, erased.stripped), (1, 2));
        for _ in 0..2 {
            for call in [sent, fetched] {
                let found = find(&world, call).await.unwrap();
                assert_eq!(found.raw, None);
                assert_eq!(found.messages.input.len(), 1);
            }
            assert_eq!(find(&world, carried[1].summary.call).await.unwrap().messages, carried[1].messages);
            let bodies = world.count(&test.db, "bodies").await;
            assert_eq!(bodies, 4 + 4, "what the carriers say beside, and what the other one says");
            world.store_finished(log.clone()).await;
        }
    }

    async fn what_was_stored_before_people_had_secrets_goes_where_nobody_shares_it(test: TestDb) {
        let world = World::new(&test).await;
        let legacy = |users: &[&str], question: &str| {
            let mut call = world.said_by(users, question);
            call.users = Vec::new();
            call
        };
        let hers = [legacy(&["ann"], "shared"), legacy(&["ann"], "hers alone")];
        let his = legacy(&["bob"], "shared");
        world.store_finished([hers.to_vec(), vec![his.clone()]].concat()).await;
        let counts = world.store.count_person(world.ours, world.person("ann")).await.unwrap();
        assert_eq!((counts.documents, counts.sealed_apart), (2, 0));
        assert_eq!(erase(&world, "ann").await.calls, 2);
        assert_eq!(find(&world, his.summary.call).await.unwrap().messages, his.messages);
        assert_eq!(world.count(&test.db, "bodies").await, 4);
    }

    async fn people_of_two_projects_have_nothing_in_common(test: TestDb) {
        let world = World::new(&test).await;
        let ours = world.said_by(&["ann"], "hello");
        let mut theirs = world.said_by(&["ann"], "hello");
        theirs.scope = world.theirs;
        theirs.users = vec![world.store.person(world.theirs, "ann").unwrap()];
        theirs.handles.clone_from(&theirs.users);
        world.store_finished(vec![ours, theirs.clone()]).await;
        assert_eq!(erase(&world, "ann").await.calls, 1);
        let found = world.store.find_call(world.theirs, theirs.summary.call).await.unwrap().unwrap();
        assert_eq!(found.messages, theirs.messages);
    }

    async fn a_write_that_was_planned_before_an_erasure_is_planned_again(test: TestDb) {
        let world = World::new(&test).await;
        // Another node, with a memory of its own.
        let other = TrafficStore::new(test.connect_again().await, world.keys.clone(), world.random.clone());
        let call = world.said_by(&["ann"], "hello");
        world.store_finished(vec![call.clone()]).await;
        let batch = |call| cp_traffic::Batch { writes: vec![Write::Finished(Box::new(call))], cursor: None };
        other.write_batch(batch(call.clone())).await.unwrap();
        erase(&world, "ann").await;
        // It still remembers her secret, and finds that it lives in another epoch.
        other.write_batch(batch(call)).await.unwrap();
        assert_eq!(world.count(&test.db, "calls").await, 0);
    }
}

/// Copies a database that nobody writes to.
async fn copy(test: &TestDb, to: &std::path::Path) -> Db {
    assert!(test.db.release_space(&[]).await.unwrap(), "its write-ahead log is empty");
    std::fs::copy(&test.files()[0], to).unwrap();
    Db::connect(to.to_str().unwrap(), Durability::Process).await.unwrap()
}

#[test]
fn a_backup_of_before_does_not_open_after() {
    run_on_sqlite(async |test| {
        let world = World::new(&test).await;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secrets.db");
        let secrets = Db::connect(file.to_str().unwrap(), Durability::Power).await.unwrap();
        secrets.migrate(&[SUBJECT_KEY_MIGRATIONS], world.now()).await.unwrap();
        let (keys, random) = (world.keys.clone(), Arc::clone(&world.random));
        let with_secrets =
            |db| TrafficStore::new(db, keys.clone(), random.clone()).with_secrets_in(secrets.clone());
        let calls = ["ann", "bob"].map(|user| world.said_by(&[user], "hello"));
        let store = with_secrets(test.db.clone());
        let writes = calls.iter().cloned().map(|call| Write::Finished(Box::new(call))).collect();
        store.write_batch(cp_traffic::Batch { writes, cursor: None }).await.unwrap();

        let backup = with_secrets(copy(&test, &dir.path().join("backup.db")).await);
        let [ann, bob] = calls.map(|call| call.summary.call);
        let messages = async |store: &TrafficStore, call| {
            store.find_call(world.ours, call).await.unwrap().map(|call| call.messages.input)
        };
        assert_eq!(messages(&backup, ann).await, Some(vec![message("user", "hello")]));
        let person = store.person(world.ours, "ann").unwrap();
        let until = world.now();
        let destroyed = store.shred_person(world.ours, person, until).await.unwrap();
        assert_eq!(destroyed.len(), 1);
        while !store.erase_step(world.ours, person, until, &destroyed).await.unwrap().is_nothing() {}
        assert!(store.release_space().await.unwrap());

        // The backup as somebody finds it who has every key that there is now, and remembers nothing.
        let backup = with_secrets(
            Db::connect(dir.path().join("backup.db").to_str().unwrap(), Durability::Process).await.unwrap(),
        );
        assert_eq!(messages(&store, ann).await, None);
        assert_eq!(messages(&backup, ann).await, Some(Vec::new()));
        assert_eq!(messages(&backup, bob).await, Some(vec![message("user", "hello")]));
    });
}
