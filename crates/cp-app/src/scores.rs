//! Scores: what people and programs think of calls, traces, sessions and versions of prompts.

use std::borrow::Cow;

use cp_base::{CallId, ScoreId, Timestamp};
use cp_redact::Redactor;
use cp_traffic::{Score, ScoreFilter, ScoreSource, ScoreTarget, ScoreValue, StoreError};
use serde_json::{Map, Value};

use crate::access::Action;
use crate::act::{Act, Event};
use crate::{App, AppError, Ctx};

/// The longest name, label and id, in characters.
const MAX_NAME: usize = 500;
/// The longest comment and text, in bytes; metadata, as JSON, too.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Scores that are given at once.
const MAX_AT_ONCE: usize = 1_000;
/// Scores are counted up to here.
const MAX_COUNTED: u64 = 10_000;
/// How often a write is done anew at once when the project's key has changed.
const MAX_REPLANNED: usize = 3;

/// A score that is to be given.
#[derive(Clone, Debug, PartialEq)]
pub struct NewScore {
    /// What the client calls it. Given again, it replaces the one before.
    pub client_id: Option<String>,
    /// What is judged.
    pub name: String,
    /// The judgement.
    pub value: ScoreValue,
    /// What it is about.
    pub target: ScoreTarget,
    /// Who judged.
    pub source: ScoreSource,
    /// Why.
    pub comment: Option<String>,
    /// The client's environment.
    pub environment: Option<String>,
    /// Whatever else.
    pub metadata: Map<String, Value>,
    /// When, where it is known otherwise than by its coming; no later than that.
    pub at: Option<Timestamp>,
}

impl NewScore {
    /// Nothing, or why it is none.
    pub fn check(&self) -> Result<(), AppError> {
        let ScoreTarget { call, prompt_version, trace, session, observation } = &self.target;
        if call.is_none()
            && prompt_version.is_none()
            && [trace, session, observation].into_iter().all(Option::is_none)
        {
            return Err(AppError::invalid(
                "what is it about? Name a call, a trace, an observation, a session or a version of a prompt",
            ));
        }
        let label = if let ScoreValue::Categorical(label) = &self.value { Some(label) } else { None };
        let names = [Some(&self.name), label, self.client_id.as_ref(), trace.as_ref(), session.as_ref()];
        let names = names.into_iter().chain([observation.as_ref(), self.environment.as_ref()]).flatten();
        for name in names {
            if name.trim().is_empty() || name.chars().count() > MAX_NAME {
                return Err(AppError::invalid(format_args!(
                    "names, labels and ids have 1 to {MAX_NAME} characters, and one here has {}",
                    name.chars().count()
                )));
            }
        }
        if let ScoreValue::Numeric(number) = &self.value
            && !number.is_finite()
        {
            return Err(AppError::invalid("the value is no number"));
        }
        let text = if let ScoreValue::Text(text) = &self.value { text.len() } else { 0 };
        let comment = self.comment.as_ref().map_or(0, String::len);
        let metadata = serde_json::to_vec(&self.metadata).map_or(usize::MAX, |json| json.len());
        if text.max(comment).max(metadata) > MAX_TEXT_BYTES {
            return Err(AppError::invalid(format_args!(
                "a comment, a text and the metadata have at most {MAX_TEXT_BYTES} bytes each"
            )));
        }
        Ok(())
    }
}

impl App {
    /// Gives scores, all or none. Returns their ids.
    pub async fn put_scores(&self, ctx: &Ctx, new: Vec<NewScore>) -> Result<Vec<ScoreId>, AppError> {
        ctx.require(Action::WriteScores)?;
        if new.len() > MAX_AT_ONCE {
            return Err(AppError::invalid(format_args!("give at most {MAX_AT_ONCE} scores at once")));
        }
        let mut scores = new.into_iter().map(|new| self.score(ctx, new)).collect::<Result<Vec<_>, _>>()?;
        if let Some(redactor) = self.redactor(ctx).await? {
            scores.iter_mut().for_each(|score| redact(&redactor, score));
        }
        let [first, rest @ ..] = scores.as_slice() else { return Ok(Vec::new()) };
        let event = match rest {
            [] => Event::new("score.write", first.id).detail(&first.name),
            rest => Event::new("score.write", ctx.scope.project())
                .detail(format_args!("{} scores", rest.len() + 1)),
        };
        let mut again = 0..MAX_REPLANNED;
        loop {
            let mut act = self.begin(ctx, Action::WriteScores).await?;
            self.check_versions(ctx, &mut act, &scores).await?;
            match self.parts.traffic.put_scores(act.tx(), ctx.scope, &scores).await {
                Ok(()) => {
                    act.commit(event).await?;
                    return Ok(scores.iter().map(|score| score.id).collect());
                }
                Err(StoreError::Stale) if again.next().is_some() => {
                    drop(act);
                    cp_store::refresh_keys(&self.parts.db, &self.parts.master, &self.parts.ring).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// One score.
    pub async fn get_score(&self, ctx: &Ctx, id: ScoreId) -> Result<Score, AppError> {
        ctx.require(Action::ReadScores)?;
        self.find_score(ctx, id).await
    }

    /// Gives a score, and returns it as it is stored.
    pub async fn give_score(&self, ctx: &Ctx, new: NewScore) -> Result<Score, AppError> {
        let ids = self.put_scores(ctx, vec![new]).await?;
        let given = ids.first().ok_or_else(|| AppError::internal("a score was given and has no id"))?;
        self.find_score(ctx, *given).await
    }

    /// The score of that id: ours, or the client's.
    pub fn score_named(&self, ctx: &Ctx, id: &str) -> Result<ScoreId, AppError> {
        match id.parse() {
            Ok(id) => Ok(id),
            Err(_) => Ok(self.parts.traffic.score_named(ctx.scope, id)?),
        }
    }

    /// Scores that pass, the latest first, without the first `skipped`.
    pub async fn list_scores(
        &self,
        ctx: &Ctx,
        filter: &ScoreFilter,
        skipped: u64,
        limit: u64,
    ) -> Result<Vec<Score>, AppError> {
        ctx.require(Action::ReadScores)?;
        Ok(self.parts.traffic.list_scores(ctx.scope, filter, skipped, limit).await?)
    }

    /// What is thought of a call, of its trace and of its session, the latest first.
    pub async fn list_scores_of_call(
        &self,
        ctx: &Ctx,
        call: CallId,
        limit: u64,
    ) -> Result<Vec<Score>, AppError> {
        let filter = ScoreFilter { around: Some(call), ..ScoreFilter::default() };
        let scores = self.list_scores(ctx, &filter, 0, limit).await?;
        if scores.is_empty() && !self.parts.traffic.has_call(ctx.scope, call).await? {
            return Err(AppError::not_found(format_args!("call {call}")));
        }
        Ok(scores)
    }

    /// How many scores pass, counted up to 10,000.
    pub async fn count_scores(&self, ctx: &Ctx, filter: &ScoreFilter) -> Result<u64, AppError> {
        ctx.require(Action::ReadScores)?;
        Ok(self.parts.traffic.count_scores(ctx.scope, filter, MAX_COUNTED).await?)
    }

    /// Deletes a score.
    pub async fn delete_score(&self, ctx: &Ctx, id: ScoreId) -> Result<(), AppError> {
        let mut act = self.begin(ctx, Action::WriteScores).await?;
        if !self.parts.traffic.delete_score(act.tx(), ctx.scope, id).await? {
            return Err(AppError::not_found(format_args!("score {id}")));
        }
        act.commit(Event::new("score.delete", id)).await
    }

    /// The call that an observation of a client's trace is, or will be once it is told.
    pub fn call_observed(&self, ctx: &Ctx, observation: &str) -> Result<CallId, AppError> {
        Ok(self.parts.traffic.call_observed(ctx.scope, observation)?)
    }

    async fn find_score(&self, ctx: &Ctx, id: ScoreId) -> Result<Score, AppError> {
        let found = self.parts.traffic.find_score(ctx.scope, id).await?;
        found.ok_or_else(|| AppError::not_found(format_args!("score {id}")))
    }

    fn score(&self, ctx: &Ctx, new: NewScore) -> Result<Score, AppError> {
        new.check()?;
        let now = self.parts.clock.now();
        let NewScore { client_id, name, value, mut target, source, comment, environment, metadata, at } = new;
        let id = match &client_id {
            Some(client_id) => self.score_named(ctx, client_id)?,
            None => self.parts.ids.mint(),
        };
        if let (None, Some(observation)) = (target.call, &target.observation) {
            target.call = Some(self.call_observed(ctx, observation)?);
        }
        let caller = &ctx.org.caller;
        Ok(Score {
            id,
            client_id,
            name,
            value,
            target,
            source,
            author: caller.id(),
            author_name: caller.name.clone(),
            comment,
            environment,
            metadata,
            created_at: at.unwrap_or(now).min(now),
            updated_at: now,
        })
    }

    /// A version of a prompt is there before it is judged.
    async fn check_versions(&self, ctx: &Ctx, act: &mut Act<'_>, scores: &[Score]) -> Result<(), AppError> {
        let mut versions: Vec<_> = scores.iter().filter_map(|score| score.target.prompt_version).collect();
        versions.sort_unstable();
        versions.dedup();
        if versions.is_empty() {
            return Ok(());
        }
        let keys = self.keys_of(ctx).await?;
        for version in versions {
            let found =
                cp_store::find_version_by_id(act.tx(), &self.sealer(&keys), ctx.scope, version).await?;
            found.ok_or_else(|| AppError::not_found(format_args!("version {version} of a prompt")))?;
        }
        Ok(())
    }
}

/// Takes out of what somebody wrote what the project wants redacted.
fn redact(redactor: &Redactor, score: &mut Score) {
    let text = |text: &mut String| {
        if let Cow::Owned(redacted) = redactor.text(text) {
            *text = redacted;
        }
    };
    score.comment.iter_mut().for_each(text);
    if let ScoreValue::Text(words) | ScoreValue::Categorical(words) = &mut score.value {
        text(words);
    }
    redactor.fields(&mut score.metadata);
}
