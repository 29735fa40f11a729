//! The calls of a stretch of the log that later ones of it continue, which the store does not know yet.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use cp_base::{CallId, Digest, ProjectId};
use cp_traffic::ChainParent;

/// By the client and the chain that the call ended with, or by a handle of the provider's, whoever made it.
pub(crate) type Key = (ProjectId, Option<[u8; 16]>, Digest);

/// Calls close in another order than they begin in: one that is here may have begun after the one that asks.
#[derive(Debug, Default)]
pub(crate) struct Mates {
    calls: HashMap<Key, Vec<ChainParent>>,
    continued: HashSet<CallId>,
}

impl Mates {
    pub(crate) fn insert(&mut self, key: Key, mate: ChainParent) {
        self.calls.entry(key).or_default().push(mate);
    }

    /// That `call` is continued, here or in the store.
    pub(crate) fn mark_continued(&mut self, call: CallId) {
        self.continued.insert(call);
    }

    /// The mates of the key that began before `before`.
    pub(crate) fn before(&self, key: Key, before: CallId) -> impl Iterator<Item = ChainParent> {
        self.calls.get(&key).into_iter().flatten().copied().filter(move |mate| mate.call < before)
    }

    /// Of calls with the same chain the one to be continued: that nothing continues yet, then the latest, as the store
    /// chooses.
    pub(crate) fn choose(&self, alike: impl Iterator<Item = ChainParent>) -> Option<ChainParent> {
        alike.min_by_key(|call| (call.continued || self.continued.contains(&call.call), Reverse(call.call)))
    }
}
