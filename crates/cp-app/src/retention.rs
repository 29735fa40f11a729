//! How long things are kept, what must be kept longer, and who is erased.

use cp_base::{CallId, CommentId, ErasureId, LegalHoldId};
use cp_prompt::Reference;
use cp_store::{Erased, Erasure, ErasureState, Found, Held, LegalHold, RetentionPolicy};
use cp_traffic::PersonCounts;

use crate::access::Action;
use crate::act::Event;
use crate::orgs::named;
use crate::{App, AppError, Ctx};

/// Versions and comments that are told of at most, each.
const MAX_NAMING: usize = 100;

/// Where an end user's id stands in the prompt library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedInLibrary {
    /// In these versions.
    pub versions: Vec<Reference>,
    /// In these comments.
    pub comments: Vec<CommentId>,
}

/// What a hold is to hold: one of them, or all of the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewHold {
    /// What names this end user.
    pub user: Option<String>,
    /// This call.
    pub call: Option<CallId>,
    /// Why.
    pub reason: String,
}

/// The longest time that has a number.
const MAX_DAYS: u64 = 36_500;

impl App {
    /// How long the project keeps what.
    pub async fn get_retention(&self, ctx: &Ctx) -> Result<RetentionPolicy, AppError> {
        ctx.require(Action::ReadProject)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        Ok(cp_store::find_retention(&mut tx, ctx.scope).await?)
    }

    /// Changes how long the project keeps what. What is too old by then goes within about a minute.
    pub async fn set_retention(
        &self,
        ctx: &Ctx,
        policy: RetentionPolicy,
    ) -> Result<RetentionPolicy, AppError> {
        let days = [policy.bodies_days, policy.metadata_days, policy.scores_days];
        if days.into_iter().flatten().any(|days| days == 0 || days > MAX_DAYS) {
            return Err(AppError::invalid(format_args!(
                "give days from 1 to {MAX_DAYS}, or none to keep for ever; what shall not be kept at all is a matter of the capture policy"
            )));
        }
        let mut act = self.begin(ctx, Action::ManageRetention).await?;
        let before = cp_store::find_retention(act.tx(), ctx.scope).await?;
        cp_store::set_retention(act.tx(), ctx.scope, policy, self.parts.clock.now()).await?;
        let event = Event::new("retention.set", ctx.scope.project())
            .detail(format_args!("{policy:?}"))
            .before(&before)
            .after(&policy);
        act.commit(event).await?;
        self.parts.nudge.notify_one();
        Ok(policy)
    }

    /// The holds in force, latest first.
    pub async fn list_holds(&self, ctx: &Ctx) -> Result<Vec<LegalHold>, AppError> {
        ctx.require(Action::ManageRetention)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        Ok(cp_store::list_holds(&mut tx, ctx.scope).await?)
    }

    /// Places a hold: what it holds is neither erased nor deleted for its age.
    pub async fn create_hold(&self, ctx: &Ctx, new: NewHold) -> Result<LegalHold, AppError> {
        let reason = named(&new.reason)?.to_owned();
        let held = match (&new.user, new.call) {
            (None, None) => Held::Project,
            (Some(user), None) => Held::Person(self.parts.traffic.person(ctx.scope, user)?),
            (None, Some(call)) => Held::Call(call),
            (Some(_), Some(_)) => {
                return Err(AppError::invalid("a hold is of a user or of a call; place two"));
            }
        };
        let mut act = self.begin(ctx, Action::ManageRetention).await?;
        let hold = LegalHold {
            id: self.parts.ids.mint(),
            held,
            reason,
            placed_by: ctx.org.caller.name.clone(),
            placed_at: self.parts.clock.now(),
        };
        cp_store::create_hold(act.tx(), ctx.scope, &hold).await?;
        act.commit(Event::new("hold.create", hold.id).detail(&hold.reason)).await?;
        Ok(hold)
    }

    /// Releases a hold.
    pub async fn release_hold(&self, ctx: &Ctx, hold: LegalHoldId) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::ManageRetention).await?;
        if !cp_store::release_hold(act.tx(), ctx.scope, hold, self.parts.clock.now()).await? {
            return Err(AppError::not_found(format_args!("hold {hold} in force")));
        }
        act.commit(Event::new("hold.release", hold)).await?;
        self.parts.nudge.notify_one();
        Ok(())
    }

    /// What there is of an end user: their calls, and where the user's id stands in the library. That is told, and not erased:
    /// it is the work of those who wrote it.
    pub async fn count_person(
        &self,
        ctx: &Ctx,
        user: &str,
    ) -> Result<(PersonCounts, NamedInLibrary), AppError> {
        ctx.require(Action::Erase)?;
        let person = self.parts.traffic.person(ctx.scope, user)?;
        let counts = self.parts.traffic.count_person(ctx.scope, person).await?;
        if user.is_empty() {
            return Ok((counts, NamedInLibrary::default()));
        }
        let keys = self.keys_of(ctx).await?;
        let mut tx = self.read_library(ctx).await?;
        let sealer = self.sealer(&keys);
        let (scope, limit) = (ctx.scope, MAX_NAMING);
        let named = NamedInLibrary {
            versions: cp_store::find_versions_with(&mut tx, &sealer, scope, user, limit).await?,
            comments: cp_store::find_comments_with(&mut tx, &sealer, scope, user, limit).await?,
        };
        Ok((counts, named))
    }

    /// Has everything of an end user erased. It is done in the background; where it is under way already, that one is told.
    pub async fn erase_person(&self, ctx: &Ctx, user: &str) -> Result<Erasure, AppError> {
        if user.is_empty() {
            return Err(AppError::invalid("whom? Give the end user's id as calls name it"));
        }
        ctx.require(Action::Erase)?;
        let person = self.parts.traffic.person(ctx.scope, user)?;
        let counts = self.parts.traffic.count_person(ctx.scope, person).await?;
        let mut act = self.begin(ctx, Action::Erase).await?;
        let holds = cp_store::list_holds(act.tx(), ctx.scope).await?;
        self.refuse_held(ctx, person, &holds).await?;
        if let Some(erasure) = cp_store::find_erasure_of(act.tx(), ctx.scope, person).await? {
            return Ok(erasure);
        }
        let erasure = Erasure {
            scope: ctx.scope,
            id: self.parts.ids.mint(),
            person,
            requested_at: self.parts.clock.now(),
            state: ErasureState::Erasing,
            found: Found {
                calls: counts.calls,
                sealed_with_the_project: counts.documents - counts.sealed_apart.min(counts.documents),
                carried: counts.carried,
            },
            erased: Erased::default(),
            secrets: Vec::new(),
            certificate: None,
        };
        cp_store::create_erasure(act.tx(), &erasure).await?;
        act.commit(Event::new("person.erase", erasure.id)).await?;
        self.parts.nudge.notify_one();
        Ok(erasure)
    }

    /// One erasure, with its certificate once all is gone.
    pub async fn get_erasure(&self, ctx: &Ctx, id: ErasureId) -> Result<Erasure, AppError> {
        ctx.require(Action::Erase)?;
        let mut tx = self.parts.db.begin_read(ctx.scope).await?;
        let found = cp_store::find_erasure(&mut tx, ctx.scope, id).await?;
        found.ok_or_else(|| AppError::not_found(format_args!("erasure {id}")))
    }

    async fn refuse_held(
        &self,
        ctx: &Ctx,
        person: cp_base::Digest,
        holds: &[LegalHold],
    ) -> Result<(), AppError> {
        let calls: Vec<CallId> = holds
            .iter()
            .filter_map(|hold| if let Held::Call(call) = hold.held { Some(call) } else { None })
            .collect();
        let holds_call =
            !calls.is_empty() && self.parts.traffic.holds_call_of(ctx.scope, person, &calls).await?;
        let holding = holds.iter().find(|hold| match hold.held {
            Held::Project => true,
            Held::Person(held) => held == person,
            Held::Call(_) => holds_call,
        });
        match holding {
            None => Ok(()),
            Some(hold) => Err(AppError::conflict(format_args!(
                "a legal hold keeps what belongs to this user: {}, placed by {} ({}). Release it first",
                hold.id, hold.placed_by, hold.reason
            ))),
        }
    }
}
