//! What is sealed of a score.

use cp_base::{Random, ScoreId};

use super::{Sealer, Vault, json, parse, unpack};
use crate::scores::SealedScore;
use crate::store::StoreError;

impl Vault {
    pub(crate) fn seal_score(
        &self,
        sealer: &mut Sealer<'_>,
        score: ScoreId,
        sealed: &SealedScore,
    ) -> Result<Vec<u8>, StoreError> {
        let packed = sealer.pack(&json(sealed)?)?;
        Ok(self.sealing.seal(sealer.random, &self.score_context(score), &packed))
    }

    pub(crate) fn open_score(&self, score: ScoreId, sealed: &[u8]) -> Result<SealedScore, StoreError> {
        let packed = self.open(&self.score_context(score), sealed)?;
        parse(&unpack(packed).ok_or(StoreError::Damaged("score"))?, "score")
    }

    pub(crate) fn reseal_score(
        &self,
        random: &Random,
        score: ScoreId,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.reseal(random, &self.score_context(score), sealed)
    }

    fn score_context(&self, score: ScoreId) -> Vec<u8> {
        [b"score".as_slice(), self.scope.project().uuid().as_bytes(), score.uuid().as_bytes()].concat()
    }
}
