//! What is written is there once, whatever is written again.

use std::collections::BTreeSet;

use cp_base::{InstallationScope, NodeId, Outcome};
use cp_testkit::db_test;
use cp_traffic::{Batch, CallFilter, LogCursor, RawBodies, StoreError, Write};

use crate::world::{World, message};

db_test! {
    async fn a_call_comes_back_whole(test: TestDb) {
        let world = World::new(&test).await;
        let mut call = world.finished();
        call.raw = Some(RawBodies { request: vec![0, 159, 146, 150], response: b"{}".repeat(500) });
        call.summary.request_model = Some("nul\0model".to_owned());
        call.summary.usage.as_mut().unwrap().cache_read_input_tokens = Some(0);
        world.store_finished(vec![call.clone()]).await;

        let found = world.store.find_call(world.ours, call.summary.call).await.unwrap().unwrap();
        call.summary.request_model = Some("nul\u{fffd}model".to_owned());
        assert_eq!(found.summary, call.summary);
        assert_eq!(found.document, Some(call.document));
        assert_eq!(found.messages, call.messages);
        assert_eq!(found.raw, call.raw);
    }

    async fn a_running_call_is_listed_and_then_ends(test: TestDb) {
        let world = World::new(&test).await;
        let opened = world.opened();
        world.write(vec![Write::Opened(world.ours, Box::new(opened.clone()))]).await;
        assert_eq!(world.list(CallFilter::default()).await, std::slice::from_ref(&opened));
        let running = world.store.find_call(world.ours, opened.call).await.unwrap().unwrap();
        assert_eq!((running.document, running.messages.input.len()), (None, 0));
        assert_eq!(world.store.status(world.ours).await.unwrap().running, 1);

        let call = world.ended(opened);
        world.store_finished(vec![call.clone()]).await;
        assert_eq!(world.list(CallFilter::default()).await, [call.summary]);
        let status = world.store.status(world.ours).await.unwrap();
        assert_eq!((status.calls, status.running), (1, 0));
    }

    async fn storing_a_stretch_of_the_log_again_changes_nothing(test: TestDb) {
        let world = World::new(&test).await;
        let (first, second, running) = (world.finished(), world.finished(), world.opened());
        let writes = vec![
            Write::Opened(world.ours, Box::new(world.opened())),
            Write::Restarted(world.node),
            Write::Opened(world.ours, Box::new(running.clone())),
            Write::Finished(Box::new(first.clone())),
            Write::Opened(world.ours, Box::new(first.summary.clone())),
            Write::Finished(Box::new(second.clone())),
            Write::Finished(Box::new(second.clone())),
        ];
        world.write(writes.clone()).await;
        let before = world.list(CallFilter::default()).await;
        assert_eq!(before.len(), 4);
        for end in 1..=writes.len() {
            world.write(writes[..end].to_vec()).await;
        }
        assert_eq!(world.list(CallFilter::default()).await, before);
        assert_eq!(world.outcome(running.call).await, None, "it began after the restart");

        // A second ending, with other contents, does not replace the first.
        let mut other = first.clone();
        other.summary.outcome = Some(Outcome::ClientCancelled);
        other.messages.output = vec![message("assistant", "Cusco.")];
        world.store_finished(vec![other]).await;
        let found = world.store.find_call(world.ours, first.summary.call).await.unwrap().unwrap();
        assert_eq!((found.summary, found.messages), (first.summary, first.messages));
    }

    async fn what_a_dead_process_left_open_is_lost(test: TestDb) {
        let world = World::new(&test).await;
        let (lost, after, ended) = (world.opened(), world.opened(), world.finished());
        let mut elsewhere = world.opened();
        elsewhere.node = world.mint();
        world.write(vec![
            Write::Opened(world.ours, Box::new(lost.clone())),
            Write::Opened(world.theirs, Box::new(world.opened())),
            Write::Opened(world.ours, Box::new(elsewhere.clone())),
            Write::Finished(Box::new(ended.clone())),
            Write::Restarted(world.node),
            Write::Opened(world.ours, Box::new(after.clone())),
        ]).await;
        assert_eq!(world.outcome(lost.call).await, Some(Outcome::Lost));
        assert_eq!(world.outcome(after.call).await, None);
        assert_eq!(world.outcome(elsewhere.call).await, None);
        assert_eq!(world.outcome(ended.summary.call).await, Some(Outcome::Completed));
        let theirs = world.store.list_calls(world.theirs, &CallFilter::default(), None, 10).await.unwrap();
        assert_eq!(theirs.calls[0].outcome, Some(Outcome::Lost), "a restart concerns every project");

        // An ending that turns up after all outweighs the guess.
        world.store_finished(vec![world.ended(lost.clone())]).await;
        assert_eq!(world.outcome(lost.call).await, Some(Outcome::Completed));
    }

    async fn the_cursor_moves_with_the_rows(test: TestDb) {
        let world = World::new(&test).await;
        assert_eq!(world.store.cursor(world.node, "store").await.unwrap(), None);
        let cursor = |from, position| Some(LogCursor { node: world.node, consumer: "store".to_owned(), from, position });
        for (from, position) in [(None, 10), (Some(10), 700), (Some(700), i64::MAX)] {
            let writes = vec![Write::Finished(Box::new(world.finished()))];
            world.store.write_batch(Batch { writes, cursor: cursor(from, position) }).await.unwrap();
            assert_eq!(world.store.cursor(world.node, "store").await.unwrap(), Some(position));
        }
        // Whoever believes that it stands elsewhere writes nothing.
        for from in [None, Some(700)] {
            let writes = vec![Write::Finished(Box::new(world.finished()))];
            let error = world.store.write_batch(Batch { writes, cursor: cursor(from, 800) }).await.unwrap_err();
            assert!(matches!(error, StoreError::CursorMoved) && error.is_retryable());
        }
        assert_eq!(world.list(CallFilter::default()).await.len(), 3);
        assert_eq!(world.store.cursor(world.node, "other").await.unwrap(), None);
        assert_eq!(world.store.cursor(world.mint::<cp_base::kind::Node>(), "store").await.unwrap(), None);
    }

    async fn a_batch_that_fails_leaves_nothing(test: TestDb) {
        let world = World::new(&test).await;
        // A check that nothing but the last statement of the transaction violates.
        let break_cursors = match test.db.engine() {
            cp_db::Engine::Sqlite => "CREATE TRIGGER broken BEFORE INSERT ON log_cursors
                                      BEGIN SELECT RAISE(ABORT, 'broken'); END",
            cp_db::Engine::Postgres => "ALTER TABLE log_cursors ADD CHECK (position < 0)",
        };
        test.db.run_script(break_cursors).await.unwrap();
        let cursor = LogCursor { node: world.node, consumer: "store".to_owned(), from: None, position: 1 };
        let cursor = Some(cursor);
        let writes = vec![Write::Finished(Box::new(world.finished()))];
        world.store.write_batch(Batch { writes, cursor }).await.unwrap_err();
        assert!(world.list(CallFilter::default()).await.is_empty());
    }

    async fn two_nodes_store_the_same_messages_at_once(test: TestDb) {
        let world = World::new(&test).await;
        let mut nodes = tokio::task::JoinSet::new();
        let mut expected = BTreeSet::new();
        for _ in 0..2 {
            let node: NodeId = world.mint();
            for batch in 0..8 {
                let calls: Vec<_> = (0..40).map(|number| {
                    let mut call = world.finished();
                    call.summary.node = node;
                    call.messages.input = (0..number % 9).map(|turn| message("user", &format!("{batch} {turn}"))).collect();
                    expected.insert(call.summary.call);
                    Write::Finished(Box::new(call))
                }).collect();
                let store = world.store.clone();
                nodes.spawn(async move {
                    let consumer = format!("store {batch}");
                    let cursor = Some(LogCursor { node, consumer, from: None, position: batch });
                    while let Err(error) = store.write_batch(Batch { writes: calls.clone(), cursor: cursor.clone() }).await {
                        assert!(error.is_retryable(), "{error:?}");
                    }
                });
            }
        }
        while let Some(node) = nodes.join_next().await {
            node.unwrap();
        }
        let mut stored = BTreeSet::new();
        let mut after = None;
        loop {
            let page = world.store.list_details(world.ours, &CallFilter::default(), after, 100).await.unwrap();
            stored.extend(page.calls.iter().map(|call| call.summary.call));
            after = page.next;
            if after.is_none() { break }
        }
        assert_eq!(stored, expected);
    }

    async fn a_resent_conversation_is_stored_once(test: TestDb) {
        let world = World::new(&test).await;
        let mut turns = Vec::new();
        for turn in 0..20 {
            turns.push(message("user", &format!("turn {turn}: {}", "a long question ".repeat(50))));
            let mut call = world.finished();
            call.messages.input.clone_from(&turns);
            call.messages.output = vec![message("assistant", &format!("answer {turn}"))];
            turns.extend(call.messages.output.clone());
            world.store_finished(vec![call]).await;
        }
        let mut tx = test.db.begin_read(InstallationScope::grant()).await.unwrap();
        const COUNT: cp_db::Statement =
            cp_db::Statement::new("COUNT", "SELECT CAST(COUNT(*) AS BIGINT) AS bodies FROM bodies");
        let row = tx.fetch_optional(COUNT, vec![]).await.unwrap().unwrap();
        // 20 questions, 20 answers, the instructions, the tools.
        assert_eq!(row.get::<i64>("bodies").unwrap(), 42);
        let newest = world.list(CallFilter::default()).await[0].call;
        assert_eq!(world.store.find_call(world.ours, newest).await.unwrap().unwrap().messages.input.len(), 39);
    }

    async fn the_probe_writes_and_reads(test: TestDb) {
        let world = World::new(&test).await;
        world.store.probe().await.unwrap();
        world.store.probe().await.unwrap();
        test.db.run_script("DROP TABLE store_probe").await.unwrap();
        world.store.probe().await.unwrap_err();
    }
}
