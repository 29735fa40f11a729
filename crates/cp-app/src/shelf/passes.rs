//! API keys in memory: what those who are served are known by, without asking the database.

use std::collections::HashMap;
use std::net::IpAddr;

use cp_base::{ApiKeyId, Digest, OrgId, OrgScope, ProjectId, ProjectScope, Slug, Timestamp, Token};
use cp_store::{GatewayProject, Pass, Principal};

use crate::access::{Role, Roles};
use crate::authenticate::API_KEY_PREFIX;
use crate::ctx::{Caller, Ctx, OrgCtx, Via};
use crate::{Credential, Wanted};

/// An API key, and what it may do where.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: ApiKeyId,
    pub(crate) scope: OrgScope,
    pub(crate) project: Option<ProjectId>,
    pub(crate) name: String,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) roles: Vec<(Option<ProjectId>, Role)>,
}

/// An organisation's projects, by what they are called.
#[derive(Debug, Default)]
struct Places {
    slug: Option<Slug>,
    by_id: HashMap<ProjectId, ProjectScope>,
    by_slug: HashMap<String, ProjectScope>,
}

/// Every key that was not revoked, and every project.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    /// The registry's revision that this was read at.
    pub(crate) revision: i64,
    keys: HashMap<Digest, Key>,
    places: HashMap<OrgId, Places>,
    /// The project that is meant where none is named.
    default: Option<ProjectScope>,
}

impl Key {
    /// None for one whose role this program does not know.
    pub(crate) fn of(pass: Pass) -> Option<(Digest, Self)> {
        let Pass { scope, id, project, name, digest, expires_at, roles } = pass;
        let roles = roles.into_iter().map(|held| Some((held.project, held.role.parse().ok()?)));
        Some((digest, Self { id, scope, project, name, expires_at, roles: roles.collect::<Option<_>>()? }))
    }
}

impl Passes {
    pub(crate) fn new(
        revision: i64,
        keys: HashMap<Digest, Key>,
        projects: &[GatewayProject],
        default: ProjectScope,
    ) -> Self {
        let mut places: HashMap<_, Places> = HashMap::new();
        for project in projects {
            let org = places.entry(project.scope.org()).or_default();
            org.slug = Some(project.org.clone());
            org.by_id.insert(project.scope.project(), project.scope);
            org.by_slug.insert(project.slug.to_string(), project.scope);
        }
        Self { revision, keys, places, default: Some(default) }
    }

    pub(crate) const fn default_scope(&self) -> Option<ProjectScope> {
        self.default
    }

    /// The keys, for whoever writes them down.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&Digest, &Key)> {
        self.keys.iter()
    }

    /// Names of projects: organisation, project, and the project's own.
    pub(crate) fn projects(&self) -> impl Iterator<Item = (ProjectScope, &Slug, &str)> {
        self.places.values().flat_map(|places| {
            let projects = places.by_slug.iter();
            projects.filter_map(|(slug, scope)| Some((*scope, places.slug.as_ref()?, slug.as_str())))
        })
    }

    /// Whoever shows a key that is known here, at the place that they want. Whatever else there is to say of a credential, the
    /// store says.
    pub(crate) fn recall(
        &self,
        credential: &Credential,
        wanted: &Wanted,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<Ctx> {
        let Credential::ApiKey(text) = credential else { return None };
        let key = self.keys.get(&Token::parse(text, API_KEY_PREFIX)?.digest())?;
        if key.expires_at.is_some_and(|end| end <= now) {
            return None;
        }
        let scope = self.place(key, wanted)?;
        let here = key.roles.iter().filter(|(place, _)| place.is_none_or(|place| place == scope.project()));
        let roles = Roles::new(here.map(|(_, role)| *role));
        let caller = Caller {
            principal: Some(Principal::ApiKey(key.id)),
            name: key.name.clone(),
            via: Via::ApiKey,
            address,
            home: Some((key.scope, key.project)),
            has_second_factor: false,
        };
        (!roles.is_empty()).then_some(Ctx { org: OrgCtx { caller, scope: key.scope, roles }, scope })
    }

    /// The project that is meant, where that is plain.
    fn place(&self, key: &Key, wanted: &Wanted) -> Option<ProjectScope> {
        let org = key.scope.org();
        let places = self.places.get(&org)?;
        let is_meant = |name: &String| {
            places.slug.as_ref().is_some_and(|slug| slug.as_str() == name) || org.to_string() == *name
        };
        if wanted.org.as_ref().is_some_and(|name| !is_meant(name)) {
            return None;
        }
        let found = match (&wanted.project, key.project) {
            (Some(name), _) => {
                let by_id = name.parse().ok().and_then(|id| places.by_id.get(&id));
                by_id.or_else(|| places.by_slug.get(name))
            }
            (None, Some(home)) => places.by_id.get(&home),
            (None, None) => match self.default.filter(|default| default.org() == org) {
                Some(default) => places.by_id.get(&default.project()),
                None => places.by_id.values().next().filter(|_| places.by_id.len() == 1),
            },
        };
        found.copied()
    }
}
