//! Keeps the gateway's projects, keys and claims as the registry has them, and the registry's notes as the gateway's.
//!
//! The registry is asked once a second whether anything changed, so that every node hears of it whoever changed it. What
//! cannot be read leaves everything as it was: the gateway goes on with what it knows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use cp_app::GatewayLink;
use cp_base::{Clock, InstallationScope, MasterKey, NodeId, Timestamp, Window};
use cp_db::Db;
use cp_gateway::{Gateway, GatewayKey, Meters, Project, Projects, Sighting};
use cp_store::{GatewayRegistry, SeenFingerprint};
use cp_traffic::TrafficStore;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often the registry is asked.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often notes are written down and other nodes' spending is read.
const NOTES_INTERVAL: Duration = Duration::from_secs(5);

/// What keeps registry and gateway alike.
#[derive(Clone)]
pub(super) struct ProjectKeeper {
    pub(super) db: Db,
    pub(super) master: MasterKey,
    pub(super) traffic: TrafficStore,
    pub(super) meters: Meters,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) node: NodeId,
    /// `gateway.default_project`.
    pub(super) default_project: Option<String>,
    /// Notified of a change that was made on this node.
    pub(super) changed: Arc<Notify>,
}

/// What was read, and as of when.
pub(super) struct Known {
    pub(super) revision: i64,
    pub(super) projects: Arc<Projects>,
}

impl ProjectKeeper {
    /// What the use cases know of the gateway.
    pub(super) fn link(&self) -> GatewayLink {
        let (changed, meters, clock) = (self.changed.clone(), self.meters.clone(), self.clock.clone());
        GatewayLink::new(
            move || changed.notify_one(),
            move |key, window| meters.used(key, window, clock.now()),
        )
    }

    /// What gateway keys have used until now. To be called before anything is stored.
    pub(super) async fn load_spends(&self) -> anyhow::Result<()> {
        for window in Window::ALL {
            let (start, _) = window.around(self.clock.now());
            let here = self.traffic.key_spends_of(self.node, start).await?;
            self.meters.load_here(window, start, &here);
        }
        self.load_elsewhere().await
    }

    async fn load_elsewhere(&self) -> anyhow::Result<()> {
        for window in Window::ALL {
            let (start, _) = window.around(self.clock.now());
            let elsewhere = self.traffic.key_spends_but_of(self.node, start).await?;
            self.meters.load_elsewhere(window, start, &elsewhere);
        }
        Ok(())
    }

    /// Reads everything that the gateway goes by. The store learns of new projects first: no call may come before its key.
    pub(super) async fn read(&self) -> anyhow::Result<Known> {
        let mut tx = self.db.begin_read(InstallationScope::grant()).await?;
        let revision = cp_store::find_gateway_revision(&mut tx).await?;
        let data_keys = cp_store::load_data_keys(&mut tx, &self.master).await?;
        let registry = cp_store::read_gateway(&mut tx, &data_keys).await?;
        drop(tx);
        for project in &registry.projects {
            if let Some(key) = data_keys.get(&project.scope.project()) {
                self.traffic.put_keys(project.scope, key.clone());
            }
        }
        let projects = self.with_default(self.projects(registry))?;
        Ok(Known { revision, projects: Arc::new(projects) })
    }

    fn with_default(&self, projects: Projects) -> anyhow::Result<Projects> {
        let Some(name) = &self.default_project else { return Ok(projects) };
        let project = projects.named(name).cloned().with_context(|| {
            format!("`gateway.default_project` is `{name}`, and there is no such project; write SLUG, ORGANISATION.SLUG or its id")
        })?;
        Ok(projects.with_default(project))
    }

    fn projects(&self, registry: GatewayRegistry) -> Projects {
        let mut vaults: HashMap<_, HashMap<_, _>> = HashMap::new();
        for key in registry.provider_keys {
            match key.secret {
                Ok(secret) => {
                    vaults.entry(key.project).or_default().insert(key.provider, secret);
                }
                Err(error) => {
                    let (project, provider) = (key.project, key.provider);
                    tracing::error!(%project, provider, %error, "a key in the vault does not open; store it anew");
                }
            }
        }
        let projects = registry.projects.into_iter().map(|project| {
            let provider_keys = vaults.remove(&project.scope.project()).unwrap_or_default();
            let cp_store::GatewayProject { scope, org, slug, access } = project;
            Arc::new(Project { scope, org, slug, access, provider_keys })
        });
        let projects = Projects::new(projects.collect(), registry.first_org);
        let keys: Vec<_> = registry
            .gateway_keys
            .into_iter()
            .filter_map(|(key, digest)| {
                Some(GatewayKey {
                    id: key.id,
                    name: key.name,
                    digest,
                    project: projects.get(key.scope.project())?.clone(),
                    providers: key.providers.into_iter().collect(),
                    expires_at: key.expires_at,
                    limits: key.limits,
                    meter: self.meters.of(key.id),
                })
            })
            .collect();
        projects.with_keys(keys).with_claims(registry.claims)
    }

    /// Runs until `closing`, and then writes the last notes.
    pub(super) async fn run(self, gateway: Arc<Gateway>, mut known: i64, closing: CancellationToken) {
        let mut noted = self.clock.ticks();
        // A time-out is the usual case: nothing changed here, and perhaps on another node.
        let wait = async || drop(tokio::time::timeout(INTERVAL, self.changed.notified()).await);
        while closing.run_until_cancelled(wait()).await.is_some() {
            match self.refresh(known).await {
                Ok(Some(now)) => {
                    known = now.revision;
                    gateway.set_projects(now.projects);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "projects and keys stay as they were")
                }
            }
            if self.clock.ticks().since(noted) >= NOTES_INTERVAL {
                noted = self.clock.ticks();
                self.note(&gateway).await;
            }
        }
        self.note(&gateway).await;
    }

    async fn refresh(&self, known: i64) -> anyhow::Result<Option<Known>> {
        let mut tx = self.db.begin_read(InstallationScope::grant()).await?;
        let revision = cp_store::find_gateway_revision(&mut tx).await?;
        drop(tx);
        if revision == known { Ok(None) } else { self.read().await.map(Some) }
    }

    /// Writes down what the gateway saw, and reads what other nodes' calls used.
    async fn note(&self, gateway: &Gateway) {
        let now = self.clock.now();
        self.meters.sweep(now);
        let noted = async {
            self.write_notes(gateway.take_sightings(), now).await?;
            self.load_elsewhere().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(
                error = format!("{error:#}"),
                "what keys were used, and other nodes' spending, is not known now"
            );
        }
    }

    async fn write_notes(&self, sightings: Vec<Sighting>, now: Timestamp) -> anyhow::Result<()> {
        let used = self.meters.take_last_used();
        if used.is_empty() && sightings.is_empty() {
            return Ok(());
        }
        let seen: Vec<_> =
            sightings.into_iter().map(|seen| (seen_fingerprint(&seen), seen.project)).collect();
        let mut tx = self.db.begin_write(InstallationScope::grant()).await?;
        cp_store::touch_gateway_keys(&mut tx, &used).await?;
        cp_store::add_sightings(&mut tx, &seen, now).await?;
        Ok(tx.commit().await?)
    }
}

fn seen_fingerprint(sighting: &Sighting) -> SeenFingerprint {
    SeenFingerprint {
        fingerprint: sighting.fingerprint,
        provider: sighting.provider.to_string(),
        project: sighting.project.map(|scope| scope.project()),
        first_at: sighting.first_at,
        last_at: sighting.last_at,
        calls: sighting.calls,
    }
}
