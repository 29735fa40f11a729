//! The library in memory: what applications are served from, without asking the database.
//!
//! Every node has one. It reads what has changed behind the revision that it knows, and never the whole; who serves holds a
//! lock no longer than it takes to look a name up, and to put a version together where nobody has asked for it before.

mod body;
mod books;
mod copy;
mod keep;
mod passes;
mod tally;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cp_base::{ProjectId, ProjectScope, PromptId};
use cp_prompt::{PromptName, VersionNumber};
use tokio::sync::watch;

pub(crate) use self::body::Body;
pub(crate) use self::books::{Books, Held, Shelved};
pub use self::copy::CopyError;
pub(crate) use self::copy::{Restored, read as read_copy, write as write_copy};
pub(crate) use self::passes::{Key, Passes};
pub(crate) use self::tally::Tally;

/// Versions that were read because somebody asked for them by a number, and that are kept in case somebody does again.
const MAX_RARE: usize = 1_000;

/// Versions that are in no use, each with the revision that it was put together at.
type Rare = HashMap<(PromptId, VersionNumber), (i64, Arc<Body>)>;

/// The library of every project, as far as it is in use.
#[derive(Default)]
pub(crate) struct Shelf {
    projects: RwLock<HashMap<ProjectId, Books>>,
    passes: RwLock<Arc<Passes>>,
    /// The library's revision that it has all of.
    revision: watch::Sender<i64>,
    /// Whoever reads what has changed holds this.
    pub(crate) reading: tokio::sync::Mutex<()>,
    rare: Mutex<Rare>,
    pub(crate) tally: Tally,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("revision", &self.revision).finish_non_exhaustive()
    }
}

impl Shelf {
    pub(crate) fn projects(&self) -> RwLockReadGuard<'_, HashMap<ProjectId, Books>> {
        // Each change of the map is whole before anything can panic.
        self.projects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn projects_mut(&self) -> RwLockWriteGuard<'_, HashMap<ProjectId, Books>> {
        self.projects.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts prompts of a project in the place of what they were.
    fn put(&self, scope: ProjectScope, prompts: Vec<Shelved>) {
        self.projects_mut().entry(scope.project()).or_default().put(prompts);
    }

    /// What a prompt of a project is called.
    pub(crate) fn name(&self, project: ProjectScope, id: PromptId) -> Option<PromptName> {
        self.projects().get(&project.project())?.name(id).cloned()
    }

    /// The keys that are known.
    pub(crate) fn passes(&self) -> Arc<Passes> {
        Arc::clone(&self.passes.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_passes(&self, passes: Passes) {
        *self.passes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(passes);
    }

    /// The versions that [`Books::missing`] tells of.
    fn missing(&self, project: ProjectId, fresh: &[Shelved]) -> HashSet<(PromptId, VersionNumber)> {
        self.projects().get(&project).unwrap_or(&Books::default()).missing(fresh)
    }

    fn copy(&self, project: ProjectId, prompt: PromptId) -> Option<Shelved> {
        self.projects().get(&project)?.copy(prompt)
    }

    pub(crate) fn revision(&self) -> i64 {
        *self.revision.borrow()
    }

    /// Tells of each revision that is read.
    pub(crate) fn revisions(&self) -> watch::Receiver<i64> {
        self.revision.subscribe()
    }

    fn has_read(&self, revision: i64) {
        self.revision.send_if_modified(|known| std::mem::replace(known, revision) != revision);
    }

    /// A version that was asked for before and is no other by now.
    pub(crate) fn rare(&self, prompt: PromptId, number: VersionNumber) -> Option<Arc<Body>> {
        let rare = self.lock_rare();
        let (revision, body) = rare.get(&(prompt, number))?;
        (body.includes_nothing() || *revision == self.revision()).then(|| Arc::clone(body))
    }

    /// Keeps a version that was read at a revision.
    pub(crate) fn keep_rare(&self, prompt: PromptId, revision: i64, body: &Arc<Body>) {
        let mut rare = self.lock_rare();
        if rare.len() >= MAX_RARE {
            rare.clear();
        }
        rare.insert((prompt, body.number), (revision, Arc::clone(body)));
    }

    fn lock_rare(&self) -> MutexGuard<'_, Rare> {
        self.rare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
