//! Scores: kept, found, replaced, deleted with whom they are about, sealed anew.

use std::time::Duration;

use cp_base::{CallId, DataKeys, ProjectScope, ScoreId, SealingKey};
use cp_testkit::db_test;
use cp_traffic::{
    Holds, Label, Score, ScoreFilter, ScoreSource, ScoreTarget, ScoreValue, StoreError, TrafficStore,
};
use serde_json::json;

use crate::world::World;

fn score(world: &World, name: &str, target: ScoreTarget) -> Score {
    let now = world.now();
    let Some(metadata) = json!({"why": {"deep": true}}).as_object().cloned() else { unreachable!() };
    Score {
        id: world.mint(),
        client_id: Some("theirs".to_owned()),
        name: name.to_owned(),
        value: ScoreValue::Numeric(0.25),
        target,
        source: ScoreSource::Eval,
        author: Some("key_1".to_owned()),
        author_name: "ci".to_owned(),
        comment: Some("said by ann".to_owned()),
        environment: Some("staging".to_owned()),
        metadata,
        created_at: now,
        updated_at: now,
    }
}

fn of_call(call: CallId) -> ScoreTarget {
    ScoreTarget { call: Some(call), ..ScoreTarget::default() }
}

fn of_trace(trace: &str) -> ScoreTarget {
    ScoreTarget { trace: Some(trace.to_owned()), ..ScoreTarget::default() }
}

fn of_session(session: &str) -> ScoreTarget {
    ScoreTarget { session: Some(session.to_owned()), ..ScoreTarget::default() }
}

async fn put(world: &World, db: &cp_db::Db, scope: ProjectScope, scores: &[Score]) -> Result<(), StoreError> {
    let mut tx = db.begin_write(scope).await.unwrap();
    world.store.put_scores(&mut tx, scope, scores).await?;
    tx.commit().await.unwrap();
    Ok(())
}

async fn find(world: &World, id: ScoreId) -> Option<Score> {
    world.store.find_score(world.ours, id).await.unwrap()
}

async fn ids(world: &World, filter: ScoreFilter) -> Vec<ScoreId> {
    let found = world.store.list_scores(world.ours, &filter, 0, 100).await.unwrap();
    let ids: Vec<_> = found.into_iter().map(|score| score.id).collect();
    assert_eq!(world.store.count_scores(world.ours, &filter, 100).await.unwrap(), ids.len() as u64);
    ids
}

db_test! {
    async fn a_score_is_found_as_it_was_given(test: TestDb) {
        let world = World::new(&test).await;
        let values = [
            ScoreValue::Numeric(-0.1),
            ScoreValue::Boolean(true),
            ScoreValue::Boolean(false),
            ScoreValue::Categorical("good".to_owned()),
            ScoreValue::Text("it is\0long".to_owned()),
        ];
        for value in values {
            let target = ScoreTarget {
                call: Some(world.mint()),
                prompt_version: Some(world.mint()),
                trace: Some("trace".to_owned()),
                session: Some("session".to_owned()),
                observation: Some("observation".to_owned()),
            };
            let given = Score { value, ..score(&world, "n", target) };
            put(&world, &test.db, world.ours, std::slice::from_ref(&given)).await.unwrap();
            assert_eq!(find(&world, given.id).await, Some(given.clone()));
            assert_eq!(world.store.find_score(world.theirs, given.id).await.unwrap(), None);
        }
    }

    async fn given_again_it_is_replaced_but_for_when_it_was_made(test: TestDb) {
        let world = World::new(&test).await;
        let first = score(&world, "n", of_trace("t"));
        put(&world, &test.db, world.ours, std::slice::from_ref(&first)).await.unwrap();
        world.clock.advance(Duration::from_secs(9));
        let again = Score { id: first.id, value: ScoreValue::Categorical("bad".to_owned()), ..score(&world, "m", of_session("s")) };
        put(&world, &test.db, world.ours, std::slice::from_ref(&again)).await.unwrap();
        assert_eq!(find(&world, first.id).await, Some(Score { created_at: first.created_at, ..again }));
        let by_trace = ScoreFilter { trace: Some("t".to_owned()), ..ScoreFilter::default() };
        assert_eq!(ids(&world, by_trace).await, []);
        // The same client's id is another score in another project, and the same one in this.
        let named = |scope| world.store.score_named(scope, "x").unwrap();
        assert_eq!(named(world.ours), named(world.ours));
        assert_ne!(named(world.ours), named(world.theirs));
    }

    async fn each_filter_narrows_and_a_call_has_those_of_its_trace_and_session(test: TestDb) {
        let world = World::new(&test).await;
        let key = world.store.hashing_key(world.ours).unwrap();
        let call = world.add(|call| {
            call.handles = vec![Label::Trace("T1".to_owned()).digest(&key), Label::Session("s1".to_owned()).digest(&key)];
        }).await;
        let version = world.mint();
        let mut all = Vec::new();
        for target in [of_call(call), of_trace("t1"), of_session("s1"), of_trace("t2"), of_call(world.mint()),
            ScoreTarget { prompt_version: Some(version), ..ScoreTarget::default() }] {
            world.clock.advance(Duration::from_secs(1));
            let name = format!("n{}", all.len());
            all.push(score(&world, &name, target));
        }
        all[3].source = ScoreSource::Annotation;
        all[4].value = ScoreValue::Boolean(true);
        put(&world, &test.db, world.ours, &all).await.unwrap();
        put(&world, &test.db, world.theirs, &[score(&world, "n0", of_call(call))]).await.unwrap();
        let none = ScoreFilter::default();
        let at = |index: usize| all[index].id;
        assert_eq!(ids(&world, none.clone()).await, [5, 4, 3, 2, 1, 0].map(at));
        assert_eq!(ids(&world, ScoreFilter { around: Some(call), ..none.clone() }).await, [2, 1, 0].map(at));
        assert_eq!(ids(&world, ScoreFilter { call: Some(call), ..none.clone() }).await, [0].map(at));
        assert_eq!(ids(&world, ScoreFilter { trace: Some("t2".to_owned()), ..none.clone() }).await, [3].map(at));
        assert_eq!(ids(&world, ScoreFilter { session: Some("s1".to_owned()), ..none.clone() }).await, [2].map(at));
        assert_eq!(ids(&world, ScoreFilter { prompt_version: Some(version), ..none.clone() }).await, [5].map(at));
        assert_eq!(ids(&world, ScoreFilter { name: Some("n1".to_owned()), ..none.clone() }).await, [1].map(at));
        assert_eq!(ids(&world, ScoreFilter { source: Some(ScoreSource::Annotation), ..none.clone() }).await, [3].map(at));
        assert_eq!(ids(&world, ScoreFilter { data_type: Some("boolean".to_owned()), ..none.clone() }).await, [4].map(at));
        let between = ScoreFilter { since: Some(all[1].created_at), until: Some(all[3].created_at), ..none.clone() };
        assert_eq!(ids(&world, between).await, [2, 1].map(at));
        let behind = ScoreFilter { after: Some((all[4].created_at, all[4].id)), ..none.clone() };
        assert_eq!(ids(&world, behind).await, [3, 2, 1, 0].map(at));
        let skipped = world.store.list_scores(world.ours, &none, 4, 1).await.unwrap();
        assert_eq!(skipped.iter().map(|score| score.id).collect::<Vec<_>>(), [at(1)]);
    }

    async fn what_is_thought_of_a_person_s_calls_goes_with_the_person(test: TestDb) {
        let world = World::new(&test).await;
        let key = world.store.hashing_key(world.ours).unwrap();
        let mut calls = Vec::new();
        for user in ["ann", "bob"] {
            let mut call = world.said_by(&[user], "hello");
            call.handles.push(Label::Trace(format!("trace of {user}")).digest(&key));
            call.handles.push(Label::Session(format!("session of {user}")).digest(&key));
            calls.push(call.summary.call);
            world.store_finished(vec![call]).await;
        }
        let mut of = Vec::new();
        for (user, call) in ["ann", "bob"].into_iter().zip(calls) {
            let targets = [of_call(call), of_trace(&format!("trace of {user}")), of_session(&format!("session of {user}"))];
            of.push(targets.map(|target| score(&world, "n", target)));
        }
        put(&world, &test.db, world.ours, &of.concat()).await.unwrap();
        let (person, until) = (world.person("ann"), world.now());
        let secrets = world.store.shred_person(world.ours, person, until).await.unwrap();
        let step = world.store.erase_step(world.ours, person, until, &secrets).await.unwrap();
        assert_eq!((step.calls, step.scores), (1, 3));
        let mut left = of[1].iter().map(|score| score.id).collect::<Vec<_>>();
        left.sort_unstable();
        let mut found = ids(&world, ScoreFilter::default()).await;
        found.sort_unstable();
        assert_eq!(found, left);
    }

    async fn what_is_too_old_goes_and_what_is_held_stays(test: TestDb) {
        let world = World::new(&test).await;
        let key = world.store.hashing_key(world.ours).unwrap();
        let mut call = world.said_by(&["ann"], "hello");
        call.handles.push(Label::Trace("hers".to_owned()).digest(&key));
        let hers = call.summary.call;
        world.store_finished(vec![call]).await;
        let held = world.mint();
        let old: Vec<_> = [of_call(hers), of_trace("hers"), of_call(held), of_trace("t"), of_call(world.mint())]
            .map(|target| score(&world, "n", target)).into();
        put(&world, &test.db, world.ours, &old).await.unwrap();
        world.clock.advance(Duration::from_secs(60));
        let before = world.now();
        let young = score(&world, "n", of_trace("t"));
        put(&world, &test.db, world.ours, std::slice::from_ref(&young)).await.unwrap();

        let all = Holds { project: true, ..Holds::default() };
        assert_eq!(world.store.expire_scores(world.ours, before, &all).await.unwrap(), 0);
        let some = Holds { people: vec![world.person("ann")], calls: vec![held], ..Holds::default() };
        assert_eq!(world.store.expire_scores(world.ours, before, &some).await.unwrap(), 2);
        for (index, stays) in [true, true, true, false, false].into_iter().enumerate() {
            assert_eq!(find(&world, old[index].id).await.is_some(), stays, "{index}");
        }
        assert_eq!(world.store.expire_scores(world.ours, before, &Holds::default()).await.unwrap(), 3);
        assert_eq!(ids(&world, ScoreFilter::default()).await, [young.id]);
    }

    async fn a_new_key_seals_scores_too_and_an_old_one_none_any_more(test: TestDb) {
        let world = World::new(&test).await;
        let scores: Vec<_> = (0..300).map(|number| score(&world, &format!("n{number}"), of_trace("t"))).collect();
        put(&world, &test.db, world.ours, &scores).await.unwrap();
        let old = world.keys.find(world.ours.project()).unwrap();
        let new = SealingKey::generate(&world.random);
        let mut tx = test.db.begin_write(world.ours).await.unwrap();
        TrafficStore::require_key(&mut tx, world.ours, new.id()).await.unwrap();
        tx.commit().await.unwrap();
        let refused = put(&world, &test.db, world.ours, &scores[..1]).await;
        assert!(matches!(refused, Err(StoreError::Stale)), "{refused:?}");

        let both = DataKeys::new(old.hashing().clone(), new.clone(), vec![old.sealing().clone()]);
        world.keys.put(world.ours.project(), both);
        let (mut place, mut changed) = (None, 0);
        loop {
            let step = world.store.reseal(world.ours, place.as_deref()).await.unwrap();
            changed += step.changed;
            place = step.next;
            if place.is_none() {
                break;
            }
        }
        assert_eq!((changed, world.store.count_sealed(world.ours).await.unwrap()), (300, 300));
        world.keys.put(world.ours.project(), DataKeys::new(old.hashing().clone(), new, Vec::new()));
        assert_eq!(find(&world, scores[299].id).await, Some(scores[299].clone()));
    }
}
