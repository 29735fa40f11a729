//! Proof of a tenant. Data is reached only through one of these values.

use crate::{OrgId, ProjectId};

/// Proof that the holder may act within one organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrgScope {
    org: OrgId,
}

/// Proof that the holder may act within one project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProjectScope {
    org: OrgScope,
    project: ProjectId,
}

/// Proof that the holder may act for the whole installation: before a tenant is known, or for all of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstallationScope {
    /// Nobody else can make one.
    _granted: (),
}

impl InstallationScope {
    /// Grants it. Only the places named in `xtask tidy` may call this.
    #[must_use]
    pub const fn grant() -> Self {
        Self { _granted: () }
    }
}

impl OrgScope {
    /// Grants a scope. Only authentication and the system constructors named in `xtask tidy` may call this.
    #[must_use]
    pub const fn grant(org: OrgId) -> Self {
        Self { org }
    }

    /// The organisation.
    #[must_use]
    pub const fn org(self) -> OrgId {
        self.org
    }
}

impl ProjectScope {
    /// Grants a scope. Only authentication and the system constructors named in `xtask tidy` may call this.
    #[must_use]
    pub const fn grant(org: OrgId, project: ProjectId) -> Self {
        Self { org: OrgScope { org }, project }
    }

    /// The organisation's scope, which every project scope includes.
    #[must_use]
    pub const fn org_scope(self) -> OrgScope {
        self.org
    }

    /// The organisation.
    #[must_use]
    pub const fn org(self) -> OrgId {
        self.org.org
    }

    /// The project.
    #[must_use]
    pub const fn project(self) -> ProjectId {
        self.project
    }
}
