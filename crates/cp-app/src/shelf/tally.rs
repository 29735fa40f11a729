//! How often versions are served, counted in memory until it is written down.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cp_base::{ProjectScope, PromptVersionId, Timestamp};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A version on a day, counted from 1970-01-01, UTC.
type Place = (PromptVersionId, i64);

/// What was counted since it was last taken. It holds no more than the versions that were served.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<HashMap<Place, (ProjectScope, u64)>>);

impl Tally {
    /// A version was served.
    pub(crate) fn count(&self, scope: ProjectScope, version: PromptVersionId, at: Timestamp) {
        self.add((scope, version, at.0.div_euclid(DAY), 1));
    }

    /// Everything that was counted; it is counted no more.
    pub(crate) fn take(&self) -> Vec<(ProjectScope, PromptVersionId, i64, u64)> {
        let counted = std::mem::take(&mut *self.lock());
        counted.into_iter().map(|((version, day), (scope, served))| (scope, version, day, served)).collect()
    }

    /// What could not be written down is counted again.
    pub(crate) fn put_back(&self, counted: Vec<(ProjectScope, PromptVersionId, i64, u64)>) {
        counted.into_iter().for_each(|counted| self.add(counted));
    }

    fn add(&self, (scope, version, day, served): (ProjectScope, PromptVersionId, i64, u64)) {
        self.lock().entry((version, day)).or_insert((scope, 0)).1 += served;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, (ProjectScope, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
