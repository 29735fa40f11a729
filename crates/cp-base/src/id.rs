//! Identifiers: UUIDv7 values typed by what they name, written as a prefix and 26 base-32 characters.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::{Clock, Digest, Random, Timestamp};

/// What an [`Id`] names; carries the prefix of its text form.
pub trait Kind: 'static {
    /// The text before the underscore, such as `call`.
    const PREFIX: &'static str;
}

/// The identifier of a `K`: a UUIDv7, so that ids sort by the time they were minted.
///
/// Text form: `call_01h455vb4pex5vsknk084sn02q` (Crockford's base 32, lower case, 26 characters).
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $alias:ident, $prefix:literal;)*) => {
        /// The things that ids name.
        pub mod kind {
            $($(#[$doc])* #[derive(Debug)] pub enum $kind {})*
        }
        $(
            impl Kind for kind::$kind { const PREFIX: &'static str = $prefix; }
            $(#[$doc])*
            pub type $alias = Id<kind::$kind>;
        )*
    };
}

kinds! {
    /// An organisation: the tenant.
    Org, OrgId, "org";
    /// A project of an organisation: the unit that owns calls and prompts.
    Project, ProjectId, "prj";
    /// One model call. Also its idempotency key everywhere.
    Call, CallId, "call";
    /// The calls of one session.
    Conversation, ConversationId, "conv";
    /// One run of the command that prices stored calls again.
    Repricing, RepricingId, "rpr";
    /// A human being who can sign in.
    Person, PersonId, "usr";
    /// A group of people.
    Team, TeamId, "team";
    /// A key of the API.
    ApiKey, ApiKeyId, "key";
    /// A person's signed-in browser.
    Session, SessionId, "ses";
    /// An invitation into an organisation.
    Invitation, InvitationId, "inv";
    /// An entry of the audit log.
    AuditEvent, AuditEventId, "evt";
    /// A key that programs use at the gateway in place of a provider's.
    GatewayKey, GatewayKeyId, "gk";
    /// A provider's key in the vault of a project.
    ProviderKey, ProviderKeyId, "pk";
    /// A prompt of the library.
    Prompt, PromptId, "prm";
    /// A version of a prompt.
    PromptVersion, PromptVersionId, "pv";
    /// A judgement on a call, a trace, a session or a version of a prompt.
    Score, ScoreId, "score";
    /// A label's move that somebody proposes.
    Proposal, ProposalId, "prop";
    /// What somebody says of a version.
    Comment, CommentId, "cmt";
    /// That one prompt has to do with another.
    CrossReference, CrossReferenceId, "xref";
    /// A data key, kept wrapped by the master key.
    DataKey, DataKeyId, "dk";
    /// The secret of one person in one project.
    SubjectKey, SubjectKeyId, "sk";
    /// One person's erasure.
    Erasure, ErasureId, "era";
    /// An order to keep what is stored.
    LegalHold, LegalHoldId, "hold";
    /// One capture log, and so one gateway node.
    Node, NodeId, "node";
}

impl<K> Id<K> {
    /// An id read back from where it was stored.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// The one id of what a digest names, and that began at `at`: whoever derives it again gets the same.
    #[must_use]
    pub fn derived(at: Timestamp, digest: &Digest) -> Self {
        let bytes = digest.first_chunk().copied().unwrap_or_default();
        Self::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis(at), &bytes).into_uuid())
    }

    /// The stored form.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

/// Mints ids from a clock and a random source. Each is greater than the one before, clones included: also within one
/// millisecond, and while the clock is set back.
#[derive(Clone, Debug)]
pub struct IdGenerator {
    clock: Arc<dyn Clock>,
    random: Arc<Random>,
    /// What the latest id begins with: milliseconds, and a counter of 12 bits below them.
    latest: Arc<AtomicU64>,
}

/// The bits of the counter. It overflows into the milliseconds.
const COUNTER_BITS: u32 = 12;

impl IdGenerator {
    /// A generator over the given sources.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<Random>) -> Self {
        Self { clock, random, latest: Arc::default() }
    }

    /// A new UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, a counter in the 12 bits behind them
    /// (section 6.2, method 1), 62 random bits.
    #[must_use]
    pub fn mint<K: Kind>(&self) -> Id<K> {
        let millis = millis(self.clock.now());
        let begins = |latest: u64| (millis << COUNTER_BITS).max(latest + 1);
        let latest = self.latest.fetch_update(Relaxed, Relaxed, |latest| Some(begins(latest)));
        let begins = begins(latest.unwrap_or_else(|latest| latest));
        let mut rest: [u8; 10] = self.random.bytes();
        let [.., high, low] = begins.to_be_bytes();
        let [first, second, ..] = &mut rest;
        (*first, *second) = (high, low);
        Id::from_uuid(uuid::Builder::from_unix_timestamp_millis(begins >> COUNTER_BITS, &rest).into_uuid())
    }
}

fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.0 / 1_000).unwrap_or(0)
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 26;

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.uuid.as_u128();
        let mut text = [b'0'; TEXT_LEN];
        for (place, slot) in text.iter_mut().rev().enumerate() {
            let digit = (value >> (5 * place)) & 31;
            *slot = ALPHABET.get(usize::try_from(digit).unwrap_or(0)).copied().unwrap_or(b'0');
        }
        write!(f, "{}_{}", K::PREFIX, str::from_utf8(&text).unwrap_or_default())
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form {prefix}_ and {TEXT_LEN} letters and digits")]
pub struct IdParseError {
    text: String,
    prefix: &'static str,
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || IdParseError { text: text.to_owned(), prefix: K::PREFIX };
        let digits =
            text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or_else(error)?;
        if digits.len() != TEXT_LEN || digits.as_bytes().first().is_none_or(|first| *first > b'7') {
            return Err(error());
        }
        let mut value = 0u128;
        for byte in digits.bytes() {
            let digit = ALPHABET.iter().position(|letter| *letter == byte).ok_or_else(error)?;
            value = (value << 5) | digit as u128;
        }
        Ok(Self::from_uuid(Uuid::from_u128(value)))
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(self.uuid.as_bytes())
        }
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<K>(PhantomData<fn() -> K>);
        impl<K: Kind> de::Visitor<'_> for Visitor<K> {
            type Value = Id<K>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an id with the prefix {}_", K::PREFIX)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id<K>, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Id<K>, E> {
                Uuid::from_slice(bytes).map(Id::from_uuid).map_err(E::custom)
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Visitor(PhantomData))
        } else {
            deserializer.deserialize_bytes(Visitor(PhantomData))
        }
    }
}

// Derives would ask the same of `K`, which is never instantiated.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_round_trips_and_keeps_order(a: u128, b: u128) {
            let (a, b) = (CallId::from_uuid(Uuid::from_u128(a)), CallId::from_uuid(Uuid::from_u128(b)));
            prop_assert_eq!(a.to_string().parse::<CallId>().unwrap(), a);
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "(call_)?[0-9a-z]{0,30}") {
            if let Ok(id) = text.parse::<CallId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    /// A clock that a test sets.
    #[derive(Debug, Default)]
    struct SetClock(std::sync::atomic::AtomicI64);

    impl Clock for SetClock {
        fn now(&self) -> crate::Timestamp {
            crate::Timestamp(self.0.load(Relaxed))
        }

        fn ticks(&self) -> crate::Tick {
            crate::Tick(0)
        }
    }

    #[test]
    fn ids_grow_whatever_the_clock_does() {
        let clock = Arc::new(SetClock::default());
        let ids = IdGenerator::new(clock.clone(), Arc::new(Random::seeded(1)));
        let other = ids.clone();
        let mut minted: Vec<CallId> = Vec::new();
        let hour = 3_600_000_000;
        for now in [1_000 * hour, 1_000 * hour + 1, 999 * hour, 0, 1_000 * hour + 900, 1_001 * hour] {
            clock.0.store(now, Relaxed);
            // More than the counter holds.
            for _ in 0..3_000 {
                minted.extend([ids.mint(), other.mint()]);
            }
        }
        assert!(minted.is_sorted_by(|earlier, later| earlier < later));
        let millis = |id: &CallId| id.uuid().as_u128() >> 80;
        assert_eq!(millis(minted.last().unwrap()), 1_001 * 3_600_000 + 1, "the time is the clock's again");
        assert!(minted.iter().all(|id| id.uuid().get_version_num() == 7));
    }

    #[test]
    fn a_foreign_prefix_is_refused_by_name() {
        let error = "prj_01h455vb4pex5vsknk084sn02q".parse::<CallId>().unwrap_err();
        assert!(error.to_string().contains("call_"), "{error}");
    }

    #[test]
    fn serde_is_text_for_people() {
        let id: CallId = "call_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"call_01h455vb4pex5vsknk084sn02q\"");
        assert_eq!(serde_json::from_str::<CallId>(&json).unwrap(), id);
    }
}
