//! Signing in with an organisation's provider: to it and back, who the person is here, and what their groups give them.
//!
//! Somebody is known by issuer and subject, which the provider never gives to another. The first time a verified address of
//! the organisation's domains stands for them. What the provider says holds in its organisation alone: a session that it
//! opens is good nowhere else, so that no tenant's provider makes anybody somebody in another's.

use std::time::Duration;

use cp_base::{InstallationScope, OrgScope, Slug, Timestamp, hex, unhex};
use cp_db::Tx;
use cp_oidc::{Claims, Client, Returned, SignInRequest};
use cp_store::{GroupGrant, Person, Principal, SingleSignOn, SsoDocument};

use crate::access::Roles;
use crate::act::Event;
use crate::ctx::{Caller, OrgCtx};
use crate::sign_in::{Origin, SignedIn, Start, read_email};
use crate::single_sign_on::given;
use crate::{App, AppError};

const PURPOSE: &str = "sign-ins at a provider";
/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
const MAX_NAME: usize = 120;

/// Somebody on the way to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Where the browser goes.
    pub location: String,
    /// What it keeps, sealed, and brings back.
    pub kept: String,
}

/// What a browser keeps: which sign-in it began, where, and until when.
struct Pending {
    slug: Slug,
    issuer: String,
    request: SignInRequest,
    ends: Timestamp,
}

impl App {
    /// Sends somebody to the provider of the organisation that `org` names; the provider sends them to `redirect_uri`.
    pub async fn begin_sso(
        &self,
        org: &str,
        redirect_uri: String,
        origin: &Origin,
    ) -> Result<Departure, AppError> {
        let now = self.parts.clock.now();
        self.entrance.admit(origin.address, now)?;
        let begun = self.begin_sso_at(org, redirect_uri, now).await;
        if begun.is_err() {
            self.entrance.note_wrong(origin.address, &format!("{org} {now}"), now);
        }
        begun
    }

    async fn begin_sso_at(
        &self,
        org: &str,
        redirect_uri: String,
        now: Timestamp,
    ) -> Result<Departure, AppError> {
        let slug: Slug = org.parse().map_err(|_| no_sso(org))?;
        let (_, sso) = self.find_sso_of(&slug).await?;
        let client = client(&sso);
        let begun = self.parts.providers.begin(&client, redirect_uri, &self.parts.random, now).await;
        let (request, location) = begun.map_err(|error| AppError::provider(&error))?;
        let pending = Pending { slug, issuer: client.issuer, request, ends: now.after(PATIENCE) };
        let key = self.parts.installation.derive(PURPOSE);
        let kept = hex(&key.seal(&self.parts.random, PURPOSE.as_bytes(), pending.to_text().as_bytes()));
        Ok(Departure { location, kept })
    }

    /// Somebody comes back, in the browser that keeps `kept`.
    pub async fn finish_sso(
        &self,
        returned: &Returned,
        kept: &str,
        origin: &Origin,
    ) -> Result<SignedIn, AppError> {
        let now = self.parts.clock.now();
        self.entrance.admit(origin.address, now)?;
        let finished = self.finish_sso_at(returned, kept, origin, now).await;
        if finished.is_err() {
            let state = returned.state.as_deref().unwrap_or_default();
            self.entrance.note_wrong(origin.address, state, now);
        }
        finished
    }

    async fn finish_sso_at(
        &self,
        returned: &Returned,
        kept: &str,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<SignedIn, AppError> {
        let over = || AppError::provider(&cp_oidc::OidcError::State);
        let pending = self.open_pending(kept).filter(|pending| now < pending.ends).ok_or_else(over)?;
        let (scope, sso) = self.find_sso_of(&pending.slug).await?;
        // The provider was changed in between.
        if pending.issuer != sso.document.issuer {
            return Err(over());
        }
        let wanted: Vec<_> = std::iter::once("email").chain(sso.document.group_claim.as_deref()).collect();
        let claims =
            self.parts.providers.finish(&client(&sso), &pending.request, returned, &wanted, now).await;
        let entered = match claims.map_err(|error| AppError::provider(&error)) {
            Ok(claims) => self.enter(scope, &sso.document, &claims, origin).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &entered {
            let event =
                Event::new("session.refuse", "nobody").detail(format_args!("single sign-on: {error}"));
            let place = self.nobody_in(scope, origin);
            let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
            self.record(&mut tx, &place, event).await?;
            tx.commit().await?;
        }
        entered
    }

    /// From what a provider says to a session.
    async fn enter(
        &self,
        scope: OrgScope,
        sso: &SsoDocument,
        claims: &Claims,
        origin: &Origin,
    ) -> Result<SignedIn, AppError> {
        // The first person is who has the link of the first start.
        if !self.is_claimed().await? {
            return Err(AppError::not_admitted("nobody owns this installation yet"));
        }
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        cp_store::lock_org(&mut tx, scope).await?;
        let place = self.nobody_in(scope, origin);
        let person = self.person_of(&mut tx, &place, sso, claims).await?;
        self.grant_by_groups(&mut tx, &place, &person, (sso, claims)).await?;
        let has_second_factor = sso.is_second_factor || claims.has_second_factor();
        let start = Start { origin, home: Some(scope), has_second_factor };
        let signed_in = self.begin_session(&mut tx, person, start).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// The member whom the provider means, who may become one by this.
    async fn person_of(
        &self,
        tx: &mut Tx,
        place: &OrgCtx,
        sso: &SsoDocument,
        claims: &Claims,
    ) -> Result<Person, AppError> {
        let (scope, now) = (place.scope, self.parts.clock.now());
        let gone = || AppError::absent("the account is gone");
        if let Some(id) = cp_store::find_identity(tx, scope, &sso.issuer, &claims.subject).await? {
            return cp_store::find_person(tx, id).await?.ok_or_else(gone);
        }
        let email = address_of(sso, claims)?;
        let known = cp_store::find_person_by_email(tx, &email).await?;
        let is_member = match &known {
            Some(person) => cp_store::is_member(tx, scope, person.id).await?,
            None => false,
        };
        if !is_member && !sso.admits_unknown {
            return Err(AppError::not_admitted(format_args!(
                "{email} is no member of this organisation: ask one of its admins for an invitation"
            )));
        }
        let person = match known {
            Some(person) => person,
            None => self.create_known(tx, place, &email, claims).await?,
        };
        if !is_member {
            cp_store::add_member(tx, scope, person.id, now).await?;
            self.record(tx, place, Event::new("member.join", person.id).detail(&email)).await?;
        }
        let names = (sso.issuer.as_str(), claims.subject.as_str());
        match cp_store::link_identity(tx, scope, person.id, names, now).await {
            Ok(()) => {}
            Err(cp_db::DbError::Constraint(_)) => {
                return Err(AppError::not_admitted(format_args!(
                    "{email} is known to the provider as somebody else: an admin can remove and invite them again"
                )));
            }
            Err(error) => return Err(error.into()),
        }
        let detail = format!("{email} is {} of {}", claims.subject, sso.issuer);
        self.record(tx, place, Event::new("identity.link", person.id).detail(detail)).await?;
        Ok(person)
    }

    /// Somebody new, who has no password.
    async fn create_known(
        &self,
        tx: &mut Tx,
        place: &OrgCtx,
        email: &str,
        claims: &Claims,
    ) -> Result<Person, AppError> {
        let said = claims.name().unwrap_or_default().trim();
        let name: String = said.chars().filter(|char| !char.is_control()).take(MAX_NAME).collect();
        let name = if name.is_empty() { email.chars().take(MAX_NAME).collect() } else { name };
        let email = email.to_owned();
        let person =
            Person { id: self.parts.ids.mint(), email, name, password_hash: None, totp_sealed: None };
        cp_store::create_person(tx, &person, self.parts.clock.now()).await?;
        self.record(tx, place, Event::new("person.create", person.id).detail(&person.email)).await?;
        Ok(person)
    }

    /// Gives the roles of the person's groups in place of those of the last time. What was given by hand stays.
    async fn grant_by_groups(
        &self,
        tx: &mut Tx,
        place: &OrgCtx,
        person: &Person,
        (sso, claims): (&SsoDocument, &Claims),
    ) -> Result<(), AppError> {
        let (scope, now) = (place.scope, self.parts.clock.now());
        let groups = match &sso.group_claim {
            Some(claim) => claims.groups(claim).map_err(AppError::not_admitted)?,
            None => Vec::new(),
        };
        let before = cp_store::find_group_grants(tx, scope, person.id).await?;
        let (by_default, mut after): (Vec<_>, Vec<_>) =
            given(sso).into_iter().partition(|grant| grant.group.is_empty());
        after.retain(|grant| groups.contains(&grant.group));
        after.sort_by(|one, other| (&one.group, &one.role).cmp(&(&other.group, &other.role)));
        cp_store::replace_group_grants(tx, scope, person.id, &after, now).await?;
        let has_none = cp_store::list_roles(tx, scope, Principal::Person(person.id)).await?.is_empty();
        if has_none {
            after = by_default;
            cp_store::replace_group_grants(tx, scope, person.id, &after, now).await?;
        }
        if before != after {
            let described: Vec<_> = after.iter().map(described).collect();
            let event = Event::new("grant.by_group", person.id).detail(described.join(", "));
            self.record(tx, place, event.before(&before).after(&after)).await?;
        }
        Ok(())
    }

    async fn find_sso_of(&self, slug: &Slug) -> Result<(OrgScope, SingleSignOn), AppError> {
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        let scope = cp_store::find_org_named(&mut tx, slug).await?.ok_or_else(|| no_sso(slug))?;
        let sso = self.find_sso(&mut tx, scope).await?.ok_or_else(|| no_sso(slug))?;
        Ok((scope, sso))
    }

    fn open_pending(&self, kept: &str) -> Option<Pending> {
        let key = self.parts.installation.derive(PURPOSE);
        let text = key.open(PURPOSE.as_bytes(), &unhex(kept)?).ok()?;
        Pending::from_text(std::str::from_utf8(&text).ok()?)
    }

    fn nobody_in(&self, scope: OrgScope, origin: &Origin) -> OrgCtx {
        OrgCtx { caller: Caller::nobody(origin.address), scope, roles: Roles::default() }
    }
}

impl Pending {
    fn to_text(&self) -> String {
        let SignInRequest { state, nonce, verifier, redirect_uri } = &self.request;
        let ends = self.ends.0.to_string();
        [self.slug.as_str(), state, nonce, verifier, &ends, &self.issuer, redirect_uri].join("\n")
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.split('\n').map(str::to_owned);
        let slug = lines.next()?.parse().ok()?;
        let (state, nonce, verifier) = (lines.next()?, lines.next()?, lines.next()?);
        let ends = Timestamp(lines.next()?.parse().ok()?);
        let (issuer, redirect_uri) = (lines.next()?, lines.next()?);
        let request = SignInRequest { state, nonce, verifier, redirect_uri };
        Some(Self { slug, issuer, request, ends })
    }
}

fn client(sso: &SingleSignOn) -> Client {
    Client {
        issuer: sso.document.issuer.clone(),
        client_id: sso.document.client_id.clone(),
        secret: sso.secret.clone(),
        scopes: sso.document.scopes.clone(),
    }
}

/// The address that stands for somebody the first time.
fn address_of(sso: &SsoDocument, claims: &Claims) -> Result<String, AppError> {
    let email = claims.verified_email().ok_or_else(|| {
        AppError::not_admitted(
            "the provider gives no e-mail address of yours that it has verified, and you are not known here yet",
        )
    })?;
    let email = read_email(&email)?;
    let domain = email.rsplit('@').next().unwrap_or_default();
    if !sso.domains.iter().any(|ours| ours == domain) {
        return Err(AppError::not_admitted(format_args!(
            "{email} is of none of this organisation's domains, and you are not known here yet"
        )));
    }
    Ok(email)
}

fn described(grant: &GroupGrant) -> String {
    let place = grant.project.map_or_else(String::new, |project| format!(" in {project}"));
    let group = if grant.group.is_empty() { "default" } else { &grant.group };
    format!("{}{place} by {group}", grant.role)
}

fn no_sso(org: impl std::fmt::Display) -> AppError {
    AppError::absent(format_args!("there is no single sign-on for an organisation `{org}`"))
}
