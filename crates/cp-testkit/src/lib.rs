//! Test support: a fresh database of each engine for each test, a clock that stands still, reproducible ids.

mod clock;
mod cluster;
mod database;
mod walls;

use std::sync::Arc;

use cp_base::{IdGenerator, Random};

pub use clock::FakeClock;
pub use cluster::{Cluster, hold_port, unprivileged_user};
pub use database::{TestDb, assert_schema_parity, run_on_postgres, run_on_sqlite};
pub use walls::{assert_rows_are_kept_apart, unscoped_statements_that_matter};

/// Ids that are the same in every run, minted at the time that `clock` shows.
#[must_use]
pub fn ids(clock: &Arc<FakeClock>) -> IdGenerator {
    IdGenerator::new(Arc::<FakeClock>::clone(clock), Arc::new(Random::seeded(1)))
}

/// Runs an asynchronous test on a fresh SQLite file and on a fresh PostgreSQL database, as two tests:
/// `db_test! { async fn name(test: TestDb) { … } }`.
#[macro_export]
macro_rules! db_test {
    ($($(#[$attribute:meta])* async fn $name:ident($test:ident: TestDb) $body:block)+) => {$(
        $(#[$attribute])*
        mod $name {
            use super::*;

            async fn body($test: $crate::TestDb) $body

            #[test]
            fn sqlite() {
                $crate::run_on_sqlite(body);
            }

            #[test]
            fn postgres() {
                $crate::run_on_postgres(body);
            }
        }
    )+};
}
