//! The database: one handle for either engine.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Executor, Postgres, SqlSafeStr, SqlStr, Transaction};

use crate::connect::{self, Durability};
use crate::tx::Inner;
use crate::{DbError, OpenError, Reach, Statement, Tx};

/// Which engine runs. For people: no code outside this crate depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// A server.
    Postgres,
}

impl Engine {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    pub(crate) pools: Pools,
    name: Arc<str>,
}

#[derive(Clone, Debug)]
pub(crate) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

impl Db {
    /// Opens a database: `postgres://…`, or the path of a SQLite file, which is made where it does not exist.
    pub async fn connect(location: &str, durability: Durability) -> Result<Self, OpenError> {
        Self::connect_within(location, durability, connect::TIMEOUT).await
    }

    /// The same, with another time for which each transaction waits until it can begin.
    pub async fn connect_within(
        location: &str,
        durability: Durability,
        timeout: Duration,
    ) -> Result<Self, OpenError> {
        if connect::is_postgres(location) {
            return Self::connect_postgres(location, None, timeout).await;
        }
        let (writer, readers) = connect::sqlite(location, durability, timeout).await?;
        Ok(Self { pools: Pools::Sqlite { writer, readers }, name: location.into() })
    }

    /// Opens a PostgreSQL database as `role`, of which the user that the URL names must be a member.
    pub async fn connect_as(url: &str, role: &str, timeout: Duration) -> Result<Self, OpenError> {
        Self::connect_postgres(url, Some(role), timeout).await
    }

    async fn connect_postgres(url: &str, role: Option<&str>, timeout: Duration) -> Result<Self, OpenError> {
        let (pool, name) = connect::postgres(url, role, timeout).await?;
        Ok(Self { pools: Pools::Postgres(pool), name: name.into() })
    }

    /// Which engine it is.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match &self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres(_) => Engine::Postgres,
        }
    }

    /// The path, or the URL without its credentials.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Begins a transaction that may write. SQLite has one at a time: do not await other work while it is open.
    pub async fn begin_write(&self, reach: impl Into<Reach>) -> Result<Tx, DbError> {
        Ok(Tx::new(match &self.pools {
            Pools::Sqlite { writer, .. } => Inner::Sqlite(writer.begin_with(connect::BEGIN_WRITE).await?),
            Pools::Postgres(pool) => Inner::Postgres(begin(pool, reach.into(), "BEGIN").await?),
        }))
    }

    /// Begins a transaction that reads before a write to the same places. On SQLite that is the writer's connection,
    /// which then has them in memory; a reader's forgets all that it has read whenever something is written.
    pub async fn begin_read_to_write(&self, reach: impl Into<Reach>) -> Result<Tx, DbError> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => Ok(Tx::new(Inner::Sqlite(writer.begin().await?))),
            Pools::Postgres(_) => self.begin_read(reach).await,
        }
    }

    /// Begins a transaction that reads one snapshot; a write in it fails.
    pub async fn begin_read(&self, reach: impl Into<Reach>) -> Result<Tx, DbError> {
        Ok(Tx::new(match &self.pools {
            Pools::Sqlite { readers, .. } => Inner::Sqlite(readers.begin().await?),
            Pools::Postgres(pool) => Inner::Postgres(
                begin(pool, reach.into(), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
            ),
        }))
    }

    /// Has the engine parse and plan a statement without running it.
    pub async fn prepare(&self, statement: Statement) -> Result<(), DbError> {
        let text = AssertSqlSafe(statement.sample()).into_sql_str();
        match &self.pools {
            Pools::Sqlite { readers, .. } => prepare(readers, text).await,
            Pools::Postgres(pool) => prepare(pool, text).await,
        }
    }

    /// Runs a script outside a transaction. For administration, and for tests that need a database in a state that
    /// the program does not make.
    pub async fn run_script(&self, script: &str) -> Result<(), DbError> {
        let script = sqlx::raw_sql(AssertSqlSafe(script));
        match &self.pools {
            Pools::Sqlite { writer, .. } => script.execute(writer).await.map(drop)?,
            Pools::Postgres(pool) => script.execute(pool).await.map(drop)?,
        }
        Ok(())
    }

    /// Closes all connections, once running transactions have ended.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

async fn begin(
    pool: &PgPool,
    reach: Reach,
    statement: &'static str,
) -> Result<Transaction<'static, Postgres>, DbError> {
    match pool.begin_with(AssertSqlSafe(reach.begin(statement))).await {
        // The pool goes on trying, and tells only that the time ran out.
        Err(sqlx::Error::PoolTimedOut) => Err(connect::no_connection(pool).await),
        begun => Ok(begun?),
    }
}

async fn prepare<'c, E: Executor<'c>>(executor: E, text: SqlStr) -> Result<(), DbError> {
    executor.prepare(text).await?;
    Ok(())
}
