//! The live view.

use cp_testkit::db_test;
use cp_traffic::{LiveCalls, LiveEvent};

use crate::world::World;

db_test! {
    async fn watchers_see_their_project_and_learn_what_they_missed(test: TestDb) {
        let world = World::new(&test).await;
        let live = LiveCalls::new(4);
        let (first, second) = (world.opened(), world.opened());
        live.publish(world.ours, first.clone());
        let mut watcher = live.subscribe(world.ours);
        live.publish(world.theirs, first.clone());
        live.publish(world.ours, second.clone());
        assert_eq!(watcher.next().await, Some(LiveEvent::Call(second.clone().into())));

        for _ in 0..10 {
            live.publish(world.ours, first.clone());
        }
        assert_eq!(watcher.next().await, Some(LiveEvent::Lagged(6)));
        assert_eq!(watcher.next().await, Some(LiveEvent::Call(first.into())));
        drop(live);
        for _ in 0..3 {
            assert!(watcher.next().await.is_some());
        }
        assert_eq!(watcher.next().await, None);
    }
}
