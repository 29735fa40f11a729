//! The values that every other crate speaks in: ids, scopes, time, money, secrets, sealed bodies, error kinds.
//!
//! Pure: nothing here opens a file or a socket. The two places where the world comes in, [`SystemClock`] and
//! [`Random::system`], are values that the program makes once and hands down.

mod access;
mod capture;
mod clock;
mod error;
mod hash;
mod id;
mod keys;
mod limit;
mod money;
mod outcome;
mod random;
mod scope;
mod sealed;
mod secret;
mod signing;
mod slug;
mod source;
mod time;
mod token;
mod totp;

pub use access::{ProjectAccess, ProjectAccessParseError};
pub use capture::{CaptureMark, CaptureMode, CaptureReason};
pub use clock::{Clock, SystemClock, Tick};
pub use error::ErrorKind;
pub use hash::{hex, hmac_sha256, sha256, unhex};
pub use id::{
    ApiKeyId, AuditEventId, CallId, CommentId, ConversationId, CrossReferenceId, DataKeyId, ErasureId,
    GatewayKeyId, Id, IdGenerator, IdParseError, InvitationId, Kind, LegalHoldId, NodeId, OrgId, PersonId,
    ProjectId, PromptId, PromptVersionId, ProposalId, ProviderKeyId, RepricingId, ScoreId, SessionId,
    SubjectKeyId, TeamId, kind,
};
pub use keys::{DataKeys, KeyRing, SubjectSecret, names_key};
pub use limit::{Limit, LimitParseError, Measure, Origin, Settled, Spend, Window};
pub use money::{MoneyParseError, UsdNanos};
pub use outcome::{Outcome, OutcomeParseError};
pub use random::Random;
pub use scope::{InstallationScope, OrgScope, ProjectScope};
pub use sealed::{DataKey, Digest, KeyId, MasterKey, MasterKeyError, SealingKey, UnsealError};
pub use secret::Secret;
pub use signing::{BadSignature, PublicKey, SigningKey};
pub use slug::{Slug, SlugError};
pub use source::CallSource;
pub use time::{Timestamp, TimestampParseError};
pub use token::Token;
pub use totp::{base32, totp_check, totp_code, totp_step};
