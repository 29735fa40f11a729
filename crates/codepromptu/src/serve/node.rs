//! The state of this node, gathered for those who ask.

use cp_app::{LogState, NodeStatus, PipelineState};
use cp_base::Timestamp;
use cp_capture::Log;
use cp_pipeline::{CONSUMER, PipelineStatus};
use tokio::sync::watch;

use crate::config::ProviderRow;

/// Where the state is read.
pub(super) struct NodeView {
    pub(super) started_at: Timestamp,
    pub(super) engine: &'static str,
    pub(super) master_key_source: String,
    pub(super) log: Log,
    pub(super) pipeline: watch::Receiver<PipelineStatus>,
    pub(super) rows: Vec<ProviderRow>,
}

impl NodeView {
    /// The state as it is now.
    pub(super) fn now(&self) -> NodeStatus {
        let log = self.log.stats();
        let pipeline = self.pipeline.borrow().clone();
        let behind = log.consumers.iter().find(|consumer| consumer.name == CONSUMER);
        let backlog_bytes = behind.map_or(0, |consumer| consumer.backlog_bytes);
        NodeStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: self.log.node(),
            started_at: self.started_at,
            engine: self.engine.to_owned(),
            master_key_source: self.master_key_source.clone(),
            log: LogState {
                written: log.records,
                backlog_bytes,
                disk_bytes: log.disk_bytes,
                max_bytes: log.max_bytes,
                lost_records: log.lost,
                refused: log.refused,
                last_error: log.last_error,
            },
            pipeline: PipelineState {
                last_stored_at: pipeline.last_stored_at,
                behind_bytes: backlog_bytes,
                last_error: pipeline.last_error,
            },
            providers: self.rows.iter().map(provider).collect(),
        }
    }
}

fn provider(row: &ProviderRow) -> cp_app::ProviderRow {
    cp_app::ProviderRow {
        name: row.name.clone(),
        family: row.family.as_str().to_owned(),
        base_url: row.base_url.clone(),
    }
}
