//! The prompts of one project in memory.
//!
//! A prompt's entry is an immutable value that is replaced whole. What a version includes is put in when it is first asked
//! for, out of the same map; when a prompt changes, those that include it, however far away, get entries that do so anew.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use cp_base::{PromptId, PromptVersionId};
use cp_prompt::{Document, Fetched, LabelName, PromptName, Reference, Selector, VariableSpec, VersionNumber};

use super::Body;

/// A prompt, with those of its versions that are in use or that others include.
#[derive(Debug)]
pub(crate) struct Shelved {
    pub(crate) id: PromptId,
    pub(crate) name: PromptName,
    /// Where its labels are; `latest` is among them.
    pub(crate) labels: BTreeMap<LabelName, VersionNumber>,
    /// What its author says of its variables.
    pub(crate) specs: Vec<VariableSpec>,
    /// It is kept for those that include it, and is not served.
    pub(crate) is_archived: bool,
    /// The library's revision at which it became another, or something that it includes did.
    pub(crate) changed: i64,
    pub(crate) versions: HashMap<VersionNumber, Held>,
}

/// A version in memory.
#[derive(Debug)]
pub(crate) struct Held {
    id: PromptVersionId,
    document: Arc<Document>,
    includes: Arc<[Reference]>,
    /// The same with all that it includes, once somebody has asked for it; or why it cannot be put together.
    ready: OnceLock<Result<Arc<Body>, String>>,
}

impl Held {
    pub(crate) fn new(id: PromptVersionId, document: Document) -> Self {
        // One that is no template says so when it is put together.
        let includes = cp_prompt::includes(&document).unwrap_or_default();
        let includes = includes.into_iter().map(|include| include.reference).collect();
        Self { id, document: Arc::new(document), includes, ready: OnceLock::new() }
    }

    pub(crate) const fn id(&self) -> PromptVersionId {
        self.id
    }

    pub(crate) fn document(&self) -> &Document {
        &self.document
    }

    /// As it was before anybody asked for it. What includes nothing stays as it is for ever.
    fn renewed(&self) -> Self {
        let (document, includes) = (Arc::clone(&self.document), Arc::clone(&self.includes));
        let ready = if includes.is_empty() { self.ready.clone() } else { OnceLock::new() };
        Self { id: self.id, document, includes, ready }
    }
}

impl Shelved {
    /// The number of the version that is meant.
    pub(crate) fn number(&self, selector: &Selector) -> Option<VersionNumber> {
        match selector {
            Selector::Version(number) => Some(*number),
            Selector::Label(label) => self.labels.get(label).copied(),
        }
    }

    fn renewed(&self, changed: i64) -> Self {
        Self {
            changed: self.changed.max(changed),
            id: self.id,
            name: self.name.clone(),
            labels: self.labels.clone(),
            specs: self.specs.clone(),
            is_archived: self.is_archived,
            versions: self.versions.iter().map(|(number, held)| (*number, held.renewed())).collect(),
        }
    }

    fn includes(&self) -> impl Iterator<Item = &Reference> {
        self.versions.values().flat_map(|held| held.includes.iter())
    }
}

/// The prompts of one project.
#[derive(Debug, Default)]
pub(crate) struct Books {
    by_name: HashMap<PromptName, Arc<Shelved>>,
    names: HashMap<PromptId, PromptName>,
    /// The prompts in the order in which they changed.
    by_change: BTreeMap<i64, HashSet<PromptId>>,
    /// Who includes the prompt of a name, there or not: the prompts whose versions here name it themselves.
    includers: HashMap<PromptName, HashSet<PromptName>>,
}

impl Books {
    pub(crate) fn get(&self, name: &PromptName) -> Option<&Arc<Shelved>> {
        self.by_name.get(name)
    }

    /// Whether there is no prompt.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(crate) fn name(&self, id: PromptId) -> Option<&PromptName> {
        self.names.get(&id)
    }

    /// The names of the prompts that are served.
    pub(crate) fn served_names(&self) -> impl Iterator<Item = &PromptName> {
        self.by_name.values().filter(|shelved| !shelved.is_archived).map(|shelved| &shelved.name)
    }

    /// The prompts that changed behind a revision, in the order of their changes.
    pub(crate) fn changed_behind(&self, revision: i64) -> Vec<Arc<Shelved>> {
        let ids = self.by_change.range(revision.saturating_add(1)..).flat_map(|(_, ids)| ids);
        ids.filter_map(|id| self.names.get(id).and_then(|name| self.get(name))).map(Arc::clone).collect()
    }

    /// Every prompt.
    pub(crate) fn all(&self) -> Vec<Arc<Shelved>> {
        self.by_name.values().map(Arc::clone).collect()
    }

    /// Puts prompts in the place of what they were, all of them before any is put together with others.
    pub(crate) fn put(&mut self, prompts: Vec<Shelved>) {
        let mut changed = Vec::with_capacity(prompts.len());
        for shelved in prompts {
            changed.extend(self.take(shelved.id).map(|name| (shelved.changed, name)));
            for reference in shelved.includes() {
                let includers = self.includers.entry(reference.name.clone()).or_default();
                includers.insert(shelved.name.clone());
            }
            changed.push((shelved.changed, shelved.name.clone()));
            self.names.insert(shelved.id, shelved.name.clone());
            self.by_change.entry(shelved.changed).or_default().insert(shelved.id);
            self.by_name.insert(shelved.name.clone(), Arc::new(shelved));
        }
        self.renew_includers(changed);
    }

    /// Takes a prompt out; its name.
    pub(crate) fn take(&mut self, id: PromptId) -> Option<PromptName> {
        let name = self.names.remove(&id)?;
        // Two that have swapped their names come one after the other.
        let is_its_own = self.by_name.get(&name).is_some_and(|shelved| shelved.id == id);
        let shelved = if is_its_own { self.by_name.remove(&name)? } else { return Some(name) };
        leave(&mut self.by_change, shelved.changed, id);
        for reference in shelved.includes() {
            if let Some(includers) = self.includers.get_mut(&reference.name) {
                includers.remove(&name);
                if includers.is_empty() {
                    self.includers.remove(&reference.name);
                }
            }
        }
        Some(name)
    }

    /// Whoever includes one of these, by way of others too, is put together anew.
    fn renew_includers(&mut self, mut changed: Vec<(i64, PromptName)>) {
        let mut found: HashMap<PromptName, i64> = HashMap::new();
        while let Some((revision, name)) = changed.pop() {
            for includer in self.includers.get(&name).into_iter().flatten() {
                let known = found.entry(includer.clone()).or_insert(i64::MIN);
                if *known < revision {
                    *known = revision;
                    changed.push((revision, includer.clone()));
                }
            }
        }
        for (name, revision) in found {
            if let Some(shelved) = self.by_name.get_mut(&name) {
                leave(&mut self.by_change, shelved.changed, shelved.id);
                *shelved = Arc::new(shelved.renewed(revision));
                self.by_change.entry(shelved.changed).or_default().insert(shelved.id);
            }
        }
    }

    /// A version with all that it includes; none where it is not held here.
    pub(crate) fn body(&self, shelved: &Shelved, number: VersionNumber) -> Option<Result<Arc<Body>, String>> {
        let held = shelved.versions.get(&number)?;
        let make = || Body::new((held.id, number), &held.document, |reference| self.fetch(reference));
        Some(held.ready.get_or_init(make).clone())
    }

    fn fetch(&self, reference: &Reference) -> Option<Fetched> {
        let shelved = self.by_name.get(&reference.name)?;
        let version = shelved.number(&reference.selector)?;
        let held = shelved.versions.get(&version)?;
        Some(Fetched { version, document: Document::clone(&held.document) })
    }

    /// The versions that are included by their numbers and not held: by `fresh` prompts, which are about to be put here, and
    /// of them by those that are here already.
    pub(crate) fn missing(&self, fresh: &[Shelved]) -> HashSet<(PromptId, VersionNumber)> {
        let of: HashMap<_, _> = fresh.iter().map(|shelved| (&shelved.name, shelved)).collect();
        let from_here = fresh.iter().flat_map(|shelved| self.includers.get(&shelved.name)).flatten();
        let from_here = from_here.filter(|name| !of.contains_key(name)).filter_map(|name| self.get(name));
        let all = from_here.map(|shelved| &**shelved).chain(fresh);
        let missing = |reference: &Reference| {
            let Selector::Version(number) = reference.selector else { return None };
            let here = || self.get(&reference.name).map(|shelved| &**shelved);
            let shelved = of.get(&reference.name).copied().or_else(here)?;
            (!shelved.versions.contains_key(&number)).then_some((shelved.id, number))
        };
        all.flat_map(Shelved::includes).filter_map(missing).collect()
    }

    /// A copy of a prompt that is here, to be put back with more in it.
    pub(crate) fn copy(&self, id: PromptId) -> Option<Shelved> {
        self.names.get(&id).and_then(|name| self.get(name)).map(|shelved| shelved.renewed(i64::MIN))
    }
}

fn leave(by_change: &mut BTreeMap<i64, HashSet<PromptId>>, changed: i64, id: PromptId) {
    if let Entry::Occupied(mut ids) = by_change.entry(changed) {
        ids.get_mut().remove(&id);
        if ids.get().is_empty() {
            ids.remove();
        }
    }
}
