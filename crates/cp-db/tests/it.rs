//! The façade's contract, on both engines.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeSet;

use cp_base::{CallId, IdGenerator, InstallationScope, ProjectScope, Timestamp, UsdNanos};
use cp_db::{
    Args, Db, DbError, Durability, Filter, MigrateError, Migration, Migrations, OpenError, Reach, Rows,
    Statement, Table, args, statements,
};
use cp_testkit::{FakeClock, db_test, ids};

statements! {
    /// Bulk.
    INSERT = "INSERT INTO things (id, number, label, body, flag) VALUES [($1, $2, $3, $4, $5)]
              ON CONFLICT (id) DO UPDATE SET number = excluded.number WHERE things.number < excluded.number";
    /// By id.
    FIND = "SELECT id, number, label, body, flag FROM things WHERE id = $1";
    /// By list.
    LIST = "SELECT id FROM things WHERE flag = $1 AND id IN ([$2])";
    /// By filter.
    PAGE = "SELECT id FROM things WHERE flag = $1{and} ORDER BY number LIMIT $2";
    /// Counts up.
    BUMP = "UPDATE things SET number = number + 1 WHERE id = $1 RETURNING number";
    /// All of them.
    COUNT = "SELECT CAST(COUNT(*) AS BIGINT) AS number FROM things";
}

const THINGS: Migrations = Migrations {
    module: "things",
    steps: &[Migration {
        name: "0001_things",
        sqlite: "CREATE TABLE things (id BLOB NOT NULL PRIMARY KEY, number INTEGER NOT NULL, label TEXT, body BLOB,
                 flag INTEGER NOT NULL) STRICT; CREATE INDEX things_by_number ON things (number)",
        postgres: "CREATE TABLE things (id UUID NOT NULL PRIMARY KEY, number BIGINT NOT NULL, label TEXT, body BYTEA,
                   flag BOOLEAN NOT NULL); CREATE INDEX things_by_number ON things (number)",
    }],
    tables: &[Table::new("things", Rows::OfEverybody)],
};
const AT: Timestamp = Timestamp(1);

fn generator() -> IdGenerator {
    ids(&FakeClock::default().into())
}

fn thing(id: CallId, number: i64) -> Args {
    args![id, number, "a label", vec![1_u8, 2], true]
}

async fn insert(db: &Db, rows: Vec<Args>) -> Result<u64, DbError> {
    let mut tx = db.begin_write(InstallationScope::grant()).await?;
    let changed = tx.execute_many(INSERT, args![], rows).await?;
    tx.commit().await?;
    Ok(changed)
}

async fn count(db: &Db) -> i64 {
    let mut tx = db.begin_read(InstallationScope::grant()).await.unwrap();
    tx.fetch_optional(COUNT, args![]).await.unwrap().unwrap().get("number").unwrap()
}

#[test]
fn a_full_disk_is_survived() {
    cp_testkit::run_on_sqlite(async |test| {
        test.db.migrate(&[THINGS], AT).await.unwrap();
        let ids = generator();
        test.db.run_script("PRAGMA max_page_count = 20").await.unwrap();
        let large = |id: CallId| args![id, 1_i64, "large", vec![7_u8; 200_000], true];
        let full = insert(&test.db, vec![large(ids.mint())]).await.unwrap_err();
        assert!(matches!(full, DbError::Unavailable(_)) && full.is_retryable(), "{full:?}");
        // The limit is the connection's own, and so gone with it: there is room again.
        let tried = async {
            while let Err(error) = insert(&test.db, vec![large(ids.mint())]).await {
                assert!(error.is_retryable(), "{error:?}");
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), tried).await.unwrap();
        assert_eq!(count(&test.db).await, 1);
    });
}

db_test! {
    async fn values_come_back_as_they_went_in(test: TestDb) {
        test.db.migrate(&[THINGS], AT).await.unwrap();
        let ids = generator();
        let (full, empty): (CallId, CallId) = (ids.mint(), ids.mint());
        let nothing = args![empty, UsdNanos(i64::MIN), None::<&str>, None::<Vec<u8>>, false];
        insert(&test.db, vec![args![full, u64::MAX, "with\0nul, é", vec![0_u8, 255], true], nothing]).await.unwrap();

        let mut tx = test.db.begin_read(InstallationScope::grant()).await.unwrap();
        let row = tx.fetch_optional(FIND, args![full]).await.unwrap().unwrap();
        assert_eq!(row.get::<CallId>("id").unwrap(), full);
        assert_eq!(row.get::<u64>("number").unwrap(), u64::try_from(i64::MAX).unwrap(), "saturates");
        assert_eq!(row.get::<String>("label").unwrap(), "with\u{fffd}nul, é");
        assert_eq!(row.get::<[u8; 2]>("body").unwrap(), [0, 255]);
        assert!(row.get::<bool>("flag").unwrap());
        assert!(matches!(row.get::<[u8; 3]>("body"), Err(DbError::Decode { column, .. }) if column == "body"));
        assert!(matches!(row.get::<i64>("nowhere"), Err(DbError::Decode { .. })));

        let row = tx.fetch_optional(FIND, args![empty]).await.unwrap().unwrap();
        assert_eq!(row.get_optional::<String>("label").unwrap(), None);
        assert_eq!(row.get_optional::<Vec<u8>>("body").unwrap(), None);
        assert!(matches!(row.get::<String>("label"), Err(DbError::Decode { .. })));
        assert!(matches!(row.get::<u64>("number"), Err(DbError::Decode { .. })), "below zero");
    }

    async fn bulk_statements_are_cut_to_size(test: TestDb) {
        test.db.migrate(&[THINGS], AT).await.unwrap();
        let ids = generator();
        let all: Vec<CallId> = (0..777).map(|_| ids.mint()).collect();
        let rows = |number| all.iter().map(|id| thing(*id, number)).collect::<Vec<_>>();
        assert_eq!(insert(&test.db, rows(1)).await.unwrap(), 777);
        assert_eq!(insert(&test.db, rows(1)).await.unwrap(), 0, "the conflict's condition keeps working");
        assert_eq!(insert(&test.db, rows(2)).await.unwrap(), 777);
        assert_eq!(insert(&test.db, vec![]).await.unwrap(), 0);

        let mut tx = test.db.begin_read(InstallationScope::grant()).await.unwrap();
        let listed = tx.fetch_many(LIST, args![true], all.iter().map(|id| args![*id]).collect()).await.unwrap();
        let listed: BTreeSet<CallId> = listed.iter().map(|row| row.get("id").unwrap()).collect();
        assert_eq!(listed, all.into_iter().collect());
        assert!(tx.fetch_many(LIST, args![false], vec![args![ids.mint::<cp_base::kind::Call>()]]).await.unwrap().is_empty());
    }

    async fn filters_narrow(test: TestDb) {
        test.db.migrate(&[THINGS], AT).await.unwrap();
        let ids = generator();
        insert(&test.db, (0..10).map(|number| thing(ids.mint(), number)).collect()).await.unwrap();
        let mut filter = Filter::default();
        filter.and_if("number >= $1", Some(3_i64));
        filter.and("number < $1 OR label = $2", args![7_i64, "other"]);
        let mut tx = test.db.begin_read(InstallationScope::grant()).await.unwrap();
        assert_eq!(tx.fetch_filtered(PAGE, args![true, 100_i64], filter).await.unwrap().len(), 4);
        assert_eq!(tx.fetch_filtered(PAGE, args![true, 2_i64], Filter::default()).await.unwrap().len(), 2);
    }

    async fn a_dropped_transaction_leaves_nothing(test: TestDb) {
        test.db.migrate(&[THINGS], AT).await.unwrap();
        let mut tx = test.db.begin_write(InstallationScope::grant()).await.unwrap();
        tx.execute_many(INSERT, args![], vec![thing(generator().mint(), 1)]).await.unwrap();
        drop(tx);
        assert_eq!(count(&test.db).await, 0);
    }

    async fn readers_see_one_snapshot_and_cannot_write(test: TestDb) {
        test.db.migrate(&[THINGS], AT).await.unwrap();
        let ids = generator();
        let mut reader = test.db.begin_read(InstallationScope::grant()).await.unwrap();
        assert!(reader.fetch_all(COUNT, args![]).await.unwrap().len() == 1);
        insert(&test.db, vec![thing(ids.mint(), 1)]).await.unwrap();
        let row = reader.fetch_optional(COUNT, args![]).await.unwrap().unwrap();
        assert_eq!(row.get::<i64>("number").unwrap(), 0);
        reader.execute_many(INSERT, args![], vec![thing(ids.mint(), 2)]).await.unwrap_err();
        drop(reader);
        assert_eq!(count(&test.db).await, 1);
    }

    async fn racing_writers_lose_no_update(test: TestDb) {
        test.db.migrate(&[THINGS], AT).await.unwrap();
        let id: CallId = generator().mint();
        insert(&test.db, vec![thing(id, 0)]).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let db = test.connect_again().await;
            writers.spawn(async move {
                for _ in 0..25 {
                    let mut tx = db.begin_write(InstallationScope::grant()).await.unwrap();
                    tx.fetch_all(BUMP, args![id]).await.unwrap();
                    tx.commit().await.unwrap();
                }
            });
        }
        while let Some(writer) = writers.join_next().await {
            writer.unwrap();
        }
        let mut tx = test.db.begin_read(InstallationScope::grant()).await.unwrap();
        assert_eq!(tx.fetch_optional(FIND, args![id]).await.unwrap().unwrap().get::<i64>("number").unwrap(), 100);
    }

    async fn errors_say_what_the_caller_can_do(test: TestDb) {
        test.db.migrate(&[THINGS], AT).await.unwrap();
        let broken = args![generator().mint::<cp_base::kind::Call>(), None::<i64>, "x", None::<Vec<u8>>, true];
        assert!(matches!(insert(&test.db, vec![broken]).await, Err(DbError::Constraint(_))));
        const WRONG: Statement = Statement::new("WRONG", "SELECT nothing FROM nowhere");
        assert!(matches!(test.db.prepare(WRONG).await, Err(DbError::Statement(_))));
        test.db.close().await;
        assert!(test.db.begin_read(InstallationScope::grant()).await.unwrap_err().is_retryable());
    }

    async fn every_statement_prepares(test: TestDb) {
        test.db.migrate(&[THINGS], AT).await.unwrap();
        for statement in ALL {
            test.db.prepare(*statement).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name()));
        }
    }

    async fn migrations_run_once_and_in_one_piece(test: TestDb) {
        let mut starting = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let db = test.connect_again().await;
            starting.spawn(async move { db.migrate(&[THINGS], AT).await });
        }
        while let Some(started) = starting.join_next().await {
            started.unwrap().unwrap();
        }
        const BROKEN: &str = "CREATE TABLE half (id INTEGER); SELECT nothing FROM nowhere";
        const STEPS: &[Migration] =
            &[THINGS.steps[0], Migration { name: "0002_broken", sqlite: BROKEN, postgres: BROKEN }];
        let error = test.db.migrate(&[Migrations { steps: STEPS, ..THINGS }], AT).await.unwrap_err();
        assert!(matches!(error, MigrateError::Step { name: "0002_broken", .. }), "{error}");
        assert!(!test.db.catalogue().await.unwrap().iter().any(|line| line.starts_with("half")));
        test.db.migrate(&[THINGS], AT).await.unwrap();
    }

    async fn what_a_schema_lacks_is_counted_and_left_alone(test: TestDb) {
        assert_eq!(test.db.count_missing(&[THINGS]).await.unwrap(), 1);
        assert!(test.db.catalogue().await.unwrap().is_empty());
        test.db.migrate(&[THINGS], AT).await.unwrap();
        assert_eq!(test.db.count_missing(&[THINGS]).await.unwrap(), 0);
        let error = test.db.count_missing(&[]).await.unwrap_err();
        assert!(matches!(error, MigrateError::Newer { .. }), "{error}");
    }

    async fn a_newer_or_an_altered_schema_is_refused(test: TestDb) {
        test.db.migrate(&[THINGS], AT).await.unwrap();
        let error = test.db.migrate(&[], AT).await.unwrap_err();
        assert!(error.to_string().contains("newer version of the program (migration things/0001_things)"), "{error}");
        assert!(error.to_string().contains(test.db.name()), "{error}");
        const STEPS: &[Migration] =
            &[Migration { name: "0001_things", sqlite: "SELECT 1", postgres: "SELECT 1" }];
        let error = test.db.migrate(&[Migrations { steps: STEPS, ..THINGS }], AT).await.unwrap_err();
        assert!(matches!(error, MigrateError::Altered { .. }), "{error}");
    }

    async fn the_catalogue_is_the_same_everywhere(test: TestDb) {
        test.db.migrate(&[THINGS], AT).await.unwrap();
        assert_eq!(
            test.db.catalogue().await.unwrap(),
            [
                "schema_migrations (module, name) unique",
                "schema_migrations.applied_at INTEGER not null",
                "schema_migrations.checksum BLOB not null",
                "schema_migrations.module TEXT not null",
                "schema_migrations.name TEXT not null",
                "things (id) unique",
                "things (number)",
                "things.body BLOB",
                "things.flag INTEGER not null",
                "things.id BLOB not null",
                "things.label TEXT",
                "things.number INTEGER not null",
            ]
        );
    }
}

async fn open(location: &str) -> OpenError {
    Db::connect(location, Durability::Power).await.unwrap_err()
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let absent = directory.path().join("absent/store.db").display().to_string();
    for path in [absent, directory.path().display().to_string()] {
        let error = open(&path).await;
        assert!(matches!(error, OpenError::Unwritable { .. }), "{error:?}");
        assert!(error.to_string().contains(&path), "{error}");
    }
    let foreign = directory.path().join("foreign.db");
    std::fs::write(
        &foreign,
        "this is a text, and far longer than the header of a database has to be. ".repeat(9),
    )
    .unwrap();
    let error = open(&foreign.display().to_string()).await;
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named_without_its_password() {
    let (_nobody, port) = cp_testkit::hold_port();
    let error = open(&format!("postgres://someone:open-sesame@127.0.0.1:{port}/store")).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    let mut chain = format!("{error:?} {error}");
    chain.push_str(&std::error::Error::source(&error).unwrap().to_string());
    assert!(chain.contains(&format!("postgres://127.0.0.1:{port}/store")), "{chain}");
    assert!(!chain.contains("open-sesame"), "{chain}");
    assert!(matches!(open("postgres://h:no-port/").await, OpenError::InvalidUrl(_)));
}

/// A table of tenants, as a version of the program made it that put up no walls.
const NOTES: Migrations = Migrations {
    module: "notes",
    steps: &[Migration {
        name: "0001_notes",
        sqlite: "CREATE TABLE notes (org_id BLOB NOT NULL, project_id BLOB NOT NULL, note TEXT NOT NULL) STRICT",
        postgres: "CREATE TABLE notes (org_id UUID NOT NULL, project_id UUID NOT NULL, note TEXT NOT NULL)",
    }],
    tables: &[],
};
const ADD_NOTE: Statement =
    Statement::new("ADD_NOTE", "INSERT INTO notes (org_id, project_id, note) VALUES ($1, $2, $3)");
const ALL_NOTES: Statement = Statement::new("ALL_NOTES", "SELECT note FROM notes ORDER BY note");

async fn add_note(db: &Db, reach: impl Into<Reach>, scope: ProjectScope, note: &str) -> Result<(), DbError> {
    let mut tx = db.begin_write(reach).await?;
    tx.execute(ADD_NOTE, args![scope.org(), scope, note]).await?;
    tx.commit().await
}

async fn notes(db: &Db, reach: impl Into<Reach>) -> Vec<String> {
    let mut tx = db.begin_read(reach).await.unwrap();
    let rows = tx.fetch_all(ALL_NOTES, args![]).await.unwrap();
    rows.iter().map(|row| row.get("note").unwrap()).collect()
}

#[test]
fn a_database_with_rows_is_given_walls() {
    cp_testkit::run_on_postgres(async |test| {
        let ids = generator();
        let (org, other) = (ids.mint(), ids.mint());
        let ours = ProjectScope::grant(org, ids.mint());
        let sibling = ProjectScope::grant(org, ids.mint());
        let foreign = ProjectScope::grant(other, ids.mint());
        test.db.migrate(&[NOTES], AT).await.unwrap();
        assert_eq!(test.db.list_open_tables().await.unwrap(), ["notes"], "nobody stated whose its rows are");
        for (scope, note) in [(ours, "ours"), (sibling, "sibling's"), (foreign, "foreign")] {
            add_note(&test.db, ours, scope, note).await.unwrap();
        }

        const TABLES: &[Table] = &[Table::new("notes", Rows::OfProject)];
        test.db.migrate(&[NOTES.with_tables(TABLES)], AT).await.unwrap();
        assert!(test.db.list_open_tables().await.unwrap().is_empty());
        assert_eq!(notes(&test.db, ours).await, ["ours"]);
        assert_eq!(notes(&test.db, ours.org_scope()).await, ["ours", "sibling's"]);
        assert_eq!(notes(&test.db, foreign).await, ["foreign"]);
        assert_eq!(notes(&test.db, InstallationScope::grant()).await, ["foreign", "ours", "sibling's"]);
        let refused = add_note(&test.db, ours, foreign, "another").await.unwrap_err();
        assert!(matches!(refused, DbError::Statement(_)), "{refused:?}");

        // Another word takes the place of the one before.
        const WIDER: &[Table] = &[Table::new("notes", Rows::OfProject).seen(Rows::OfOrg)];
        test.db.migrate(&[NOTES.with_tables(WIDER)], AT).await.unwrap();
        assert_eq!(notes(&test.db, ours).await, ["ours", "sibling's"]);
        add_note(&test.db, ours, sibling, "another").await.unwrap_err();

        // What stands is left alone, and nobody who reads is waited for.
        let mut reader = test.db.begin_read(ours).await.unwrap();
        reader.fetch_all(ALL_NOTES, args![]).await.unwrap();
        let modules = [NOTES.with_tables(WIDER)];
        tokio::time::timeout(std::time::Duration::from_secs(20), test.db.migrate(&modules, AT))
            .await
            .unwrap()
            .unwrap();
    });
}

#[tokio::test]
async fn a_superuser_can_take_a_role_that_walls_hold_for() {
    const TABLES: &[Table] = &[Table::new("notes", Rows::OfProject)];
    let cluster = cp_testkit::Cluster::start();
    let timeout = std::time::Duration::from_secs(10);
    let ids = generator();
    let (ours, foreign) =
        (ProjectScope::grant(ids.mint(), ids.mint()), ProjectScope::grant(ids.mint(), ids.mint()));

    let db = Db::connect_as(&cluster.superuser_url(), "codepromptu", timeout).await.unwrap();
    db.migrate(&[NOTES.with_tables(TABLES)], AT).await.unwrap();
    assert_eq!(db.find_passing_role().await.unwrap(), None);
    add_note(&db, ours, ours, "ours").await.unwrap();
    assert!(notes(&db, foreign).await.is_empty());

    let superuser = Db::connect(&cluster.superuser_url(), Durability::Process).await.unwrap();
    assert_eq!(superuser.find_passing_role().await.unwrap().as_deref(), Some("postgres"));
    assert_eq!(notes(&superuser, foreign).await, ["ours"], "a superuser passes");

    for role in ["no such role", "no\"such; role"] {
        let error = Db::connect_as(&cluster.superuser_url(), role, timeout).await.unwrap_err();
        assert!(matches!(error, OpenError::Role { .. }) && error.to_string().contains(role), "{error:?}");
    }
}
