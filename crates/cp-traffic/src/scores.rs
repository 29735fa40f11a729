//! Scores: what people and programs think of calls, traces, sessions and versions of prompts.
//!
//! A score is about one thing, which need not be stored yet: scores and calls arrive in any order. Whoever gives it an id of
//! their own can send it again, and has it replaced. What names it and what it measures is in the clear, so that it can be
//! counted; comments, texts and metadata are sealed, and traces and sessions are found by their digests.

mod model;

use cp_base::{CallId, Digest, ProjectScope, ScoreId, SealingKey, Timestamp};
use cp_db::{Args, Filter, Row, Tx, args};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::model::{Score, ScoreFilter, ScoreSource, ScoreTarget, ScoreValue};
use crate::content::{Sealer, Vault};
use crate::retention::Holds;
use crate::store::StoreError;
use crate::{Label, TrafficStore, sql};

/// The most scores on a page.
pub const MAX_SCORES: u64 = 500;
/// Scores that go by their age in one step.
const STEP: u64 = 500;

/// What is sealed of a score: a stored document, whose fields have defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SealedScore {
    v: u8,
    client_id: Option<String>,
    text: Option<String>,
    trace: Option<String>,
    session: Option<String>,
    observation: Option<String>,
    author_name: String,
    comment: Option<String>,
    environment: Option<String>,
    metadata: Map<String, Value>,
}

const FORMAT: u8 = 1;

/// The digests of what a score names in the client's terms.
fn digests(key: &SealingKey, target: &ScoreTarget) -> (Option<Digest>, Option<Digest>) {
    let trace = target.trace.clone().map(|trace| Label::Trace(trace).digest(key));
    let session = target.session.clone().map(|session| Label::Session(session).digest(key));
    (trace, session)
}

impl TrafficStore {
    /// The score that a client calls so in a project.
    pub fn score_named(&self, scope: ProjectScope, client_id: &str) -> Result<ScoreId, StoreError> {
        let digest = self.hashing_key(scope)?.digest(&[b"score", client_id.as_bytes()]);
        Ok(ScoreId::derived(Timestamp(0), &digest))
    }

    /// The call that an observation of a client's trace is, or will be once it is told.
    pub fn call_observed(&self, scope: ProjectScope, observation: &str) -> Result<CallId, StoreError> {
        let digest = self.hashing_key(scope)?.digest(&[b"observation", observation.as_bytes()]);
        Ok(CallId::derived(Timestamp(0), &digest))
    }

    /// Stores scores, each in place of one that has its id. A key that has been replaced seals nothing: then the write is
    /// to be tried again with the new one.
    pub async fn put_scores(
        &self,
        tx: &mut Tx,
        scope: ProjectScope,
        scores: &[Score],
    ) -> Result<(), StoreError> {
        let vault = self.vault(scope)?;
        vault.stand(tx).await?;
        let mut sealer = Sealer::new(&self.random)?;
        let rows = scores.iter().map(|score| row(&vault, &mut sealer, score));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        tx.execute_many(sql::scores::STORE_SCORES, args![], rows).await?;
        Ok(())
    }

    /// One score.
    pub async fn find_score(&self, scope: ProjectScope, score: ScoreId) -> Result<Option<Score>, StoreError> {
        let vault = self.vault(scope)?;
        let mut tx = self.db.begin_read(scope).await?;
        let row = tx.fetch_optional(sql::scores::FIND_SCORE, args![scope, score]).await?;
        row.map(|row| from_row(&vault, &row)).transpose()
    }

    /// Scores that pass the filter, the latest first, at most [`MAX_SCORES`], without the first `skipped`.
    pub async fn list_scores(
        &self,
        scope: ProjectScope,
        filter: &ScoreFilter,
        skipped: u64,
        limit: u64,
    ) -> Result<Vec<Score>, StoreError> {
        let vault = self.vault(scope)?;
        let conditions = conditions(vault.keys.hashing(), filter);
        let page = args![scope, limit.clamp(1, MAX_SCORES), skipped];
        let mut tx = self.db.begin_read(scope).await?;
        let rows = tx.fetch_filtered(sql::scores::LIST_SCORES, page, conditions).await?;
        rows.iter().map(|row| from_row(&vault, row)).collect()
    }

    /// How many scores pass the filter, counted up to `bound`.
    pub async fn count_scores(
        &self,
        scope: ProjectScope,
        filter: &ScoreFilter,
        bound: u64,
    ) -> Result<u64, StoreError> {
        let conditions = conditions(&self.hashing_key(scope)?, filter);
        let mut tx = self.db.begin_read(scope).await?;
        let rows = tx.fetch_filtered(sql::scores::COUNT_SCORES, args![scope, bound], conditions).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.get("scores"))?)
    }

    /// Deletes a score. Whether it was there.
    pub async fn delete_score(
        &self,
        tx: &mut Tx,
        scope: ProjectScope,
        score: ScoreId,
    ) -> Result<bool, StoreError> {
        let deleted = tx.execute_many(sql::scores::DELETE_SCORES, args![scope], vec![args![score]]).await?;
        Ok(deleted > 0)
    }

    /// Deletes scores that were given before `before` and are not held. How many; none at the end.
    pub async fn expire_scores(
        &self,
        scope: ProjectScope,
        before: Timestamp,
        holds: &Holds,
    ) -> Result<u64, StoreError> {
        if holds.project {
            return Ok(0);
        }
        let mut filter = Filter::default();
        for call in &holds.calls {
            filter.and("(call_id IS NULL OR call_id <> $1)", args![*call]);
        }
        for person in &holds.people {
            filter.and(
                "NOT EXISTS (SELECT 1 FROM call_handles AS h
                              WHERE h.call_id = scores.call_id AND h.project_id = scores.project_id AND h.handle = $1)
                 AND NOT EXISTS (SELECT 1 FROM call_handles AS h
                              JOIN call_handles AS p ON p.call_id = h.call_id AND p.project_id = h.project_id
                              WHERE h.handle IN (scores.trace, scores.session) AND h.project_id = scores.project_id
                                AND p.handle = $1)",
                args![*person],
            );
        }
        let mut tx = self.db.begin_write(scope).await?;
        let rows =
            tx.fetch_filtered(sql::scores::LIST_EXPIRED_SCORES, args![scope, before, STEP], filter).await?;
        let ids = rows.iter().map(|row| Ok(args![row.get::<ScoreId>("score_id")?]));
        let ids = ids.collect::<Result<Vec<_>, StoreError>>()?;
        let deleted = tx.execute_many(sql::scores::DELETE_SCORES, args![scope], ids).await?;
        tx.commit().await?;
        Ok(deleted)
    }
}

/// Deletes what was thought of calls that go, and of the traces and sessions that they belong to. Before their handles go.
pub(crate) async fn delete_scores(
    tx: &mut Tx,
    scope: ProjectScope,
    calls: &[Args],
) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for statement in [
        sql::scores::DELETE_SCORES_OF_CALLS,
        sql::scores::DELETE_SCORES_OF_TRACES,
        sql::scores::DELETE_SCORES_OF_SESSIONS,
    ] {
        deleted += tx.execute_many(statement, args![scope], calls.to_vec()).await?;
    }
    Ok(deleted)
}

fn conditions(key: &SealingKey, filter: &ScoreFilter) -> Filter {
    let ScoreFilter { name, data_type, source, call, around, prompt_version, .. } = filter;
    let mut conditions = Filter::default();
    conditions.and_if("name = $1", name.clone());
    conditions.and_if("data_type = $1", data_type.clone());
    conditions.and_if("source = $1", source.map(ScoreSource::as_str));
    conditions.and_if("call_id = $1", *call);
    conditions.and_if("prompt_version_id = $1", *prompt_version);
    conditions.and_if(
        "(call_id = $1
          OR trace IN (SELECT h.handle FROM call_handles AS h WHERE h.call_id = $1 AND h.project_id = scores.project_id)
          OR session IN (SELECT h.handle FROM call_handles AS h WHERE h.call_id = $1 AND h.project_id = scores.project_id))",
        *around,
    );
    conditions.and_if("trace = $1", filter.trace.clone().map(|trace| Label::Trace(trace).digest(key)));
    conditions
        .and_if("session = $1", filter.session.clone().map(|session| Label::Session(session).digest(key)));
    conditions.and_if("created_at >= $1", filter.since);
    conditions.and_if("created_at < $1", filter.until);
    if let Some((at, score)) = filter.after {
        conditions.and("(created_at, score_id) < ($1, $2)", args![at, score]);
    }
    conditions
}

fn row(vault: &Vault, sealer: &mut Sealer<'_>, score: &Score) -> Result<Args, StoreError> {
    let (trace, session) = digests(vault.keys.hashing(), &score.target);
    let ScoreTarget { call, prompt_version, .. } = score.target;
    let sealed = SealedScore {
        v: FORMAT,
        client_id: score.client_id.clone(),
        text: score.value.text().map(str::to_owned),
        trace: score.target.trace.clone(),
        session: score.target.session.clone(),
        observation: score.target.observation.clone(),
        author_name: score.author_name.clone(),
        comment: score.comment.clone(),
        environment: score.environment.clone(),
        metadata: score.metadata.clone(),
    };
    Ok(args![
        vault.scope.org(),
        vault.scope,
        score.id,
        score.name.as_str(),
        score.value.data_type(),
        score.value.number(),
        score.value.label(),
        score.source.as_str(),
        score.author.as_deref(),
        call,
        prompt_version,
        trace,
        session,
        vault.seal_score(sealer, score.id, &sealed)?,
        score.created_at,
        score.updated_at,
    ])
}

fn from_row(vault: &Vault, row: &Row) -> Result<Score, StoreError> {
    let id = row.get("score_id")?;
    let sealed = vault.open_score(id, &row.get::<Vec<u8>>("sealed")?)?;
    if sealed.v > FORMAT {
        return Err(StoreError::NewerDocument(sealed.v.into()));
    }
    let number = row.get_optional::<f64>("number")?;
    let value = match row.get::<String>("data_type")?.as_str() {
        "numeric" => number.map(ScoreValue::Numeric),
        "boolean" => number.map(|number| ScoreValue::Boolean(number != 0.0)),
        "categorical" => row.get_optional("label")?.map(ScoreValue::Categorical),
        _ => sealed.text.map(ScoreValue::Text),
    };
    let source = ScoreSource::parse(&row.get::<String>("source")?);
    Ok(Score {
        id,
        client_id: sealed.client_id,
        name: row.get("name")?,
        value: value.ok_or(StoreError::Damaged("score"))?,
        target: ScoreTarget {
            call: row.get_optional("call_id")?,
            prompt_version: row.get_optional("prompt_version_id")?,
            trace: sealed.trace,
            session: sealed.session,
            observation: sealed.observation,
        },
        source: source.ok_or(StoreError::Damaged("score"))?,
        author: row.get_optional("author")?,
        author_name: sealed.author_name,
        comment: sealed.comment,
        environment: sealed.environment,
        metadata: sealed.metadata,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
