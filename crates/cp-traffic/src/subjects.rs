//! The people whom calls name, and their secrets.
//!
//! A call that names an end user is sealed with the project's key and that person's secret together, which is made when the
//! person is first seen. The secrets can lie in a database of their own, apart from what they open and from its backups:
//! then a secret that is destroyed takes the copies in old backups with it.
//!
//! A person is known by the digest of their label. A call that names two has a secret that belongs to both.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cp_base::{
    DataKeys, Digest, Id, ProjectId, ProjectScope, Random, SubjectKeyId, SubjectSecret, Timestamp,
};
use cp_db::{Db, DbError, Row, Tx, args};

use crate::sql;
use crate::store::StoreError;

/// Secrets kept in memory, of each kind of question at most twice so many.
const CACHED: usize = 8_192;

/// Whom a call names: one person twice, or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Users(Digest, Digest);

impl Users {
    /// None where nobody is named. Of more than two the first two count; clients have no third way to name one.
    pub(crate) fn of(named: &[Digest]) -> Option<Self> {
        let first = *named.first()?;
        let second = named.get(1).copied().unwrap_or(first);
        Some(Self(first.min(second), first.max(second)))
    }

    fn both(self) -> [Digest; 2] {
        [self.0, self.1]
    }
}

/// A secret and its name.
#[derive(Debug)]
pub(crate) struct SubjectKey {
    pub(crate) id: SubjectKeyId,
    pub(crate) secret: SubjectSecret,
}

/// When the calls of a batch began that name somebody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spell {
    pub(crate) earliest: Timestamp,
    pub(crate) latest: Timestamp,
}

impl Spell {
    pub(crate) fn of(at: Timestamp) -> Self {
        Self { earliest: at, latest: at }
    }

    pub(crate) fn add(&mut self, at: Timestamp) {
        (self.earliest, self.latest) = (self.earliest.min(at), self.latest.max(at));
    }
}

/// What is known of those whom a call names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Their secret; absent where calls of theirs are not stored.
    pub(crate) key: Option<Arc<SubjectKey>>,
    /// What began until then is not stored.
    pub(crate) erased_at: Option<Timestamp>,
}

impl Known {
    pub(crate) fn is_erased(&self, started_at: Timestamp) -> bool {
        self.erased_at.is_some_and(|erased_at| started_at <= erased_at)
    }
}

/// Keeps what was asked for of late; bounded.
#[derive(Debug)]
struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Clone, V: Clone> Recent<K, V> {
    fn new() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }

    fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.put(key.clone(), value.clone());
        Some(value)
    }

    fn put(&mut self, key: K, value: V) {
        if self.young.len() >= CACHED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[derive(Debug)]
struct Cache {
    epochs: HashMap<ProjectId, i64>,
    users: Recent<(ProjectId, Users), Known>,
    keys: Recent<SubjectKeyId, Arc<SubjectKey>>,
}

impl Cache {
    fn new() -> Self {
        Self { epochs: HashMap::new(), users: Recent::new(), keys: Recent::new() }
    }

    fn forget(&mut self) {
        (self.users, self.keys) = (Recent::new(), Recent::new());
    }
}

/// The secrets of all projects.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    db: Db,
    random: Arc<Random>,
    cache: Arc<Mutex<Cache>>,
}

/// A project and its keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder<'a> {
    pub(crate) scope: ProjectScope,
    pub(crate) keys: &'a DataKeys,
}

impl Holder<'_> {
    fn context(&self, id: SubjectKeyId) -> Vec<u8> {
        [b"subject".as_slice(), self.scope.project().uuid().as_bytes(), id.uuid().as_bytes()].concat()
    }

    /// The hashing key outlives the sealing keys, and so do the secrets' wrappings. Neither opens anything alone.
    fn wrapping(&self) -> cp_base::SealingKey {
        self.keys.hashing().derive("subject secrets")
    }

    fn unwrap(&self, row: &Row) -> Result<Option<Arc<SubjectKey>>, StoreError> {
        let id = row.get("subject_key_id")?;
        let Some(wrapped) = row.get_optional::<Vec<u8>>("wrapped")? else { return Ok(None) };
        let secret = SubjectSecret::unwrap(&self.wrapping(), &self.context(id), &wrapped)?;
        Ok(Some(Arc::new(SubjectKey { id, secret })))
    }
}

impl Subjects {
    pub(crate) fn new(db: Db, random: Arc<Random>) -> Self {
        Self { db, random, cache: Arc::new(Mutex::new(Cache::new())) }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of a project holds within an epoch: another node may have erased somebody.
    pub(crate) fn enter(&self, project: ProjectId, epoch: i64) {
        let mut cache = self.cache();
        if cache.epochs.get(&project).copied().unwrap_or(0) != epoch {
            cache.forget();
            cache.epochs.insert(project, epoch);
        }
    }

    /// What is known of `wanted`. Who is new gets a secret.
    pub(crate) async fn find_or_make(
        &self,
        holder: Holder<'_>,
        wanted: &BTreeMap<Users, Spell>,
    ) -> Result<HashMap<Users, Known>, StoreError> {
        let project = holder.scope.project();
        let mut known = HashMap::new();
        let mut unknown = BTreeMap::new();
        for (users, spell) in wanted {
            match self.cache().users.get(&(project, *users)) {
                Some(found) if found.key.is_some() || found.is_erased(spell.latest) => {
                    known.insert(*users, found);
                }
                _ => {
                    unknown.insert(*users, *spell);
                }
            }
        }
        if unknown.is_empty() {
            return Ok(known);
        }
        let mut found = self.find(holder, unknown.keys().copied()).await?;
        let mut new = Vec::new();
        for (users, spell) in &unknown {
            let known = found.get(users).cloned().unwrap_or_default();
            if known.key.is_none() && !known.is_erased(spell.latest) {
                // A secret is as old as the first call that it seals: an erasure of before leaves it alone.
                let erased_at = known.erased_at.unwrap_or(Timestamp(i64::MIN));
                new.push((*users, spell.earliest.max(Timestamp(erased_at.0.saturating_add(1)))));
            }
        }
        if !new.is_empty() {
            self.make(holder, &new).await?;
            found = self.find(holder, unknown.keys().copied()).await?;
        }
        let mut cache = self.cache();
        for (users, found) in found {
            cache.users.put((project, users), found.clone());
            known.insert(users, found);
        }
        Ok(known)
    }

    async fn find(
        &self,
        holder: Holder<'_>,
        wanted: impl Iterator<Item = Users> + Clone,
    ) -> Result<HashMap<Users, Known>, StoreError> {
        let digests: BTreeSet<Digest> = wanted.clone().flat_map(Users::both).collect();
        let mut tx = self.db.begin_read_to_write(holder.scope).await?;
        let rows = list(&mut tx, holder.scope, digests).await?;
        drop(tx);
        let mut known: HashMap<Users, Known> = wanted.map(|users| (users, Known::default())).collect();
        for row in rows.values() {
            let of = Users(row.get("user_digest")?, row.get("other_digest")?);
            match row.get_optional::<Timestamp>("destroyed_at")? {
                // Of two people one is gone, and with them what they were named in.
                Some(at) => {
                    let touched = known.iter_mut().filter(|(users, _)| {
                        users.both().iter().any(|user| of.both().contains(user)) && is_of(of, **users)
                    });
                    touched.for_each(|(_, known)| known.erased_at = known.erased_at.max(Some(at)));
                }
                None => {
                    if let Some(known) = known.get_mut(&of) {
                        known.key = holder.unwrap(row)?;
                    }
                }
            }
        }
        Ok(known)
    }

    async fn make(&self, holder: Holder<'_>, new: &[(Users, Timestamp)]) -> Result<(), StoreError> {
        let wrapping = holder.wrapping();
        let rows = new.iter().map(|(users, at)| {
            let id = new_id(*at, &self.random);
            let wrapped =
                SubjectSecret::generate(&self.random).wrap(&wrapping, &self.random, &holder.context(id));
            args![holder.scope, id, users.0, users.1, Some(wrapped), *at, None::<Timestamp>]
        });
        let mut tx = self.db.begin_write(holder.scope).await?;
        tx.execute_many(sql::CREATE_SUBJECT_KEYS, args![], rows.collect()).await?;
        Ok(tx.commit().await?)
    }

    /// The secrets of these names; those that were destroyed are not there.
    pub(crate) async fn open(
        &self,
        holder: Holder<'_>,
        ids: impl Iterator<Item = SubjectKeyId>,
    ) -> Result<HashMap<SubjectKeyId, Arc<SubjectKey>>, StoreError> {
        let mut found = HashMap::new();
        let mut unknown = BTreeSet::new();
        for id in ids {
            match self.cache().keys.get(&id) {
                Some(key) => {
                    found.insert(id, key);
                }
                None => {
                    unknown.insert(id);
                }
            }
        }
        if unknown.is_empty() {
            return Ok(found);
        }
        let mut tx = self.db.begin_read_to_write(holder.scope).await?;
        let ids = unknown.into_iter().map(|id| args![id]).collect();
        let rows = tx.fetch_many(sql::LIST_SUBJECT_KEYS, args![holder.scope], ids).await?;
        drop(tx);
        for row in rows {
            if let Some(key) = holder.unwrap(&row)? {
                self.cache().keys.put(key.id, key.clone());
                found.insert(key.id, key);
            }
        }
        Ok(found)
    }

    /// Whose a secret is: one person or two, erased or not.
    pub(crate) async fn users_of(
        &self,
        scope: ProjectScope,
        subject: SubjectKeyId,
    ) -> Result<Vec<Digest>, StoreError> {
        let mut tx = self.db.begin_read(scope).await?;
        let row = tx.fetch_optional(sql::told::FIND_SUBJECT_USERS, args![scope, subject]).await?;
        let Some(row) = row else { return Ok(Vec::new()) };
        let mut users = vec![row.get("user_digest")?, row.get("other_digest")?];
        users.dedup();
        Ok(users)
    }

    /// Destroys every secret of a person that was there at `until`, and forgets them. What began until then is not stored any
    /// more, once the project has entered another epoch. Returns the names of the secrets, those destroyed by an earlier try too.
    pub(crate) async fn destroy(
        &self,
        scope: ProjectScope,
        user: Digest,
        at: Timestamp,
    ) -> Result<Vec<SubjectKeyId>, StoreError> {
        let mut tx = self.db.begin_write(scope).await?;
        tx.execute(sql::DESTROY_SUBJECT_KEYS, args![scope, user, at]).await?;
        let rows = list(&mut tx, scope, [user].into()).await?;
        let mut destroyed = Vec::new();
        let mut is_marked = false;
        for (id, row) in rows {
            if row.get_optional::<Timestamp>("destroyed_at")? == Some(at) {
                let alone = row.get::<Digest>("user_digest")? == row.get::<Digest>("other_digest")?;
                is_marked = is_marked || alone;
                destroyed.push(id);
            }
        }
        if !is_marked {
            // Nothing was sealed for this person alone, and the row says that they were erased.
            let row = args![scope, new_id(at, &self.random), user, user, None::<Vec<u8>>, at, Some(at)];
            tx.execute_many(sql::CREATE_SUBJECT_KEYS, args![], vec![row]).await?;
        }
        tx.commit().await?;
        self.cache().forget();
        Ok(destroyed)
    }

    pub(crate) async fn release_space(&self) -> Result<bool, DbError> {
        self.db.release_space(&["subject_keys"]).await
    }
}

/// Whether a person's destroyed row concerns those whom a call names: a row of one person every call that names them, a row of
/// two only what named both.
fn is_of(row: Users, users: Users) -> bool {
    row == users || row.0 == row.1
}

fn new_id(at: Timestamp, random: &Random) -> SubjectKeyId {
    Id::derived(at, &random.bytes())
}

async fn list(
    tx: &mut Tx,
    scope: ProjectScope,
    digests: BTreeSet<Digest>,
) -> Result<BTreeMap<SubjectKeyId, Row>, StoreError> {
    let digests: Vec<_> = digests.into_iter().map(|digest| args![digest]).collect();
    let mut rows = tx.fetch_many(sql::LIST_SUBJECT_KEYS_BY_USER, args![scope], digests.clone()).await?;
    rows.append(&mut tx.fetch_many(sql::LIST_SUBJECT_KEYS_BY_OTHER, args![scope], digests).await?);
    rows.into_iter().map(|row| Ok((row.get("subject_key_id")?, row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_bounded() {
        let mut recent = Recent::new();
        for number in 0..3 * CACHED {
            recent.put(number, ());
            assert_eq!(recent.get(&0), Some(()), "asked for again and again");
        }
        assert!(recent.young.len() + recent.old.len() <= 2 * CACHED);
        assert_eq!(recent.get(&1), None);
    }

    #[test]
    fn two_names_in_either_order_are_the_same_people() {
        let (ann, bob) = ([1; 32], [2; 32]);
        assert_eq!(Users::of(&[]), None);
        assert_eq!(Users::of(&[ann, bob]), Users::of(&[bob, ann]));
        assert_ne!(Users::of(&[ann]), Users::of(&[ann, bob]));
    }
}
