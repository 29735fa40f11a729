//! Transactions and rows.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Transaction};

use cp_base::Id;

use crate::statement::{MAX_ROWS_POSTGRES, MAX_ROWS_SQLITE, chunk_rows};
use crate::{Args, DbError, Filter, Statement, Stored, Value, args};

/// PostgreSQL only.
const HOLD_TOGETHER: Statement = Statement::new("HOLD_TOGETHER", "SELECT pg_advisory_xact_lock_shared($1)");
const HOLD_ALONE: Statement = Statement::new("HOLD_ALONE", "SELECT pg_advisory_xact_lock($1)");

/// A transaction. Rolled back when it is dropped without [`commit`](Self::commit).
#[derive(Debug)]
pub struct Tx(Inner);

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) const fn new(inner: Inner) -> Self {
        Self(inner)
    }

    /// Makes it last.
    pub async fn commit(self) -> Result<(), DbError> {
        match self.0 {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Runs a statement; returns how many rows it changed.
    pub async fn execute(&mut self, statement: Statement, args: Args) -> Result<u64, DbError> {
        self.run(statement.plain().into_sql_str(), args).await
    }

    /// Runs a statement whose bracketed group stands for `rows`, in as few statements as the engines' limits allow.
    /// `args` are the parameters before the group. Returns how many rows changed.
    ///
    /// A row that fails a constraint fails all; `ON CONFLICT` must not meet the same key twice in one call.
    pub async fn execute_many(
        &mut self,
        statement: Statement,
        args: Args,
        rows: Vec<Args>,
    ) -> Result<u64, DbError> {
        let mut changed = 0;
        for (text, args) in self.chunks(statement, &args, rows) {
            changed += self.run(text, args).await?;
        }
        Ok(changed)
    }

    /// The row, where there is one.
    pub async fn fetch_optional(&mut self, statement: Statement, args: Args) -> Result<Option<Row>, DbError> {
        Ok(self.fetch_all(statement, args).await?.into_iter().next())
    }

    /// All rows; the statement or the schema bounds their number.
    pub async fn fetch_all(&mut self, statement: Statement, args: Args) -> Result<Vec<Row>, DbError> {
        self.query(statement.plain().into_sql_str(), args).await
    }

    /// All rows of a statement whose bracketed group stands for `rows`, as in [`execute_many`](Self::execute_many).
    pub async fn fetch_many(
        &mut self,
        statement: Statement,
        args: Args,
        rows: Vec<Args>,
    ) -> Result<Vec<Row>, DbError> {
        let mut found = Vec::new();
        for (text, args) in self.chunks(statement, &args, rows) {
            found.append(&mut self.query(text, args).await?);
        }
        Ok(found)
    }

    /// All rows that pass the filter, which takes the place of `{and}`.
    pub async fn fetch_filtered(
        &mut self,
        statement: Statement,
        args: Args,
        filter: Filter,
    ) -> Result<Vec<Row>, DbError> {
        let (text, args) = statement.filtered(args, filter);
        self.query(AssertSqlSafe(text).into_sql_str(), args).await
    }

    /// Lets others hold `what` together with this transaction, until it ends, but nobody alone. SQLite's writers are alone
    /// in any case.
    pub async fn hold_together<K>(&mut self, what: Id<K>) -> Result<(), DbError> {
        self.advise(HOLD_TOGETHER, what).await
    }

    /// Holds `what` alone until the transaction ends; waits until nobody else holds it.
    pub async fn hold_alone<K>(&mut self, what: Id<K>) -> Result<(), DbError> {
        self.advise(HOLD_ALONE, what).await
    }

    async fn advise<K>(&mut self, lock: Statement, what: Id<K>) -> Result<(), DbError> {
        if !self.is_sqlite() {
            let (high, low) = what.uuid().as_u64_pair();
            self.fetch_all(lock, args![(high ^ low).cast_signed()]).await?;
        }
        Ok(())
    }

    /// Runs a script of several statements.
    pub(crate) async fn run_script(&mut self, script: &str) -> Result<(), DbError> {
        let script = sqlx::raw_sql(AssertSqlSafe(script));
        match &mut self.0 {
            Inner::Sqlite(tx) => script.execute(&mut **tx).await.map(drop)?,
            Inner::Postgres(tx) => script.execute(&mut **tx).await.map(drop)?,
        }
        Ok(())
    }

    pub(crate) const fn is_sqlite(&self) -> bool {
        matches!(self.0, Inner::Sqlite(_))
    }

    fn chunks(&self, statement: Statement, args: &Args, rows: Vec<Args>) -> Vec<(SqlStr, Args)> {
        let anonymous = self.is_sqlite() && args.is_empty();
        let width = rows.first().map_or(0, Vec::len);
        let max_rows = if self.is_sqlite() { MAX_ROWS_SQLITE } else { MAX_ROWS_POSTGRES };
        let mut remaining = rows.len();
        let mut rows = rows.into_iter();
        let mut chunks = Vec::new();
        while remaining > 0 {
            let taken = chunk_rows(remaining, width, max_rows);
            remaining -= taken;
            let text = statement.repeated(args.len(), width, taken, anonymous);
            let mut values = args.clone();
            values.extend(rows.by_ref().take(taken).flatten());
            chunks.push((AssertSqlSafe(text).into_sql_str(), values));
        }
        chunks
    }

    async fn run(&mut self, text: SqlStr, args: Args) -> Result<u64, DbError> {
        Ok(match &mut self.0 {
            Inner::Sqlite(tx) => {
                sqlx::query_with(text, sqlite_args(args)?).execute(&mut **tx).await?.rows_affected()
            }
            Inner::Postgres(tx) => {
                sqlx::query_with(text, postgres_args(args)?).execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    async fn query(&mut self, text: SqlStr, args: Args) -> Result<Vec<Row>, DbError> {
        Ok(match &mut self.0 {
            Inner::Sqlite(tx) => {
                let rows = sqlx::query_with(text, sqlite_args(args)?).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Inner::Postgres(tx) => {
                let rows = sqlx::query_with(text, postgres_args(args)?).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }
}

macro_rules! bind {
    ($name:ident, $arguments:ty) => {
        fn $name(args: Args) -> Result<$arguments, DbError> {
            let mut bound = <$arguments>::default();
            bound.reserve(args.len(), 0);
            for value in args {
                match value {
                    Value::Int(value) => bound.add(value),
                    Value::Real(value) => bound.add(value),
                    Value::Bool(value) => bound.add(value),
                    Value::Text(value) => bound.add(value),
                    Value::Bytes(value) => bound.add(value),
                    Value::Uuid(value) => bound.add(value),
                }
                .map_err(DbError::Statement)?;
            }
            Ok(bound)
        }
    };
}

bind!(sqlite_args, SqliteArguments);
bind!(postgres_args, PgArguments);

/// A row of a result.
#[derive(Debug)]
pub enum Row {
    #[doc(hidden)]
    Sqlite(SqliteRow),
    #[doc(hidden)]
    Postgres(PgRow),
}

impl Row {
    /// The value of a column that is never null.
    pub fn get<T: Stored>(&self, column: &str) -> Result<T, DbError> {
        self.get_optional(column)?.ok_or_else(|| DbError::decode(column))
    }

    /// The value of a column that can be null.
    pub fn get_optional<T: Stored>(&self, column: &str) -> Result<Option<T>, DbError> {
        let raw: Option<T::Raw> = match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        };
        raw.map(|raw| T::from_raw(raw).ok_or_else(|| DbError::decode(column))).transpose()
    }
}
