//! The keys of projects while the program runs, and the secrets of the people whose calls they seal.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use crate::{DataKey, KeyId, ProjectId, Random, SealingKey, UnsealError};

/// The keys of one project: one seals, earlier ones still open, one hashes.
///
/// The hashing key stays the same when the sealing key changes. Addresses, labels and chains are digests under it, and of
/// most nothing is kept from which they could be made again; a digest, unlike a body, tells its key's holder nothing but
/// whether a guess was right.
#[derive(Clone, Debug)]
pub struct DataKeys {
    hashing: SealingKey,
    current: SealingKey,
    retired: Vec<SealingKey>,
}

impl DataKeys {
    /// The keys of a project: what hashes, what seals, and what still opens.
    #[must_use]
    pub fn new(hashing: SealingKey, current: SealingKey, retired: Vec<SealingKey>) -> Self {
        Self { hashing, current, retired }
    }

    /// What new values are sealed with.
    #[must_use]
    pub fn sealing(&self) -> &SealingKey {
        &self.current
    }

    /// Makes content addresses, which tell nothing to those without the key.
    #[must_use]
    pub fn hashing(&self) -> &SealingKey {
        &self.hashing
    }

    /// Opens a value with the key that it names.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, UnsealError> {
        self.named_by(sealed)?.open(context, sealed)
    }

    /// Seals a value so that it opens with the subject's secret alone.
    #[must_use]
    pub fn sealing_for(&self, subject: &SubjectSecret) -> SealingKey {
        self.current.mixed(&subject.0)
    }

    /// Opens a value that was sealed for a subject.
    pub fn open_for(
        &self,
        subject: &SubjectSecret,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, UnsealError> {
        self.named_by(sealed)?.mixed(&subject.0).open(context, sealed)
    }

    fn named_by(&self, sealed: &[u8]) -> Result<&SealingKey, UnsealError> {
        let found = SealingKey::key_of(sealed)?;
        let mut known = std::iter::once(&self.current).chain(&self.retired);
        known.find(|key| key.id() == found).ok_or(UnsealError::WrongKey { found, held: self.current.id() })
    }
}

impl From<DataKey> for DataKeys {
    /// The keys of a project whose first key was never changed.
    fn from(key: DataKey) -> Self {
        Self::new(key.hashing().clone(), key.sealing().clone(), Vec::new())
    }
}

/// Every project's keys as they are now. Clones share them, so that whoever has one learns of a new project and of a new
/// key.
#[derive(Clone, Debug, Default)]
pub struct KeyRing(Arc<RwLock<HashMap<ProjectId, Arc<DataKeys>>>>);

impl KeyRing {
    /// A project's keys.
    #[must_use]
    pub fn find(&self, project: ProjectId) -> Option<Arc<DataKeys>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&project).cloned()
    }

    /// Sets a project's keys.
    pub fn put(&self, project: ProjectId, keys: DataKeys) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(project, Arc::new(keys));
    }

    /// How many projects it knows.
    #[must_use]
    pub fn projects(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl<K: Into<DataKeys>> From<HashMap<ProjectId, K>> for KeyRing {
    fn from(keys: HashMap<ProjectId, K>) -> Self {
        let keys = keys.into_iter().map(|(project, keys)| (project, Arc::new(keys.into())));
        Self(Arc::new(RwLock::new(keys.collect())))
    }
}

/// What belongs to one person of the key that seals their calls. Once it is destroyed, nobody opens them: not even in a
/// backup, with every other key at hand.
#[derive(Clone)]
pub struct SubjectSecret(Zeroizing<[u8; 32]>);

impl SubjectSecret {
    /// A new secret.
    #[must_use]
    pub fn generate(random: &Random) -> Self {
        Self(Zeroizing::new(random.bytes()))
    }

    /// Its form on disk. `context` is the row that it belongs to.
    #[must_use]
    pub fn wrap(&self, key: &SealingKey, random: &Random, context: &[u8]) -> Vec<u8> {
        key.seal(random, context, &*self.0)
    }

    /// Opens that form.
    pub fn unwrap(key: &SealingKey, context: &[u8], wrapped: &[u8]) -> Result<Self, UnsealError> {
        let bytes = Zeroizing::new(key.open(context, wrapped)?);
        let bytes = bytes.as_slice().try_into().map_err(|_| UnsealError::Damaged)?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

impl fmt::Debug for SubjectSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectSecret")
    }
}

/// Whether a sealed value names the key.
#[must_use]
pub fn names_key(sealed: &[u8], key: KeyId) -> bool {
    SealingKey::key_of(sealed) == Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_values_open_and_new_ones_are_sealed_with_the_current_key() {
        let random = Random::seeded(1);
        let [hashing, old, new] = [1, 2, 3].map(|byte| SealingKey::new([byte; 32]));
        let before = DataKeys::new(hashing.clone(), old.clone(), Vec::new());
        let sealed = before.sealing().seal(&random, b"here", b"body");
        let after = DataKeys::new(hashing.clone(), new.clone(), vec![old.clone()]);
        assert_eq!(after.open(b"here", &sealed).unwrap(), b"body");
        assert!(names_key(&after.sealing().seal(&random, b"here", b"body"), new.id()));
        let destroyed = DataKeys::new(hashing, new.clone(), Vec::new());
        let error = destroyed.open(b"here", &sealed).unwrap_err();
        assert_eq!(error, UnsealError::WrongKey { found: old.id(), held: new.id() });
    }

    #[test]
    fn what_is_a_subjects_opens_with_both_keys_only() {
        let random = Random::seeded(1);
        let keys = DataKeys::new(SealingKey::new([1; 32]), SealingKey::new([2; 32]), Vec::new());
        let [ours, theirs] = [0, 1].map(|_| SubjectSecret::generate(&random));
        let sealed = keys.sealing_for(&ours).seal(&random, b"here", b"body");
        assert!(names_key(&sealed, keys.sealing().id()));
        assert_eq!(keys.open_for(&ours, b"here", &sealed).unwrap(), b"body");
        assert_eq!(keys.open_for(&theirs, b"here", &sealed), Err(UnsealError::Damaged));
        assert_eq!(keys.open(b"here", &sealed), Err(UnsealError::Damaged));

        let wrapping = SealingKey::new([9; 32]);
        let wrapped = ours.wrap(&wrapping, &random, b"row");
        let again = SubjectSecret::unwrap(&wrapping, b"row", &wrapped).unwrap();
        assert_eq!(keys.open_for(&again, b"here", &sealed).unwrap(), b"body");
        assert!(SubjectSecret::unwrap(&wrapping, b"other row", &wrapped).is_err());
    }
}
