//! Request and response types of the REST API: what `/api/v1` speaks and the client reads.
//!
//! Types here have JSON shapes and nothing else. Times are RFC 3339 in UTC, money is a decimal string of US dollars,
//! durations are integers with their unit in the name, ids are text with a prefix. "Not reported" is `null`, never 0.

mod audit;
mod call;
mod comment;
mod gateway;
mod message;
mod money;
mod org;
mod people;
mod policy;
mod problem;
mod prompt;
mod query;
mod reference;
mod retention;
mod review;
mod scalar;
mod score;
mod sign_in;
mod single_sign_on;
mod status;

pub use audit::{AuditActor, AuditCheckpoint, AuditEvent, AuditPage, AuditQuery, ChainedEvent};
pub use call::{
    BatchRef, CallDetail, CallPage, CallSummary, Header, Lagged, ProviderError, RawBodies, RawBody, Usage,
    UsageSource,
};
pub use comment::{Comment, CommentChange, CommentQuery, Comments, NewComment, RateVersion, Rating, Ratings};
pub use gateway::{
    Allowance, Claim, ClaimRequest, Fingerprints, GatewayAccess, GatewayKey, GatewayKeyLimits, GatewayKeys,
    MadeGatewayKey, NewGatewayKey, NewProviderKey, ProviderKey, ProviderKeys, SeenFingerprint,
};
pub use message::{Message, Part};
pub use money::{
    ChangePage, ChangeQuery, CostChange, CostGroup, CostKind, CostKinds, CostQuery, CostReport, CostRow,
    LongContextPrice, Price, PriceCheck, PriceOfCall, PriceQuery, PricedCallsQuery, Prices, RepriceQuery,
    RepriceStep, RepricedModel, TierPrice, UnpricedModel, UnpricedRow,
};
pub use org::{ApiKey, ApiKeys, MadeApiKey, Me, Named, NewApiKey, Org, Orgs, Project, Projects, Rotation};
pub use people::{
    Grant, Grants, MadeOrg, Member, MemberRole, Members, NewGrant, NewOrg, Team, TeamMember, Teams,
};
pub use policy::{
    CallCapture, CapturePolicy, FoundData, PolicyDocument, PolicyPattern, PolicyRule, PolicySampling,
    PreviewRedaction, RedactionPreview, SetCapturePolicy,
};
pub use problem::{Failing, Problem};
pub use prompt::{
    ChangedPrompt, Criterion, IncludedPrompt, Includer, Includers, LabelMove, LabelMoves, LibraryRevision,
    MoveLabel, NewPrompt, NewPromptVersion, Prompt, PromptChange, PromptDetails, PromptPage, PromptQuery,
    PromptUsage, PromptVersion, PromptVersions, ProposeMove, Reason, RenderPrompt, RenderedPrompt,
    SavedPrompt, ServeQuery, ServedPrompt, ServedRendering, Variable, VersionQuery, VersionUsage,
};
pub use query::{CallQuery, PageQuery};
pub use reference::{CrossReference, CrossReferences, NewCrossReference};
pub use retention::{
    DataKey, DataKeys, Erasure, Hold, Holds, NewHold, RetentionPolicy, RotationStep, Subject,
};
pub use review::{
    Approval, Decision, Proposal, ProposalComment, ProposalDetail, ProposalEntry, ProposalQuery, Proposals,
    ProtectLabel, ProtectedLabel, ProtectedLabels,
};
pub use scalar::{Cursor, CursorParseError, Usd};
pub use score::{NewScore, Score, ScorePage, ScoreQuery, ScoreValue};
pub use sign_in::{
    AcceptInvitation, Account, Code, Enrolment, Invitation, InvitationToken, Invitations, MadeInvitation,
    NewInvitation, NewPassword, PasswordAgain, Person, RecoveryCodes, SeenInvitation, Session, SessionToken,
    SetUp, SignIn, SignedIn,
};
pub use single_sign_on::{
    GivenRole, GroupRole, NewSingleSignOn, SecondFactorRule, SingleSignOn, SingleSignOnCheck,
};
pub use status::{LogStatus, PipelineStatus, ProviderStatus, Ready, Status, StoreStatus};
