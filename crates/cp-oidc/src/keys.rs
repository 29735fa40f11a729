//! The keys that a provider signs with (RFC 7517), and which algorithm each is good for.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

/// A provider's keys. What is no key for signatures, or of a kind that is not known, is left out.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Jwk>);

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    /// Reads a set of keys.
    pub fn read(document: serde_json::Value) -> Option<Self> {
        let set: KeySet = serde_json::from_value(document).ok()?;
        let known = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Some(Self(known.filter(|key| signs(key) && !algorithms(key).is_empty()).collect()))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether one has this name.
    #[must_use]
    pub fn knows(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.common.key_id.as_deref() == Some(kid))
    }

    /// The key that a token names, or the only one that can be meant by a token that names none; and only where it is good
    /// for the token's algorithm.
    pub(crate) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let mut fitting = self.0.iter().filter(|key| {
            kid.is_none_or(|kid| key.common.key_id.as_deref() == Some(kid))
                && algorithms(key).contains(&algorithm)
        });
        let key = fitting.next()?;
        if fitting.next().is_some() {
            return None;
        }
        DecodingKey::from_jwk(key).ok()
    }
}

fn signs(key: &Jwk) -> bool {
    let usage = key.common.public_key_use.as_ref();
    let operations = key.common.key_operations.as_ref();
    usage.is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify))
}

/// The algorithms that a key is good for: the one that it names, and else those of its kind. A secret is good for none:
/// whoever knows the client's could sign with it.
fn algorithms(key: &Jwk) -> Vec<Algorithm> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let of_kind: &[Algorithm] = match &key.algorithm {
        AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &[ES256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => &[ES384],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[EdDSA],
        _ => &[],
    };
    let named = key.common.key_algorithm.map(|named| named.to_string());
    let named = |algorithm: &Algorithm| named.as_deref().is_none_or(|named| name(*algorithm) == named);
    of_kind.iter().copied().filter(named).collect()
}

/// As the registry of algorithms writes it.
pub(crate) const fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RS256 => "RS256",
        Algorithm::RS384 => "RS384",
        Algorithm::RS512 => "RS512",
        Algorithm::PS256 => "PS256",
        Algorithm::PS384 => "PS384",
        Algorithm::PS512 => "PS512",
        Algorithm::ES256 => "ES256",
        Algorithm::ES384 => "ES384",
        Algorithm::EdDSA => "EdDSA",
        Algorithm::HS256 => "HS256",
        Algorithm::HS384 => "HS384",
        Algorithm::HS512 => "HS512",
        _ => "an algorithm that is not known",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_good_for_what_it_says_and_a_secret_for_nothing() {
        let rsa = |more: serde_json::Value| {
            let mut key = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
            key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            key
        };
        let keys = |keys: serde_json::Value| Keys::read(json!({"keys": keys})).unwrap();
        let named = keys(json!([rsa(json!({"kid": "a", "alg": "RS256", "use": "sig"}))]));
        assert!(named.find(Some("a"), Algorithm::RS256).is_some());
        assert!(named.find(None, Algorithm::RS256).is_some());
        assert!(named.find(Some("a"), Algorithm::PS256).is_none());
        assert!(named.find(Some("a"), Algorithm::ES256).is_none());
        assert!(named.find(Some("b"), Algorithm::RS256).is_none());
        // Which of two is meant is not guessed.
        let two = keys(json!([rsa(json!({"kid": "a"})), rsa(json!({"kid": "b"}))]));
        assert!(
            two.find(None, Algorithm::RS256).is_none() && two.find(Some("b"), Algorithm::RS512).is_some()
        );
        let left_out = keys(json!([
            rsa(json!({"use": "enc"})),
            rsa(json!({"key_ops": ["encrypt"]})),
            rsa(json!({"alg": "HS256"})),
            {"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"},
            {"kty": "EC", "crv": "P-521", "x": "AQ", "y": "AQ"},
            {"kty": "new"},
            7,
        ]));
        assert_eq!(left_out.count(), 0);
        assert!(Keys::read(json!({"keys": 7})).is_none() && Keys::read(json!([])).is_none());
    }
}
