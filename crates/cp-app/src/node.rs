//! What only the program knows about its node.

use cp_base::{NodeId, Timestamp};

/// The state of one node, as the program sees it now.
#[derive(Clone, Debug)]
pub struct NodeStatus {
    /// The program's version.
    pub version: String,
    /// This node.
    pub node: NodeId,
    /// When the process started.
    pub started_at: Timestamp,
    /// The database engine, for people.
    pub engine: String,
    /// Where the master key came from, for people; never the key.
    pub master_key_source: String,
    /// The capture log.
    pub log: LogState,
    /// The pipeline from log to store.
    pub pipeline: PipelineState,
    /// The providers that the gateway serves.
    pub providers: Vec<ProviderRow>,
}

/// The capture log. Counts are since the start of the process.
#[derive(Clone, Debug, Default)]
pub struct LogState {
    /// Records written.
    pub written: u64,
    /// Bytes that the pipeline has not stored yet.
    pub backlog_bytes: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes that it may take on disk.
    pub max_bytes: u64,
    /// Records that could not be kept.
    pub lost_records: u64,
    /// Calls that found no room in the log; they passed unrecorded or were refused, as configured.
    pub refused: u64,
    /// Why it cannot write now; absent when it can. The node is not ready while it is there.
    pub last_error: Option<String>,
}

/// The pipeline from log to store.
#[derive(Clone, Debug, Default)]
pub struct PipelineState {
    /// When it last stored something.
    pub last_stored_at: Option<Timestamp>,
    /// Bytes of the log that are ahead of it.
    pub behind_bytes: u64,
    /// Why it cannot store now; absent when it can.
    pub last_error: Option<String>,
}

/// A provider that the gateway serves.
#[derive(Clone, Debug)]
pub struct ProviderRow {
    /// The first segment of the gateway's path.
    pub name: String,
    /// How its bodies read.
    pub family: String,
    /// Where its calls go; empty while it is not configured. Without credentials.
    pub base_url: String,
}

/// The parts of a node that are down, each with what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    /// Name of the part (`store`, `pipeline`, `capture_log`) and the reason.
    pub failing: Vec<(&'static str, String)>,
}
