//! Failures of use cases.

use std::error::Error;

use cp_base::{ErrorKind, Slug};
use cp_db::DbError;
use cp_prompt::LabelName;
use cp_store::{ApprovalRule, RegistryError};
use cp_traffic::StoreError;

use crate::access::{Action, Roles};

/// Why a use case failed: what its caller may know, and what only the log may.
#[derive(Debug, thiserror::Error)]
#[error("{public}")]
pub struct AppError {
    /// The kind.
    pub kind: ErrorKind,
    /// What the caller is told: what happened, to which input, and what to do next.
    pub public: String,
    /// The cause, for the log.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl AppError {
    fn of(kind: ErrorKind, public: impl std::fmt::Display) -> Self {
        Self { kind, public: public.to_string(), source: None }
    }

    /// It does not exist, or not for this caller.
    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::of(ErrorKind::NotFound, format_args!("there is no {what} in this project"))
    }

    /// It does not exist, or not for this caller; in a sentence.
    pub(crate) fn absent(what: impl std::fmt::Display) -> Self {
        Self::of(ErrorKind::NotFound, what)
    }

    /// The answer would be too large.
    pub(crate) fn too_large(what: impl std::fmt::Display) -> Self {
        Self::of(ErrorKind::TooLarge, what)
    }

    /// The input is wrong.
    pub(crate) fn invalid(what: impl std::fmt::Display) -> Self {
        Self::of(ErrorKind::InvalidInput, what)
    }

    /// It clashes with what is there.
    pub(crate) fn conflict(what: impl std::fmt::Display) -> Self {
        Self::of(ErrorKind::Conflict, what)
    }

    /// Too many attempts.
    pub(crate) fn rate_limited(what: impl std::fmt::Display) -> Self {
        Self::of(ErrorKind::RateLimited, what)
    }

    /// A fault of ours.
    pub(crate) fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let public = "the program failed; its log says why".to_owned();
        Self { kind: ErrorKind::Internal, public, source: Some(source.into()) }
    }

    /// Only a person who is signed in has an account.
    pub(crate) fn people_only() -> Self {
        Self::of(
            ErrorKind::Forbidden,
            "this is about an account, and only a person who has signed in has one",
        )
    }

    /// Something that it takes is away.
    pub(crate) fn unavailable(what: impl std::fmt::Display) -> Self {
        Self::of(ErrorKind::Unavailable, what)
    }

    /// Nobody is known to ask.
    pub(crate) fn unauthenticated(what: impl std::fmt::Display) -> Self {
        Self::of(ErrorKind::Unauthenticated, what)
    }

    /// Whoever asks may not do it here.
    pub(crate) fn forbidden(action: Action, held: &Roles) -> Self {
        let who = action.roles().iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        let held = if held.is_empty() { "none".to_owned() } else { held.names().join(", ") };
        Self::of(
            ErrorKind::Forbidden,
            format_args!("this takes one of the roles {who}; yours here: {held}. An admin can grant another"),
        )
    }

    /// The label is protected, and whoever asks is none of those who may move it.
    pub(crate) fn protected(label: &impl std::fmt::Display, roles: &[String], held: &[&str]) -> Self {
        let held = if held.is_empty() { "none".to_owned() } else { held.join(", ") };
        Self::of(
            ErrorKind::Forbidden,
            format_args!(
                "the label `{label}` is protected: it is moved by one of the roles {}; yours here: {held}. Ask one of \
                 them to move it",
                roles.join(", ")
            ),
        )
    }

    /// The label moves by approval.
    pub(crate) fn needs_approval(label: &LabelName, rule: &ApprovalRule) -> Self {
        let ApprovalRule { approvals, roles, .. } = rule;
        let many = if *approvals == 1 { "one approval" } else { &format!("{approvals} approvals") };
        Self::of(
            ErrorKind::Forbidden,
            format_args!(
                "the label `{label}` moves by approval: propose the move (`codepromptu prompt propose`, or POST to \
                 /prompts/{{prompt}}/labels/{label}/proposals). It takes {many} by the roles {}",
                roles.join(", ")
            ),
        )
    }

    /// Whoever asks is none of those who may approve.
    pub(crate) fn no_approver(roles: &[String], held: &[&str]) -> Self {
        let held = if held.is_empty() { "none".to_owned() } else { held.join(", ") };
        Self::of(
            ErrorKind::Forbidden,
            format_args!("this is decided by one of the roles {}; yours here: {held}", roles.join(", ")),
        )
    }

    /// Whoever asks proposed it.
    pub(crate) fn own_proposal(roles: &[String]) -> Self {
        Self::of(
            ErrorKind::Forbidden,
            format_args!(
                "you proposed this: somebody else with one of the roles {} approves it",
                roles.join(", ")
            ),
        )
    }

    /// The registry's keys do not open.
    pub(crate) fn registry(error: RegistryError) -> Self {
        match error {
            RegistryError::Db(error) => error.into(),
            error => {
                let public = "the registry failed; the program's log says why".to_owned();
                Self { kind: ErrorKind::Internal, public, source: Some(Box::new(error)) }
            }
        }
    }

    /// A password is not enough here.
    pub(crate) fn only_by_provider(slug: &Slug) -> Self {
        Self::of(
            ErrorKind::Forbidden,
            format_args!(
                "the organisation `{slug}` takes single sign-on alone: sign in at /login/sso/{slug}"
            ),
        )
    }

    /// A second factor is needed here.
    pub(crate) fn needs_second_factor(slug: &Slug) -> Self {
        Self::of(
            ErrorKind::Forbidden,
            format_args!(
                "the organisation `{slug}` requires a second factor, and this session has shown none: see to it at /account"
            ),
        )
    }

    /// The provider did not say what it takes to let somebody in.
    pub(crate) fn provider(error: &cp_oidc::OidcError) -> Self {
        use cp_oidc::OidcError as E;
        let kind = match error {
            E::Fetch { .. } | E::Metadata(_) => ErrorKind::Conflict,
            E::State | E::OtherIssuer => ErrorKind::InvalidInput,
            E::Refused(_) | E::Code(_) | E::Token(_) | E::OtherSubject => ErrorKind::Unauthenticated,
        };
        Self::of(kind, format_args!("{error}"))
    }

    /// A person may not come in.
    pub(crate) fn not_admitted(what: impl std::fmt::Display) -> Self {
        Self::of(ErrorKind::Forbidden, what)
    }

    /// Only an owner makes or unmakes an owner.
    pub(crate) fn only_owners() -> Self {
        Self::of(ErrorKind::Forbidden, "only an owner gives or takes the role of an owner")
    }

    /// Only the installation's own organisation does that.
    pub(crate) fn only_the_installation() -> Self {
        Self::of(
            ErrorKind::Forbidden,
            "organisations are made by an owner of the installation's first organisation, in it",
        )
    }

    /// Several could be meant.
    pub(crate) fn ambiguous(what: &str, names: &str) -> Self {
        let header = if what == "project" { "x-codepromptu-project" } else { "x-codepromptu-org" };
        Self::of(
            ErrorKind::InvalidInput,
            format_args!("which {what}? Say it in the header `{header}`: {names}"),
        )
    }
}

/// An error and everything that caused it, on one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        let (kind, public) = if error.is_retryable() {
            (ErrorKind::Unavailable, "the store does not answer; try again shortly, and see /readyz")
        } else {
            (ErrorKind::Internal, "the store failed; the program's log says why")
        };
        Self { kind, public: public.to_owned(), source: Some(Box::new(error)) }
    }
}

impl From<DbError> for AppError {
    fn from(error: DbError) -> Self {
        if matches!(error, DbError::Constraint(_)) {
            let public = "it clashes with something that is there, or names something that is not".to_owned();
            return Self { kind: ErrorKind::Conflict, public, source: Some(Box::new(error)) };
        }
        StoreError::from(error).into()
    }
}

impl From<RegistryError> for AppError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Db(error) => error.into(),
            error => Self {
                kind: ErrorKind::Internal,
                public: "the registry's keys cannot be used; the program's log says why".to_owned(),
                source: Some(Box::new(error)),
            },
        }
    }
}
