//! A change of state: permission, action and record in one transaction.

use cp_base::{InstallationScope, sha256};
use cp_db::Tx;
use cp_store::{Actor, AuditEvent};

use crate::access::Action;
use crate::ctx::{Ctx, OrgCtx, Place, Via};
use crate::{App, AppError};

/// A change that is allowed, and that is done once it is committed with its [`Event`]. Dropped before, it never was.
pub(crate) struct Act<'a> {
    app: &'a App,
    place: &'a dyn Place,
    tx: Tx,
}

/// What is put on record.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    action: &'static str,
    target: String,
    detail: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

impl Event {
    /// `action`, such as `api_key.create`, was done to `target`: an id, or a name.
    pub(crate) fn new(action: &'static str, target: impl ToString) -> Self {
        Self { action, target: target.to_string(), detail: None, before: None, after: None }
    }

    /// What a reviewer wants to read of it. No secret, no body.
    pub(crate) fn detail(mut self, detail: impl ToString) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// The state before, of which a digest is kept.
    pub(crate) fn before(mut self, state: &impl std::fmt::Debug) -> Self {
        self.before = Some(digest(state));
        self
    }

    /// The state after, of which a digest is kept.
    pub(crate) fn after(mut self, state: &impl std::fmt::Debug) -> Self {
        self.after = Some(digest(state));
        self
    }
}

fn digest(state: &impl std::fmt::Debug) -> String {
    cp_base::hex(&sha256(&[format!("{state:?}").as_bytes()]))
}

impl App {
    /// Begins what somebody may do at a place.
    pub(crate) async fn begin<'a>(
        &'a self,
        place: &'a impl Place,
        action: Action,
    ) -> Result<Act<'a>, AppError> {
        place.org().require(action)?;
        Ok(Act { app: self, place, tx: self.parts.db.begin_write(place.reach()).await? })
    }

    /// Begins what reaches beyond the place, such as the making of another one.
    pub(crate) async fn begin_beyond<'a>(
        &'a self,
        place: &'a impl Place,
        action: Action,
    ) -> Result<Act<'a>, AppError> {
        place.org().require(action)?;
        Ok(Act { app: self, place, tx: self.parts.db.begin_write(InstallationScope::grant()).await? })
    }

    /// Puts a read on record, before it is answered. One's own work is nobody else's business: at the machine itself
    /// nobody else is there.
    pub(crate) async fn note(&self, ctx: &Ctx, event: Event) -> Result<(), AppError> {
        if ctx.org.caller.via == Via::Local {
            return Ok(());
        }
        let mut tx = self.parts.db.begin_write(ctx.scope).await?;
        self.record(&mut tx, ctx, event).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn record(&self, tx: &mut Tx, place: &dyn Place, event: Event) -> Result<(), AppError> {
        let OrgCtx { caller, scope, .. } = place.org();
        let event = AuditEvent {
            v: 1,
            id: self.parts.ids.mint(),
            sequence: 0,
            at: self.parts.clock.now(),
            actor: Actor { id: caller.id(), name: caller.name.clone() },
            via: caller.via.as_str().to_owned(),
            address: caller.address.map(|address| address.to_string()),
            action: event.action.to_owned(),
            target: event.target,
            project: place.project().map(|project| project.project().to_string()),
            detail: event.detail,
            before: event.before,
            after: event.after,
        };
        Ok(cp_store::record(tx, *scope, event).await?)
    }
}

impl Act<'_> {
    /// The transaction that the change is made in.
    pub(crate) const fn tx(&mut self) -> &mut Tx {
        &mut self.tx
    }

    /// Puts the change on record, and makes it true.
    pub(crate) async fn commit(mut self, event: Event) -> Result<(), AppError> {
        self.app.record(&mut self.tx, self.place, event).await?;
        Ok(self.tx.commit().await?)
    }
}
