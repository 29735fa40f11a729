//! Opening a database, with errors that say what to do.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqlSafeStr};
use tokio::time::Instant;

use crate::error::{DbError, OpenError, is_sqlite, sqlite_code};
use crate::file::WatchedFile;

/// What a committed transaction survives. On PostgreSQL its own configuration decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process.
    #[default]
    Process,
    /// A power cut: each commit waits for the disk.
    Power,
}

/// The statement that begins a write: it takes SQLite's lock at once, where the time-out applies. A read that becomes a
/// write later fails at once when another writer came between.
pub(crate) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

const SQLITE_READERS: u32 = 4;
/// Pages that a connection keeps, in KiB as SQLite wants them: what it may hold of the memory for good. The system's own
/// cache is behind it.
const WRITER_CACHE: &str = "-16384";
const READER_CACHE: &str = "-2048";
/// Time-outs for which the writer's one connection is waited for: others may be waiting for the lock with it first.
const SQLITE_WAITERS: u32 = 3;
const POSTGRES_CONNECTIONS: u32 = 10;
/// How long a transaction waits for SQLite's lock, or for a connection to PostgreSQL.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server that gave no connection is asked why.
const REASON_TIMEOUT: Duration = Duration::from_secs(1);
/// Bulk statements come in a few sizes each, and all of them should stay prepared.
const CACHED_STATEMENTS: usize = 256;
/// Waits for the next statement of a transaction before the server ends it, in time-outs: a client that is gone without
/// a word would keep its locks, and everybody else waiting for them.
const IDLE_TIMEOUTS: u32 = 6;
const OLDEST_POSTGRES: u32 = 150_000;

/// Whether `location` is a URL of PostgreSQL; everything else is a path.
pub(crate) fn is_postgres(location: &str) -> bool {
    location.starts_with("postgres://") || location.starts_with("postgresql://")
}

/// The writer's pool of one connection and the readers' pool.
pub(crate) async fn sqlite(
    path: &str,
    durability: Durability,
    timeout: Duration,
) -> Result<(SqlitePool, SqlitePool), OpenError> {
    let synchronous = match durability {
        Durability::Process => SqliteSynchronous::Normal,
        Durability::Power => SqliteSynchronous::Full,
    };
    let options = SqliteConnectOptions::new()
        .filename(Path::new(path))
        .create_if_missing(true)
        // A new file can give back what is deleted; an older one is rewritten for it when that is first asked for.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .busy_timeout(timeout)
        .statement_cache_capacity(CACHED_STATEMENTS)
        .pragma("cache_size", WRITER_CACHE)
        // Eight times what is usual: a page that is written again and again is copied into the file once.
        .pragma("wal_autocheckpoint", "8192") // pages of 4 KiB
        .pragma("journal_size_limit", "67108864") // bytes
        .pragma("temp_store", "MEMORY")
        // What is deleted is overwritten, not only forgotten.
        .pragma("secure_delete", "1")
        .disable_statement_logging();
    let began = Instant::now();
    let failed = |error| sqlite_error(path, error);
    // Made here where it is missing, and never again: in place of a file that is only away, an empty one would be in the
    // way of its return.
    options.connect().await.map_err(failed)?.close().await.map_err(failed)?;
    let options = options.create_if_missing(false);
    let file = Arc::new(WatchedFile::new(path.into(), began));
    let read_file = file.clone();
    let pool = SqlitePoolOptions::new()
        .acquire_timeout(timeout * SQLITE_WAITERS)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None);
    // A full disk ends SQLite's transaction without sqlx's knowledge; such a connection would refuse every later one.
    let writer = pool.clone().max_connections(1).before_acquire(move |connection, meta| {
        let usable = !connection.is_in_transaction() && file.is_current(meta.age);
        Box::pin(async move { Ok(usable) })
    });
    let writer = writer.connect_with(options.clone()).await.map_err(failed)?;
    // Opening does not read the file when there is nothing to change, so a foreign file shows only here.
    sqlx::query("SELECT COUNT(*) FROM sqlite_schema").execute(&writer).await.map_err(failed)?;
    // Nor does it write: that the file may not be written, or is locked, shows here and not at the first call.
    let mut trial = writer.begin_with(BEGIN_WRITE).await.map_err(failed)?;
    sqlx::query("CREATE TABLE trial (x)").execute(&mut *trial).await.map_err(failed)?;
    trial.rollback().await.map_err(failed)?;
    let readers = pool.max_connections(SQLITE_READERS).before_acquire(move |_, meta| {
        let usable = read_file.is_current(meta.age);
        Box::pin(async move { Ok(usable) })
    });
    let options = options.pragma("query_only", "1").pragma("cache_size", READER_CACHE);
    Ok((writer, readers.connect_lazy_with(options)))
}

fn sqlite_error(path: &str, error: sqlx::Error) -> OpenError {
    let database = path.to_owned();
    match error.as_database_error().filter(|error| is_sqlite(*error)).and_then(|error| error.code()) {
        Some(code) if matches!(sqlite_code(&code), 8 | 14) => {
            OpenError::Unwritable { database, source: error.into() }
        }
        Some(code) if matches!(sqlite_code(&code), 5 | 6) => {
            OpenError::Locked { database, source: error.into() }
        }
        Some(code) if matches!(sqlite_code(&code), 11 | 26) => {
            OpenError::NotADatabase { database, source: error.into() }
        }
        _ => OpenError::Other { database, source: error.into() },
    }
}

/// The pool, and the name of the database without its credentials. Each connection is used as `role`, where one is named.
pub(crate) async fn postgres(
    url: &str,
    role: Option<&str>,
    timeout: Duration,
) -> Result<(PgPool, String), OpenError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| OpenError::InvalidUrl(error.into()))?
        .application_name("codepromptu")
        .statement_cache_capacity(CACHED_STATEMENTS)
        .disable_statement_logging();
    let database = postgres_name(&options);
    // One connection first: a pool would go on trying and report only that time ran out.
    let mut first = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options))
        .await
        .map_err(|elapsed| OpenError::Unreachable { database: database.clone(), source: elapsed.into() })?
        .map_err(|error| postgres_error(database.clone(), error))?;
    let version = first.server_version_num();
    if let Some(found) = version.filter(|found| *found < OLDEST_POSTGRES) {
        return Err(OpenError::TooOld { database, found: found / 10_000 });
    }
    let set_role = role.map(set_role).unwrap_or_default();
    if let Some(role) = role {
        sqlx::raw_sql(AssertSqlSafe(set_role.clone())).execute(&mut first).await.map_err(|error| {
            OpenError::Role { database: database.clone(), role: role.to_owned(), source: error.into() }
        })?;
    }
    first.close().await.map_err(|error| postgres_error(database.clone(), error))?;
    // A prepared statement keeps no plan: one made while a table was nearly empty would go on reading all of it.
    let settings: Arc<str> = format!(
        "SET plan_cache_mode = force_custom_plan; SET idle_in_transaction_session_timeout = {}; {set_role}",
        (timeout * IDLE_TIMEOUTS).as_millis()
    )
    .into();
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(timeout)
        .after_connect(move |connection, _| {
            let settings = AssertSqlSafe(settings.clone()).into_sql_str();
            Box::pin(async { sqlx::raw_sql(settings).execute(connection).await.map(drop) })
        })
        .connect_lazy_with(options);
    Ok((pool, database))
}

/// Takes a role for as long as the connection lasts.
fn set_role(role: &str) -> String {
    format!("SET ROLE \"{}\"", role.replace('"', "\"\""))
}

/// Why a pool had no connection to give: what the server says now; or all are in use.
pub(crate) async fn no_connection(pool: &PgPool) -> DbError {
    let options = pool.connect_options();
    let asked = tokio::time::timeout(REASON_TIMEOUT, PgConnection::connect_with(&options)).await;
    let reason = match asked {
        Ok(Err(reason)) => reason,
        Ok(Ok(_)) | Err(_) => sqlx::Error::PoolTimedOut,
    };
    DbError::Unavailable(reason.into())
}

fn postgres_name(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => format!("postgres://{}/{database}", socket.display()),
        None => format!("postgres://{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

fn postgres_error(database: String, error: sqlx::Error) -> OpenError {
    match DbError::from(error) {
        DbError::Unavailable(source) => OpenError::Unreachable { database, source },
        // Invalid authorization (class 28), invalid catalog name (3D), insufficient privilege (42501).
        DbError::Statement(source) => OpenError::Refused { database, source },
        source => OpenError::Other { database, source },
    }
}
