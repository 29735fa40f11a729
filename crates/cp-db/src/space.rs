//! Giving back the room of what was deleted, and leaving nothing of it behind.
//!
//! SQLite overwrites what is deleted (`secure_delete`). The emptied pages are cut off the file in steps between which others
//! write; a file that an earlier version made is rewritten once so that this works, for which writers wait. Then
//! its write-ahead log is taken over into the file and cut to nothing, since it holds pages as they were before.
//! PostgreSQL vacuums: the room goes to later rows of the same tables.

use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Row as _};

use crate::db::Pools;
use crate::{Db, DbError};

/// Pages of 4 KiB that are cut off between two chances for others to write.
const STEP_PAGES: u32 = 1024;

impl Db {
    /// Gives back the room of deleted rows of `tables`, and durably leaves nothing of them in the database's own files.
    /// False where somebody still reads an earlier state: then the write-ahead log could not be cut, and it is to be done
    /// again.
    pub async fn release_space(&self, tables: &[&str]) -> Result<bool, DbError> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => {
                shrink(writer).await?;
                checkpoint(writer).await
            }
            Pools::Postgres(pool) => {
                let vacuum = AssertSqlSafe(format!("VACUUM {}", tables.join(", ")));
                sqlx::raw_sql(vacuum).execute(pool).await?;
                Ok(true)
            }
        }
    }
}

async fn shrink(writer: &SqlitePool) -> Result<(), DbError> {
    if number(writer, "PRAGMA auto_vacuum").await? == 0 {
        sqlx::raw_sql("PRAGMA auto_vacuum = INCREMENTAL; VACUUM").execute(writer).await?;
    }
    let mut free = number(writer, "PRAGMA freelist_count").await?;
    while free > 0 {
        let step = AssertSqlSafe(format!("PRAGMA incremental_vacuum({STEP_PAGES})"));
        sqlx::raw_sql(step).execute(writer).await?;
        let left = number(writer, "PRAGMA freelist_count").await?;
        if left >= free {
            break;
        }
        free = left;
    }
    Ok(())
}

async fn checkpoint(writer: &SqlitePool) -> Result<bool, DbError> {
    Ok(number(writer, "PRAGMA wal_checkpoint(TRUNCATE)").await? == 0)
}

/// The first column of a pragma's row.
async fn number(writer: &SqlitePool, pragma: &'static str) -> Result<i64, DbError> {
    Ok(sqlx::query(pragma).fetch_one(writer).await?.try_get(0)?)
}
