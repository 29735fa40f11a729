//! Use cases: authorize, act, audit. Every surface calls these and nothing below them.
//!
//! Each takes a [`Ctx`] or an [`OrgCtx`] first: who asks, where, and what they may do there. Only [`App::in_project`] and
//! [`App::in_org`] make one, from a [`Caller`] that [`App::authenticate`] knows. What changes something does so in one
//! transaction with its event in the audit log.

pub mod access;
mod account;
mod act;
mod app;
mod audit;
mod authenticate;
mod changes;
mod ctx;
mod entrance;
mod entry;
mod error;
mod gateway;
mod grants;
mod ingest;
mod invitations;
mod keys;
mod live;
mod members;
mod money;
mod node;
mod orgs;
mod passwords;
mod policy;
mod prompts;
mod provider_sign_in;
mod retention;
mod scores;
mod sealing;
mod second_factor;
mod serving;
mod setup;
mod shelf;
mod sign_in;
mod single_sign_on;
mod teams;
mod throttle;

/// What use cases take and return: the values of the layers below, for surfaces that may not depend on those.
pub mod model {
    pub use cp_genai::{
        CostByKind, DecodedCall, ListedPrice, Message, Observation, OperationName, Part, PriceBook,
        ProviderError, RateTable, Rates, Tier, Usage, UsageSource,
    };
    pub use cp_oidc::{Http, Providers, Returned};
    pub use cp_store::{
        ApiKey, AuditEvent, BrokenChain, ChainCheck, ChainedEvent, Claim, EventFilter, GatewayKey,
        Invitation, Member, Org, Person, Principal, Project, ProjectGrant, ProviderKey, SeenFingerprint,
        SessionRow, Team, TeamMember,
    };
    pub use cp_store::{
        ApprovalRule, Author, Comment, CrossReference, Includer, Label as PromptLabel, LabelMove, Prompt,
        Proposal, ProposalEntry, ProtectedLabel, Rating, ReferenceTarget, Serves, Version as PromptVersion,
    };
    pub use cp_store::{DataKeyInfo, Erasure, ErasureState, Held, LegalHold, RetentionPolicy};
    pub use cp_store::{EntryRules, GroupRole, SsoDocument};
    pub use cp_traffic::{
        BatchRef, CallCursor, CallDetail, CallFilter, CallPage, CallSummary, ChangeFilter, ChangePage,
        CostChange, CostGroup, CostGrouping, DetailPage, Label, PersonCounts, PriceOfCall, RawBodies, Score,
        ScoreFilter, ScoreSource, ScoreTarget, ScoreValue, TokensByKind, TrafficStatus,
    };
}

/// What the prompt library takes.
pub mod library {
    pub use cp_prompt::{
        Content, Criterion, CriterionWindow, Document, Edge, EntryKind, Gate, Kind, LabelName, Measurements,
        Metric, ModelConfig, Part, PromptName, ProposalState, Reference, Rendered, Resolution, Selector,
        Status, Syntax, Target, Values, VariableSpec, VersionNumber,
    };
    pub use cp_store::PromptFilter;

    pub use crate::changes::{ChangedPrompt, Changes};
    pub use crate::prompts::{
        Archived, CommentChange, Decision, DetailsChange, LabelChange, LabelRule, Measure, Measuring,
        NewPrompt, NewReference, PromptChange, PromptPage, PromptView, ProposalView, RenderedVersion,
        RollBack, SavedVersion, SeenReference, VersionDraft, Wanted, measure_nothing,
    };
    pub use crate::serving::Served;
    pub use crate::shelf::CopyError;
}

pub use access::Role;
pub use account::Account;
pub use app::{App, Parts, Status};
pub use audit::Checkpoint;
pub use authenticate::{API_KEY_PREFIX, Credential, SESSION_PREFIX, Wanted};
pub use ctx::{Caller, Ctx, OrgCtx, Via};
pub use error::{AppError, chain};
pub use gateway::{
    ClaimedKey, Fingerprints, GATEWAY_KEY_PREFIX, GatewayLink, MadeGatewayKey, NewGatewayKey, UsedGatewayKey,
};
pub use ingest::{NotKept, ToldCall, ToldLog};
pub use invitations::{INVITATION_PREFIX, MadeInvitation, NewInvitation, SeenInvitation};
pub use keys::{MadeApiKey, NewApiKey};
pub use live::{Tail, TailEvent, matches};
pub use money::{PriceQuery, RepriceRequest, RepriceStep, RepricedModel, UnpricedModel};
pub use node::{LogState, NodeStatus, NotReady, PipelineState, ProviderRow};
pub use orgs::NewOrg;
pub use policy::{PolicyState, RedactionPreview};
pub use provider_sign_in::Departure;
pub use retention::{NamedInLibrary, NewHold};
pub use scores::NewScore;
pub use sealing::RotationStep;
pub use second_factor::Enrolment;
pub use serving::Serving;
pub use setup::{NewPerson, SETUP_PREFIX};
pub use sign_in::{Origin, SignIn, SignInStep, SignedIn};
pub use single_sign_on::{NewGroupRole, NewSso, Sso, SsoCheck};
