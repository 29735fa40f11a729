//! Fresh databases, removed after the test whatever its end.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use cp_base::Timestamp;
use cp_db::{Db, Durability, Engine, Migrations};
use tempfile::TempDir;

/// The throw-away cluster's URL, with the rights to create databases.
const POSTGRES: &str = "CODEPROMPTU_TEST_POSTGRES";

/// An empty database, which the test owns.
#[derive(Debug)]
pub struct TestDb {
    /// The database.
    pub db: Db,
    location: String,
}

impl TestDb {
    async fn open(location: String) -> Self {
        Self { db: connect(&location).await, location }
    }

    /// A second handle, with connections of its own, as another process would have.
    pub async fn connect_again(&self) -> Db {
        connect(&self.location).await
    }

    /// Changes rows of anybody's by a script of several statements that the program does not know.
    #[expect(clippy::expect_used, reason = "a script that does not run must fail its test")]
    pub async fn change(&self, script: &str) {
        // On PostgreSQL the statements of one script are one transaction.
        let reach = match self.db.engine() {
            Engine::Sqlite => "",
            Engine::Postgres => "SET LOCAL codepromptu.installation = 'on'; ",
        };
        self.db.run_script(&format!("{reach}{script}")).await.expect("the script runs");
    }

    /// The files of a SQLite database, its log included; none for PostgreSQL.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        ["", "-wal", "-shm"]
            .map(|suffix| PathBuf::from(format!("{}{suffix}", self.location)))
            .into_iter()
            .filter(|file| file.exists())
            .collect()
    }
}

#[expect(clippy::expect_used, reason = "a test without its database must fail")]
async fn connect(location: &str) -> Db {
    Db::connect(location, Durability::Process).await.expect("the test database opens")
}

/// Runs a test on a new SQLite file.
#[expect(clippy::expect_used, reason = "a test without its database must fail")]
pub fn run_on_sqlite<T>(body: impl AsyncFnOnce(TestDb) -> T) -> T {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("test.db").to_string_lossy().into_owned();
    let outcome = run(async { body(TestDb::open(file).await).await });
    drop(directory);
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Runs a test on a new PostgreSQL database, sorted as the C locale does, of the cluster that
/// `CODEPROMPTU_TEST_POSTGRES` names.
#[expect(clippy::expect_used, reason = "a test without its database must fail")]
pub fn run_on_postgres<T>(body: impl AsyncFnOnce(TestDb) -> T) -> T {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let cluster = cluster();
    let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let location = with_database(&cluster, &name);
    // A process of the same id may have been killed before it could clean up.
    let remove = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
    let outcome = run(async {
        administer(&cluster, &[&remove, &create]).await;
        body(TestDb::open(location).await).await
    });
    run(administer(&cluster, &[&remove])).expect("the test database can be removed");
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

#[expect(clippy::expect_used, reason = "a test without its database must fail")]
async fn administer(cluster: &str, scripts: &[&str]) {
    let db = connect(cluster).await;
    for script in scripts {
        db.run_script(script).await.expect("the cluster lets us administer databases");
    }
    db.close().await;
}

/// Checks that the two schemas of `modules` say the same on their engines, and that it is stated of each table whose its
/// rows are.
#[expect(clippy::expect_used, reason = "a schema that does not apply must fail its test")]
pub fn assert_schema_parity(modules: &[Migrations]) {
    let catalogue = async |test: TestDb| {
        test.db.migrate(modules, Timestamp(0)).await.expect("the migrations apply");
        let open = test.db.list_open_tables().await.expect("the catalogue can be read");
        assert!(
            open.is_empty(),
            "{open:?}: everybody reaches their rows; say whose they are, in the list `TABLES` of their crate's `tables.rs`"
        );
        test.db.catalogue().await.expect("the catalogue can be read").join("\n")
    };
    let (sqlite, postgres) = (run_on_sqlite(catalogue), run_on_postgres(catalogue));
    assert_eq!(sqlite, postgres, "SQLite's schema (left) differs from PostgreSQL's (right)");
}

/// Runs a future to its end or its panic, on a runtime of its own.
#[expect(clippy::expect_used, reason = "a test without a runtime must fail")]
fn run<T>(body: impl Future<Output = T>) -> std::thread::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(body)))
}

#[expect(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests have no configuration, and none may be skipped"
)]
fn cluster() -> String {
    std::env::var(POSTGRES).unwrap_or_else(|_| {
        panic!("{POSTGRES} is not set: run `make test`, which starts a throw-away PostgreSQL for the tests")
    })
}

/// The URL with another database name.
fn with_database(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let authority = address.find("://").map_or(0, |at| at + 3);
    let end =
        address.get(authority..).and_then(|rest| rest.find('/')).map_or(address.len(), |at| authority + at);
    let server = address.get(..end).unwrap_or(address);
    match query {
        Some(query) => format!("{server}/{name}?{query}"),
        None => format!("{server}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_changes() {
        for (url, expected) in [
            ("postgres://u:p@h:1/postgres", "postgres://u:p@h:1/x"),
            ("postgres://h", "postgres://h/x"),
            ("postgres:///postgres?host=/tmp/s&user=u", "postgres:///x?host=/tmp/s&user=u"),
        ] {
            assert_eq!(with_database(url, "x"), expected);
        }
    }
}
