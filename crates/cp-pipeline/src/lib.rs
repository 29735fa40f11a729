//! The pipeline: consumers of the capture log.
//!
//! One consumer so far, [`StoreCalls`]: decode → thread → price → redact → store. What it writes is derived from the log alone,
//! keyed by call id, and written together with the log's cursor: reading a stretch of the log again changes nothing.
//! Nothing here is on the path of a call; when it stands still, the log keeps what it has not read.

mod background;
mod batched;
mod consumer;
mod derive;
mod keeper;
mod mates;
mod privacy;
mod settle;
mod thread;
mod told;

pub use consumer::{CONSUMER, PipelineStatus, StoreCalls, StoreCallsParts};
pub use derive::{PriceLists, decode_call};
pub use keeper::{Keeper, KeeperParts};
pub use privacy::redact_log;
pub use settle::Settlements;
