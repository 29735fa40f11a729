//! Proof of the second wall: with the first one taken away, PostgreSQL still keeps the rows of tenants apart.
//!
//! The tables, whichever they are, are read from the catalogue, and each is given rows of three tenants: values are made of
//! a tenant's tag and the column's name, so that what belongs together has the same keys.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;

use cp_base::{InstallationScope, OrgId, ProjectId, ProjectScope, Timestamp};
use cp_db::{DbError, Migrations, Reach, Rows, Statement, Table, Tx, args};

use crate::{FakeClock, TestDb, ids, run_on_postgres};

/// Rows are made without what they refer to.
const LOOSEN: &str = "DO $$ DECLARE c RECORD; BEGIN
    FOR c IN SELECT conrelid::regclass AS place, conname FROM pg_constraint
              WHERE contype IN ('f', 'c') AND connamespace = current_schema()::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.place, c.conname);
    END LOOP; END $$";

const COLUMNS: &str = "SELECT CAST(table_name AS TEXT) AS place, CAST(column_name AS TEXT) AS name,
                              CAST(data_type AS TEXT) AS kind, CAST(is_nullable AS TEXT) AS nullable
                         FROM information_schema.columns WHERE table_schema = current_schema()
                        ORDER BY table_name, ordinal_position";

/// Whoever has rows.
#[derive(Clone, Copy, Debug)]
struct Tenant {
    tag: &'static str,
    org: OrgId,
    project: ProjectId,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    kind: String,
    nullable: bool,
}

/// A migrated database with rows of everybody in every table.
#[derive(Debug)]
struct World<'a> {
    test: &'a TestDb,
    tables: Vec<Table>,
    columns: BTreeMap<String, Vec<Column>>,
    /// Ours, another project of our organisation, and another organisation's.
    tenants: [Tenant; 3],
    nobody: ProjectScope,
    /// Of each table the rows that were stored, as text, each with whose it is.
    rows: BTreeMap<String, BTreeMap<String, usize>>,
}

/// Checks that of every table a transaction sees and changes the rows that are within its reach, whatever it asks for.
pub fn assert_rows_are_kept_apart(modules: &[Migrations]) {
    run_on_postgres(async |test: TestDb| {
        let world = World::new(&test, modules).await;
        let [ours, ..] = world.tenants;
        for table in &world.tables {
            for reach in [Reach::from(ours.scope()), Reach::from(ours.scope().org_scope())] {
                world.check(table, reach).await;
            }
            world.check_closed(table).await;
        }
    });
}

/// Takes the scope out of each statement that has one, and runs what is left of it as somebody to whom nothing belongs:
/// nothing is found or changed. Returns the names of those that would have found or changed something.
pub fn unscoped_statements_that_matter(
    modules: &[Migrations],
    statements: &[Statement],
) -> Vec<&'static str> {
    run_on_postgres(async |test: TestDb| {
        let world = World::new(&test, modules).await;
        let mut matter = Vec::new();
        for statement in statements {
            for filled in [true, false] {
                let Some(text) = world.unscoped(&statement.sample(), filled) else { continue };
                let found = world.run(InstallationScope::grant().into(), &text).await;
                let found_by_nobody = world.run(world.nobody.into(), &text).await;
                assert_eq!(found_by_nobody, 0, "{} crosses the wall:\n{text}", statement.name());
                if found > 0 {
                    matter.push(statement.name());
                    break;
                }
            }
        }
        matter
    })
}

impl Tenant {
    fn scope(self) -> ProjectScope {
        ProjectScope::grant(self.org, self.project)
    }

    /// What stands in a column of this tenant's rows.
    fn literal(self, tag: &str, column: &Column) -> String {
        let Column { name, kind, .. } = column;
        match (name.as_str(), kind.as_str()) {
            ("org_id", _) => format!("'{}'::uuid", self.org.uuid()),
            ("project_id", _) => format!("'{}'::uuid", self.project.uuid()),
            (_, "uuid") => format!("md5('{tag} {name}')::uuid"),
            (_, "bytea") => format!("decode(md5('{tag} {name}'), 'hex')"),
            (_, "boolean") => "TRUE".to_owned(),
            (_, "bigint" | "double precision") => format!("{}", tag.bytes().map(i64::from).sum::<i64>()),
            _ => format!("'{tag} {name}'"),
        }
    }
}

#[expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test without its rows must fail"
)]
impl<'a> World<'a> {
    async fn new(test: &'a TestDb, modules: &[Migrations]) -> Self {
        test.db.migrate(modules, Timestamp(0)).await.expect("the migrations apply");
        test.db.run_script(LOOSEN).await.expect("constraints can be dropped");
        let ids = ids(&FakeClock::default().into());
        let (org, other) = (ids.mint(), ids.mint());
        let mut world = World {
            test,
            tables: modules.iter().flat_map(|module| module.tables).copied().collect(),
            columns: BTreeMap::new(),
            tenants: [
                Tenant { tag: "ours", org, project: ids.mint() },
                Tenant { tag: "sibling", org, project: ids.mint() },
                Tenant { tag: "foreign", org: other, project: ids.mint() },
            ],
            nobody: ProjectScope::grant(ids.mint(), ids.mint()),
            rows: BTreeMap::new(),
        };
        world.read_columns().await;
        world.fill().await;
        world
    }

    async fn read_columns(&mut self) {
        let mut tx = self.begin(InstallationScope::grant().into()).await;
        for row in tx.fetch_all(leaked(COLUMNS), args![]).await.unwrap() {
            let column = Column {
                name: row.get("name").unwrap(),
                kind: row.get("kind").unwrap(),
                nullable: row.get::<String>("nullable").unwrap() == "YES",
            };
            self.columns.entry(row.get("place").unwrap()).or_default().push(column);
        }
        self.columns.remove("schema_migrations");
        let stated: BTreeSet<_> = self.tables.iter().map(|table| table.name).collect();
        let there: BTreeSet<_> = self.columns.keys().map(String::as_str).collect();
        assert_eq!(
            there, stated,
            "the tables (left) and those of which `TABLES` in their crate's `tables.rs` says whose their rows are (right)"
        );
    }

    /// Each tenant gets a row of values, and one that is empty where it may be.
    async fn fill(&mut self) {
        let mut tx = self.begin(InstallationScope::grant().into()).await;
        for table in &self.tables {
            let mut rows = BTreeMap::new();
            for (whose, tenant) in self.tenants.iter().enumerate() {
                for (tag, filled) in [(tenant.tag.to_owned(), true), (sparse(tenant.tag), false)] {
                    let text = self.insert(*tenant, table, &|_| tag.clone(), filled);
                    for row in tx.fetch_all(leaked(&text), args![]).await.unwrap() {
                        rows.insert(row.get("line").unwrap(), whose);
                    }
                }
            }
            assert!(rows.values().any(|whose| *whose == 0), "there is nothing of ours in {}", table.name);
            self.rows.insert(table.name.to_owned(), rows);
        }
        tx.commit().await.unwrap();
    }

    fn insert(&self, tenant: Tenant, table: &Table, tag: &dyn Fn(&str) -> String, filled: bool) -> String {
        let columns = self.columns.get(table.name).expect("it was read");
        let value = |column: &Column| {
            let is_place = matches!(column.name.as_str(), "org_id" | "project_id");
            if filled || is_place || !column.nullable {
                tenant.literal(&tag(&column.name), column)
            } else {
                "NULL".to_owned()
            }
        };
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let values: Vec<_> = columns.iter().map(value).collect();
        format!(
            "INSERT INTO {} AS t ({}) VALUES ({}) ON CONFLICT DO NOTHING RETURNING CAST(t AS TEXT) AS line",
            table.name,
            names.join(", "),
            values.join(", ")
        )
    }

    /// Whether rows that belong like this are within reach.
    fn reaches(&self, reach: Reach, rows: Rows, tenant: Tenant) -> bool {
        let (org, project) = match reach {
            Reach::Installation(_) => return true,
            Reach::Org(scope) => (scope.org(), None),
            Reach::Project(scope) => (scope.org(), Some(scope.project())),
        };
        match rows {
            Rows::OfOrg => org == tenant.org,
            Rows::OfProject => org == tenant.org && project.is_none_or(|project| project == tenant.project),
            Rows::OfProjectAlone => project == Some(tenant.project),
            Rows::With { table, .. } => {
                let other = self.tables.iter().find(|other| other.name == table).expect("it is stated");
                self.reaches(reach, other.rows(), tenant)
            }
            Rows::OfEverybody => true,
            Rows::OfInstallation => false,
        }
    }

    async fn check(&self, table: &Table, reach: Reach) {
        let name = table.name;
        let owned = |whose: usize| self.reaches(reach, table.rows(), self.tenants[whose]);
        let seen = |whose: usize| {
            owned(whose)
                || table.seen_rows().is_some_and(|rows| self.reaches(reach, rows, self.tenants[whose]))
        };
        let columns = self.columns.get(name).expect("it was read");
        let is_tenants = columns.iter().any(|column| matches!(column.name.as_str(), "org_id" | "project_id"));
        assert!(!is_tenants || !seen(2), "{name} tells tenants apart, and shows one the rows of another");

        let stored = self.rows.get(name).expect("it was filled");
        let mut tx = self.begin(reach).await;
        let select = leaked(&format!("SELECT CAST(t AS TEXT) AS line FROM {name} AS t"));
        let found = tx.fetch_all(select, args![]).await.unwrap();
        let found: BTreeSet<String> = found.iter().map(|row| row.get("line").unwrap()).collect();
        let visible =
            stored.iter().filter(|(_, whose)| seen(**whose)).map(|(line, _)| line.clone()).collect();
        assert_eq!(found, visible, "what {reach:?} sees of {name}");

        let changeable = stored.values().filter(|whose| owned(**whose)).count() as u64;
        let first = &columns.first().expect("a table has columns").name;
        let update = leaked(&format!("UPDATE {name} SET {first} = {first}"));
        assert_eq!(tx.execute(update, args![]).await.unwrap(), changeable, "{reach:?} updates {name}");
        let delete = leaked(&format!("DELETE FROM {name}"));
        assert_eq!(tx.execute(delete, args![]).await.unwrap(), changeable, "{reach:?} deletes from {name}");
        drop(tx);

        for (whose, tenant) in self.tenants.into_iter().enumerate() {
            let inserted = self.insert_another(table, tenant, reach).await;
            match inserted {
                Ok(()) => assert!(owned(whose), "{reach:?} put a row of {} into {name}", tenant.tag),
                Err(reason) => {
                    assert!(reason.contains("row-level security"), "{name}: {reason}");
                    assert!(!owned(whose), "{reach:?} is kept from its own rows of {name}");
                }
            }
        }
    }

    /// Tries to store one more row of a tenant, with what it hangs from being there.
    async fn insert_another(&self, table: &Table, tenant: Tenant, reach: Reach) -> Result<(), String> {
        let tag = |column: &str| match table.rows() {
            Rows::With { column: key, .. } if key == column => tenant.tag.to_owned(),
            _ => format!("{} again", tenant.tag),
        };
        let text = self.insert(tenant, table, &tag, true);
        let mut tx = self.begin(reach).await;
        match tx.fetch_all(leaked(&text), args![]).await {
            Ok(_) => Ok(()),
            Err(DbError::Statement(source)) => Err(source.to_string()),
            Err(error) => Err(format!("{error}: {:?}", error.source())),
        }
    }

    /// Without a reach there is nothing.
    async fn check_closed(&self, table: &Table) {
        let name = table.name;
        let script = format!(
            "DO $$ DECLARE changed BIGINT; BEGIN
                 IF EXISTS (SELECT 1 FROM {name}) THEN RAISE EXCEPTION '{name} is open'; END IF;
                 DELETE FROM {name};
                 GET DIAGNOSTICS changed = ROW_COUNT;
                 IF changed > 0 THEN RAISE EXCEPTION '{name} can be emptied'; END IF;
             END $$"
        );
        self.test.db.run_script(&script).await.unwrap();
    }

    /// A statement without its scope, with values of the foreign tenant for its parameters; none for what has no scope, or
    /// has parameters that are not compared with a column.
    fn unscoped(&self, statement: &str, filled: bool) -> Option<String> {
        let foreign = self.tenants[2];
        let tag = if filled { foreign.tag.to_owned() } else { sparse(foreign.tag) };
        let mut pieces = statement.split('$');
        let mut text = pieces.next()?.to_owned();
        let upper = statement.to_uppercase();
        // An aggregate of nothing is a row, too.
        let is_aggregate = ["COUNT(", "MAX(", "MIN(", "SUM("].iter().any(|function| upper.contains(function));
        if is_aggregate || upper.trim_start().starts_with("INSERT") {
            return None;
        }
        let mut had_scope = false;
        for piece in pieces {
            let rest = piece.trim_start_matches(|letter: char| letter.is_ascii_digit());
            let before = text.trim_end().trim_end_matches('(').trim_end();
            let (compared, operator) =
                ["LIMIT", "IS NOT DISTINCT FROM", "<>", "<=", ">=", "<", ">", "=", "IN"]
                    .iter()
                    .find_map(|operator| Some((before.strip_suffix(operator)?.trim_end(), *operator)))?;
            let name_at = compared.rfind(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
            let name = &compared[name_at.map_or(0, |at| at + 1)..];
            if matches!((name, operator), ("org_id" | "project_id", "=")) {
                let at = compared.rfind(char::is_whitespace).map_or(0, |at| at + 1);
                text.truncate(at);
                text.push_str("TRUE");
                had_scope = true;
            } else if operator == "LIMIT" {
                text.push_str("100");
            } else {
                let column = self.columns.values().flatten().find(|column| column.name == name)?;
                text.push_str(&match operator {
                    "<" | "<=" => extreme(&column.kind, true)?.to_owned(),
                    ">" | ">=" => extreme(&column.kind, false)?.to_owned(),
                    _ => foreign.literal(&tag, column),
                });
            }
            text.push_str(rest);
        }
        had_scope.then_some(text)
    }

    /// How many rows a statement finds or changes.
    async fn run(&self, reach: Reach, text: &str) -> u64 {
        let mut tx = self.begin(reach).await;
        let statement = leaked(text);
        let ran = if text.trim_start().starts_with("SELECT") {
            tx.fetch_all(statement, args![]).await.map(|rows| rows.len() as u64)
        } else {
            tx.execute(statement, args![]).await
        };
        match ran {
            Ok(rows) => rows,
            // It found what it wanted to change.
            Err(DbError::Constraint(_)) => 1,
            Err(error) => panic!("{error:?}\n{text}"),
        }
    }

    async fn begin(&self, reach: Reach) -> Tx {
        self.test.db.begin_write(reach).await.unwrap()
    }
}

fn sparse(tag: &str) -> String {
    format!("{tag}, sparse")
}

/// A value that is above, or below, all that were stored.
fn extreme(kind: &str, above: bool) -> Option<&'static str> {
    Some(match (kind, above) {
        ("bigint", true) => "9223372036854775807",
        ("bigint", false) => "-1",
        ("uuid", true) => "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid",
        ("uuid", false) => "'00000000-0000-0000-0000-000000000000'::uuid",
        ("bytea", true) => "'\\xffffffffffffffffffffffffffffffffffff'::bytea",
        ("bytea", false) => "'\\x'::bytea",
        _ => return None,
    })
}

/// A statement that is made while the test runs.
fn leaked(text: &str) -> Statement {
    Statement::new("made", String::leak(text.to_owned()))
}
