//! What can go wrong with a database, told by what the caller can do about it.

/// The driver's error. Its text never holds a credential or an argument.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a statement or a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The database cannot be reached, or cannot read or write: try again later.
    #[error("the database is not available")]
    Unavailable(#[source] Source),
    /// The transaction lost against another one: run it again.
    #[error("the transaction conflicts with another one")]
    Conflict(#[source] Source),
    /// A unique key, a reference or a check forbids it.
    #[error("a constraint of the database forbids it")]
    Constraint(#[source] Source),
    /// A column holds something else than the program expects.
    #[error("column `{column}` does not hold what it should")]
    Decode {
        /// The column.
        column: String,
        /// The driver's reason, where there is one.
        #[source]
        source: Option<Source>,
    },
    /// The database refuses the statement: a fault of the program.
    #[error("the database refuses the statement")]
    Statement(#[source] Source),
}

impl DbError {
    /// Whether running the same transaction again can succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Conflict(_))
    }

    /// For a column whose text or number means nothing.
    #[must_use]
    pub fn decode(column: &str) -> Self {
        Self::Decode { column: column.to_owned(), source: None }
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        let kind = match &error {
            sqlx::Error::Database(database) => match database.code() {
                Some(code) if is_sqlite(database.as_ref()) => sqlite_kind(&code),
                Some(code) => postgres_kind(&code),
                None => Self::Statement,
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
            | sqlx::Error::InvalidSavePointStatement => Self::Unavailable,
            sqlx::Error::ColumnDecode { index, .. } => {
                return Self::Decode { column: index.clone(), source: Some(error.into()) };
            }
            sqlx::Error::ColumnNotFound(column) => {
                return Self::Decode { column: column.clone(), source: Some(error.into()) };
            }
            _ => Self::Statement,
        };
        kind(error.into())
    }
}

pub(crate) fn is_sqlite(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some()
}

/// SQLite's primary result code: the low byte of the extended one (<https://www.sqlite.org/rescode.html>).
pub(crate) fn sqlite_code(code: &str) -> i32 {
    code.parse::<i32>().unwrap_or_default() & 0xff
}

fn sqlite_kind(code: &str) -> fn(Source) -> DbError {
    match sqlite_code(code) {
        5 | 6 => DbError::Conflict,                         // BUSY, LOCKED
        8 | 10 | 11 | 13 | 14 | 26 => DbError::Unavailable, // READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB
        19 => DbError::Constraint,
        _ => DbError::Statement,
    }
}

/// SQLSTATE classes (PostgreSQL documentation, appendix A).
fn postgres_kind(code: &str) -> fn(Source) -> DbError {
    match code {
        "40001" | "40P01" | "55P03" => DbError::Conflict, // serialization failure, deadlock, lock not available
        "25006" => DbError::Unavailable,                  // read only: a standby after a failover
        _ => match code.get(..2) {
            Some("23") => DbError::Constraint,
            // Connection exception, insufficient resources, operator intervention, system error.
            Some("08" | "53" | "57" | "58") => DbError::Unavailable,
            _ => DbError::Statement,
        },
    }
}

/// Why a database could not be opened. `database` is a path, or a URL without its credentials.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL does not parse.
    #[error("the database URL is not of the form postgres://user:password@host:port/database")]
    InvalidUrl(#[source] Source),
    /// The file or its directory cannot be written.
    #[error(
        "cannot open {database} for writing: check that its directory exists and that this user may write there"
    )]
    Unwritable {
        /// The file.
        database: String,
        /// SQLite's reason.
        #[source]
        source: Source,
    },
    /// Somebody else holds the file's lock.
    #[error("another program holds the lock on {database}: stop it, or wait until it is done")]
    Locked {
        /// The file.
        database: String,
        /// SQLite's reason.
        #[source]
        source: Source,
    },
    /// The file is something else, or damaged.
    #[error("{database} is not a database of this program: move it away, or restore a backup")]
    NotADatabase {
        /// The file.
        database: String,
        /// SQLite's reason.
        #[source]
        source: Source,
    },
    /// The server does not answer.
    #[error(
        "cannot reach {database}: check that PostgreSQL runs there and accepts connections from this host"
    )]
    Unreachable {
        /// The server and database.
        database: String,
        /// The driver's reason.
        #[source]
        source: Source,
    },
    /// The server refuses this user or database.
    #[error("{database} refuses the connection: check user, password and database name")]
    Refused {
        /// The server and database.
        database: String,
        /// The server's reason.
        #[source]
        source: Source,
    },
    /// The server does not let the user take the role.
    #[error("{database} does not let its user take the role `{role}`: create it, and grant it to the user")]
    Role {
        /// The server and database.
        database: String,
        /// The role.
        role: String,
        /// The server's reason.
        #[source]
        source: Source,
    },
    /// The server is too old.
    #[error("{database} runs PostgreSQL {found}, and version 15 or newer is needed")]
    TooOld {
        /// The server and database.
        database: String,
        /// Its version.
        found: u32,
    },
    /// Anything else.
    #[error("cannot open {database}")]
    Other {
        /// The path or server.
        database: String,
        /// The reason.
        #[source]
        source: DbError,
    },
}
