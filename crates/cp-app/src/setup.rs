//! The first person: whoever opens the link that the program printed becomes the owner.

use cp_base::{InstallationScope, Secret, Token};
use cp_store::{Person, Principal};

use crate::access::{Role, Roles};
use crate::act::Event;
use crate::ctx::{Caller, OrgCtx};
use crate::orgs::named;
use crate::sign_in::{Origin, SignedIn, Start, read_email};
use crate::{App, AppError, passwords};

/// What the token of the first start's link begins with.
pub const SETUP_PREFIX: &str = "cpw_";

/// Somebody who signs up.
#[derive(Debug)]
pub struct NewPerson {
    /// The address that signs in.
    pub email: String,
    /// What others see.
    pub name: String,
    /// The password.
    pub password: Secret,
}

impl App {
    /// The token of a link that makes the owner, once; none where somebody has signed up. A later one takes its place.
    pub async fn offer_setup(&self) -> Result<Option<Token>, AppError> {
        if self.is_claimed().await? {
            return Ok(None);
        }
        let token = Token::generate(&self.parts.random, SETUP_PREFIX);
        self.entrance.offer_setup(token.digest());
        Ok(Some(token))
    }

    /// Makes the first person, who owns every organisation there is, and signs them in.
    pub async fn set_up(&self, token: &str, new: NewPerson, origin: &Origin) -> Result<SignedIn, AppError> {
        let now = self.parts.clock.now();
        self.entrance.admit(origin.address, now)?;
        let digest = Token::parse(token, SETUP_PREFIX).map(|token| token.digest());
        let Some(digest) = digest.filter(|digest| self.entrance.take_setup(digest)) else {
            self.entrance.note_wrong(origin.address, token, now);
            return Err(AppError::unauthenticated(
                "the link is used or not the latest: start the program again for another, or sign in",
            ));
        };
        let made = self.make_owner(new, origin).await;
        if made.is_err() {
            self.entrance.offer_setup(digest);
        }
        made
    }

    async fn make_owner(&self, new: NewPerson, origin: &Origin) -> Result<SignedIn, AppError> {
        let person = self.read_person(new).await?;
        let (now, scope) = (self.parts.clock.now(), self.parts.scope.org_scope());
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        cp_store::create_person(&mut tx, &person, now).await?;
        // What was made at the machine before anybody signed up has no other owner.
        let orgs = cp_store::list_all_orgs(&mut tx).await?;
        for org in &orgs {
            cp_store::add_member(&mut tx, org.scope, person.id, now).await?;
            let principal = Principal::Person(person.id);
            cp_store::grant_in_org(&mut tx, org.scope, principal, Role::Owner.as_str(), now).await?;
        }
        let start = Start::with_password(origin);
        let signed_in = self.begin_session(&mut tx, person.clone(), start).await?;
        let caller = Caller::signed_in(&person, signed_in.session, start);
        // Events of an organisation are written one after another: of two nodes at this, the second sees the first's.
        for org in &orgs {
            let (caller, roles) = (caller.clone(), Roles::new([Role::Owner]));
            let event = Event::new("org.claim", org.scope.org());
            let event = event.detail(format_args!("{} is the owner", person.email));
            self.record(&mut tx, &OrgCtx { caller, scope: org.scope, roles }, event).await?;
        }
        if cp_store::list_members(&mut tx, scope).await?.len() > 1 {
            return Err(AppError::conflict(
                "somebody has signed up already: sign in, or ask for an invitation",
            ));
        }
        tx.commit().await?;
        Ok(signed_in)
    }

    /// A person as they are to be kept, with the hash of a password that is good enough.
    pub(crate) async fn read_person(&self, new: NewPerson) -> Result<Person, AppError> {
        let (email, name) = (read_email(&new.email)?, named(&new.name)?.to_owned());
        passwords::check(&new.password, &[&email, &name])?;
        let hash = self.entrance.passwords.hash(new.password, &self.parts.random).await?;
        Ok(Person { id: self.parts.ids.mint(), email, name, password_hash: Some(hash), totp_sealed: None })
    }
}
