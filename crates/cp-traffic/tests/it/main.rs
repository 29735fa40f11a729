//! The traffic store's contract, on both engines.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod crossing;
mod keys;
mod live;
mod money;
mod people;
mod reading;
mod retention;
mod scores;
mod sealing;
mod threads;
mod told;
mod world;
mod writing;

#[test]
fn both_schemas_say_the_same() {
    cp_testkit::assert_schema_parity(&[cp_traffic::MIGRATIONS]);
    cp_testkit::assert_schema_parity(&[cp_traffic::SUBJECT_KEY_MIGRATIONS]);
}

#[test]
fn the_database_keeps_the_rows_of_tenants_apart() {
    cp_testkit::assert_rows_are_kept_apart(&[cp_traffic::MIGRATIONS]);
    cp_testkit::assert_rows_are_kept_apart(&[cp_traffic::SUBJECT_KEY_MIGRATIONS]);
}
