//! Data keys over time, and their wrapping under another master key.

use std::sync::Arc;

use cp_base::{
    Clock, DataKey, IdGenerator, InstallationScope, KeyRing, MasterKey, ProjectId, ProjectScope, Random,
    SealingKey,
};
use cp_db::{Db, Migrations, args};
use cp_store::{
    Genesis, MIGRATIONS, RegistryError, Rewrapped, begin_rotation, bootstrap, find_rotation, finish_rotation,
    list_data_keys, move_rotation, refresh_keys, rewrap,
};
use cp_testkit::{FakeClock, db_test};

struct Keys {
    clock: Arc<FakeClock>,
    random: Arc<Random>,
    ids: IdGenerator,
}

impl Keys {
    fn new() -> Self {
        let (clock, random) = (Arc::new(FakeClock::default()), Arc::new(Random::seeded(7)));
        let ids = IdGenerator::new(Arc::<FakeClock>::clone(&clock), Arc::clone(&random));
        Self { clock, random, ids }
    }

    fn genesis<'a>(&'a self, master: &'a MasterKey) -> Genesis<'a> {
        Genesis { master, ids: &self.ids, random: &self.random, clock: &*self.clock }
    }
}

fn sealed(ring: &KeyRing, project: ProjectId) -> Vec<u8> {
    ring.find(project).unwrap().sealing().seal(&Random::seeded(9), b"here", b"body")
}

fn opens(ring: &KeyRing, project: ProjectId, sealed: &[u8]) -> bool {
    ring.find(project).unwrap().open(b"here", sealed).is_ok_and(|body| body == b"body")
}

/// Rotates our project's key to the end, as if nothing were sealed.
async fn rotate(keys: &Keys, db: &Db, master: &MasterKey, scope: ProjectScope) {
    let mut tx = db.begin_write(InstallationScope::grant()).await.unwrap();
    begin_rotation(&mut tx, &keys.genesis(master), scope).await.unwrap();
    finish_rotation(&mut tx, scope, keys.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

db_test! {
    async fn a_rotation_is_taken_up_where_it_was_left(test: TestDb) {
        let (keys, master) = (Keys::new(), MasterKey::new([1; 32]));
        test.db.migrate(&[MIGRATIONS], keys.clock.now()).await.unwrap();
        let registry = bootstrap(&test.db, &keys.genesis(&master)).await.unwrap();
        let (scope, ring) = (registry.default_scope(), registry.data_keys());
        let project = scope.project();
        let hashing = ring.find(project).unwrap().hashing().id();
        let old = sealed(ring, project);

        let mut tx = test.db.begin_write(InstallationScope::grant()).await.unwrap();
        let begun = begin_rotation(&mut tx, &keys.genesis(&master), scope).await.unwrap();
        assert_eq!((begun.generation, begun.place, begun.resealed), (2, None, 0));
        move_rotation(&mut tx, scope, vec![1, 2, 3], 40).await.unwrap();
        move_rotation(&mut tx, scope, vec![4], 2).await.unwrap();
        let again = begin_rotation(&mut tx, &keys.genesis(&master), scope).await.unwrap();
        assert_eq!((again.key, again.place, again.resealed), (begun.key, Some(vec![4]), 42));
        tx.commit().await.unwrap();

        // Another start, and a program that runs already.
        let later = bootstrap(&test.db, &keys.genesis(&master)).await.unwrap();
        refresh_keys(&test.db, &master, ring).await.unwrap();
        for ring in [ring, later.data_keys()] {
            assert!(opens(ring, project, &old));
            assert_eq!(ring.find(project).unwrap().sealing().id(), begun.key);
            assert_eq!(ring.find(project).unwrap().hashing().id(), hashing, "addresses stay");
        }
        let mut tx = test.db.begin_write(InstallationScope::grant()).await.unwrap();
        assert_eq!(finish_rotation(&mut tx, scope, keys.clock.now()).await.unwrap().len(), 1);
        assert_eq!(find_rotation(&mut tx, scope).await.unwrap(), None);
        tx.commit().await.unwrap();
        refresh_keys(&test.db, &master, ring).await.unwrap();
        assert!(!opens(ring, project, &old), "the old key is gone");
        let told = list_data_keys(&test.db, scope).await.unwrap();
        let told: Vec<_> = told
            .iter()
            .map(|key| (key.purpose.as_str(), key.generation, key.retired_at.is_some(), key.destroyed_at.is_some()))
            .collect();
        assert_eq!(told, [("hashing", 1, false, false), ("sealing", 1, true, true), ("sealing", 2, false, false)]);
    }

    async fn what_an_earlier_version_made_is_completed(test: TestDb) {
        let (keys, master) = (Keys::new(), MasterKey::new([1; 32]));
        let before = Migrations { steps: &MIGRATIONS.steps[..2], tables: &[], ..MIGRATIONS };
        test.db.migrate(&[before], keys.clock.now()).await.unwrap();
        // As it was made then: one key, wrapped for its row.
        let (org, project, row) = (keys.ids.mint(), keys.ids.mint(), keys.ids.mint::<cp_base::kind::DataKey>());
        let context = [b"data key".as_slice(), project.uuid().as_bytes(), row.uuid().as_bytes()].concat();
        let (key, wrapped) = master.new_data_key(&keys.random, &context);
        let scope = ProjectScope::grant(org, project);
        let mut tx = test.db.begin_write(InstallationScope::grant()).await.unwrap();
        for (text, args) in [
            ("INSERT INTO orgs (org_id, slug, name, created_at) VALUES ($1, 'a', 'a', 1)", args![org]),
            (
                "INSERT INTO projects (org_id, project_id, slug, name, created_at) VALUES ($1, $2, 'a', 'a', 1)",
                args![org, project],
            ),
            ("INSERT INTO installation (singleton, default_project_id) VALUES (1, $1)", args![project]),
            (
                "INSERT INTO data_keys (org_id, project_id, data_key_id, master_key_id, wrapped, created_at)
                 VALUES ($1, $2, $3, $4, $5, 1)",
                args![org, project, row, master.id(), wrapped],
            ),
        ] {
            tx.execute(cp_db::Statement::new("SETUP", text), args).await.unwrap();
        }
        tx.commit().await.unwrap();
        let old = key.sealing().seal(&keys.random, b"here", b"body");

        test.db.migrate(&[MIGRATIONS], keys.clock.now()).await.unwrap();
        let registry = bootstrap(&test.db, &keys.genesis(&master)).await.unwrap();
        let ring = registry.data_keys();
        assert_eq!(registry.default_scope(), scope);
        assert!(opens(ring, project, &old));
        assert_eq!(ring.find(project).unwrap().hashing().id(), key.hashing().id());
        assert_eq!(registry.fingerprint_key().id(), master.fingerprint_key().id());
        // The addresses outlive the key from which they came.
        rotate(&keys, &test.db, &master, scope).await;
        let registry = bootstrap(&test.db, &keys.genesis(&master)).await.unwrap();
        assert_eq!(registry.data_keys().find(project).unwrap().hashing().id(), key.hashing().id());
        assert!(!opens(registry.data_keys(), project, &old));
    }

    async fn everything_is_wrapped_again_under_another_master_key(test: TestDb) {
        let keys = Keys::new();
        let [old, new, other] = [1, 2, 3].map(|byte| MasterKey::new([byte; 32]));
        test.db.migrate(&[MIGRATIONS], keys.clock.now()).await.unwrap();
        let registry = bootstrap(&test.db, &keys.genesis(&old)).await.unwrap();
        let project = registry.default_scope().project();
        let body = sealed(registry.data_keys(), project);

        let error = rewrap(&test.db, &keys.genesis(&other), &new, |_, _| {}).await.unwrap_err();
        assert!(matches!(error, RegistryError::WrongMasterKey { .. }), "{error}");
        let mut seen = Vec::new();
        let told = rewrap(&test.db, &keys.genesis(&old), &new, |done, total| seen.push((done, total))).await.unwrap();
        // Two of the project, three of the installation; and the old log's, which is made under the new key.
        assert_eq!(told, Rewrapped { keys: 5, already: 1 });
        assert_eq!(seen.last(), Some(&(6, 6)));
        let told = rewrap(&test.db, &keys.genesis(&old), &new, |_, _| {}).await.unwrap();
        assert_eq!(told, Rewrapped { keys: 0, already: 6 });

        let error = bootstrap(&test.db, &keys.genesis(&old)).await.unwrap_err();
        assert!(matches!(error, RegistryError::WrongMasterKey { .. }), "{error}");
        let after = bootstrap(&test.db, &keys.genesis(&new)).await.unwrap();
        assert_eq!(after.default_scope(), registry.default_scope());
        assert!(opens(after.data_keys(), project, &body));
        assert_eq!(after.fingerprint_key().id(), registry.fingerprint_key().id(), "clients stay who they are");
        assert_eq!(after.signing_key().public(), registry.signing_key().public());
        let logs: Vec<_> = after.earlier_log_keys().iter().map(SealingKey::id).collect();
        assert_eq!(logs, [old.log_key().id()]);

        // And again: what the first log was sealed with is still there.
        rewrap(&test.db, &keys.genesis(&new), &other, |_, _| {}).await.unwrap();
        let after = bootstrap(&test.db, &keys.genesis(&other)).await.unwrap();
        assert_eq!(after.earlier_log_keys().len(), 2);
        assert!(opens(after.data_keys(), project, &body));
    }

    async fn wrapping_that_was_broken_off_is_taken_up(test: TestDb) {
        let keys = Keys::new();
        let [old, new] = [1, 2].map(|byte| MasterKey::new([byte; 32]));
        test.db.migrate(&[MIGRATIONS], keys.clock.now()).await.unwrap();
        let registry = bootstrap(&test.db, &keys.genesis(&old)).await.unwrap();
        let project = registry.default_scope().project();
        let body = sealed(registry.data_keys(), project);
        for survives in 0..6 {
            // Dies after so many keys.
            let dying = async {
                let (genesis, mut left) = (keys.genesis(&old), survives);
                let (died, death) = tokio::sync::oneshot::channel::<()>();
                let mut died = Some(died);
                let working = rewrap(&test.db, &genesis, &new, |_, _| {
                    left -= 1;
                    if left <= 0 {
                        died.take().map(|died| died.send(()));
                    }
                });
                tokio::select! {
                    biased;
                    _ = death => {}
                    _ = working => {}
                }
            };
            dying.await;
        }
        let told = rewrap(&test.db, &keys.genesis(&old), &new, |_, _| {}).await.unwrap();
        assert_eq!(told.keys + told.already, 6);
        let after = bootstrap(&test.db, &keys.genesis(&new)).await.unwrap();
        assert!(opens(after.data_keys(), project, &body));
    }
}

#[test]
fn a_key_that_was_unwrapped_is_the_same_key() {
    let key = SealingKey::new([5; 32]);
    assert_eq!(DataKey::from(key.clone()).sealing().id(), key.id());
}
