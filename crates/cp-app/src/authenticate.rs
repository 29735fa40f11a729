//! From a credential to somebody, and from somebody to a place.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cp_base::{ErrorKind, InstallationScope, Slug, Timestamp, Token};
use cp_db::{DbError, Tx};
use cp_store::{ApiKey, Org, Principal, Project, Session};

use crate::access::{Role, Roles};
use crate::ctx::{Caller, Ctx, OrgCtx, Via};
use crate::entry;
use crate::sign_in::SESSION_LIFE;
use crate::{App, AppError};

/// What an API key begins with.
pub const API_KEY_PREFIX: &str = "cpa_";
/// What a session's cookie begins with.
pub const SESSION_PREFIX: &str = "cps_";

/// How long a session lasts without being used.
pub(crate) const SESSION_IDLE: Duration = Duration::from_secs(14 * 24 * 3600);
/// How exactly it is known when a key or session was used last. Each note of it is a write.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

/// What somebody shows.
#[derive(Debug)]
pub enum Credential {
    /// An API key.
    ApiKey(String),
    /// A session's cookie.
    Session(String),
}

/// Which place a request is about. Where it does not say, the one that can be meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// An organisation's id or short name.
    pub org: Option<String>,
    /// A project's id or short name.
    pub project: Option<String>,
}

impl App {
    /// Who shows this credential. Without one, and before anybody has signed up, whoever sits at the machine.
    pub async fn authenticate(
        &self,
        credential: Option<Credential>,
        address: Option<IpAddr>,
    ) -> Result<Caller, AppError> {
        match credential {
            Some(credential) => self.by(credential, address).await,
            None if !self.parts.is_private
                || self.is_claimed().await?
                || address.is_some_and(|address| !address.is_loopback()) =>
            {
                Err(AppError::unauthenticated(
                    "sign in, or send an API key as `Authorization: Bearer cpa_…` (`codepromptu login` keeps one for the \
                     command line)",
                ))
            }
            None => Ok(Caller {
                principal: None,
                name: "this machine".to_owned(),
                via: Via::Local,
                address,
                home: None,
                has_second_factor: false,
            }),
        }
    }

    /// Whether anybody has signed up. Once somebody has, somebody stays.
    pub async fn is_claimed(&self) -> Result<bool, AppError> {
        if self.claimed.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        let claimed = cp_store::is_anybody_there(&mut tx).await?;
        self.claimed.store(claimed, Ordering::Relaxed);
        Ok(claimed)
    }

    /// Whoever shows too many wrong credentials is not listened to for a while.
    async fn by(&self, credential: Credential, address: Option<IpAddr>) -> Result<Caller, AppError> {
        self.entrance.admit(address, self.parts.clock.now())?;
        let (Credential::ApiKey(text) | Credential::Session(text)) = &credential;
        let found = match &credential {
            Credential::ApiKey(_) => self.by_api_key(text, address).await,
            Credential::Session(_) => self.by_session(text, address).await,
        };
        if found.as_ref().is_err_and(|error| error.kind == ErrorKind::Unauthenticated) {
            self.entrance.note_wrong(address, text, self.parts.clock.now());
        }
        found
    }

    async fn by_api_key(&self, text: &str, address: Option<IpAddr>) -> Result<Caller, AppError> {
        let now = self.parts.clock.now();
        let key = match Token::parse(text, API_KEY_PREFIX) {
            Some(token) => {
                let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
                cp_store::find_api_key_by_digest(&mut tx, &token.digest()).await?
            }
            None => None,
        };
        let Some(key) = key.filter(|key| key.is_valid(now)) else {
            return Err(AppError::unauthenticated(
                "the API key is unknown, expired or revoked: make another with `codepromptu key create`",
            ));
        };
        self.touch_key(&key, now).await?;
        Ok(Caller {
            principal: Some(Principal::ApiKey(key.id)),
            name: key.name,
            via: Via::ApiKey,
            address,
            home: Some((key.scope, key.project)),
            has_second_factor: false,
        })
    }

    async fn by_session(&self, text: &str, address: Option<IpAddr>) -> Result<Caller, AppError> {
        let now = self.parts.clock.now();
        let session = match Token::parse(text, SESSION_PREFIX) {
            Some(token) => {
                let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
                cp_store::find_session(&mut tx, &token.digest()).await?
            }
            None => None,
        };
        let Some(session) = session.filter(|session| now < session.expires_at) else {
            return Err(AppError::unauthenticated("the session is over: sign in again"));
        };
        self.touch_session(&session, now).await?;
        Ok(Caller {
            principal: Some(Principal::Person(session.person)),
            name: session.email,
            via: Via::Session(session.id),
            address,
            home: session.home.map(|home| (home, None)),
            has_second_factor: session.has_second_factor,
        })
    }

    async fn touch_key(&self, key: &ApiKey, now: Timestamp) -> Result<(), AppError> {
        if key.last_used_at.is_none_or(|last| last.after(TOUCH_EVERY) <= now) {
            let mut tx = self.parts.db.begin_write(key.scope).await?;
            cp_store::touch_api_key(&mut tx, key.id, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn touch_session(&self, session: &Session, now: Timestamp) -> Result<(), AppError> {
        if session.last_seen_at.after(TOUCH_EVERY) <= now {
            let end = now.after(SESSION_IDLE).min(session.created_at.after(SESSION_LIFE));
            let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
            cp_store::touch_session(&mut tx, session.id, now, end).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Somebody in the organisation that a request is about. Without a membership it does not exist.
    pub async fn in_org(&self, caller: &Caller, wanted: &Wanted) -> Result<OrgCtx, AppError> {
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        let (org, roles) = self.choose_org(&mut tx, caller, wanted).await?;
        let here = roles.into_iter().filter(|(project, _)| project.is_none()).map(|(_, role)| role);
        Ok(OrgCtx { caller: caller.clone(), scope: org.scope, roles: Roles::new(here) })
    }

    /// Somebody in the project that a request is about. Without a role in it, it does not exist.
    pub async fn in_project(&self, caller: &Caller, wanted: &Wanted) -> Result<Ctx, AppError> {
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        let (org, roles) = self.choose_org(&mut tx, caller, wanted).await?;
        let project = self.choose_project(&mut tx, caller, &org, wanted).await?;
        let id = project.scope.project();
        let here = roles.into_iter().filter(|(place, _)| place.is_none_or(|place| place == id));
        let roles = Roles::new(here.map(|(_, role)| role));
        if roles.is_empty() {
            return Err(no_project(wanted));
        }
        Ok(Ctx { org: OrgCtx { caller: caller.clone(), scope: org.scope, roles }, scope: project.scope })
    }

    /// The organisation, and the caller's roles in it and in its projects.
    async fn choose_org(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        wanted: &Wanted,
    ) -> Result<(Org, Vec<(Option<cp_base::ProjectId>, Role)>), AppError> {
        let theirs = match (caller.principal, caller.home) {
            (_, Some((home, _))) => cp_store::find_org(tx, home).await?.into_iter().collect(),
            (Some(Principal::Person(person)), None) => cp_store::list_orgs_of(tx, person).await?,
            _ => cp_store::list_all_orgs(tx).await?,
        };
        let named = |org: &Org| match &wanted.org {
            Some(name) => org.slug.as_str() == name || org.scope.org().to_string() == *name,
            None => true,
        };
        let mut fitting: Vec<_> = theirs.into_iter().filter(named).collect();
        let default = self.parts.scope.org_scope();
        let org = match fitting.iter().position(|org| org.scope == default) {
            Some(place) => fitting.swap_remove(place),
            None if fitting.len() > 1 => return Err(AppError::ambiguous("organisation", &slugs(&fitting))),
            None => fitting.pop().ok_or_else(|| no_org(wanted))?,
        };
        let Some(principal) = caller.principal else { return Ok((org, vec![(None, Role::Owner)])) };
        let granted = cp_store::list_roles(tx, org.scope, principal).await?;
        let roles = granted.into_iter().map(|granted| {
            let role = granted.role.parse().map_err(|_| DbError::decode("role"))?;
            Ok((granted.project, role))
        });
        let roles = roles.collect::<Result<Vec<_>, DbError>>()?;
        entry::admit(tx, caller, &org, &roles).await?;
        Ok((org, roles))
    }

    async fn choose_project(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        org: &Org,
        wanted: &Wanted,
    ) -> Result<Project, AppError> {
        let home = caller.home.and_then(|(_, project)| project);
        let found = match (&wanted.project, home) {
            (Some(name), _) => {
                let by_id = match name.parse() {
                    Ok(id) => cp_store::find_project(tx, org.scope, id).await?,
                    Err(_) => None,
                };
                match (by_id, name.parse::<Slug>()) {
                    (None, Ok(slug)) => cp_store::find_project_named(tx, org.scope, &slug).await?,
                    (found, _) => found,
                }
            }
            (None, Some(home)) => cp_store::find_project(tx, org.scope, home).await?,
            (None, None) if org.scope == self.parts.scope.org_scope() => {
                cp_store::find_project(tx, org.scope, self.parts.scope.project()).await?
            }
            (None, None) => {
                let mut projects = cp_store::list_projects(tx, org.scope).await?;
                if projects.len() > 1 {
                    let names = projects.iter().map(|project| project.slug.to_string()).collect::<Vec<_>>();
                    return Err(AppError::ambiguous("project", &names.join(", ")));
                }
                projects.pop()
            }
        };
        found.ok_or_else(|| no_project(wanted))
    }
}

fn slugs(orgs: &[Org]) -> String {
    orgs.iter().map(|org| org.slug.to_string()).collect::<Vec<_>>().join(", ")
}

fn no_org(wanted: &Wanted) -> AppError {
    let name = wanted.org.as_deref().unwrap_or("default");
    AppError::absent(format_args!("there is no organisation `{name}`, or you are no member of it"))
}

fn no_project(wanted: &Wanted) -> AppError {
    let name = wanted.project.as_deref().unwrap_or("default");
    AppError::absent(format_args!("there is no project `{name}`, or you have no role in it"))
}
