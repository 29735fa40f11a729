//! Who asks, where, and what they may do there.

use std::net::IpAddr;

use cp_base::{OrgScope, ProjectScope, SessionId};
use cp_db::Reach;
use cp_store::Principal;

use crate::access::{Action, Roles};
use crate::{AppError, Role};

/// How somebody showed who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// At the machine itself, before anybody has signed up.
    Local,
    /// With a password or a link, before they are known.
    SignIn,
    /// A signed-in browser.
    Session(SessionId),
    /// An API key.
    ApiKey,
}

impl Via {
    /// As the audit log calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::SignIn => "sign_in",
            Self::Session(_) => "session",
            Self::ApiKey => "api_key",
        }
    }
}

/// Who asks: known, and not yet anywhere.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The person or key; nobody at the machine itself.
    pub(crate) principal: Option<Principal>,
    /// What they are called.
    pub(crate) name: String,
    pub(crate) via: Via,
    pub(crate) address: Option<IpAddr>,
    /// Where an API key belongs, or alone a session by single sign-on is good.
    pub(crate) home: Option<(OrgScope, Option<cp_base::ProjectId>)>,
    /// Whether a second factor was shown in the session.
    pub(crate) has_second_factor: bool,
}

/// Somebody in an organisation.
#[derive(Clone, Debug)]
pub struct OrgCtx {
    pub(crate) caller: Caller,
    pub(crate) scope: OrgScope,
    pub(crate) roles: Roles,
}

/// Somebody in a project.
#[derive(Clone, Debug)]
pub struct Ctx {
    pub(crate) org: OrgCtx,
    pub(crate) scope: ProjectScope,
}

/// A place where something can be done: its organisation, and perhaps its project.
pub(crate) trait Place: Sync {
    /// Somebody in the organisation, with the roles of this place.
    fn org(&self) -> &OrgCtx;
    /// The project.
    fn project(&self) -> Option<ProjectScope>;
    /// Whose rows are reached from there.
    fn reach(&self) -> Reach {
        self.project().map_or_else(|| self.org().scope.into(), Reach::from)
    }
}

impl Place for OrgCtx {
    fn org(&self) -> &OrgCtx {
        self
    }

    fn project(&self) -> Option<ProjectScope> {
        None
    }
}

impl Place for Ctx {
    fn org(&self) -> &OrgCtx {
        &self.org
    }

    fn project(&self) -> Option<ProjectScope> {
        Some(self.scope)
    }
}

impl Caller {
    /// What they are called: an e-mail address, or the name of a key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How they showed who they are.
    #[must_use]
    pub const fn via(&self) -> Via {
        self.via
    }

    /// The person or key; nobody at the machine itself.
    #[must_use]
    pub const fn principal(&self) -> Option<Principal> {
        self.principal
    }

    /// The id of the person or key, as text.
    pub(crate) fn id(&self) -> Option<String> {
        Some(match self.principal? {
            Principal::Person(id) => id.to_string(),
            Principal::ApiKey(id) => id.to_string(),
            Principal::Team(id) => id.to_string(),
        })
    }
}

impl OrgCtx {
    /// Nothing, or why they may not.
    pub(crate) fn require(&self, action: Action) -> Result<(), AppError> {
        if self.roles.may(action) { Ok(()) } else { Err(AppError::forbidden(action, &self.roles)) }
    }

    /// Nothing where they may give and take a role, or why they may not: with the permission to do so goes every role
    /// but an owner's.
    pub(crate) fn require_cover(&self, role: Role) -> Result<(), AppError> {
        if self.roles.cover(role) { Ok(()) } else { Err(AppError::only_owners()) }
    }

    /// The roles that they hold here.
    #[must_use]
    pub const fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Who it is.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl Ctx {
    /// Nothing, or why they may not.
    pub(crate) fn require(&self, action: Action) -> Result<(), AppError> {
        self.org.require(action)
    }

    /// Somebody in the project's organisation, with the roles that they hold in the project.
    #[must_use]
    pub const fn org(&self) -> &OrgCtx {
        &self.org
    }
}
