//! From a password to a session: the one place where somebody is known by what they type.
//!
//! An address that nobody has and a wrong password are answered alike, after the same work. A session begins with a token
//! of its own: what a browser brought is never taken over.

use std::net::IpAddr;
use std::time::Duration;

use cp_base::{InstallationScope, OrgScope, PersonId, Secret, SessionId, Timestamp, Token};
use cp_db::Tx;
use cp_store::{Person, Principal, SessionRow};

use crate::access::Roles;
use crate::act::Event;
use crate::authenticate::{SESSION_IDLE, SESSION_PREFIX};
use crate::ctx::{Caller, OrgCtx, Via};
use crate::{App, AppError, entry};

/// How long a session lasts at most, however much it is used.
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest that is kept of what a browser calls itself.
const MAX_USER_AGENT: usize = 200;
/// The longest address (RFC 5321, 4.5.3.1.3).
const MAX_EMAIL: usize = 254;

/// What somebody types to sign in.
#[derive(Debug)]
pub struct SignIn {
    /// The address.
    pub email: String,
    /// The password.
    pub password: Secret,
    /// A code of the second factor, or a recovery code.
    pub code: Option<String>,
}

/// From where somebody signs in.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The address at the other end.
    pub address: Option<IpAddr>,
    /// What the browser or program calls itself.
    pub user_agent: String,
}

/// A session that began, and its token: for the only time.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub person: Person,
    /// The session.
    pub session: SessionId,
    /// What the browser is to show from now on.
    pub token: Token,
    /// When it ends, unless it is used before.
    pub expires_at: Timestamp,
    /// Whether a second factor is needed before anything else: see [`App::show_second_factor`].
    pub needs_second_factor: bool,
}

/// How a session begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    pub(crate) origin: &'a Origin,
    /// The organisation whose provider says who it is, and where alone the session is good.
    pub(crate) home: Option<OrgScope>,
    pub(crate) has_second_factor: bool,
}

impl<'a> Start<'a> {
    /// With a password, or a link in its stead.
    pub(crate) const fn with_password(origin: &'a Origin) -> Self {
        Self { origin, home: None, has_second_factor: false }
    }
}

/// What signing in leads to.
#[derive(Debug)]
pub enum SignInStep {
    /// Somebody is in.
    Done(Box<SignedIn>),
    /// The password is right, and a code of the second factor is needed.
    CodeNeeded,
}

impl App {
    /// Signs somebody in.
    pub async fn sign_in(&self, asked: SignIn, origin: &Origin) -> Result<SignInStep, AppError> {
        let (email, now) = (asked.email.trim().to_lowercase(), self.parts.clock.now());
        self.entrance.attempt(&email, origin.address, now)?;
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        let found = cp_store::find_person_by_email(&mut tx, &email).await?;
        drop(tx);
        let hash = found.as_ref().and_then(|person| person.password_hash.clone());
        let is_right = self.entrance.passwords.verify(asked.password, hash).await?;
        let Some(person) = found.as_ref().filter(|_| is_right) else {
            return Err(self.refuse(found.as_ref(), origin, "wrong password").await?);
        };
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        if let Some(slug) = entry::only_by_provider(&mut tx, person.id).await? {
            drop(tx);
            self.refuse(Some(person), origin, "a password where single sign-on is needed").await?;
            return Err(AppError::only_by_provider(&slug));
        }
        let mut start = Start::with_password(origin);
        if let Some(factor) = self.second_factor(person)? {
            let Some(code) = asked.code.filter(|code| !code.trim().is_empty()) else {
                self.entrance.forgive(&email, origin.address);
                return Ok(SignInStep::CodeNeeded);
            };
            if !self.use_code(&mut tx, person, factor, &code).await? {
                drop(tx);
                return Err(self.refuse(Some(person), origin, "wrong code").await?);
            }
            start.has_second_factor = true;
        }
        let signed_in = self.begin_session(&mut tx, person.clone(), start).await?;
        tx.commit().await?;
        self.entrance.forgive(&email, origin.address);
        Ok(SignInStep::Done(Box::new(signed_in)))
    }

    /// Puts on record that somebody was refused, and says what they are told: the same, whatever it was.
    async fn refuse(
        &self,
        person: Option<&Person>,
        origin: &Origin,
        why: &str,
    ) -> Result<AppError, AppError> {
        let nobody = Caller::nobody(origin.address);
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        match person {
            Some(Person { id, .. }) => {
                self.record_of(&mut tx, &nobody, *id, &Event::new("session.refuse", id).detail(why)).await?;
            }
            None => {
                let event = Event::new("session.refuse", "nobody").detail("no such account");
                let place =
                    OrgCtx { caller: nobody, scope: self.parts.scope.org_scope(), roles: Roles::default() };
                self.record(&mut tx, &place, event).await?;
            }
        }
        tx.commit().await?;
        Ok(AppError::unauthenticated("the e-mail address, the password or the code is wrong"))
    }

    /// A new session of somebody who is known. Sessions that are over go.
    pub(crate) async fn begin_session(
        &self,
        tx: &mut Tx,
        person: Person,
        start: Start<'_>,
    ) -> Result<SignedIn, AppError> {
        let (now, origin) = (self.parts.clock.now(), start.origin);
        cp_store::delete_expired_sessions(tx, now).await?;
        let token = Token::generate(&self.parts.random, SESSION_PREFIX);
        let session = SessionRow {
            id: self.parts.ids.mint(),
            created_at: now,
            last_seen_at: now,
            expires_at: now.after(SESSION_IDLE),
            address: origin.address.map_or_else(String::new, |address| address.to_string()),
            user_agent: origin
                .user_agent
                .chars()
                .filter(|char| !char.is_control())
                .take(MAX_USER_AGENT)
                .collect(),
            home: start.home,
            has_second_factor: start.has_second_factor,
        };
        cp_store::create_session(tx, person.id, &session, &token).await?;
        let caller = Caller::signed_in(&person, session.id, start);
        let event = Event::new("session.begin", session.id);
        let event = if start.home.is_some() { event.detail("single sign-on") } else { event };
        self.record_of(tx, &caller, person.id, &event).await?;
        let needs_second_factor =
            !start.has_second_factor && entry::needs_second_factor(tx, person.id, start.home).await?;
        Ok(SignedIn {
            person,
            session: session.id,
            token,
            expires_at: session.expires_at,
            needs_second_factor,
        })
    }

    /// Puts what a person did to their own account on record, in each organisation that they belong to; of a session that is
    /// good in one, there.
    pub(crate) async fn record_of(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        person: PersonId,
        event: &Event,
    ) -> Result<(), AppError> {
        let orgs = cp_store::list_orgs_of(tx, person).await?;
        for org in orgs.into_iter().filter(|org| caller.home.is_none_or(|(home, _)| home == org.scope)) {
            let place = OrgCtx { caller: caller.clone(), scope: org.scope, roles: Roles::default() };
            self.record(tx, &place, event.clone()).await?;
        }
        Ok(())
    }
}

impl Caller {
    /// Somebody who is signing in, and not known yet.
    pub(crate) fn nobody(address: Option<IpAddr>) -> Self {
        let name = "nobody".to_owned();
        Self { principal: None, name, via: Via::SignIn, address, home: None, has_second_factor: false }
    }

    /// Somebody whose session has just begun.
    pub(crate) fn signed_in(person: &Person, session: SessionId, start: Start<'_>) -> Self {
        Self {
            principal: Some(Principal::Person(person.id)),
            name: person.email.clone(),
            via: Via::Session(session),
            address: start.origin.address,
            home: start.home.map(|home| (home, None)),
            has_second_factor: start.has_second_factor,
        }
    }
}

/// An address as it signs in.
pub(crate) fn read_email(text: &str) -> Result<String, AppError> {
    let email = text.trim().to_lowercase();
    let fits =
        email.len() <= MAX_EMAIL && !email.chars().any(|char| char.is_whitespace() || char.is_control());
    match email.split_once('@') {
        Some((name, domain)) if fits && !name.is_empty() && !domain.is_empty() && !domain.contains('@') => {
            Ok(email)
        }
        _ => Err(AppError::invalid("this is no e-mail address: write one such as ada@example.com")),
    }
}
