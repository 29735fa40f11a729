//! Invitations: a link, shown once to whoever invites, makes one person a member. No e-mail is sent.

use std::time::Duration;

use cp_base::{InstallationScope, InvitationId, Secret, Slug, Token};
use cp_db::Tx;
use cp_store::{Invitation, Org, Person, Principal, Project};

use crate::access::{Action, Role, Roles};
use crate::act::Event;
use crate::ctx::{Caller, OrgCtx};
use crate::setup::NewPerson;
use crate::sign_in::{Origin, SignedIn, Start, read_email};
use crate::{App, AppError};

/// What an invitation's token begins with.
pub const INVITATION_PREFIX: &str = "cpi_";
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Whom to invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvitation {
    /// The address.
    pub email: String,
    /// As what.
    pub role: Role,
    /// Into which project, by id or short name; into the organisation where there is none.
    pub project: Option<String>,
}

/// An invitation, and its token: for the only time.
#[derive(Debug)]
pub struct MadeInvitation {
    /// The invitation, but for its token.
    pub invitation: Invitation,
    /// What the link ends with.
    pub token: Token,
}

/// What somebody who was invited sees before they accept.
#[derive(Clone, Debug)]
pub struct SeenInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// Into which organisation.
    pub org: Org,
    /// Whether the address signs in with a password: then it does so first.
    pub has_account: bool,
}

impl App {
    /// Invites somebody.
    pub async fn create_invitation(
        &self,
        ctx: &OrgCtx,
        new: NewInvitation,
    ) -> Result<MadeInvitation, AppError> {
        if !self.is_claimed().await? {
            return Err(AppError::conflict(
                "nobody owns this installation yet: first open the link that `codepromptu serve` printed",
            ));
        }
        let (email, now) = (read_email(&new.email)?, self.parts.clock.now());
        let mut act = self.begin(ctx, Action::ManageMembers).await?;
        ctx.require_cover(new.role)?;
        let project = match &new.project {
            Some(name) => Some(find_project(act.tx(), ctx, name).await?.scope.project()),
            None => None,
        };
        let invitation = Invitation {
            scope: ctx.scope,
            id: self.parts.ids.mint(),
            project,
            email,
            role: new.role.to_string(),
            invited_by: ctx.caller.name.clone(),
            created_at: now,
            expires_at: now.after(LIFE),
        };
        if let Some(person) = cp_store::find_person_by_email(act.tx(), &invitation.email).await? {
            refuse_twice(act.tx(), &invitation, &person).await?;
        }
        let token = Token::generate(&self.parts.random, INVITATION_PREFIX);
        cp_store::delete_expired_invitations(act.tx(), now).await?;
        cp_store::create_invitation(act.tx(), &invitation, &token).await?;
        let detail = format!("{} as {}", invitation.email, invitation.role);
        act.commit(Event::new("invitation.create", invitation.id).detail(detail).after(&invitation)).await?;
        Ok(MadeInvitation { invitation, token })
    }

    /// The invitations that nobody has taken yet, newest first; those that are over among them.
    pub async fn list_invitations(&self, ctx: &OrgCtx) -> Result<Vec<Invitation>, AppError> {
        ctx.require(Action::ManageMembers)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        Ok(cp_store::list_invitations(&mut tx, ctx.scope).await?)
    }

    /// Withdraws an invitation.
    pub async fn withdraw_invitation(&self, ctx: &OrgCtx, id: InvitationId) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageMembers).await?;
        let found = cp_store::find_invitation_by_id(act.tx(), ctx.scope, id).await?;
        let invitation =
            found.ok_or_else(|| AppError::absent(format_args!("there is no invitation {id}")))?;
        cp_store::delete_invitation(act.tx(), ctx.scope, id).await?;
        act.commit(Event::new("invitation.withdraw", id).detail(&invitation.email).before(&invitation)).await
    }

    /// What a link invites to.
    pub async fn see_invitation(&self, token: &str, origin: &Origin) -> Result<SeenInvitation, AppError> {
        self.entrance.admit(origin.address, self.parts.clock.now())?;
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        let invitation = self.find_invitation(&mut tx, token, origin).await?;
        let org = cp_store::find_org(&mut tx, invitation.scope).await?.ok_or_else(no_invitation)?;
        let person = cp_store::find_person_by_email(&mut tx, &invitation.email).await?;
        let has_account = person.is_some_and(|person| person.password_hash.is_some());
        Ok(SeenInvitation { invitation, org, has_account })
    }

    /// Somebody who has no account yet takes an invitation, and is signed in.
    pub async fn accept_as_new(
        &self,
        token: &str,
        name: String,
        password: Secret,
        origin: &Origin,
    ) -> Result<SignedIn, AppError> {
        let seen = self.see_invitation(token, origin).await?;
        if seen.has_account {
            return Err(AppError::conflict("this address has an account: sign in, then open the link again"));
        }
        let new = NewPerson { email: seen.invitation.email, name, password };
        let mut person = self.read_person(new).await?;
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        let invitation = self.find_invitation(&mut tx, token, origin).await?;
        match cp_store::find_person_by_email(&mut tx, &person.email).await? {
            Some(known) => {
                person.id = known.id;
                take_over(&mut tx, &invitation, &known, &person).await?;
            }
            None => cp_store::create_person(&mut tx, &person, self.parts.clock.now()).await?,
        }
        join(&mut tx, &invitation, &person, self.parts.clock.now()).await?;
        let start = Start::with_password(origin);
        let signed_in = self.begin_session(&mut tx, person.clone(), start).await?;
        let caller = Caller::signed_in(&person, signed_in.session, start);
        self.record_accepted(&mut tx, caller, &invitation).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Somebody who is signed in takes an invitation to their own address.
    pub async fn accept_as(&self, caller: &Caller, token: &str, origin: &Origin) -> Result<(), AppError> {
        self.entrance.admit(origin.address, self.parts.clock.now())?;
        let person = self.own(caller).await?;
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        let invitation = self.find_invitation(&mut tx, token, origin).await?;
        if invitation.email != person.email {
            return Err(AppError::conflict(format_args!(
                "the invitation is for another address, and you are signed in as {}: sign out first",
                person.email
            )));
        }
        if caller.home.is_some_and(|(home, _)| home != invitation.scope) {
            return Err(AppError::conflict(
                "you are signed in by another organisation's single sign-on: sign out, and in with a password",
            ));
        }
        refuse_twice(&mut tx, &invitation, &person).await?;
        join(&mut tx, &invitation, &person, self.parts.clock.now()).await?;
        self.record_accepted(&mut tx, caller.clone(), &invitation).await?;
        Ok(tx.commit().await?)
    }

    async fn record_accepted(
        &self,
        tx: &mut Tx,
        caller: Caller,
        invitation: &Invitation,
    ) -> Result<(), AppError> {
        let place = OrgCtx { caller, scope: invitation.scope, roles: Roles::default() };
        let detail = format!("{} as {}", invitation.email, invitation.role);
        let event = Event::new("invitation.accept", invitation.id).detail(detail).before(invitation);
        self.record(tx, &place, event).await
    }

    async fn find_invitation(
        &self,
        tx: &mut Tx,
        token: &str,
        origin: &Origin,
    ) -> Result<Invitation, AppError> {
        let now = self.parts.clock.now();
        let found = match Token::parse(token, INVITATION_PREFIX) {
            Some(token) => cp_store::find_invitation(tx, &token.digest()).await?,
            None => None,
        };
        found.filter(|invitation| now < invitation.expires_at).ok_or_else(|| {
            self.entrance.note_wrong(origin.address, token, now);
            no_invitation()
        })
    }
}

/// Takes the invitation, so that nobody else does, and makes the person what it says.
async fn join(
    tx: &mut Tx,
    invitation: &Invitation,
    person: &Person,
    now: cp_base::Timestamp,
) -> Result<(), AppError> {
    if !cp_store::delete_invitation(tx, invitation.scope, invitation.id).await? {
        return Err(no_invitation());
    }
    cp_store::add_member(tx, invitation.scope, person.id, now).await?;
    let principal = Principal::Person(person.id);
    match invitation.project {
        Some(project) => {
            let project =
                cp_store::find_project(tx, invitation.scope, project).await?.ok_or_else(no_invitation)?;
            cp_store::grant_in_project(tx, project.scope, principal, &invitation.role, now).await?;
        }
        None => cp_store::grant_in_org(tx, invitation.scope, principal, &invitation.role, now).await?,
    }
    Ok(())
}

/// Whoever was known only by an organisation's single sign-on gets a password, by the link that was given to them. What
/// that organisation's provider could have set up for them in the meantime is gone.
async fn take_over(
    tx: &mut Tx,
    invitation: &Invitation,
    known: &Person,
    new: &Person,
) -> Result<(), AppError> {
    let Some(hash) = new.password_hash.as_deref().filter(|_| known.password_hash.is_none()) else {
        return Err(AppError::conflict("this address has an account: sign in, then open the link again"));
    };
    refuse_twice(tx, invitation, known).await?;
    cp_store::set_password(tx, known.id, hash).await?;
    cp_store::set_totp(tx, known.id, None).await?;
    cp_store::end_sessions(tx, known.id).await?;
    Ok(())
}

/// An invitation changes nobody's role: whoever has one at the place keeps it.
async fn refuse_twice(tx: &mut Tx, invitation: &Invitation, person: &Person) -> Result<(), AppError> {
    let roles = cp_store::list_roles(tx, invitation.scope, Principal::Person(person.id)).await?;
    if roles.iter().any(|role| role.project == invitation.project) {
        return Err(AppError::conflict(format_args!("{} has a role there already", person.email)));
    }
    Ok(())
}

pub(crate) async fn find_project(tx: &mut Tx, ctx: &OrgCtx, name: &str) -> Result<Project, AppError> {
    let found = match (name.parse(), name.parse::<Slug>()) {
        (Ok(id), _) => cp_store::find_project(tx, ctx.scope, id).await?,
        (_, Ok(slug)) => cp_store::find_project_named(tx, ctx.scope, &slug).await?,
        _ => None,
    };
    found.ok_or_else(|| AppError::absent(format_args!("there is no project `{name}` in this organisation")))
}

fn no_invitation() -> AppError {
    AppError::absent("the invitation is used, withdrawn or over: ask for another")
}
