//! Reading the audit log.

use cp_base::hex;
use cp_store::{ChainedEvent, EventFilter};

use crate::access::Action;
use crate::ctx::OrgCtx;
use crate::{App, AppError};

/// The end of a chain, vouched for: who holds an earlier one can tell whether anything before it was changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The organisation, the number of events, the last one's hash and the time, a line each: what is signed.
    pub text: String,
    /// Hexadecimal digits of the signature (Ed25519).
    pub signature: String,
    /// Hexadecimal digits of the key that it is checked with.
    pub public_key: String,
}

impl App {
    /// Events that pass, latest first, before the one at `before`.
    pub async fn find_audit_events(
        &self,
        ctx: &OrgCtx,
        filter: &EventFilter,
        before: Option<u64>,
        limit: u64,
    ) -> Result<Vec<ChainedEvent>, AppError> {
        ctx.require(Action::ReadAudit)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        Ok(cp_store::find_events(&mut tx, ctx.scope, filter, before, limit).await?)
    }

    /// Events behind the one at `after`, in the chain's order.
    pub async fn list_audit_events(
        &self,
        ctx: &OrgCtx,
        after: u64,
        limit: u64,
    ) -> Result<Vec<ChainedEvent>, AppError> {
        ctx.require(Action::ReadAudit)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        Ok(cp_store::list_events(&mut tx, ctx.scope, after, limit).await?)
    }

    /// The end of the chain, signed.
    pub async fn audit_checkpoint(&self, ctx: &OrgCtx) -> Result<Checkpoint, AppError> {
        ctx.require(Action::ReadAudit)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        let (sequence, hash) = cp_store::find_head(&mut tx, ctx.scope).await?;
        let (org, hash, now) = (ctx.scope.org(), hex(&hash), self.parts.clock.now());
        let text = format!("codepromptu audit checkpoint v1\n{org}\n{sequence}\n{hash}\n{now}\n");
        let key = &self.parts.signing;
        Ok(Checkpoint { signature: key.sign(text.as_bytes()), public_key: key.public().to_string(), text })
    }
}
