//! The traffic store's contract, on both engines.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod live;
mod money;
mod reading;
mod sealing;
mod threads;
mod world;
mod writing;

#[test]
fn both_schemas_say_the_same() {
    cp_testkit::assert_schema_parity(&[cp_traffic::MIGRATIONS]);
}
