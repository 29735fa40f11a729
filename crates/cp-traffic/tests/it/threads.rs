//! Which call another one continues.

use cp_base::{CallId, ConversationId, Digest};
use cp_testkit::db_test;

use crate::world::World;

const CLIENT: Option<[u8; 16]> = Some([7; 16]);

async fn parent(world: &World, tips: &[Digest]) -> Option<CallId> {
    world.store.find_chain_parent(world.ours, CLIENT, tips).await.unwrap().map(|parent| parent.call)
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
        let found = world.store.find_chain_parent(world.ours, CLIENT, &[[2; 32]]).await.unwrap().unwrap();
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

    async fn another_client_continues_nothing(test: TestDb) {
        let world = World::new(&test).await;
        let anonymous = world.add(|call| {
            call.chain_tip = Some([1; 32]);
            call.summary.client_fingerprint = None;
        }).await;
        assert_eq!(parent(&world, &[[1; 32]]).await, None);
        let found = world.store.find_chain_parent(world.ours, None, &[[1; 32]]).await.unwrap();
        assert_eq!(found.map(|parent| parent.call), Some(anonymous));
    }
}
