//! What changes of a project's library, as it happens.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use cp_base::{ProjectId, PromptId};
use cp_prompt::{LabelName, PromptName, VersionNumber};
use tokio::sync::watch;

use crate::access::Action;
use crate::shelf::{Shelf, Shelved};
use crate::{AppError, Ctx, Serving};

/// A prompt as it is since a change of it, or of something that it includes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedPrompt {
    /// Where the change stands among all changes: whoever comes back names the last one that it knows.
    pub revision: i64,
    /// The prompt.
    pub id: PromptId,
    /// What it is called now.
    pub name: PromptName,
    /// Where its labels are; `latest` is among them.
    pub labels: BTreeMap<LabelName, VersionNumber>,
    /// Whether it is out of use.
    pub is_archived: bool,
}

/// A subscription to the changes of one project's library. Changes of one prompt that follow each other closely may come as
/// one. It ends when the node stops.
#[derive(Debug)]
pub struct Changes {
    shelf: Arc<Shelf>,
    project: ProjectId,
    known: i64,
    waiting: VecDeque<Arc<Shelved>>,
    revisions: watch::Receiver<i64>,
    stopped: watch::Receiver<bool>,
}

impl Changes {
    /// The revision from which on it tells.
    #[must_use]
    pub const fn known(&self) -> i64 {
        self.known
    }

    /// The next change; `None` when the node stops.
    pub async fn next(&mut self) -> Option<ChangedPrompt> {
        loop {
            // What is read later has a later revision, and is found the next time.
            self.revisions.mark_unchanged();
            if self.waiting.is_empty() {
                let projects = self.shelf.projects();
                let books = projects.get(&self.project);
                self.waiting = books.map(|books| books.changed_behind(self.known)).unwrap_or_default().into();
            }
            if let Some(shelved) = self.waiting.pop_front() {
                self.known = self.known.max(shelved.changed);
                return Some(changed(&shelved));
            }
            tokio::select! {
                heard = self.revisions.changed() => heard.ok()?,
                _ = self.stopped.wait_for(|stopped| *stopped) => return None,
            }
        }
    }
}

fn changed(shelved: &Shelved) -> ChangedPrompt {
    ChangedPrompt {
        revision: shelved.changed,
        id: shelved.id,
        name: shelved.name.clone(),
        labels: shelved.labels.clone(),
        is_archived: shelved.is_archived,
    }
}

impl Serving {
    /// The changes behind a revision, or from now on.
    pub fn changes(&self, ctx: &Ctx, behind: Option<i64>) -> Result<Changes, AppError> {
        ctx.require(Action::ServePrompts)?;
        let revisions = self.shelf.revisions();
        let now = *revisions.borrow();
        Ok(Changes {
            shelf: Arc::clone(&self.shelf),
            project: ctx.scope.project(),
            // Whoever knows a later one read another database.
            known: behind.filter(|known| *known <= now).unwrap_or(now),
            waiting: VecDeque::new(),
            revisions,
            stopped: self.stopped.subscribe(),
        })
    }
}
