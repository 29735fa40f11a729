//! What projects want captured: read when the program starts, taken over when it is set here, and looked for now and then,
//! since another node may have set it.

use std::sync::Arc;

use anyhow::Context;
use cp_base::{InstallationScope, ProjectId};
use cp_db::Db;
use cp_gateway::Gateway;
use cp_redact::{CapturePolicies, CapturePolicy, PolicyDocument};
use cp_store::StoredPolicy;
use tokio::sync::watch;

/// Every project's policy, from the store.
pub(super) async fn load(db: &Db) -> anyhow::Result<CapturePolicies> {
    let stored = stored(db).await?;
    stored.iter().map(|stored| Ok((stored.project, compiled(stored)?))).collect()
}

async fn stored(db: &Db) -> anyhow::Result<Vec<StoredPolicy>> {
    let mut tx = db.begin_read(InstallationScope::grant()).await?;
    Ok(cp_store::list_capture_policies(&mut tx).await?)
}

/// A policy that cannot be read is no reason to capture more than it allows.
fn compiled(stored: &StoredPolicy) -> anyhow::Result<CapturePolicy> {
    PolicyDocument::from_json(&stored.document)
        .and_then(|document| CapturePolicy::new(document, stored.version))
        .with_context(|| format!("the capture policy of project {} cannot be used", stored.project))
}

/// Hands policies to those who act on them.
pub(super) struct PolicyKeeper {
    pub(super) db: Db,
    pub(super) gateway: Arc<Gateway>,
    /// Watched by the pipeline and the capture log.
    pub(super) policies: watch::Sender<Arc<CapturePolicies>>,
}

impl PolicyKeeper {
    /// From now on the project's policy is this one, if it knows no newer.
    pub(super) fn set(&self, project: ProjectId, policy: CapturePolicy) {
        self.policies
            .send_modify(|known| *known = Arc::new(CapturePolicies::clone(known).with(project, policy)));
        self.gateway.set_policies(&self.policies.borrow());
    }

    /// Takes over what other nodes have set. While the store is down, what is known holds.
    pub(super) async fn reload(&self) {
        let stored = match stored(&self.db).await {
            Ok(stored) => stored,
            Err(error) => return tracing::debug!(%error, "the capture policies cannot be read now"),
        };
        for stored in stored {
            let known = self.policies.borrow().find(stored.project).map_or(0, |policy| policy.version());
            if stored.version > known {
                match compiled(&stored) {
                    Ok(policy) => self.set(stored.project, policy),
                    Err(error) => tracing::error!(error = format!("{error:#}"), "the former policy holds on"),
                }
            }
        }
    }
}
