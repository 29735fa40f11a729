//! Whose call it is.
//!
//! In this order: the project that the path names (`/p/{name}/…`), the one that the header `x-codepromptu-project`
//! names, that of the gateway key that stands in the place of a provider's key, the one that has claimed the
//! fingerprint of the provider's key, the configured default, the only one. Where none of these decides, the call is
//! refused: a call in the wrong project is worse than none.
//!
//! A name is an address, not a credential: whoever reaches the gateway may put calls into a project that is open, can
//! read nothing by it, and is lent no provider's key. A project that asks for a key takes calls only with a gateway key
//! of its own, or with a provider's key that it has claimed. Whoever comes with a key of one organisation reaches no
//! project of another, whatever is named. A project that may not be reached looks like one that does not exist.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cp_base::{
    Digest, GatewayKeyId, Limit, OrgId, ProjectAccess, ProjectId, ProjectScope, Secret, Slug, Timestamp,
    Token,
};

use crate::denied::Denied;
use crate::meter::Meter;

/// How gateway keys begin.
pub const GATEWAY_KEY_PREFIX: &str = "cpk_";

/// A client's keyed fingerprint.
pub type Fingerprint = [u8; 16];

/// A project, as the gateway knows it.
#[derive(Debug)]
pub struct Project {
    /// Whose calls these are.
    pub scope: ProjectScope,
    /// The name of its organisation in addresses.
    pub org: Slug,
    /// Its own.
    pub slug: Slug,
    /// Who may put calls into it.
    pub access: ProjectAccess,
    /// Its keys of providers, by the provider's name.
    pub provider_keys: HashMap<String, Secret>,
}

/// A key that programs use in place of a provider's.
#[derive(Debug)]
pub struct GatewayKey {
    /// The id.
    pub id: GatewayKeyId,
    /// What it is for.
    pub name: String,
    /// Of the key itself.
    pub digest: Digest,
    /// Whose calls it makes.
    pub project: Arc<Project>,
    /// The providers that it may be used with; all where there are none.
    pub providers: BTreeSet<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// What it may use.
    pub limits: Vec<Limit>,
    /// What it has used.
    pub meter: Arc<Meter>,
}

/// All projects, and by what each is found.
#[derive(Clone, Debug, Default)]
pub struct Projects {
    by_id: HashMap<ProjectId, Arc<Project>>,
    by_name: HashMap<String, Arc<Project>>,
    keys: HashMap<Digest, Arc<GatewayKey>>,
    claims: HashMap<Fingerprint, Arc<Project>>,
    fallback: Option<Arc<Project>>,
}

/// What a request says of its project.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Caller<'a> {
    /// The name in the path, or else in the header.
    pub(crate) name: Option<&'a str>,
    /// The gateway key in a credential's place.
    pub(crate) key: Option<&'a str>,
    /// Of the provider's key.
    pub(crate) fingerprint: Option<Fingerprint>,
}

/// The project of a call, and the gateway key by which it was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) project: Arc<Project>,
    pub(crate) key: Option<Arc<GatewayKey>>,
    /// Whether the provider's key is claimed.
    pub(crate) claimed: bool,
}

impl Project {
    /// Its name in messages.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.org, self.slug)
    }
}

impl Projects {
    /// The projects of an installation. A slug alone means a project of `first`, the first organisation: what another
    /// one names its projects changes nothing for anybody else.
    #[must_use]
    pub fn new(projects: Vec<Arc<Project>>, first: OrgId) -> Self {
        let mut all = Self::default();
        if let [only] = projects.as_slice() {
            all.fallback = Some(only.clone());
        }
        for project in projects {
            all.by_name.insert(project.scope.project().to_string(), project.clone());
            all.by_name.insert(project.full_name(), project.clone());
            if project.scope.org() == first {
                all.by_name.insert(project.slug.to_string(), project.clone());
            }
            all.by_id.insert(project.scope.project(), project);
        }
        all
    }

    /// The project with this id.
    #[must_use]
    pub fn get(&self, project: ProjectId) -> Option<&Arc<Project>> {
        self.by_id.get(&project)
    }

    /// The project that a slug, a full name or an id means to whoever has no key.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<Project>> {
        self.by_name.get(name)
    }

    /// The project that takes what nothing else decides on.
    #[must_use]
    pub fn with_default(self, project: Arc<Project>) -> Self {
        Self { fallback: Some(project), ..self }
    }

    /// These gateway keys, too.
    #[must_use]
    pub fn with_keys(mut self, keys: impl IntoIterator<Item = GatewayKey>) -> Self {
        self.keys.extend(keys.into_iter().map(|key| (key.digest, Arc::new(key))));
        self
    }

    /// These claimed fingerprints, too; of an unknown project there can be none.
    #[must_use]
    pub fn with_claims(mut self, claims: impl IntoIterator<Item = (Fingerprint, ProjectId)>) -> Self {
        for (fingerprint, project) in claims {
            if let Some(project) = self.by_id.get(&project) {
                self.claims.insert(fingerprint, project.clone());
            }
        }
        self
    }

    /// The project of a call that comes at `now`.
    pub(crate) fn find(&self, caller: Caller<'_>, now: Timestamp) -> Result<Found, Denied> {
        let (name, key) = match (caller.name, caller.key) {
            (Some(name), key) if name.starts_with(GATEWAY_KEY_PREFIX) => {
                if key.is_some_and(|key| key != name) {
                    return Err(Denied::UnknownKey);
                }
                (None, Some(name))
            }
            other => other,
        };
        if let Some(key) = key {
            let key = self.key(key, now)?;
            let project = match name {
                None => Some(&key.project),
                Some(name) => self.of_org(&key.project, name).filter(|named| is_same(named, &key.project)),
            };
            let project = project.ok_or_else(|| unknown(name))?.clone();
            return Ok(Found { project, key: Some(key.clone()), claimed: false });
        }
        // Most installations have claimed none, and need not look.
        let claim = caller.fingerprint.filter(|_| !self.claims.is_empty());
        let claim = claim.and_then(|fingerprint| self.claims.get(&fingerprint));
        let project = match (name, claim) {
            (None, Some(claim)) => claim,
            (None, None) => self.unnamed()?,
            (Some(name), claim) => self.reached(name, claim).ok_or_else(|| unknown(Some(name)))?,
        };
        Ok(Found { project: project.clone(), key: None, claimed: claim.is_some() })
    }

    fn key(&self, text: &str, now: Timestamp) -> Result<&Arc<GatewayKey>, Denied> {
        // Looked up by the digest of 256 random bits: the time that it takes tells nothing of any key.
        let token = Token::parse(text, GATEWAY_KEY_PREFIX).ok_or(Denied::UnknownKey)?;
        let key = self.keys.get(&token.digest()).ok_or(Denied::UnknownKey)?;
        match key.expires_at.filter(|end| *end <= now) {
            Some(at) => Err(Denied::ExpiredKey { name: key.name.clone(), at }),
            None => Ok(key),
        }
    }

    /// The named project, where a client without a gateway key may reach it.
    fn reached(&self, name: &str, claim: Option<&Arc<Project>>) -> Option<&Arc<Project>> {
        let project = match claim {
            Some(claim) => self.of_org(claim, name)?,
            None => self.by_name.get(name)?,
        };
        let is_claimed = claim.is_some_and(|claim| is_same(claim, project));
        (is_claimed || project.access == ProjectAccess::Open).then_some(project)
    }

    /// What a name means to whoever belongs to an organisation already.
    fn of_org(&self, member: &Project, name: &str) -> Option<&Arc<Project>> {
        let project =
            self.by_name.get(&format!("{}.{name}", member.org)).or_else(|| self.by_name.get(name))?;
        (project.scope.org() == member.scope.org()).then_some(project)
    }

    fn unnamed(&self) -> Result<&Arc<Project>, Denied> {
        let project = self.fallback.as_ref().ok_or(Denied::NoProject)?;
        match project.access {
            ProjectAccess::Open => Ok(project),
            ProjectAccess::WithKey => Err(Denied::KeyRequired),
        }
    }
}

fn is_same(one: &Project, other: &Project) -> bool {
    one.scope == other.scope
}

fn unknown(name: Option<&str>) -> Denied {
    Denied::UnknownProject { name: crate::headers::clipped(name.unwrap_or_default()) }
}

#[cfg(test)]
mod tests;
