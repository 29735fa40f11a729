//! Calls that clients tell of, in pieces: what comes later takes the place of what is stored, with all that is known by then.
//!
//! Whoever writes has read what is stored before. It is compared in the transaction that replaces it, so that nothing that
//! another node was told meanwhile is lost: then it is read and written anew.

use std::collections::BTreeMap;

use cp_base::{CallId, ProjectScope, SubjectKeyId};
use cp_db::{Row, Tx, args};

use crate::collect::{mark, refs_of};
use crate::ground::Ground;
use crate::store::StoreError;
use crate::{CallDetail, FinishedCall, Told, TrafficStore, sql};

impl Told {
    /// A document is sealed with another nonce each time, and so its end, the seal, tells which one it is.
    fn of(row: &Row) -> Result<Self, StoreError> {
        let document: Vec<u8> = row.get("document")?;
        let end = document.last_chunk::<16>().copied();
        Ok(Self(Some(end.ok_or(StoreError::Damaged("document"))?)))
    }
}

impl TrafficStore {
    /// What is stored of a call that a client tells more of, as it can be written again.
    pub async fn find_told(
        &self,
        scope: ProjectScope,
        call: CallId,
    ) -> Result<(Told, Option<FinishedCall>), StoreError> {
        let mut tx = self.db.begin_read_to_write(scope).await?;
        let rows = tx.fetch_many(sql::LIST_CONTENTS, args![scope], vec![args![call]]).await?;
        let told = rows.first().map_or(Ok(Told::default()), Told::of)?;
        let subject =
            rows.first().map(|row| row.get_optional::<SubjectKeyId>("subject_key_id")).transpose()?;
        let handles = tx.fetch_all(sql::told::LIST_HANDLES, args![scope, call]).await?;
        let handles = handles.iter().map(|row| row.get("handle")).collect::<Result<_, _>>()?;
        drop(tx);
        // Read afterwards: where it has changed in between, it is newer than `told` says, and the write is refused.
        let Some(stored) = self.find_call(scope, call).await? else { return Ok((told, None)) };
        let users = match subject.flatten() {
            Some(subject) => self.subjects.users_of(scope, subject).await?,
            None => Vec::new(),
        };
        let CallDetail { summary, document, messages, raw } = stored;
        let document = document.unwrap_or_default();
        let (chain_tip, parent) = (None, None);
        let call =
            FinishedCall { scope, summary, chain_tip, handles, users, parent, document, messages, raw };
        Ok((told, Some(call)))
    }
}

/// Deletes what is stored of calls that are told anew, if it is still what it was. Returns whether bodies were left.
pub(crate) async fn give_place(
    tx: &mut Tx,
    ground: &Ground,
    told: &BTreeMap<CallId, Told>,
) -> Result<bool, StoreError> {
    let scope = ground.vault.scope;
    let calls: Vec<_> = told.keys().map(|call| args![*call]).collect();
    let (mut found, mut hashes) = (BTreeMap::new(), Vec::new());
    for row in tx.fetch_many(sql::LIST_CONTENTS, args![scope], calls.clone()).await? {
        found.insert(row.get::<CallId>("call_id")?, Told::of(&row)?);
        hashes.extend(refs_of(&row.get::<Vec<u8>>("refs")?)?.iter().map(|entry| entry.hash));
    }
    if told.iter().any(|(call, told)| found.get(call).copied().unwrap_or_default() != *told) {
        return Err(StoreError::Stale);
    }
    let left = !hashes.is_empty();
    mark(tx, scope, hashes).await?;
    for statement in [sql::DELETE_CONTENTS, sql::DELETE_HANDLES, sql::DELETE_CALLS] {
        tx.execute_many(statement, args![scope], calls.clone()).await?;
    }
    Ok(left)
}
