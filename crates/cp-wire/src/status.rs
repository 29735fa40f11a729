//! The state of the service.

use cp_base::{NodeId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The state of one node and its store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// This node.
    #[schema(value_type = String)]
    pub node_id: NodeId,
    /// When the process started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// The store.
    pub store: StoreStatus,
    /// The capture log.
    pub log: LogStatus,
    /// The pipeline from log to store.
    pub pipeline: PipelineStatus,
    /// The providers that the gateway serves.
    pub providers: Vec<ProviderStatus>,
    /// Where the master key came from.
    #[schema(example = "file codepromptu-data/master.key")]
    pub master_key_source: String,
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreStatus {
    /// The database engine.
    #[schema(example = "SQLite")]
    pub engine: String,
    /// Calls stored; absent while the store does not answer.
    pub calls: Option<u64>,
    /// Of these, those that have not ended.
    pub running: Option<u64>,
    /// Start of the latest call stored.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub latest_call_at: Option<Timestamp>,
    /// Why the store does not answer; `null` when it does.
    pub last_error: Option<String>,
}

/// The capture log of this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogStatus {
    /// Records written since the start.
    pub written: u64,
    /// Bytes that the pipeline has not stored yet.
    pub backlog_bytes: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes that it may take on disk.
    pub max_bytes: u64,
    /// Records that could not be kept since the start.
    pub lost_records: u64,
    /// Calls since the start that found no room in the log; they passed unrecorded or were refused, as configured.
    pub refused: u64,
    /// Why it cannot write now; `null` when it can.
    pub last_error: Option<String>,
}

/// The pipeline from log to store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PipelineStatus {
    /// When it last stored something.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_stored_at: Option<Timestamp>,
    /// Bytes of the log that are ahead of it.
    pub behind_bytes: u64,
    /// Why it cannot store now; `null` when it can.
    pub last_error: Option<String>,
}

/// A provider that the gateway serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderStatus {
    /// The first segment of the gateway's path.
    pub name: String,
    /// How its bodies read.
    #[schema(example = "openai")]
    pub family: String,
    /// Where its calls go; empty while it is not configured.
    pub base_url: String,
}

/// The service can take traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Always `ready`; the answer is a problem otherwise.
    pub status: String,
}
