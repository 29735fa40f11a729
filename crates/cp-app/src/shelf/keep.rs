//! Keeping the library in memory as it is in the store.

use std::collections::{BTreeMap, HashMap};

use cp_base::{InstallationScope, ProjectScope, PromptId};
use cp_db::Tx;
use cp_prompt::{LabelName, MAX_DEPTH, VersionNumber};
use cp_store::{ChangedPrompt, Prompt, Sealer};

use super::{Held, Key, Passes, Shelved};
use crate::{App, AppError};

/// Prompts that are read together.
const PAGE: u64 = 500;

impl App {
    /// Reads what of the library has changed since it was last read, on this node or another. What cannot be read stays as
    /// it was, and is read with the next call.
    pub async fn refresh_shelf(&self) -> Result<(), AppError> {
        let _alone = self.shelf.reading.lock().await;
        self.refresh_passes().await?;
        let mut known = self.shelf.revision();
        loop {
            let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
            let revision = cp_store::find_library_revision(&mut tx).await?;
            if revision == known {
                return Ok(());
            }
            let changed = cp_store::list_changed(&mut tx, known, PAGE).await?;
            drop(tx);
            self.shelve(&changed).await?;
            // Behind the last page of this revision there may be changes that left no prompt.
            let is_last = (changed.len() as u64) < PAGE;
            known = changed.last().filter(|_| !is_last).map_or(revision, |last| last.changed);
            self.shelf.has_read(known);
        }
    }

    /// Reads the keys, where one of them may have changed.
    async fn refresh_passes(&self) -> Result<(), AppError> {
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        let revision = cp_store::find_gateway_revision(&mut tx).await?;
        let known = self.shelf.passes();
        if revision == known.revision && known.default_scope().is_some() {
            return Ok(());
        }
        let (passes, projects) = cp_store::list_passes(&mut tx).await?;
        let keys = passes.into_iter().filter_map(Key::of).collect();
        self.shelf.set_passes(Passes::new(revision, keys, &projects, self.parts.scope));
        Ok(())
    }

    /// What was changed here is served here at once; where it cannot be read now, it soon is.
    pub(crate) async fn shelve_own_change(&self) {
        let _ = self.refresh_shelf().await;
    }

    /// A project that cannot be read keeps no other from being read.
    async fn shelve(&self, changed: &[ChangedPrompt]) -> Result<(), AppError> {
        let mut by_project: HashMap<_, (ProjectScope, HashMap<PromptId, i64>)> = HashMap::new();
        for prompt in changed {
            let entry = by_project.entry(prompt.scope.project());
            let (_, prompts) = entry.or_insert_with(|| (prompt.scope, HashMap::new()));
            prompts.insert(prompt.id, prompt.changed);
        }
        let mut outcome = Ok(());
        for (scope, prompts) in by_project.into_values() {
            let read = self.shelve_of(scope, &prompts).await;
            outcome = outcome.and(read);
        }
        outcome
    }

    async fn shelve_of(&self, scope: ProjectScope, prompts: &HashMap<PromptId, i64>) -> Result<(), AppError> {
        let keys = self.keys_of_project(scope).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.parts.db.begin_read(scope).await?;
        let mut fresh = read(&mut tx, &sealer, scope, prompts).await?;
        self.add_missing(&mut tx, &sealer, scope, &mut fresh).await?;
        drop(tx);
        self.shelf.put(scope, fresh);
        Ok(())
    }

    /// Adds the versions that others include by their numbers, and those that these include.
    async fn add_missing(
        &self,
        tx: &mut Tx,
        sealer: &Sealer<'_>,
        scope: ProjectScope,
        fresh: &mut Vec<Shelved>,
    ) -> Result<(), AppError> {
        for _ in 0..=MAX_DEPTH {
            let mut found = 0;
            for (prompt, number) in self.shelf.missing(scope.project(), fresh) {
                let version = cp_store::find_version(tx, sealer, scope, prompt, number).await?;
                let Some(version) = version else { continue };
                found += 1;
                let held = Held::new(version.id, version.document);
                if let Some(shelved) = fresh.iter_mut().find(|shelved| shelved.id == prompt) {
                    shelved.versions.insert(number, held);
                } else if let Some(mut shelved) = self.shelf.copy(scope.project(), prompt) {
                    shelved.versions.insert(number, held);
                    fresh.push(shelved);
                }
            }
            if found == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// Prompts as they are now, with their versions in use.
async fn read(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    scope: ProjectScope,
    changed: &HashMap<PromptId, i64>,
) -> Result<Vec<Shelved>, AppError> {
    let prompts: Vec<_> = changed.keys().copied().collect();
    let prompts = prompts.as_slice();
    let found = cp_store::list_prompts_by_id(tx, sealer, scope, prompts).await?;
    let mut labels: HashMap<PromptId, BTreeMap<LabelName, VersionNumber>> = HashMap::new();
    for label in cp_store::list_labels(tx, scope, prompts).await? {
        labels.entry(label.prompt).or_default().insert(label.name, label.version);
    }
    let mut versions: HashMap<PromptId, HashMap<VersionNumber, Held>> = HashMap::new();
    for version in cp_store::list_versions_in_use(tx, sealer, scope, prompts).await? {
        let held = Held::new(version.id, version.document);
        versions.entry(version.prompt).or_default().insert(version.number, held);
    }
    let shelved = |prompt: Prompt| {
        let mut labels = labels.remove(&prompt.id).unwrap_or_default();
        if let Ok(latest) = VersionNumber::try_from(prompt.latest) {
            labels.insert(LabelName::latest(), latest);
        }
        Shelved {
            id: prompt.id,
            name: prompt.name,
            labels,
            specs: prompt.details.variables,
            is_archived: prompt.archived_at.is_some(),
            changed: changed.get(&prompt.id).copied().unwrap_or_default(),
            versions: versions.remove(&prompt.id).unwrap_or_default(),
        }
    };
    Ok(found.into_iter().map(shelved).collect())
}
