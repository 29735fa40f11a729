//! Scores, as the API takes and shows them.

use cp_app::NewScore;
use cp_app::model::{Score, ScoreSource, ScoreTarget, ScoreValue};
use cp_base::ErrorKind;
use cp_wire as wire;

use crate::problem::Refusal;

/// A value as a kind of it is written; a wrong one says what is wrong.
pub(crate) fn value(data_type: Option<&str>, value: wire::ScoreValue) -> Result<ScoreValue, String> {
    use wire::ScoreValue::{Boolean, Number, Words};
    match (data_type, value) {
        (None | Some("boolean"), Boolean(yes)) => Ok(ScoreValue::Boolean(yes)),
        (Some("boolean"), Number(number)) if number == 0.0 || number == 1.0 => {
            Ok(ScoreValue::Boolean(number == 1.0))
        }
        (None | Some("numeric"), Number(number)) => Ok(ScoreValue::Numeric(number)),
        (None | Some("categorical"), Words(words)) => Ok(ScoreValue::Categorical(words)),
        (Some("text"), Words(words)) => Ok(ScoreValue::Text(words)),
        (Some(known @ ("numeric" | "boolean" | "categorical" | "text")), _) => Err(format!(
            "the value is not {known}: give a number for `numeric`, true or false for `boolean`, words for \
             `categorical` and `text`"
        )),
        (Some(other), _) => {
            Err(format!("`{other}` is no data type; there are numeric, boolean, categorical and text"))
        }
    }
}

pub(crate) fn new_score(new: wire::NewScore) -> Result<NewScore, Refusal> {
    let wrong = |what: String| Refusal::new(ErrorKind::InvalidInput, what);
    let given = new.value.ok_or_else(|| wrong("`value` is missing".to_owned()))?;
    let source = match new.source.as_deref() {
        None => ScoreSource::Api,
        Some(name) => ScoreSource::parse(name)
            .ok_or_else(|| wrong(format!("`{name}` is no source; there are api, annotation and eval")))?,
    };
    Ok(NewScore {
        client_id: new.client_id,
        name: new.name,
        value: value(new.data_type.as_deref(), given).map_err(wrong)?,
        target: ScoreTarget {
            call: new.call_id,
            prompt_version: new.prompt_version_id,
            trace: new.trace_id,
            session: new.session_id,
            observation: new.observation_id,
        },
        source,
        comment: new.comment,
        environment: new.environment,
        metadata: new.metadata,
        at: None,
    })
}

pub(crate) fn score(score: Score) -> wire::Score {
    let data_type = score.value.data_type().to_owned();
    let value = match score.value {
        ScoreValue::Numeric(number) => wire::ScoreValue::Number(number),
        ScoreValue::Boolean(yes) => wire::ScoreValue::Boolean(yes),
        ScoreValue::Categorical(words) | ScoreValue::Text(words) => wire::ScoreValue::Words(words),
    };
    wire::Score {
        id: score.id,
        client_id: score.client_id,
        name: score.name,
        data_type,
        value,
        call_id: score.target.call,
        prompt_version_id: score.target.prompt_version,
        trace_id: score.target.trace,
        session_id: score.target.session,
        observation_id: score.target.observation,
        source: score.source.as_str().to_owned(),
        author_id: score.author,
        author: score.author_name,
        comment: score.comment,
        environment: score.environment,
        metadata: score.metadata,
        created_at: score.created_at,
        updated_at: score.updated_at,
    }
}

/// A page of scores, of which there may be one more than asked for.
pub(crate) fn page(mut scores: Vec<Score>, limit: u64) -> wire::ScorePage {
    let more = scores.len() as u64 > limit;
    scores.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = scores.last().filter(|_| more).map(|last| format!("{}.{}", last.created_at.0, last.id));
    wire::ScorePage { scores: scores.into_iter().map(score).collect(), next }
}
