//! Whoever keeps house: erasures to their certificate, retention, a log of before a new master key.

use cp_base::{CallId, ErasureId, InstallationScope};
use cp_capture::LogKeys;
use cp_pipeline::{Keeper, KeeperParts};
use cp_store::{
    Erased, Erasure, ErasureCertificate, ErasureState, Found, RetentionPolicy, create_erasure, find_erasure,
    set_retention,
};
use cp_traffic::{CallFilter, Score, ScoreFilter, ScoreSource, ScoreTarget, ScoreValue};

use super::*;

fn keeper(world: &World, log: &Log) -> Keeper {
    Keeper::new(KeeperParts {
        db: world.test.db.clone(),
        traffic: world.traffic.clone(),
        log: log.clone(),
        clock: world.clock.clone(),
        master: world.master.clone(),
        ring: cp_base::KeyRing::default(),
        signing: world.signing.clone(),
        nudge: Arc::default(),
    })
}

async fn ask_for_erasure(world: &World, user: &str) -> ErasureId {
    let erasure = Erasure {
        scope: world.scope,
        id: world.ids.mint(),
        person: world.traffic.person(world.scope, user).unwrap(),
        requested_at: world.clock.now(),
        state: ErasureState::Erasing,
        found: Found::default(),
        erased: Erased::default(),
        secrets: Vec::new(),
        certificate: None,
    };
    let mut tx = world.test.db.begin_write(InstallationScope::grant()).await.unwrap();
    create_erasure(&mut tx, &erasure).await.unwrap();
    tx.commit().await.unwrap();
    erasure.id
}

async fn certificate(world: &World, erasure: ErasureId) -> Option<String> {
    let mut tx = world.test.db.begin_read(InstallationScope::grant()).await.unwrap();
    find_erasure(&mut tx, world.scope, erasure).await.unwrap().unwrap().certificate
}

/// A chat that names an end user.
async fn chat_of(world: &World, log: &Log, user: &str, said: &str) -> CallId {
    let request = json!({"model": "gpt-4o-mini", "messages": [super::user(said)], "user": user});
    let response = json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": said}}]});
    world.pass(log, request.to_string().as_bytes(), response.to_string().as_bytes()).await
}

db_test! {
    async fn an_erasure_waits_until_the_log_holds_nothing(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let stored = chat_of(&world, &log, "ann", "stored").await;
        let his = chat_of(&world, &log, "bob", "his").await;
        world.store_all(&log).await;
        // This one is in the log alone.
        let logged = chat_of(&world, &log, "ann", "in the log").await;
        let erasure = ask_for_erasure(&world, "ann").await;
        let mut keeper = keeper(&world, &log);
        assert!(keeper.keep().await.unwrap(), "it waits");
        assert_eq!(world.traffic.find_call(world.scope, stored).await.unwrap(), None);
        assert_eq!(certificate(&world, erasure).await, None, "the log is not read yet");
        world.store_all(&log).await;
        while keeper.keep().await.unwrap() {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.traffic.find_call(world.scope, logged).await.unwrap(), None, "it was dropped");
        assert!(world.call(his).await.document.is_some());
        let text = certificate(&world, erasure).await.unwrap();
        let read = ErasureCertificate::verify(&text, Some(world.signing.public())).unwrap().statement;
        assert_eq!((read.erased.calls, read.destroyed_keys.len()), (1, 1));
        assert_eq!(read.logs, [log.node().to_string()]);
        assert!(log.first_position() > Position(0), "what was in the log is gone");

        // She comes back, and is somebody new.
        world.clock.advance(Duration::from_secs(1));
        let later = chat_of(&world, &log, "ann", "again").await;
        world.store_all(&log).await;
        assert!(!keeper.keep().await.unwrap());
        assert!(world.call(later).await.document.is_some());
    }

    async fn what_is_too_old_goes(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let old = chat_of(&world, &log, "ann", "old").await;
        world.store_all(&log).await;
        world.clock.advance(Duration::from_secs(3 * 24 * 3600));
        let young = chat_of(&world, &log, "ann", "young").await;
        world.store_all(&log).await;
        let mut keeper = keeper(&world, &log);
        let policy = async |bodies_days, metadata_days| {
            let mut tx = world.test.db.begin_write(InstallationScope::grant()).await.unwrap();
            let policy = RetentionPolicy { bodies_days, metadata_days, scores_days: None };
            set_retention(&mut tx, world.scope, policy, world.clock.now()).await.unwrap();
            tx.commit().await.unwrap();
            world.clock.advance(Duration::from_secs(60));
        };
        policy(Some(2), Some(365)).await;
        keeper.keep().await.unwrap();
        assert_eq!(world.call(old).await.document, None);
        assert!(world.call(young).await.document.is_some());
        policy(Some(2), Some(2)).await;
        keeper.keep().await.unwrap();
        let left = world.traffic.list_calls(world.scope, &CallFilter::default(), None, 10).await.unwrap();
        assert_eq!(left.calls.iter().map(|call| call.call).collect::<Vec<_>>(), [young]);
    }

    async fn scores_go_by_an_age_of_their_own(test: TestDb) {
        let world = World::new(test).await;
        let log = world.open_log();
        let old = world.clock.now();
        let score = |name: &str, at| Score {
            id: world.ids.mint(),
            client_id: None,
            name: name.to_owned(),
            value: ScoreValue::Numeric(1.0),
            target: ScoreTarget { trace: Some("t".to_owned()), ..ScoreTarget::default() },
            source: ScoreSource::Api,
            author: None,
            author_name: String::new(),
            comment: None,
            environment: None,
            metadata: serde_json::Map::new(),
            created_at: at,
            updated_at: at,
        };
        world.clock.advance(Duration::from_secs(3 * 24 * 3600));
        let scores = [score("old", old), score("young", world.clock.now())];
        let mut tx = world.test.db.begin_write(world.scope).await.unwrap();
        world.traffic.put_scores(&mut tx, world.scope, &scores).await.unwrap();
        let policy = RetentionPolicy { scores_days: Some(2), ..RetentionPolicy::default() };
        set_retention(&mut tx, world.scope, policy, world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        keeper(&world, &log).keep().await.unwrap();
        let left = world.traffic.list_scores(world.scope, &ScoreFilter::default(), 0, 10).await.unwrap();
        assert_eq!(left.iter().map(|score| score.name.as_str()).collect::<Vec<_>>(), ["young"]);
    }

    async fn a_new_master_key_loses_nothing_that_is_in_the_log(test: TestDb) {
        let mut world = World::new(test).await;
        let log = world.open_log();
        let stored = world.chat(&log, &json!([user("hi")]), "hello").await;
        world.store_all(&log).await;
        let unread = world.chat(&log, &json!([user("hi"), assistant("hello"), user("on")]), "on").await;
        drop(log);

        let new = MasterKey::new([8; 32]);
        let random = Arc::new(Random::seeded(4));
        let genesis = Genesis { master: &world.master, ids: &world.ids, random: &random, clock: world.clock.as_ref() };
        cp_store::rewrap(&world.test.db, &genesis, &new, |_, _| {}).await.unwrap();
        let genesis = Genesis { master: &new, ..genesis };
        let registry = cp_store::bootstrap(&world.test.db, &genesis).await.unwrap();
        world.traffic = TrafficStore::new(world.test.db.clone(), registry.data_keys().clone(), random.clone());
        let keys = LogKeys { current: new.log_key().clone(), earlier: registry.earlier_log_keys().to_vec() };
        let config = LogConfig::new(world.dir.path().join("log"));
        let (log, _) = Log::open(config, keys, &world.ids, random, world.clock.clone(), &[CONSUMER]).unwrap();
        let after = world.chat(&log, &json!([user("new")]), "new").await;
        world.store_all(&log).await;
        for call in [stored, unread, after] {
            assert!(world.call(call).await.document.is_some());
        }
        let conversation = async |call| world.call(call).await.summary.conversation;
        assert_eq!(conversation(unread).await, conversation(stored).await);
    }
}
