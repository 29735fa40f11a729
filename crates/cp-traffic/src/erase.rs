//! Erasing a person: everything of the calls that name them.
//!
//! In this order: their secrets are destroyed, and with them every copy of what they sealed; the project enters another
//! epoch, so that nothing planned before is stored; then calls go in steps, and what is left of bodies. Each step can be
//! done again. Calls of their conversations that name nobody are theirs too. An exchange that carried their requests among those
//! of others, as a batch does, keeps its row and loses its raw bodies: the calls made of it stand for themselves.

use std::collections::{BTreeMap, BTreeSet};

use cp_base::{CallId, ConversationId, Digest, ProjectScope, SubjectKeyId, Timestamp};
use cp_db::{Args, Tx, args};

use crate::collect::{mark, refs_of};
use crate::content::{Slot, refs_to_bytes};
use crate::ground::enter_epoch;
use crate::scores::delete_scores;
use crate::store::StoreError;
use crate::{CallDocument, Label, TrafficStore, sql};

/// Calls that go in one transaction.
const STEP: u64 = 100;
/// Bodies that go in one transaction.
const BODIES: u64 = 500;

/// A person in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PersonCounts {
    /// Calls that name them.
    pub calls: u64,
    /// Of these, those of which more than the columns is kept.
    pub documents: u64,
    /// Of these, those that a secret of theirs seals.
    pub sealed_apart: u64,
    /// Of these, those that an exchange carried among others.
    pub carried: u64,
    /// When the first began.
    pub first_at: Option<Timestamp>,
    /// When the last began.
    pub last_at: Option<Timestamp>,
}

/// What a step erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Calls.
    pub calls: u64,
    /// Of these, those that named nobody and were of the person's conversations.
    pub unnamed: u64,
    /// Handles, labels among them.
    pub handles: u64,
    /// What was filed of their costs.
    pub cost_changes: u64,
    /// Bodies that were the person's.
    pub bodies: u64,
    /// Exchanges that lost their raw bodies.
    pub stripped: u64,
    /// What was thought of them, their traces and their sessions.
    pub scores: u64,
}

impl Erased {
    /// Whether there was nothing left.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Adds up two steps.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            unnamed: self.unnamed + other.unnamed,
            handles: self.handles + other.handles,
            cost_changes: self.cost_changes + other.cost_changes,
            bodies: self.bodies + other.bodies,
            stripped: self.stripped + other.stripped,
            scores: self.scores + other.scores,
        }
    }
}

/// Who is erased, and what of them: what began until then.
#[derive(Clone, Copy, Debug)]
struct Person {
    scope: ProjectScope,
    digest: Digest,
    until: Timestamp,
}

/// What goes with a step's calls.
#[derive(Debug, Default)]
struct Doomed {
    calls: BTreeSet<CallId>,
    unnamed: BTreeSet<CallId>,
    carriers: BTreeSet<CallId>,
    /// Bodies that may be others' too.
    shared: BTreeSet<Digest>,
}

impl TrafficStore {
    /// How a project knows a person.
    pub fn person(&self, scope: ProjectScope, user: &str) -> Result<Digest, StoreError> {
        Ok(Label::User(user.to_owned()).digest(&self.hashing_key(scope)?))
    }

    /// What there is of a person.
    pub async fn count_person(
        &self,
        scope: ProjectScope,
        person: Digest,
    ) -> Result<PersonCounts, StoreError> {
        let mut tx = self.db.begin_read(scope).await?;
        let row = tx.fetch_optional(sql::COUNT_PERSON, args![scope, person]).await?;
        let row = row.ok_or(StoreError::Damaged("count"))?;
        Ok(PersonCounts {
            calls: row.get("calls")?,
            documents: row.get("documents")?,
            sealed_apart: row.get("sealed_apart")?,
            carried: row.get("carried")?,
            first_at: row.get_optional("first_at")?,
            last_at: row.get_optional("last_at")?,
        })
    }

    /// Destroys a person's secrets. From then on nothing of theirs that began until `until` opens or is stored. Returns the
    /// secrets' names; done again with the same time, the same ones.
    pub async fn shred_person(
        &self,
        scope: ProjectScope,
        person: Digest,
        until: Timestamp,
    ) -> Result<Vec<SubjectKeyId>, StoreError> {
        let destroyed = self.subjects.destroy(scope, person, until).await?;
        let mut tx = self.db.begin_write(scope).await?;
        enter_epoch(&mut tx, scope).await?;
        tx.commit().await?;
        Ok(destroyed)
    }

    /// Erases a part of what there is of a person whose secrets, named by `secrets`, are destroyed; nothing at the end.
    pub async fn erase_step(
        &self,
        scope: ProjectScope,
        person: Digest,
        until: Timestamp,
        secrets: &[SubjectKeyId],
    ) -> Result<Erased, StoreError> {
        let person = Person { scope, digest: person, until };
        let mut tx = self.db.begin_write(scope).await?;
        tx.hold_alone(scope.project()).await?;
        let doomed = self.doomed(&mut tx, person, secrets).await?;
        let mut erased = delete(&mut tx, person, doomed).await?;
        if erased.is_nothing() {
            erased.bodies = delete_bodies(&mut tx, scope, secrets).await?;
        }
        tx.commit().await?;
        Ok(erased)
    }

    /// Leaves nothing of what was deleted in the database's files. False where that is to be tried again.
    pub async fn release_space(&self) -> Result<bool, StoreError> {
        let tables =
            ["calls", "call_contents", "call_handles", "cost_changes", "bodies", "body_garbage", "scores"];
        let secrets = self.subjects.release_space().await?;
        Ok(self.db.release_space(&tables).await? && secrets)
    }

    /// The next calls that name the person, and what goes with them.
    async fn doomed(
        &self,
        tx: &mut Tx,
        person: Person,
        secrets: &[SubjectKeyId],
    ) -> Result<Doomed, StoreError> {
        let Person { scope, digest, until } = person;
        let mut doomed = Doomed::default();
        let mut conversations = BTreeSet::new();
        for row in tx.fetch_all(sql::LIST_CALLS_NAMED, args![scope, digest, until, STEP]).await? {
            doomed.calls.insert(row.get("call_id")?);
            conversations.extend(row.get_optional::<ConversationId>("conversation_id")?);
        }
        let vault = self.vault(scope)?;
        let conversations = conversations.into_iter().map(|conversation| args![conversation]).collect();
        for row in tx.fetch_many(sql::LIST_UNNAMED_MATES, args![scope], conversations).await? {
            let call: CallId = row.get("call_id")?;
            let document = vault.open_document(call, &row.get::<Vec<u8>>("document")?)?;
            if !doomed.calls.contains(&call) && !names_somebody(&document) {
                doomed.unnamed.insert(call);
            }
        }
        doomed.calls.extend(&doomed.unnamed);
        for row in tx.fetch_many(sql::LIST_CONTENTS, args![scope], ids(&doomed.calls)).await? {
            doomed.carriers.extend(row.get_optional::<CallId>("sent_by")?);
            doomed.carriers.extend(row.get_optional::<CallId>("fetched_by")?);
            let secret = row.get_optional::<SubjectKeyId>("subject_key_id")?;
            if secret.is_none_or(|secret| !secrets.contains(&secret)) {
                doomed.shared.extend(refs_of(&row.get::<Vec<u8>>("refs")?)?.iter().map(|entry| entry.hash));
            }
            if secret.is_some() {
                continue;
            }
            // Of before people had secrets: its document tells what carried it.
            let call: CallId = row.get("call_id")?;
            let document = vault.open_document(call, &row.get::<Vec<u8>>("document")?)?;
            if let Some(batch) = document.batch {
                doomed.carriers.extend(batch.sent_by.into_iter().chain([batch.fetched_by]));
            }
        }
        Ok(doomed)
    }
}

fn names_somebody(document: &CallDocument) -> bool {
    document.decoded.user.is_some() || document.decoded.parameters.contains_key("safety_identifier")
}

fn ids(calls: &BTreeSet<CallId>) -> Vec<Args> {
    calls.iter().map(|call| args![*call]).collect()
}

async fn delete(tx: &mut Tx, person: Person, doomed: Doomed) -> Result<Erased, StoreError> {
    let Person { scope, until, .. } = person;
    if doomed.calls.is_empty() {
        return Ok(Erased::default());
    }
    let calls = ids(&doomed.calls);
    let stripped = strip(tx, person, &doomed).await?;
    mark(tx, scope, doomed.shared).await?;
    let scores = delete_scores(tx, scope, &calls).await?;
    let unnamed = doomed.unnamed.iter().map(|call| args![scope, until, *call]).collect();
    // A client may tell of these again.
    let told = tx.fetch_many(sql::told::LIST_TOLD, args![scope], calls.clone()).await?;
    let told = told.iter().map(|row| Ok(args![scope, until, row.get::<CallId>("call_id")?]));
    let told = told.collect::<Result<Vec<_>, StoreError>>()?;
    let erased = Erased {
        unnamed: tx.execute_many(sql::MARK_ERASED, args![], unnamed).await?,
        calls: tx.execute_many(sql::DELETE_CALLS, args![scope], calls.clone()).await?,
        handles: tx.execute_many(sql::DELETE_HANDLES, args![scope], calls.clone()).await?,
        cost_changes: tx.execute_many(sql::DELETE_COST_CHANGES, args![scope], calls.clone()).await?,
        bodies: 0,
        stripped,
        scores,
    };
    tx.execute_many(sql::MARK_ERASED, args![], told).await?;
    tx.execute_many(sql::DELETE_CONTENTS, args![scope], calls).await?;
    Ok(erased)
}

/// Takes their raw bodies from the exchanges that carried the calls.
async fn strip(tx: &mut Tx, person: Person, doomed: &Doomed) -> Result<u64, StoreError> {
    let Person { scope, until, .. } = person;
    let carriers: BTreeSet<CallId> = doomed.carriers.difference(&doomed.calls).copied().collect();
    let mut raw = BTreeMap::new();
    for row in tx.fetch_many(sql::LIST_CONTENTS, args![scope], ids(&carriers)).await? {
        let refs = refs_of(&row.get::<Vec<u8>>("refs")?)?;
        let (bodies, rest): (Vec<_>, Vec<_>) =
            refs.into_iter().partition(|entry| matches!(entry.slot, Slot::RawRequest | Slot::RawResponse));
        if !bodies.is_empty() {
            raw.insert(row.get::<CallId>("call_id")?, (bodies, rest));
        }
    }
    let marks = carriers.iter().map(|call| args![scope, until, *call]).collect();
    tx.execute_many(sql::MARK_STRIPPED, args![], marks).await?;
    let stripped = raw.len() as u64;
    for (call, (bodies, rest)) in raw {
        tx.execute(sql::SET_REFS, args![scope, call, refs_to_bytes(&rest)]).await?;
        mark(tx, scope, bodies.iter().map(|entry| entry.hash)).await?;
    }
    Ok(stripped)
}

/// Bodies that nobody can open any more and to which no call refers.
async fn delete_bodies(
    tx: &mut Tx,
    scope: ProjectScope,
    secrets: &[SubjectKeyId],
) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for secret in secrets {
        let rows = tx.fetch_all(sql::LIST_BODIES_OF, args![scope, *secret, BODIES]).await?;
        let hashes = rows.iter().map(|row| Ok(args![row.get::<Digest>("hash")?]));
        let hashes = hashes.collect::<Result<Vec<_>, StoreError>>()?;
        deleted += tx.execute_many(sql::DELETE_BODIES, args![scope], hashes).await?;
        if deleted > 0 {
            break;
        }
    }
    Ok(deleted)
}
