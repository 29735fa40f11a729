//! Which call another one continues.

use cp_base::{CallId, ConversationId, Digest};
use cp_testkit::db_test;

use crate::world::World;

const CLIENT: Option<[u8; 16]> = Some([7; 16]);

async fn parent(world: &World, tips: &[Digest]) -> Option<CallId> {
    let now = world.opened().call;
    let found = world.store.find_chain_parent(world.ours, CLIENT, tips, now).await.unwrap();
    found.map(|parent| parent.call)
}

db_test! {
    async fn the_longest_chain_wins(test: TestDb) {
        let world = World::new(&test).await;
        let conversation: ConversationId = world.mint();
        let long = world.add(|call| {
            call.chain_tip = Some([2; 32]);
            call.summary.conversation = Some(conversation);
        }).await;
        world.add(|call| call.chain_tip = Some([1; 32])).await;
        assert_eq!(parent(&world, &[[3; 32], [2; 32], [1; 32]]).await, Some(long));
        assert_eq!(parent(&world, &[[3; 32]]).await, None);
        assert_eq!(parent(&world, &[]).await, None);
        let found = world.store.find_chain_parent(world.ours, CLIENT, &[[2; 32]], world.opened().call).await.unwrap().unwrap();
        assert_eq!(found.conversation, Some(conversation));
    }

    async fn alike_beginnings_are_continued_one_by_one(test: TestDb) {
        let world = World::new(&test).await;
        let mut alike = Vec::new();
        for _ in 0..3 {
            alike.push(world.add(|call| call.chain_tip = Some([1; 32])).await);
        }
        for expected in [alike[2], alike[1], alike[0], alike[2]] {
            assert_eq!(parent(&world, &[[1; 32]]).await, Some(expected));
            world.add(|call| call.parent = Some(expected)).await;
        }
    }

    async fn a_call_continues_only_what_began_before_it(test: TestDb) {
        let world = World::new(&test).await;
        let tipped = async || world.add(|call| call.chain_tip = Some([1; 32])).await;
        let (first, second) = (tipped().await, tipped().await);
        let before = async |call| {
            world.store.find_chain_parent(world.ours, CLIENT, &[[1; 32]], call).await.unwrap().map(|parent| parent.call)
        };
        assert_eq!(before(second).await, Some(first));
        assert_eq!(before(first).await, None);
    }

    async fn another_client_continues_nothing(test: TestDb) {
        let world = World::new(&test).await;
        let anonymous = world.add(|call| {
            call.chain_tip = Some([1; 32]);
            call.summary.client_fingerprint = None;
        }).await;
        assert_eq!(parent(&world, &[[1; 32]]).await, None);
        let found = world.store.find_chain_parent(world.ours, None, &[[1; 32]], world.opened().call).await.unwrap();
        assert_eq!(found.map(|parent| parent.call), Some(anonymous));
    }

    async fn the_latest_call_of_a_name_before_another_is_found(test: TestDb) {
        let world = World::new(&test).await;
        let first = world.add(|call| call.handles = vec![[1; 32], [2; 32]]).await;
        let second = world.add(|call| call.handles = vec![[1; 32]]).await;
        let third = world.add(|_| {}).await;
        let named = async |scope, handle, before| {
            world.store.find_named(scope, handle, before).await.unwrap().map(|parent| parent.call)
        };
        assert_eq!(named(world.ours, [1; 32], third).await, Some(second));
        assert_eq!(named(world.ours, [1; 32], second).await, Some(first));
        assert_eq!(named(world.ours, [1; 32], first).await, None);
        assert_eq!(named(world.ours, [2; 32], third).await, Some(first));
        assert_eq!(named(world.theirs, [1; 32], third).await, None);
    }
}
