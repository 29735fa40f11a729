//! The migrator: brings a database to the schema that the program expects, never past it.
//!
//! Each migration runs in a transaction of its own that also records it with its checksum. Two starting nodes do not
//! race: SQLite's write lock or a PostgreSQL advisory lock lets one through, and the other finds the work done.
//!
//! Then it puts up, on PostgreSQL, the walls between the rows of tenants that are not there yet, or stand otherwise.

use std::collections::{HashMap, HashSet};

use cp_base::{Digest, InstallationScope, SealingKey, Timestamp, hex};

use crate::{Db, DbError, Rows, Statement, Table, Tx, args};

/// One migration: the same step, written for each engine.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// The file's name without `.sql`, such as `0001_calls`.
    pub name: &'static str,
    /// For SQLite.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
}

/// The migrations of one crate, in order.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// Whose they are, such as `traffic`.
    pub module: &'static str,
    /// The steps.
    pub steps: &'static [Migration],
    /// The tables that are there after the last step, with whose their rows are.
    pub tables: &'static [Table],
}

impl Migrations {
    /// The same, with whose the rows of each table are. Of a table that is left out nobody's rows are kept apart, and the
    /// test of its schema fails.
    #[must_use]
    pub const fn with_tables(self, tables: &'static [Table]) -> Self {
        Self { tables, ..self }
    }
}

/// Embeds the named files of `migrations/sqlite` and `migrations/postgres`: `migrations!("traffic": "0001_calls")`.
#[macro_export]
macro_rules! migrations {
    ($module:literal: $($name:literal),+ $(,)?) => {
        $crate::Migrations {
            module: $module,
            steps: &[$($crate::Migration {
                name: $name,
                sqlite: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite/", $name, ".sql")),
                postgres: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/", $name, ".sql")),
            }),+],
            tables: &[],
        }
    };
}

/// Why a database could not be brought to the program's schema.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// It is past the program's schema.
    #[error(
        "{database} was written by a newer version of the program (migration {module}/{name}): upgrade the program, or restore a backup"
    )]
    Newer {
        /// The database.
        database: String,
        /// The migration's module.
        module: String,
        /// The migration that this program does not know.
        name: String,
    },
    /// A migration that it has is not the program's.
    #[error(
        "{database} has another migration {module}/{name} than this program: use the version of the program that wrote it, or restore a backup"
    )]
    Altered {
        /// The database.
        database: String,
        /// The migration's module.
        module: &'static str,
        /// The migration.
        name: &'static str,
    },
    /// A step failed and was undone.
    #[error("migration {module}/{name} of {database} failed and was undone")]
    Step {
        /// The database.
        database: String,
        /// The migration's module.
        module: &'static str,
        /// The migration.
        name: &'static str,
        /// The reason.
        #[source]
        source: DbError,
    },
    /// The rows of a table could not be kept apart.
    #[error(
        "cannot keep the rows of tenants apart in table {table} of {database}: does the table belong to this user?"
    )]
    Wall {
        /// The database.
        database: String,
        /// The table.
        table: &'static str,
        /// The reason.
        #[source]
        source: DbError,
    },
    /// The database failed.
    #[error("cannot read which migrations the database has")]
    Db(#[from] DbError),
}

const CREATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS schema_migrations (
        module TEXT NOT NULL, name TEXT NOT NULL, checksum BLOB NOT NULL, applied_at INTEGER NOT NULL,
        PRIMARY KEY (module, name)) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS schema_migrations (
        module TEXT NOT NULL, name TEXT NOT NULL, checksum BYTEA NOT NULL, applied_at BIGINT NOT NULL,
        PRIMARY KEY (module, name))",
];

/// PostgreSQL only: held to the end of the transaction. The number is the ASCII of `cp-migr8`.
const LOCK: Statement = Statement::new("LOCK", "SELECT pg_advisory_xact_lock(7165047842283087416)");

const LIST: Statement =
    Statement::new("LIST", "SELECT module, name FROM schema_migrations ORDER BY applied_at, module, name");
const FIND: Statement =
    Statement::new("FIND", "SELECT checksum FROM schema_migrations WHERE module = $1 AND name = $2");
const RECORD: Statement = Statement::new(
    "RECORD",
    "INSERT INTO schema_migrations (module, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
);

const OWN_TABLE: Table = Table::new("schema_migrations", Rows::OfInstallation);

/// PostgreSQL only: the tables, each with the digest of the wall that stands there.
const LIST_WALLS: Statement = Statement::new(
    "LIST_WALLS",
    "SELECT CAST(t.relname AS TEXT) AS name, COALESCE(obj_description(p.oid, 'pg_policy'), '') AS wall
       FROM pg_class t
       JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema()
       LEFT JOIN pg_policy p ON p.polrelid = t.oid AND p.polname = 'belongs'
      WHERE t.relkind IN ('r', 'p')",
);

impl Db {
    /// Applies what is missing of `modules`, which must be all that the program has: a migration of any other module
    /// means that a newer program was here.
    pub async fn migrate(&self, modules: &[Migrations], at: Timestamp) -> Result<(), MigrateError> {
        self.refuse_newer(modules).await?;
        for module in modules {
            for step in module.steps {
                self.apply(module.module, step, at).await?;
            }
        }
        self.put_up_walls(modules).await
    }

    /// How many migrations of `modules` the database lacks. It is left as it is.
    pub async fn count_missing(&self, modules: &[Migrations]) -> Result<usize, MigrateError> {
        let mut tx = self.begin_read(InstallationScope::grant()).await?;
        // A database that was never migrated has no table of migrations.
        let rows = tx.fetch_all(LIST, args![]).await.unwrap_or_default();
        let mut applied = HashSet::new();
        for row in rows {
            applied.insert((row.get::<String>("module")?, row.get::<String>("name")?));
        }
        let steps =
            || modules.iter().flat_map(|module| module.steps.iter().map(|step| (module.module, step.name)));
        let is_known =
            |(module, name): &(String, String)| steps().any(|step| step == (module.as_str(), name.as_str()));
        if let Some((module, name)) = applied.iter().find(|step| !is_known(step)) {
            let (database, module, name) = (self.name().to_owned(), module.clone(), name.clone());
            return Err(MigrateError::Newer { database, module, name });
        }
        Ok(steps()
            .filter(|(module, name)| !applied.contains(&((*module).to_owned(), (*name).to_owned())))
            .count())
    }

    async fn put_up_walls(&self, modules: &[Migrations]) -> Result<(), MigrateError> {
        let mut tx = self.begin_locked().await?;
        if tx.is_sqlite() {
            return Ok(());
        }
        let mut standing: HashMap<String, String> = HashMap::new();
        for row in tx.fetch_all(LIST_WALLS, args![]).await? {
            standing.insert(row.get("name")?, row.get("wall")?);
        }
        for table in modules.iter().flat_map(|module| module.tables).chain([&OWN_TABLE]) {
            let script = table.script();
            let wall = hex(&checksum(&script));
            if standing.get(table.name).is_some_and(|standing| *standing != wall) {
                let noted = format!("{script} COMMENT ON POLICY belongs ON {} IS '{wall}'", table.name);
                tx.run_script(&noted).await.map_err(|source| MigrateError::Wall {
                    database: self.name().to_owned(),
                    table: table.name,
                    source,
                })?;
            }
        }
        Ok(tx.commit().await?)
    }

    async fn refuse_newer(&self, modules: &[Migrations]) -> Result<(), MigrateError> {
        let mut tx = self.begin_locked().await?;
        let [sqlite, postgres] = CREATE;
        tx.run_script(if tx.is_sqlite() { sqlite } else { postgres }).await?;
        for row in tx.fetch_all(LIST, args![]).await? {
            let (module, name): (String, String) = (row.get("module")?, row.get("name")?);
            let mut known =
                modules.iter().filter(|known| known.module == module).flat_map(|known| known.steps);
            if !known.any(|step| step.name == name) {
                return Err(MigrateError::Newer { database: self.name().to_owned(), module, name });
            }
        }
        Ok(tx.commit().await?)
    }

    async fn apply(&self, module: &'static str, step: &Migration, at: Timestamp) -> Result<(), MigrateError> {
        let (database, name) = (self.name().to_owned(), step.name);
        let mut tx = self.begin_locked().await?;
        let script = if tx.is_sqlite() { step.sqlite } else { step.postgres };
        if let Some(row) = tx.fetch_optional(FIND, args![module, name]).await? {
            let same = row.get::<Digest>("checksum")? == checksum(script);
            return if same { Ok(()) } else { Err(MigrateError::Altered { database, module, name }) };
        }
        let applied = async {
            tx.run_script(script).await?;
            tx.execute(RECORD, args![module, name, checksum(script), at]).await?;
            tx.commit().await
        };
        applied.await.map_err(|source| MigrateError::Step { database, module, name, source })
    }

    async fn begin_locked(&self) -> Result<Tx, DbError> {
        let mut tx = self.begin_write(InstallationScope::grant()).await?;
        if !tx.is_sqlite() {
            tx.fetch_all(LOCK, args![]).await?;
        }
        Ok(tx)
    }
}

/// A digest under a public key: it tells that a file has changed, and nothing more is asked of it.
fn checksum(script: &str) -> Digest {
    SealingKey::new([0; 32]).digest(&[script.as_bytes()])
}
