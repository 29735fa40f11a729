//! Whether an identity token is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cp_base::Timestamp;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::claims::Claims;
use crate::keys::{Keys, name};

/// By how much the clocks of two machines may differ.
const LEEWAY_SECONDS: i64 = 60;
/// The longest name of a person with a provider (OpenID Connect Core 1.0, 2).
const MAX_SUBJECT: usize = 255;

/// What a token has to say to count.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who signed it.
    pub issuer: &'a str,
    /// For whom.
    pub client_id: &'a str,
    /// For which sign-in.
    pub nonce: &'a str,
    /// Algorithms that the provider says it signs with; any asymmetric one where there is none.
    pub algorithms: &'a [String],
    /// What came with it.
    pub access_token: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
}

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no signed token, or of an algorithm that nobody may use.
    #[error("the identity token is unsigned, or no token")]
    Unreadable,
    /// An algorithm that the provider's keys are not for.
    #[error("the identity token is signed by {0}, which is not accepted")]
    Algorithm(&'static str),
    /// The provider publishes no such key.
    #[error("the identity token is signed with a key that the provider does not publish")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the identity token's signature is wrong")]
    Signature,
    /// A claim is missing or says something else.
    #[error("the identity token's `{0}` is not what it has to be")]
    Claim(&'static str),
    /// It is over, or not valid yet.
    #[error("the identity token has expired, or is not valid yet: compare the clocks")]
    Time,
}

/// Believes a token, or says why not.
pub fn verify(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, TokenError> {
    let header = decode_header(token).map_err(|_| TokenError::Unreadable)?;
    // Extensions that must be understood, and none is.
    if header.crit.is_some() {
        return Err(TokenError::Unreadable);
    }
    let algorithm = header.alg;
    let offered = expected.algorithms;
    let symmetric = matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
    if symmetric || !(offered.is_empty() || offered.iter().any(|offered| offered == name(algorithm))) {
        return Err(TokenError::Algorithm(name(algorithm)));
    }
    let key = keys.find(header.kid.as_deref(), algorithm).ok_or(TokenError::UnknownKey)?;
    let mut signature_alone = Validation::new(algorithm);
    signature_alone.required_spec_claims.clear();
    (signature_alone.validate_exp, signature_alone.validate_nbf, signature_alone.validate_aud) =
        (false, false, false);
    let decoded = decode::<Map<String, Value>>(token, &key, &signature_alone);
    let said = decoded.map_err(|_| TokenError::Signature)?.claims;
    check_parties(&said, expected)?;
    check_time(&said, expected.now)?;
    check_access_token(&said, algorithm, expected.access_token)?;
    let subject = text(&said, "sub").filter(|subject| !subject.is_empty() && subject.len() <= MAX_SUBJECT);
    let subject = subject.ok_or(TokenError::Claim("sub"))?.to_owned();
    Ok(Claims::new(subject, said))
}

/// The name of the key that a token says it was signed with.
pub(crate) fn kid(token: &str) -> Option<String> {
    decode_header(token).ok()?.kid
}

fn text<'a>(said: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    said.get(name).and_then(Value::as_str)
}

fn check_parties(said: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), TokenError> {
    if text(said, "iss") != Some(expected.issuer) {
        return Err(TokenError::Claim("iss"));
    }
    let (is_meant, others) = match said.get("aud") {
        Some(Value::String(one)) => (one == expected.client_id, 0),
        Some(Value::Array(all)) => {
            (all.iter().any(|one| one.as_str() == Some(expected.client_id)), all.len().saturating_sub(1))
        }
        _ => (false, 0),
    };
    if !is_meant {
        return Err(TokenError::Claim("aud"));
    }
    // A token for several names the one that asked for it.
    match text(said, "azp") {
        Some(party) if party == expected.client_id => {}
        None if others == 0 && !said.contains_key("azp") => {}
        _ => return Err(TokenError::Claim("azp")),
    }
    if text(said, "nonce") != Some(expected.nonce) {
        return Err(TokenError::Claim("nonce"));
    }
    Ok(())
}

fn check_time(said: &Map<String, Value>, now: Timestamp) -> Result<(), TokenError> {
    let now = now.0.div_euclid(1_000_000);
    let seconds = |name: &'static str| match said.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_i64()
            .or_else(|| value.as_f64().map(|seconds| seconds as i64))
            .map(Some)
            .ok_or(TokenError::Claim(name)),
    };
    let ends = seconds("exp")?.ok_or(TokenError::Claim("exp"))?;
    let issued = seconds("iat")?.ok_or(TokenError::Claim("iat"))?;
    let begins = seconds("nbf")?.unwrap_or(issued).max(issued);
    if now >= ends.saturating_add(LEEWAY_SECONDS) || begins > now.saturating_add(LEEWAY_SECONDS) {
        return Err(TokenError::Time);
    }
    Ok(())
}

/// `at_hash`, where it is there: the left half of the access token's hash, by the hash of the signature's algorithm.
fn check_access_token(
    said: &Map<String, Value>,
    algorithm: Algorithm,
    access_token: Option<&str>,
) -> Result<(), TokenError> {
    use Algorithm::{ES384, EdDSA, HS384, HS512, PS384, PS512, RS384, RS512};
    let (Some(said), Some(token)) = (said.get("at_hash"), access_token) else { return Ok(()) };
    let hash = match algorithm {
        RS384 | PS384 | ES384 | HS384 => Sha384::digest(token).to_vec(),
        RS512 | PS512 | HS512 | EdDSA => Sha512::digest(token).to_vec(),
        _ => Sha256::digest(token).to_vec(),
    };
    let half = hash.get(..hash.len() / 2).unwrap_or_default();
    if said.as_str() == Some(URL_SAFE_NO_PAD.encode(half).as_str()) {
        Ok(())
    } else {
        Err(TokenError::Claim("at_hash"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(
            header in ".{0,60}",
            claims in any::<Vec<u8>>(),
            alg in prop::sample::select(vec!["none", "None", "HS256", "RS256", "ES256", "EdDSA", ""]),
            kid in any::<Option<String>>(),
        ) {
            let keys = Keys::read(serde_json::json!({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]})).unwrap();
            let expected = Expected {
                issuer: "i", client_id: "c", nonce: "n", algorithms: &[], access_token: None, now: Timestamp(0),
            };
            let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            let named = serde_json::json!({"alg": alg, "kid": kid}).to_string();
            for head in [header.as_bytes(), named.as_bytes()] {
                for signature in ["", "AQAB"] {
                    let token = format!("{}.{}.{signature}", part(head), part(&claims));
                    prop_assert!(verify(&token, &keys, &expected).is_err());
                }
            }
            prop_assert!(verify(&header, &keys, &expected).is_err());
        }
    }
}
