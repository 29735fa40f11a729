//! A person's second factor, as it is kept: sealed, with what makes each code and each recovery code work once.

use cp_base::{Random, SealingKey};
use cp_db::DbError;
use serde::{Deserialize, Serialize};

/// The secret of time-based codes, and what has been used of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondFactor {
    /// Hexadecimal digits of the secret.
    pub secret: String,
    /// Whether a code has shown that the person's device has the secret. Until then none is asked for.
    pub confirmed: bool,
    /// The step of the last code that was taken: neither it nor an earlier one is taken again.
    pub last_step: u64,
    /// Hexadecimal digits of the digests of recovery codes that are left.
    pub recovery: Vec<String>,
}

impl std::fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactor").field("confirmed", &self.confirmed).finish_non_exhaustive()
    }
}

impl SecondFactor {
    /// Seals it for a person: `context` is their id, and it opens for nobody else.
    pub fn seal(&self, key: &SealingKey, random: &Random, context: &[u8]) -> Result<Vec<u8>, DbError> {
        let document = serde_json::to_vec(self).map_err(|_| DbError::decode("totp_sealed"))?;
        Ok(key.seal(random, context, &document))
    }

    /// Opens what [`Self::seal`] made.
    pub fn open(key: &SealingKey, context: &[u8], sealed: &[u8]) -> Result<Self, DbError> {
        let document = key.open(context, sealed).map_err(|_| DbError::decode("totp_sealed"))?;
        serde_json::from_slice(&document).map_err(|_| DbError::decode("totp_sealed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_for_its_person_alone() {
        let (key, random) = (SealingKey::new([3; 32]), Random::seeded(1));
        let factor = SecondFactor {
            secret: "00ff".to_owned(),
            confirmed: true,
            last_step: 7,
            recovery: vec!["aa".to_owned()],
        };
        let sealed = factor.seal(&key, &random, b"ada").unwrap();
        assert_eq!(SecondFactor::open(&key, b"ada", &sealed).unwrap(), factor);
        assert!(SecondFactor::open(&key, b"bob", &sealed).is_err());
        assert!(!sealed.windows(4).any(|window| window == b"00ff"));
    }
}
