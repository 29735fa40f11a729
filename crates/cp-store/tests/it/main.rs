//! The registry's contract, on both engines.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod audit;
mod certificates;
mod crossing;
mod gateway;
mod keys;
mod people;
mod policies;
mod prompts;
mod single_sign_on;
mod tenants;
mod world;

use std::sync::Arc;

use cp_base::{Clock, IdGenerator, MasterKey, Random};
use cp_db::Db;
use cp_store::{Genesis, MIGRATIONS, Registry, RegistryError, bootstrap};
use cp_testkit::{FakeClock, db_test};

async fn start(db: &Db, master: &MasterKey, seed: u64) -> Result<Registry, RegistryError> {
    let clock = Arc::new(FakeClock::default());
    let random = Arc::new(Random::seeded(seed));
    let ids = IdGenerator::new(Arc::<FakeClock>::clone(&clock), Arc::clone(&random));
    db.migrate(&[MIGRATIONS], clock.now()).await.unwrap();
    bootstrap(db, &Genesis { master, ids: &ids, random: &random, clock: &*clock }).await
}

db_test! {
    async fn a_later_start_finds_what_the_first_made(test: TestDb) {
        let master = MasterKey::new([1; 32]);
        let first = start(&test.db, &master, 1).await.unwrap();
        let again = start(&test.connect_again().await, &master, 2).await.unwrap();
        assert_eq!(first.default_scope(), again.default_scope());
        let project = first.default_scope().project();
        let sealed = first.data_keys().find(project).unwrap().sealing().seal(&Random::seeded(3), b"", b"body");
        assert_eq!(again.data_keys().find(project).unwrap().open(b"", &sealed).unwrap(), b"body");
    }

    async fn nodes_that_start_at_once_agree(test: TestDb) {
        let mut starting = tokio::task::JoinSet::new();
        for seed in 1..=4 {
            let db = test.connect_again().await;
            starting.spawn(async move { start(&db, &MasterKey::new([1; 32]), seed).await.unwrap() });
        }
        let mut scopes = Vec::new();
        while let Some(registry) = starting.join_next().await {
            let registry = registry.unwrap();
            assert_eq!(registry.data_keys().projects(), 1);
            scopes.push(registry.default_scope());
        }
        assert!(scopes.iter().all(|scope| *scope == scopes[0]), "{scopes:?}");
    }

    async fn a_wrong_master_key_is_told_apart_from_damage(test: TestDb) {
        let (right, wrong) = (MasterKey::new([1; 32]), MasterKey::new([2; 32]));
        start(&test.db, &right, 1).await.unwrap();
        let text = start(&test.db, &wrong, 1).await.unwrap_err().to_string();
        assert!(text.contains(&right.id().to_string()) && text.contains(&wrong.id().to_string()), "{text}");

        // The row of one key with the wrapped key of another.
        test.change("UPDATE data_keys SET wrapped = master_key_id").await;
        let error = start(&test.db, &right, 1).await.unwrap_err();
        assert!(matches!(error, RegistryError::DamagedDataKey { .. }), "{error}");
    }
}

#[test]
fn both_schemas_say_the_same() {
    cp_testkit::assert_schema_parity(&[MIGRATIONS]);
}

#[test]
fn the_database_keeps_the_rows_of_tenants_apart() {
    cp_testkit::assert_rows_are_kept_apart(&[MIGRATIONS]);
}
