//! One's own account: its sessions and its password.

use cp_base::{InstallationScope, PersonId, Secret, SessionId};
use cp_db::{DbError, Tx};
use cp_store::{Person, Principal, SessionRow};

use crate::act::Event;
use crate::ctx::{Caller, Via};
use crate::{App, AppError, passwords};

/// An account as its owner sees it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who.
    pub person: Person,
    /// Whether a code is asked for at sign-in.
    pub has_second_factor: bool,
    /// The session that asks.
    pub session: Option<SessionId>,
    /// All sessions, latest first.
    pub sessions: Vec<SessionRow>,
}

impl Caller {
    /// The person; an API key and whoever sits at the machine have no account.
    pub(crate) fn person(&self) -> Result<PersonId, AppError> {
        match self.principal {
            Some(Principal::Person(person)) => Ok(person),
            _ => Err(AppError::people_only()),
        }
    }

    pub(crate) const fn session(&self) -> Option<SessionId> {
        match self.via {
            Via::Session(session) => Some(session),
            _ => None,
        }
    }
}

/// The sessions of a person that a caller sees: an organisation's provider says who somebody is there, and so shows and ends
/// no session of elsewhere.
async fn list_sessions(tx: &mut Tx, caller: &Caller, person: PersonId) -> Result<Vec<SessionRow>, DbError> {
    let mut sessions = cp_store::list_sessions(tx, person).await?;
    sessions.retain(|row| caller.home.is_none_or(|(home, _)| row.home == Some(home)));
    Ok(sessions)
}

impl App {
    /// The caller's account.
    pub async fn get_account(&self, caller: &Caller) -> Result<Account, AppError> {
        let person = self.own(caller).await?;
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        let sessions = list_sessions(&mut tx, caller, person.id).await?;
        let has_second_factor = self.second_factor(&person)?.is_some();
        Ok(Account { person, has_second_factor, session: caller.session(), sessions })
    }

    /// Ends the session that asks.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), AppError> {
        match caller.session() {
            Some(session) => self.end_session(caller, session).await,
            None => Err(AppError::people_only()),
        }
    }

    /// Ends a session of one's own.
    pub async fn end_session(&self, caller: &Caller, session: SessionId) -> Result<(), AppError> {
        let person = caller.person()?;
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        let sessions = list_sessions(&mut tx, caller, person).await?;
        if !sessions.iter().any(|row| row.id == session)
            || !cp_store::end_session(&mut tx, person, session).await?
        {
            return Err(AppError::absent(format_args!("you have no session {session}")));
        }
        self.record_of(&mut tx, caller, person, &Event::new("session.end", session)).await?;
        Ok(tx.commit().await?)
    }

    /// Ends all sessions of one's own, the one that asks among them.
    pub async fn sign_out_everywhere(&self, caller: &Caller) -> Result<(), AppError> {
        let person = caller.person()?;
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        let ended = match caller.home {
            None => cp_store::end_sessions(&mut tx, person).await?,
            Some(_) => {
                let sessions = list_sessions(&mut tx, caller, person).await?;
                for session in &sessions {
                    cp_store::end_session(&mut tx, person, session.id).await?;
                }
                sessions.len() as u64
            }
        };
        let event = Event::new("session.end_all", person).detail(format_args!("{ended} sessions"));
        self.record_of(&mut tx, caller, person, &event).await?;
        Ok(tx.commit().await?)
    }

    /// Another password. Whoever else is signed in with the old one no longer is.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: Secret,
        new: Secret,
    ) -> Result<(), AppError> {
        let person = self.own_again(caller, current).await?;
        passwords::check(&new, &[&person.email, &person.name])?;
        let hash = self.entrance.passwords.hash(new, &self.parts.random).await?;
        let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
        cp_store::set_password(&mut tx, person.id, &hash).await?;
        let ended = match caller.session() {
            Some(session) => cp_store::end_other_sessions(&mut tx, person.id, session).await?,
            None => cp_store::end_sessions(&mut tx, person.id).await?,
        };
        let event =
            Event::new("password.change", person.id).detail(format_args!("{ended} other sessions ended"));
        self.record_of(&mut tx, caller, person.id, &event).await?;
        Ok(tx.commit().await?)
    }

    /// The caller, as a person.
    pub(crate) async fn own(&self, caller: &Caller) -> Result<Person, AppError> {
        let id = caller.person()?;
        let mut tx = self.parts.db.begin_read(InstallationScope::grant()).await?;
        let found = cp_store::find_person(&mut tx, id).await?;
        found.ok_or_else(|| AppError::absent("the account is gone"))
    }

    /// The caller, who shows once more that it is them: a session alone may be a stolen one.
    pub(crate) async fn own_again(&self, caller: &Caller, password: Secret) -> Result<Person, AppError> {
        let person = self.own(caller).await?;
        self.entrance.attempt(&person.email, caller.address, self.parts.clock.now())?;
        if !self.entrance.passwords.verify(password, person.password_hash.clone()).await? {
            let mut tx = self.parts.db.begin_write(InstallationScope::grant()).await?;
            self.record_of(&mut tx, caller, person.id, &Event::new("password.refuse", person.id)).await?;
            tx.commit().await?;
            return Err(AppError::invalid("the current password is wrong"));
        }
        self.entrance.forgive(&person.email, caller.address);
        Ok(person)
    }
}
