//! Calls, messages and conversations.
//!
//! [`TrafficStore`] writes what the pipeline derives from the capture log and reads it back, always for one project.
//! What a person or a model wrote is sealed before it reaches the database; see the `content` module for the form.
//! Writing is idempotent: a call is known by its id, and the same stretch of a log stored twice changes nothing.

mod collect;
mod columns;
mod content;
mod cost;
mod erase;
mod ground;
mod label;
mod live;
mod model;
mod read;
mod reprice;
mod reseal;
mod retention;
mod scan;
mod scores;
mod spend;
mod sql;
mod store;
mod subjects;
mod tables;
mod told;
mod write;

pub use collect::Collected;
pub use cost::{CostGroup, CostGrouping, MAX_GROUPS, TokensByKind};
pub use erase::{Erased, PersonCounts};
pub use label::Label;
pub use live::{LiveCalls, LiveEvent, LiveSubscription};
pub use model::{
    Batch, BatchRef, Billing, CallCursor, CallDetail, CallDocument, CallFilter, CallMessages, CallPage,
    CallSummary, ChainParent, DetailPage, FinishedCall, LogCursor, RawBodies, Told, TrafficStatus, Write,
};
pub use read::{MAX_CALLS, MAX_DETAILS};
pub use reprice::{ChangeFilter, ChangePage, CostChange, MAX_REPRICED, NewPrice, PriceOfCall, Repricing};
pub use reseal::Resealed;
pub use retention::{Expired, Holds};
pub use scan::{MAX_SCANNED_BYTES, MAX_SCANNED_CALLS};
pub use scores::{MAX_SCORES, Score, ScoreFilter, ScoreSource, ScoreTarget, ScoreValue};
pub use store::{StoreError, TrafficStore};
pub use write::give_way;

/// The traffic store's schema.
pub const MIGRATIONS: cp_db::Migrations = cp_db::migrations!("traffic": "0001_calls", "0002_cost_changes", "0003_call_handles", "0004_subject_keys", "0005_erasure", "0006_gateway_keys",
    "0007_scores", "0008_call_sources", "0009_call_prompts")
    .with_tables(tables::TABLES);

/// The schema of a database that holds people's secrets and nothing else.
pub const SUBJECT_KEY_MIGRATIONS: cp_db::Migrations =
    cp_db::migrations!("subject-keys": "0004_subject_keys").with_tables(tables::SUBJECT_KEY_TABLES);
