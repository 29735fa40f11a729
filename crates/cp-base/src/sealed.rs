//! Sealing: what is kept is encrypted, and knows which key opens it.
//!
//! A sealed value is `version (1) | key id (8) | salt (24) | AES-256-GCM ciphertext and tag (16)`. Each value has a key
//! of its own, HKDF-SHA256 (RFC 5869) of the sealing key and the random salt, used once with the zero nonce. Random
//! 96-bit nonces under one AES-GCM key would wear out after 2^32 values (NIST SP 800-38D, section 8.3); 192 random bits
//! of salt do not.

use std::fmt;

use ring::{aead, digest, hkdf, hmac};
use zeroize::Zeroizing;

use crate::{Id, Kind, Random, Secret};

const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 8;
const SALT_LEN: usize = 24;
const HEADER_LEN: usize = 1 + KEY_ID_LEN + SALT_LEN;
const VALUE_INFO: &[u8] = b"codepromptu sealed value v1";

/// A keyed SHA-256 digest.
pub type Digest = [u8; 32];

/// Names a key without telling it: the first bytes of a digest of the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; KEY_ID_LEN]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a sealed value could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// It is sealed under another key.
    #[error("it is sealed with key {found}, and the key at hand is {held}")]
    WrongKey {
        /// The key that the value names.
        found: KeyId,
        /// The key that was tried.
        held: KeyId,
    },
    /// It was written by a newer program.
    #[error("it is sealed in format {0}, which this version does not know")]
    UnknownVersion(u8),
    /// It is too short, altered, or belongs elsewhere.
    #[error("it is damaged or was moved from another place")]
    Damaged,
}

/// A 256-bit key that seals values, hashes, and derives keys for other purposes.
#[derive(Clone)]
pub struct SealingKey {
    bytes: Zeroizing<[u8; 32]>,
    id: KeyId,
}

impl SealingKey {
    /// Takes over key material.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        let digest = digest::digest(&digest::SHA256, &[b"codepromptu key id".as_slice(), &bytes].concat());
        let mut id = [0; KEY_ID_LEN];
        id.iter_mut().zip(digest.as_ref()).for_each(|(slot, byte)| *slot = *byte);
        Self { bytes: Zeroizing::new(bytes), id: KeyId(id) }
    }

    /// A new key.
    #[must_use]
    pub fn generate(random: &Random) -> Self {
        Self::new(random.bytes())
    }

    /// The key's public name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn material(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The key that this one makes with a second secret. What it seals names this key, and opens with both only.
    #[must_use]
    pub(crate) fn mixed(&self, secret: &[u8; 32]) -> Self {
        Self { bytes: expand(secret, &*self.bytes, b"codepromptu mixed key v1"), id: self.id }
    }

    /// The key for one purpose; the same purpose gives the same key.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        Self::new(*expand(b"codepromptu derived key v1", &*self.bytes, purpose.as_bytes()))
    }

    /// Seals `plaintext`. `context` says where the value belongs; it opens nowhere else.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "AES-GCM refuses only plaintexts of 64 GiB, which memory bounds exclude"
    )]
    pub fn seal(&self, random: &Random, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let salt: [u8; SALT_LEN] = random.bytes();
        let mut sealed = Vec::with_capacity(HEADER_LEN + plaintext.len() + aead::MAX_TAG_LEN);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id.0);
        sealed.extend_from_slice(&salt);
        let mut body = plaintext.to_vec();
        self.value_key(&salt)
            .seal_in_place_append_tag(zero_nonce(), aead::Aad::from(context), &mut body)
            .expect("the plaintext is far below 64 GiB");
        sealed.append(&mut body);
        sealed
    }

    /// Opens a value that was sealed with this key for the same `context`.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, UnsealError> {
        let (header, body) = sealed.split_at_checked(HEADER_LEN).ok_or(UnsealError::Damaged)?;
        let found = Self::key_of(sealed)?;
        if found != self.id {
            return Err(UnsealError::WrongKey { found, held: self.id });
        }
        let salt = header.get(1 + KEY_ID_LEN..).unwrap_or_default();
        let mut body = body.to_vec();
        let opened = self
            .value_key(salt)
            .open_in_place(zero_nonce(), aead::Aad::from(context), &mut body)
            .map_err(|_| UnsealError::Damaged)?
            .len();
        body.truncate(opened);
        Ok(body)
    }

    /// Which key a sealed value names.
    pub fn key_of(sealed: &[u8]) -> Result<KeyId, UnsealError> {
        match sealed.split_first() {
            Some((&VERSION, rest)) => rest.first_chunk().map(|id| KeyId(*id)).ok_or(UnsealError::Damaged),
            Some((&version, _)) => Err(UnsealError::UnknownVersion(version)),
            None => Err(UnsealError::Damaged),
        }
    }

    /// HMAC-SHA256 over the parts, each preceded by its length, so that no two lists of parts collide.
    #[must_use]
    pub fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &*self.bytes));
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut digest = [0; 32];
        digest.iter_mut().zip(context.sign().as_ref()).for_each(|(slot, byte)| *slot = *byte);
        digest
    }

    /// The fingerprint of a client's credential: tells clients apart, and leads back to no credential.
    #[must_use]
    pub fn fingerprint(&self, credential: &[u8]) -> [u8; 16] {
        self.digest(&[credential]).first_chunk().copied().unwrap_or_default()
    }

    #[expect(clippy::expect_used, reason = "32 bytes are the length of an AES-256 key")]
    fn value_key(&self, salt: &[u8]) -> aead::LessSafeKey {
        let bytes = expand(salt, &*self.bytes, VALUE_INFO);
        aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, &*bytes).expect("a 256-bit key"))
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}

#[expect(clippy::expect_used, reason = "HKDF-SHA256 yields up to 8,160 bytes, and 32 are asked for")]
fn expand(salt: &[u8], key: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(key)
        .expand(&[info], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *bytes))
        .expect("32 bytes fit");
    bytes
}

fn zero_nonce() -> aead::Nonce {
    aead::Nonce::assume_unique_for_key([0; aead::NONCE_LEN])
}

/// One key of a project. Lives in memory; on disk only as [`MasterKey::wrap_key`] made it.
#[derive(Clone, Debug)]
pub struct DataKey {
    sealing: SealingKey,
    hashing: SealingKey,
}

impl DataKey {
    fn new(bytes: [u8; 32]) -> Self {
        let sealing = SealingKey::new(bytes);
        let hashing = sealing.derive("content address");
        Self { sealing, hashing }
    }

    /// Seals and opens bodies.
    #[must_use]
    pub fn sealing(&self) -> &SealingKey {
        &self.sealing
    }

    /// Makes content addresses, which tell nothing to those without the key.
    #[must_use]
    pub fn hashing(&self) -> &SealingKey {
        &self.hashing
    }
}

impl From<SealingKey> for DataKey {
    fn from(key: SealingKey) -> Self {
        Self::new(*key.material())
    }
}

/// Why a text is no master key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a master key is 64 hexadecimal digits, as `openssl rand -hex 32` prints them; this is {digits} characters of something else"
)]
pub struct MasterKeyError {
    digits: usize,
}

/// The installation's key: wraps data keys, and gives the capture log its key.
#[derive(Clone, Debug)]
pub struct MasterKey {
    wrapping: SealingKey,
    log: SealingKey,
    fingerprint: SealingKey,
}

impl MasterKey {
    /// Takes over key material.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        let wrapping = SealingKey::new(bytes);
        let (log, fingerprint) = (wrapping.derive("capture log"), wrapping.derive("client fingerprint"));
        Self { wrapping, log, fingerprint }
    }

    /// Reads 64 hexadecimal digits; white space around them is ignored.
    pub fn from_hex(text: &Secret) -> Result<Self, MasterKeyError> {
        let digits = text.expose().trim().as_bytes();
        let error = MasterKeyError { digits: digits.len() };
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(error);
        }
        for (slot, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = str::from_utf8(pair).map_err(|_| error.clone())?;
            *slot = u8::from_str_radix(pair, 16).map_err(|_| error.clone())?;
        }
        Ok(Self::new(bytes))
    }

    /// A new key, as the text to keep.
    #[must_use]
    pub fn generate(random: &Random) -> Secret {
        Secret::new(random.bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The key's public name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.wrapping.id()
    }

    /// The key that the capture log is sealed with, so that it can be read without a database.
    #[must_use]
    pub fn log_key(&self) -> &SealingKey {
        &self.log
    }

    /// The key under which client credentials are fingerprinted.
    #[must_use]
    pub fn fingerprint_key(&self) -> &SealingKey {
        &self.fingerprint
    }

    /// The key that a node's copy of the library is sealed with, so that it can be read without a database.
    #[must_use]
    pub fn library_copy_key(&self) -> SealingKey {
        self.wrapping.derive("library copy")
    }

    /// The id of the first `K` of an installation: the same in every store that is made under this key (UUIDv8), so that
    /// a capture log outlives its store.
    #[must_use]
    pub fn first_id<K: Kind>(&self) -> Id<K> {
        let digest = self.wrapping.digest(&[b"first id", K::PREFIX.as_bytes()]);
        let bytes = digest.first_chunk().copied().unwrap_or_default();
        Id::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Another key's wrapped form. `context` is the row that it belongs to.
    #[must_use]
    pub fn wrap_key(&self, random: &Random, context: &[u8], key: &SealingKey) -> Vec<u8> {
        self.wrapping.seal(random, context, &*key.bytes)
    }

    /// Opens a wrapped key.
    pub fn unwrap_key(&self, context: &[u8], wrapped: &[u8]) -> Result<SealingKey, UnsealError> {
        let bytes = Zeroizing::new(self.wrapping.open(context, wrapped)?);
        Ok(SealingKey::new(bytes.as_slice().try_into().map_err(|_| UnsealError::Damaged)?))
    }

    /// A new data key and its wrapped form. `context` is the row that it belongs to.
    #[must_use]
    pub fn new_data_key(&self, random: &Random, context: &[u8]) -> (DataKey, Vec<u8>) {
        let bytes = Zeroizing::new(random.bytes::<32>());
        (DataKey::new(*bytes), self.wrapping.seal(random, context, &*bytes))
    }

    /// Opens a wrapped data key.
    pub fn unwrap_data_key(&self, context: &[u8], wrapped: &[u8]) -> Result<DataKey, UnsealError> {
        Ok(DataKey::new(*self.unwrap_key(context, wrapped)?.material()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn opens_only_as_it_was_sealed(plain: Vec<u8>, context: Vec<u8>, at: usize, flip in 1u8..) {
            let (random, key) = (Random::seeded(1), SealingKey::new([7; 32]));
            let sealed = key.seal(&random, &context, &plain);
            prop_assert_eq!(key.open(&context, &sealed).unwrap(), plain.clone());
            let other = [context.as_slice(), b"x"].concat();
            prop_assert_eq!(key.open(&other, &sealed), Err(UnsealError::Damaged));
            let mut altered = sealed.clone();
            let at = at % altered.len();
            altered[at] ^= flip;
            prop_assert!(key.open(&context, &altered).is_err());
            prop_assert_ne!(key.seal(&random, &context, &plain), sealed);
        }
    }

    #[test]
    fn a_wrong_key_is_named() {
        let (random, held) = (Random::seeded(1), SealingKey::new([1; 32]));
        let sealed = SealingKey::new([2; 32]).seal(&random, b"", b"body");
        let error = held.open(b"", &sealed).unwrap_err();
        assert!(error.to_string().contains(&held.id().to_string()), "{error}");
    }

    #[test]
    fn data_keys_survive_wrapping() {
        let (random, master) = (Random::seeded(1), MasterKey::new([3; 32]));
        let (key, wrapped) = master.new_data_key(&random, b"prj");
        let again = master.unwrap_data_key(b"prj", &wrapped).unwrap();
        assert_eq!(key.sealing().id(), again.sealing().id());
        assert!(master.unwrap_data_key(b"other", &wrapped).is_err());
    }

    #[test]
    fn master_keys_are_hexadecimal() {
        let text = MasterKey::generate(&Random::seeded(5));
        assert_eq!(MasterKey::from_hex(&text).unwrap().id(), MasterKey::from_hex(&text).unwrap().id());
        assert!(
            MasterKey::from_hex(&Secret::new("zz".into())).unwrap_err().to_string().contains("2 characters")
        );
        assert!(MasterKey::from_hex(&Secret::new("+1".repeat(32))).is_err());
    }

    #[test]
    fn digests_know_their_parts() {
        let key = SealingKey::new([1; 32]);
        assert_ne!(key.digest(&[b"ab", b"c"]), key.digest(&[b"a", b"bc"]));
    }
}
