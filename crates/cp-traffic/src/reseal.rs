//! Sealing anew: after a new key has taken over, whatever the old ones sealed is opened and sealed with the new one, piece by
//! piece, while calls are stored. Values are written once and never changed otherwise, but for scores, which
//! are compared; so a piece that is done again, or is deleted meanwhile, does no harm.

use cp_base::{CallId, Digest, ProjectScope, ScoreId, SubjectKeyId};
use cp_db::{Args, DbError, Row, Statement, Stored, args};

use crate::content::Vault;
use crate::read::{SealedBody, Vaults};
use crate::store::StoreError;
use crate::{TrafficStore, sql};

/// Values of one piece, at most.
const PIECE: u64 = 256;
/// Bytes of one piece, about.
const PIECE_BYTES: u64 = 4 * 1024 * 1024;

/// What became of one piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Behind what it goes on; absent at the end.
    pub next: Option<Vec<u8>>,
    /// Values that are sealed with the current key now.
    pub changed: u64,
    /// Values whose person's secret is gone: they open with no key, and stay as they are.
    pub unreadable: u64,
}

/// How far sealing anew is. Bodies come first, then documents, then scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Bodies(Digest),
    Documents(CallId),
    Scores(ScoreId),
}

impl Place {
    const START: Self = Self::Bodies([0; 32]);

    fn first_document() -> Self {
        Self::Documents(CallId::from_uuid(Default::default()))
    }

    fn first_score() -> Self {
        Self::Scores(ScoreId::from_uuid(Default::default()))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (1, hash) => Some(Self::Bodies(hash.try_into().ok()?)),
            (2, id) => CallId::from_raw(<<CallId as Stored>::Raw>::from_bytes(id.try_into().ok()?))
                .map(Self::Documents),
            (3, id) => ScoreId::from_raw(<<ScoreId as Stored>::Raw>::from_bytes(id.try_into().ok()?))
                .map(Self::Scores),
            _ => None,
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Bodies(hash) => [[1].as_slice(), &hash].concat(),
            Self::Documents(call) => [[2].as_slice(), call.uuid().as_bytes()].concat(),
            Self::Scores(score) => [[3].as_slice(), score.uuid().as_bytes()].concat(),
        }
    }
}

/// A value that an old key sealed.
struct Old<K> {
    key: K,
    sealed: Vec<u8>,
    subject: Option<SubjectKeyId>,
}

impl TrafficStore {
    /// Seals one piece of what is not under the project's current key with it, going on behind `place`.
    pub async fn reseal(&self, scope: ProjectScope, place: Option<&[u8]>) -> Result<Resealed, StoreError> {
        let place = match place {
            None => Place::START,
            Some(bytes) => Place::from_bytes(bytes).ok_or(StoreError::Damaged("place"))?,
        };
        match place {
            Place::Bodies(after) => self.reseal_bodies(scope, after).await,
            Place::Documents(after) => self.reseal_documents(scope, after).await,
            Place::Scores(after) => self.reseal_scores(scope, after).await,
        }
    }

    /// How many values there are; what [`reseal`](Self::reseal) comes to at most.
    pub async fn count_sealed(&self, scope: ProjectScope) -> Result<u64, StoreError> {
        let mut tx = self.db.begin_read(scope).await?;
        let row = tx.fetch_optional(sql::COUNT_SEALED, args![scope]).await?;
        Ok(row.ok_or(StoreError::Damaged("count"))?.get("sealed")?)
    }

    async fn reseal_bodies(&self, scope: ProjectScope, after: Digest) -> Result<Resealed, StoreError> {
        let vault = self.vault(scope)?;
        let mut tx = self.db.begin_read(scope).await?;
        let page = args![scope, after, vault.keys.sealing().id(), PIECE];
        let hashes: Vec<Digest> = fitting(&tx.fetch_all(sql::PAGE_OLD_BODIES, page).await?, "hash")?;
        let rows = hashes.iter().map(|hash| args![*hash]).collect();
        let rows = tx.fetch_many(sql::LIST_BODIES, args![scope], rows).await?;
        drop(tx);
        let old = rows.iter().map(|row| {
            let SealedBody { hash, sealed, subject } = SealedBody::from_row(row)?;
            Ok(Old { key: hash, sealed, subject })
        });
        let old = old.collect::<Result<Vec<_>, DbError>>()?;
        let random = &*self.random;
        let anew = |vault: &Vault, old: &Old<Digest>| {
            let sealed = vault.reseal_body(random, &old.key, &old.sealed)?;
            Ok(sealed.map(|sealed| args![scope, old.key, sealed]))
        };
        let (rows, unreadable) = self.sealed_anew(vault, &old, anew).await?;
        let next = hashes.last().copied().map_or_else(Place::first_document, Place::Bodies);
        self.write_resealed(scope, sql::RESEAL_BODY, (rows, unreadable), Some(next)).await
    }

    async fn reseal_documents(&self, scope: ProjectScope, after: CallId) -> Result<Resealed, StoreError> {
        let vault = self.vault(scope)?;
        let mut tx = self.db.begin_read(scope).await?;
        let page = args![scope, after, vault.keys.sealing().id(), PIECE];
        let calls: Vec<CallId> = fitting(&tx.fetch_all(sql::PAGE_OLD_DOCUMENTS, page).await?, "call_id")?;
        let rows = calls.iter().map(|call| args![*call]).collect();
        let rows = tx.fetch_many(sql::LIST_CONTENTS, args![scope], rows).await?;
        drop(tx);
        let old = rows.iter().map(|row| {
            Ok(Old {
                key: row.get("call_id")?,
                sealed: row.get("document")?,
                subject: row.get_optional("subject_key_id")?,
            })
        });
        let old = old.collect::<Result<Vec<_>, DbError>>()?;
        let random = &*self.random;
        let anew = |vault: &Vault, old: &Old<CallId>| {
            let sealed = vault.reseal_document(random, old.key, &old.sealed)?;
            Ok(sealed.map(|sealed| args![scope, old.key, sealed]))
        };
        let (rows, unreadable) = self.sealed_anew(vault, &old, anew).await?;
        let next = calls.last().copied().map_or_else(Place::first_score, Place::Documents);
        self.write_resealed(scope, sql::RESEAL_DOCUMENT, (rows, unreadable), Some(next)).await
    }

    async fn reseal_scores(&self, scope: ProjectScope, after: ScoreId) -> Result<Resealed, StoreError> {
        let vault = self.vault(scope)?;
        let mut tx = self.db.begin_read(scope).await?;
        let page = args![scope, after, vault.keys.sealing().id(), PIECE];
        let rows = tx.fetch_all(sql::scores::PAGE_OLD_SCORES, page).await?;
        drop(tx);
        let scores: Vec<ScoreId> = fitting(&rows, "score_id")?;
        let mut anew = Vec::new();
        for (row, score) in rows.iter().zip(&scores) {
            let old: Vec<u8> = row.get("sealed")?;
            let sealed = vault.reseal_score(&self.random, *score, &old)?;
            anew.extend(sealed.map(|sealed| args![scope, *score, old, sealed]));
        }
        let next = scores.last().copied().map(Place::Scores);
        self.write_resealed(scope, sql::scores::RESEAL_SCORE, (anew, 0), next).await
    }

    /// What each value becomes, and how many nobody can open.
    async fn sealed_anew<K>(
        &self,
        vault: Vault,
        old: &[Old<K>],
        anew: impl Fn(&Vault, &Old<K>) -> Result<Option<Args>, StoreError>,
    ) -> Result<(Vec<Args>, u64), StoreError> {
        let vaults: Vaults = self.vaults(vault, old.iter().filter_map(|old| old.subject)).await?;
        let (mut rows, mut unreadable) = (Vec::new(), 0);
        for old in old {
            match vaults.of(old.subject) {
                Some(vault) => rows.extend(anew(vault, old)?),
                None => unreadable += 1,
            }
        }
        Ok((rows, unreadable))
    }

    async fn write_resealed(
        &self,
        scope: ProjectScope,
        statement: Statement,
        (rows, unreadable): (Vec<Args>, u64),
        next: Option<Place>,
    ) -> Result<Resealed, StoreError> {
        let mut changed = 0;
        if !rows.is_empty() {
            let mut tx = self.db.begin_write(scope).await?;
            for row in rows {
                changed += tx.execute(statement, row).await?;
            }
            tx.commit().await?;
        }
        Ok(Resealed { next: next.map(Place::to_bytes), changed, unreadable })
    }
}

/// The keys of the rows that make a piece: at least one, and no more bytes than fit.
fn fitting<K: Stored>(rows: &[Row], column: &str) -> Result<Vec<K>, DbError> {
    let (mut keys, mut bytes) = (Vec::new(), 0_u64);
    for row in rows {
        keys.push(row.get(column)?);
        bytes = bytes.saturating_add(row.get("bytes")?);
        if bytes >= PIECE_BYTES {
            break;
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_or_refused() {
        for place in [Place::START, Place::Bodies([7; 32]), Place::first_document(), Place::first_score()] {
            assert_eq!(Place::from_bytes(&place.to_bytes()), Some(place));
        }
        assert_eq!(Place::from_bytes(&[]), None);
        assert_eq!(Place::from_bytes(&[1, 2, 3]), None);
    }
}
