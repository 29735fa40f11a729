//! Signatures: what the installation vouches for, and anybody can check without it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::{SealingKey, hex, unhex};

/// The installation's signing key (Ed25519, RFC 8032): for checkpoints of the audit log, and certificates.
#[derive(Clone)]
pub struct SigningKey(Arc<Ed25519KeyPair>);

/// The public half: 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// A signature that is not of this text under this key, or a key that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit: the text was altered, or another key signed it")]
pub struct BadSignature;

impl SigningKey {
    /// The key that belongs to a secret one; the same secret gives the same key.
    #[must_use]
    #[expect(clippy::expect_used, reason = "every 32 bytes are a seed of Ed25519")]
    pub fn derived_from(secret: &SealingKey) -> Self {
        let seed = secret.digest(&[b"codepromptu signing key v1"]);
        Self(Arc::new(Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed")))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().try_into().unwrap_or_default())
    }

    /// The signature of a text, in hexadecimal digits.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> String {
        hex(self.0.sign(text).as_ref())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

impl PublicKey {
    /// Whether `signature`, in hexadecimal digits, is this key's for `text`.
    pub fn verify(&self, text: &[u8], signature: &str) -> Result<(), BadSignature> {
        let signature = unhex(signature).ok_or(BadSignature)?;
        UnparsedPublicKey::new(&ED25519, self.0).verify(text, &signature).map_err(|_| BadSignature)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = BadSignature;

    fn from_str(text: &str) -> Result<Self, BadSignature> {
        let bytes = unhex(text).ok_or(BadSignature)?;
        Ok(Self(bytes.try_into().map_err(|_| BadSignature)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_text_under_one_key() {
        let key = SigningKey::derived_from(&SealingKey::new([1; 32]));
        let signature = key.sign(b"text");
        let public: PublicKey = key.public().to_string().parse().unwrap();
        assert_eq!(public.verify(b"text", &signature), Ok(()));
        assert_eq!(public.verify(b"texT", &signature), Err(BadSignature));
        assert_eq!(public.verify(b"text", "00"), Err(BadSignature));
        let other = SigningKey::derived_from(&SealingKey::new([2; 32])).public();
        assert_eq!(other.verify(b"text", &signature), Err(BadSignature));
    }
}
