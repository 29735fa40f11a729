//! How often versions are served, counted in memory until it is written down.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cp_base::{ApiKeyId, ProjectScope, PromptVersionId, Timestamp};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A version on a day, counted from 1970-01-01, UTC.
type Place = (PromptVersionId, i64);

/// What was counted since it was last taken. It holds no more than the versions that were served.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

/// How often each version was served, and when each key was used last.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    served: HashMap<Place, (ProjectScope, u64)>,
    pub(crate) used: HashMap<ApiKeyId, Timestamp>,
}

impl Counts {
    pub(crate) fn is_empty(&self) -> bool {
        self.served.is_empty() && self.used.is_empty()
    }

    pub(crate) fn served(&self) -> Vec<(ProjectScope, PromptVersionId, i64, u64)> {
        let served = self.served.iter();
        served.map(|((version, day), (scope, served))| (*scope, *version, *day, *served)).collect()
    }
}

impl Tally {
    /// A version was served, to whoever showed the key.
    pub(crate) fn count(
        &self,
        scope: ProjectScope,
        version: PromptVersionId,
        key: Option<ApiKeyId>,
        at: Timestamp,
    ) {
        let mut counts = self.lock();
        counts.served.entry((version, at.0.div_euclid(DAY))).or_insert((scope, 0)).1 += 1;
        counts.used.extend(key.map(|key| (key, at)));
    }

    /// Everything that was counted; it is counted no more.
    pub(crate) fn take(&self) -> Counts {
        std::mem::take(&mut *self.lock())
    }

    /// What could not be written down is counted again.
    pub(crate) fn put_back(&self, counted: Counts) {
        let mut counts = self.lock();
        for (place, (scope, served)) in counted.served {
            counts.served.entry(place).or_insert((scope, 0)).1 += served;
        }
        for (key, at) in counted.used {
            counts.used.entry(key).or_insert(at);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
