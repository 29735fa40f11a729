use cp_base::{InstallationScope, OrgScope, Timestamp};
use cp_db::Tx;
use cp_store::{Actor, AuditEvent, BrokenChain, ChainCheck, ChainedEvent, EventFilter};
use cp_testkit::db_test;

use crate::world::World;

fn event(world: &World, at: i64, action: &str) -> AuditEvent {
    AuditEvent {
        v: 1,
        id: world.ids.mint(),
        sequence: 0,
        at: Timestamp(at),
        actor: Actor { id: Some("usr_1".to_owned()), name: "lead".to_owned() },
        via: "session".to_owned(),
        address: Some("192.0.2.1".to_owned()),
        action: action.to_owned(),
        target: "key_1".to_owned(),
        project: None,
        detail: Some("a \"quoted\" detail, ümlaut".to_owned()),
        before: None,
        after: None,
    }
}

async fn chain(tx: &mut Tx, scope: OrgScope) -> Vec<ChainedEvent> {
    cp_store::list_events(tx, scope, 0, 100).await.unwrap()
}

fn check(events: &[ChainedEvent]) -> Result<u64, BrokenChain> {
    let mut check = ChainCheck::default();
    events.iter().try_for_each(|event| check.follow(event))?;
    Ok(check.sequence())
}

db_test! {
    async fn every_organisation_has_a_chain_of_its_own(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let (ours, theirs) = (world.tenant(&mut tx, "ours").await, world.tenant(&mut tx, "theirs").await);
        for at in 0..5 {
            cp_store::record(&mut tx, ours.org.scope, event(&world, at, "a")).await.unwrap();
            cp_store::record(&mut tx, theirs.org.scope, event(&world, at, "b")).await.unwrap();
        }
        let events = chain(&mut tx, ours.org.scope).await;
        assert_eq!(check(&events), Ok(5));
        assert!(events.iter().all(|event| event.event.action == "a"));
        assert_eq!(check(&chain(&mut tx, theirs.org.scope).await), Ok(5));
        let (sequence, hash) = cp_store::find_head(&mut tx, ours.org.scope).await.unwrap();
        assert_eq!((sequence, cp_base::hex(&hash)), (5, events[4].hash.clone()));
    }

    async fn a_changed_missing_or_moved_event_is_named(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let ours = world.tenant(&mut tx, "ours").await;
        for at in 0..6 {
            cp_store::record(&mut tx, ours.org.scope, event(&world, at, "a")).await.unwrap();
        }
        let whole = chain(&mut tx, ours.org.scope).await;
        let mut changed = whole.clone();
        changed[3].event.target.push('x');
        assert_eq!(check(&changed), Err(BrokenChain::Altered { sequence: 4 }));
        let mut rehashed = whole.clone();
        rehashed[3].hash = "00".repeat(32);
        assert_eq!(check(&rehashed), Err(BrokenChain::Altered { sequence: 4 }));
        let mut missing = whole.clone();
        missing.remove(2);
        assert_eq!(check(&missing), Err(BrokenChain::Gap { expected: 3, found: 4 }));
        let mut swapped = whole.clone();
        swapped.swap(1, 2);
        assert_eq!(check(&swapped), Err(BrokenChain::Gap { expected: 2, found: 3 }));
    }

    async fn events_written_at_once_make_one_chain(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let ours = world.tenant(&mut tx, "ours").await.org.scope;
        tx.commit().await.unwrap();
        let mut writing = tokio::task::JoinSet::new();
        for at in 0..8 {
            let (db, event) = (world.test.connect_again().await, event(&world, at, "a"));
            writing.spawn(async move {
                let mut tx = db.begin_write(InstallationScope::grant()).await.unwrap();
                cp_store::record(&mut tx, ours, event).await.unwrap();
                tx.commit().await.unwrap();
            });
        }
        writing.join_all().await;
        let mut tx = world.tx().await;
        assert_eq!(check(&chain(&mut tx, ours).await), Ok(8));
    }

    async fn events_are_found_by_what_and_when(test: TestDb) {
        let world = World::new(test).await;
        let mut tx = world.tx().await;
        let ours = world.tenant(&mut tx, "ours").await.org.scope;
        for at in 0..6 {
            let action = if at % 2 == 0 { "even" } else { "odd" };
            cp_store::record(&mut tx, ours, event(&world, at, action)).await.unwrap();
        }
        let filter = EventFilter {
            since: Some(Timestamp(1)),
            until: Some(Timestamp(5)),
            action: Some("odd".to_owned()),
            actor: Some("usr_1".to_owned()),
            target: Some("key_1".to_owned()),
        };
        let found = cp_store::find_events(&mut tx, ours, &filter, None, 10).await.unwrap();
        let places: Vec<_> = found.iter().map(|event| event.event.sequence).collect();
        assert_eq!(places, [4, 2]);
        let found = cp_store::find_events(&mut tx, ours, &filter, Some(4), 10).await.unwrap();
        assert_eq!(found.len(), 1);
    }
}

#[test]
fn the_first_format_is_read_for_ever() {
    let lines = include_str!("audit_v1.jsonl").lines().map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(check(&lines.collect::<Vec<ChainedEvent>>()), Ok(2));
}
