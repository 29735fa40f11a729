//! What a write rests on: the projects' keys and states, the people whom its calls name, what was erased of it before.
//!
//! A write is planned before its transaction. When the sealing key changes, a person is erased or bodies are collected, the
//! project enters another epoch, alone; a write holds the project together with other writes and begins by
//! comparing. One that was planned before is planned again. So after a change nothing appears that did not know of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cp_base::{CallId, KeyId, ProjectId, ProjectScope};
use cp_db::{Tx, args};

use crate::content::Vault;
use crate::store::StoreError;
use crate::subjects::{Known, Spell, Users};
use crate::{CallSummary, FinishedCall, TrafficStore, Write, sql};

/// What is known of one project.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) vault: Vault,
    epoch: i64,
    known: HashMap<Users, Known>,
    /// One vault for each person.
    vaults: HashMap<Users, Vault>,
    erased: BTreeSet<CallId>,
    stripped: BTreeSet<CallId>,
}

/// What is known of all projects of a batch.
pub(crate) type Grounds = BTreeMap<ProjectId, Ground>;

/// A project's state.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    epoch: i64,
    key: Option<KeyId>,
    has_garbage: bool,
}

impl Ground {
    /// What seals this call.
    pub(crate) fn vault_of(&self, call: &FinishedCall) -> &Vault {
        let own = Users::of(&call.users).and_then(|users| self.vaults.get(&users));
        own.unwrap_or(&self.vault)
    }

    /// Whether the call was erased before it came here.
    pub(crate) fn is_erased(&self, call: &FinishedCall) -> bool {
        let known = Users::of(&call.users).and_then(|users| self.known.get(&users));
        self.was_erased(&call.summary) || known.is_some_and(|known| known.is_erased(call.summary.started_at))
    }

    /// Whether exactly this call was erased.
    pub(crate) fn was_erased(&self, call: &CallSummary) -> bool {
        self.erased.contains(&call.call)
    }

    /// Whether the call may not have its raw bodies any more.
    pub(crate) fn is_stripped(&self, call: CallId) -> bool {
        self.stripped.contains(&call)
    }

    /// Holds the project and makes sure that the plan still stands. Returns whether something is marked as garbage.
    pub(crate) async fn stand(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        tx.hold_together(self.vault.scope.project()).await?;
        self.check(tx).await
    }

    /// The same, holding the project alone: something that is stored goes.
    pub(crate) async fn stand_alone(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        tx.hold_alone(self.vault.scope.project()).await?;
        self.check(tx).await
    }

    async fn check(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let state = state(tx, self.vault.scope).await?;
        let sealing = self.vault.keys.sealing().id();
        if state.epoch != self.epoch || state.key.is_some_and(|key| key != sealing) {
            return Err(StoreError::Stale);
        }
        Ok(state.has_garbage)
    }
}

impl Vault {
    /// Holds the project and makes sure that its key is still the one that seals.
    pub(crate) async fn stand(&self, tx: &mut Tx) -> Result<(), StoreError> {
        tx.hold_together(self.scope.project()).await?;
        let sealing = self.keys.sealing().id();
        let state = state(tx, self.scope).await?;
        if state.key.is_some_and(|key| key != sealing) { Err(StoreError::Stale) } else { Ok(()) }
    }
}

/// What a batch has to do with one project.
#[derive(Default)]
struct Concerns {
    calls: BTreeSet<CallId>,
    users: BTreeMap<Users, Spell>,
}

impl TrafficStore {
    /// Looks up what the writes rest on.
    pub(crate) async fn grounds(&self, writes: &[Write]) -> Result<Grounds, StoreError> {
        let mut projects: BTreeMap<ProjectId, (ProjectScope, Concerns)> = BTreeMap::new();
        for write in writes {
            let (scope, call, users) = match write {
                Write::Opened(scope, call) => (*scope, &**call, None),
                Write::Finished(call) | Write::Told(call, _) => {
                    (call.scope, &call.summary, Users::of(&call.users))
                }
                Write::Restarted(_) => continue,
            };
            let (_, concerns) =
                projects.entry(scope.project()).or_insert_with(|| (scope, Concerns::default()));
            concerns.calls.insert(call.call);
            if let Some(users) = users {
                concerns.users.entry(users).or_insert(Spell::of(call.started_at)).add(call.started_at);
            }
        }
        let mut grounds = Grounds::new();
        for (project, (scope, concerns)) in projects {
            grounds.insert(project, self.ground(scope, concerns).await?);
        }
        Ok(grounds)
    }

    async fn ground(&self, scope: ProjectScope, concerns: Concerns) -> Result<Ground, StoreError> {
        let mut tx = self.db.begin_read_to_write(scope).await?;
        let state = state(&mut tx, scope).await?;
        let (mut erased, mut stripped) = (BTreeSet::new(), BTreeSet::new());
        // Without an epoch nothing was ever erased.
        if state.epoch > 0 {
            let calls: Vec<_> = concerns.calls.into_iter().map(|call| args![call]).collect();
            for row in tx.fetch_many(sql::LIST_ERASED_CALLS, args![scope], calls.clone()).await? {
                erased.insert(row.get("call_id")?);
            }
            for row in tx.fetch_many(sql::LIST_STRIPPED_CALLS, args![scope], calls).await? {
                stripped.insert(row.get("call_id")?);
            }
        }
        drop(tx);
        let vault = self.vault(scope)?;
        self.subjects.enter(scope.project(), state.epoch);
        let known = self.subjects.find_or_make(vault.holder(), &concerns.users).await?;
        let keyed = known.iter().filter_map(|(users, known)| Some((*users, known.key.clone()?)));
        let vaults = keyed.map(|(users, key)| (users, vault.of_subject(key))).collect();
        Ok(Ground { vault, epoch: state.epoch, known, vaults, erased, stripped })
    }

    /// From now on the project's values are sealed with this key alone: whoever writes with another one plans again.
    pub async fn require_key(tx: &mut Tx, scope: ProjectScope, key: KeyId) -> Result<(), StoreError> {
        tx.hold_alone(scope.project()).await?;
        tx.execute(sql::REQUIRE_KEY, args![scope, key]).await?;
        Ok(())
    }
}

/// Waits for the writes under way and makes every plan a thing of the past.
pub(crate) async fn enter_epoch(tx: &mut Tx, scope: ProjectScope) -> Result<(), StoreError> {
    tx.hold_alone(scope.project()).await?;
    tx.execute(sql::ENTER_EPOCH, args![scope]).await?;
    Ok(())
}

async fn state(tx: &mut Tx, scope: ProjectScope) -> Result<State, StoreError> {
    let Some(row) = tx.fetch_optional(sql::FIND_STATE, args![scope]).await? else {
        return Ok(State::default());
    };
    Ok(State {
        epoch: row.get("epoch")?,
        key: row.get_optional("key_id")?,
        has_garbage: row.get::<i64>("garbage")? != 0,
    })
}
